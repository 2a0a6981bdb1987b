"""The error answers of Graph and of its sign-in."""

import json
from collections.abc import Mapping
from uuid import UUID

from fleetsync.demo.stub_server import ServerFault, StubReply, json_reply, refusal_status, retry_after_headers


def graph_error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> StubReply:
    """An error as Graph writes it."""
    inner = {"date": "2026-11-24T06:00:51", "request-id": str(UUID(int=status)), "client-request-id": str(UUID(int=0))}
    reply = json_reply({"error": {"code": code, "message": message, "innerError": inner}}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def forbidden(permission: str) -> StubReply:
    """The refusal of a request for which *permission* is not granted. Intune writes JSON into the message."""
    if not permission.startswith("DeviceManagement"):
        return graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    nested = {
        "_version": 3,
        "Message": "Application is not authorized to perform this operation. Application must have one of the following "
        f"scopes: {permission} - Operation ID (for customer support): 00000000",
        "CustomApiErrorPhrase": "",
        "RetryAfter": None,
        "ErrorSourceService": "",
        "HttpHeaders": "{}",
    }
    return graph_error(403, "Forbidden", json.dumps(nested))


def sign_in_error(number: int, code: str, words: str) -> StubReply:
    """An error of the token endpoint, with its AADSTS *number*."""
    body = {
        "error": code,
        "error_description": f"AADSTS{number}: {words}",
        "error_codes": [number],
        "timestamp": "2026-11-24 06:00:01Z",
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return json_reply(body, 401 if code == "invalid_client" else 400)


def refusal(fault: ServerFault) -> StubReply:
    """The error of Graph for *fault*."""
    if fault.kind == "forbidden":
        return forbidden("DeviceManagementManagedDevices.Read.All")
    status = refusal_status(fault)
    codes = {401: "InvalidAuthenticationToken", 404: "ResourceNotFound", 429: "TooManyRequests", 500: "UnknownError"}
    return graph_error(
        status, codes.get(status, "NotImplemented"), "Please retry again later.", retry_after_headers(fault)
    )

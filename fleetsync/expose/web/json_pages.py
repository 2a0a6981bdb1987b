"""A list as JSON, at most 500 rows an answer; each answer has the address of the next one.

All answers that follow one another come from one snapshot: the addresses carry its instant, and when another snapshot is
published meanwhile the answer is 409 instead of rows that are missing or come twice.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from flask import Response, abort, request, url_for

from fleetsync.expose.gate import VisibleSnapshot
from fleetsync.expose.lists.definitions import ListContext, ListDefinition
from fleetsync.expose.lists.json_rows import MAX_JSON_ROWS, json_document
from fleetsync.expose.web.request_context import RequestContext

ETAG_BYTES = 12
LIMIT_MESSAGE = f"limit must be a whole number from 1 to {MAX_JSON_ROWS}"
OFFSET_MESSAGE = "offset must be a whole number, 0 or more; take it from the address in next"
SNAPSHOT_MESSAGE = (
    "the numbers have been counted anew since the first page of this list was read, so that rows may have moved between "
    "its pages. Read the list again from its first page, without offset and snapshot"
)


def json_page(
    context: RequestContext,
    definition: ListDefinition[Any],
    list_context: ListContext,
    visible: VisibleSnapshot,
    chosen_rows: Sequence[Any],
) -> Response:
    """The rows of *chosen_rows* that the address asks for by `limit` and `offset`, and where the rest is."""
    tag = _entity_tag(context, visible) if definition.is_of_snapshot else None
    if tag is not None and request.if_none_match.contains(tag):
        return Response(status=304, headers={"ETag": f'"{tag}"'})
    snapshot_at = context.latest.at.isoformat()
    if request.args.get("snapshot", snapshot_at) != snapshot_at:
        abort(409, SNAPSHOT_MESSAGE)
    limit = _whole_number("limit", MAX_JSON_ROWS)
    if not 0 < limit <= MAX_JSON_ROWS:
        abort(400, LIMIT_MESSAGE)
    offset = _whole_number("offset", 0)
    rows = chosen_rows[offset : offset + limit]
    end = offset + len(rows)
    following = {**(request.view_args or {}), **request.args, "offset": end, "snapshot": snapshot_at}
    head = {
        "snapshot_at": visible.at.isoformat(),
        "day": visible.today.isoformat(),
        "count": len(chosen_rows),
        "next": url_for(request.endpoint or "", **following) if rows and end < len(chosen_rows) else None,
    }
    context.write_audit(f"export {definition.name} json", definition.name)
    response = Response(json_document(head, definition, rows, list_context), content_type="application/json")
    if tag is not None:
        response.set_etag(tag)
    return response


def _whole_number(key: str, default: int) -> int:
    text = request.args.get(key, str(default)).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**31))):
        abort(400, LIMIT_MESSAGE if key == "limit" else OFFSET_MESSAGE)
    return int(text)


def _entity_tag(context: RequestContext, visible: VisibleSnapshot) -> str:
    """What the rows of an address depend on beside the address: the snapshot, who reads, and how they sort words."""
    account = context.account
    reader = (account.role.value, *account.units) if account else ()
    state = (context.latest.at.isoformat(), visible.today.isoformat(), context.localiser.language, *reader)
    return hashlib.blake2b("\n".join(state).encode(), digest_size=ETAG_BYTES).hexdigest()

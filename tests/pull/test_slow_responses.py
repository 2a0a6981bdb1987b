"""A response that takes long to begin is waited for in short reads, over real connections."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fleetsync.pull.contract import Stopped
from fleetsync.pull.http.slow_responses import wait_for_slow_responses

READ_SECONDS = 0.05


class HeldServer:
    """Answers one request, once *released*."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.released = Event()
        self.seen = 0
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        with closing(connection):
            connection.recv(65536)
            self.seen += 1
            self.released.wait(30)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    def close(self) -> None:
        self.released.set()
        self._listener.close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[HeldServer]:
    with closing(HeldServer()) as held:
        yield held


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine with its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "here.pem"
    file.write_bytes(signed.public_bytes(Encoding.PEM) + key.private_bytes(*pem))
    return file


def get(pools: urllib3.PoolManager, url: str, reads: int, before_next: Callable[[], None]) -> bytes:
    wait_for_slow_responses(pools, reads, before_next)
    return pools.request("GET", url, timeout=READ_SECONDS, retries=False).data


def test_a_response_is_waited_for_over_several_reads_and_asked_for_once(server: HeldServer) -> None:
    waited: list[int] = []

    def release_at_the_third() -> None:
        waited.append(1)
        if len(waited) == 3:
            server.released.set()

    body = get(urllib3.PoolManager(), f"http://127.0.0.1:{server.port}/devices", 600, release_at_the_third)

    assert body == b"{}"
    assert len(waited) >= 3
    assert server.seen == 1


def test_over_tls_a_response_is_waited_for_too(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with closing(HeldServer(context)) as server:
        pools = urllib3.PoolManager(ca_certs=str(certificate))

        assert get(pools, f"https://127.0.0.1:{server.port}/devices", 600, server.released.set) == b"{}"
        assert server.released.is_set()


def test_after_the_last_read_the_response_is_given_up(server: HeldServer) -> None:
    waited: list[int] = []

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        get(urllib3.PoolManager(), f"http://127.0.0.1:{server.port}/devices", 3, lambda: waited.append(1))

    assert len(waited) == 2


def test_a_stop_ends_the_wait_at_the_next_read(server: HeldServer) -> None:
    def stop() -> None:
        raise Stopped("invented: the pull was stopped")

    with pytest.raises(Stopped):
        get(urllib3.PoolManager(), f"http://127.0.0.1:{server.port}/devices", 600, stop)

    assert server.seen == 1

"""A server across the network: its certificate and our password, each right and wrong."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleetsync.store.database import open_database
from fleetsync.store.errors import StoreRefused
from tests.postgresql_server import USER, running_server
from tests.pull.test_http import certificate_for, pem_of, pem_text
from tests.serving import free_port

pytestmark = [pytest.mark.part("postgresql"), pytest.mark.xdist_group("postgresql-tls")]
PASSWORD = "korrekt häst:batteri/@"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with a certificate for `localhost`, whose authority is known to nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certificate_for(key, "localhost", is_ca=True)
    (tmp_path_factory.getbasetemp() / "authority.pem").write_text(pem_text(certificate))
    other = certificate_for(ec.generate_private_key(ec.SECP256R1()), "localhost", is_ca=True)
    (tmp_path_factory.getbasetemp() / "other.pem").write_bytes(other.public_bytes(serialization.Encoding.PEM))
    files = {
        "server.key": pem_of(key).get_secret_value().encode(),
        "server.crt": pem_text(certificate).encode(),
    }
    taken = free_port()
    with running_server(files, ssl="on", listen_addresses="localhost", port=str(taken)) as server:
        server.execute(f"ALTER USER {USER} PASSWORD '{PASSWORD}'")
        yield taken


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()


def url(port: int, query: str, host: str = "localhost", password: str = PASSWORD) -> str:
    return f"postgresql+psycopg://{USER}:{quote(password, safe='')}@{host}:{port}/postgres?{query}"


def test_a_certificate_of_the_named_authority_is_verified_with_its_name(port: int, folder: Path) -> None:
    verified = f"sslmode=verify-full&sslrootcert={folder}/authority.pem"

    database = open_database(url(port, verified))
    with database.begin_reading() as connection:
        encrypted = connection.exec_driver_sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert encrypted.scalar_one() is True
    database.close()

    for wrong in (
        url(port, f"sslmode=verify-full&sslrootcert={folder}/other.pem"),
        url(port, verified, host="127.0.0.1"),
    ):
        with pytest.raises(StoreRefused, match="the server's certificate cannot be verified") as caught:
            open_database(wrong)
        assert PASSWORD not in str(caught.value)
    with pytest.raises(StoreRefused, match="the file of sslrootcert cannot be read"):
        open_database(url(port, f"sslmode=verify-full&sslrootcert={folder}/nothing.pem"))


def test_a_wrong_password_is_refused_without_being_named(port: int) -> None:
    with pytest.raises(StoreRefused, match="the server refused the user or the password") as caught:
        open_database(url(port, "sslmode=require", password="hemligt"))

    assert "hemligt" not in str(caught.value)

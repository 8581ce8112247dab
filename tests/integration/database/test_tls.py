"""TLS as the URL asks for it, against a server that speaks it and one that does not."""

import pytest

from shared.database import Database
from shared.errors import DatabaseUnavailable
from shared.secret import Secret
from tests.fixtures.postgres import Postgres
from tests.fixtures.tls import TlsServer

ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


async def is_encrypted(url: str) -> object:
    async with Database.from_url(Secret(url)) as database:
        return await database.fetch_value(ENCRYPTED)


async def refusal(url: str) -> str:
    async with Database.from_url(Secret(url)) as database:
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.fetch_value("SELECT 1")
    assert refused.value.retry_after == 1
    return refused.value.reason


@pytest.mark.parametrize(
    ("query", "encrypted"),
    [
        ("", True),
        ("sslmode=prefer", True),
        ("sslmode=require", True),
        ("sslmode=no-verify", True),
        ("ssl=require", True),
        ("sslmode=require&sslaccept=accept_invalid_certs", True),
        ("sslmode=require&ssl_min_protocol_version=TLSv1.3", True),
        ("sslmode=verify-full&sslrootcert={root}", True),
        ("sslmode=verify-ca&sslrootcert={root}", True),
        ("sslmode=require&sslrootcert={root}", True),
        ("sslmode=require&sslaccept=strict&sslcert={root}", True),
        ("sslmode=disable", False),
        ("ssl=false", False),
    ],
)
async def test_each_spelling_gets_the_encryption_it_asks_for(
    tls_server: TlsServer, query: str, encrypted: bool
):
    assert await is_encrypted(tls_server.url(query.format(root=tls_server.root))) is encrypted


@pytest.mark.parametrize(
    "query",
    ["sslmode=verify-full", "sslmode=verify-ca", "sslmode=verify-full&sslrootcert=system", "ssl=true"],
)
async def test_a_certificate_of_an_unknown_authority_is_refused_where_it_is_looked_at(
    tls_server: TlsServer, query: str
):
    reason = await refusal(tls_server.url(query))

    assert reason == "TLS: the server's certificate was rejected (unable to get local issuer certificate)"


async def test_a_certificate_for_another_host_is_refused_by_verify_full_alone(tls_server: TlsServer):
    root = f"sslrootcert={tls_server.root}"

    assert await is_encrypted(tls_server.url(f"sslmode=verify-ca&{root}", host="127.0.0.1"))
    reason = await refusal(tls_server.url(f"sslmode=verify-full&{root}", host="127.0.0.1"))
    assert reason.startswith("TLS: the server's certificate was rejected (IP address mismatch")


async def test_a_certificate_of_our_own_is_shown_to_the_server(tls_server: TlsServer):
    """The server asks for none: this proves that the files are read and a handshake is done with them."""
    own = tls_server.root.parent
    query = (
        f"sslmode=verify-full&sslrootcert={tls_server.root}&sslcert={own}/server.pem&sslkey={own}/server.key"
    )

    assert await is_encrypted(tls_server.url(query)) is True
    assert "does not exist" in await refusal(tls_server.url(query.replace("server.key", "nowhere.key")))


async def test_a_certificate_file_that_is_not_there_is_named_as_the_cause(tls_server: TlsServer):
    reason = await refusal(tls_server.url("sslmode=verify-full&sslrootcert=/nowhere/ca.pem"))

    assert reason == "the socket or a certificate file does not exist"


async def test_a_server_without_tls_is_refused_when_tls_is_required_and_taken_when_preferred(
    postgres: Postgres,
):
    url = postgres.url("app")

    assert await is_encrypted(url.replace("sslmode=disable", "sslmode=prefer")) is False
    reason = await refusal(url.replace("sslmode=disable", "sslmode=require"))
    assert reason == "TLS: not supported by the server; use sslmode=prefer or sslmode=disable"


async def test_a_wrong_password_is_told_to_the_log_by_its_state_and_nothing_else(
    tls_server: TlsServer, caplog: pytest.LogCaptureFixture
):
    url = tls_server.url("sslmode=require").replace(tls_server.password, "K1tt3n")

    assert await refusal(url) == "wrong password (28P01)"
    assert "K1tt3n" not in caplog.text
    assert tls_server.password not in caplog.text

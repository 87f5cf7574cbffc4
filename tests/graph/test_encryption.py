"""A server with a certificate of its own, or none: what is wrong is said at once, not after the whole timeout."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hmrec.cypher.errors import ServerUnavailable, UserMistake, WrongEncryption
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ConnectionSettings

# A self-signed certificate for localhost, and its key, which guards nothing.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBlDCCATugAwIBAgIUF5AcDV7bykK2bJrJx5qgOX29ju4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODA0MzQyMFoYDzIxMjYxMTA0
MDQzNDIwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR8cc9SWk3BkU+mUjA+dYTin0MyYhwnCh9CYJiF9Fioxv8aCJkoEz6w
NlPcSSgnnxzRznSjyJgT2+BLAvfWLMFzo2kwZzAdBgNVHQ4EFgQU9yBoEGQADZDt
CKcOe2XSs7ipeJ0wHwYDVR0jBBgwFoAU9yBoEGQADZDtCKcOe2XSs7ipeJ0wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
RwAwRAIgFBk3XgipclixygYq2EQgN1V57Xa9Q/uc2ZGRRYQeWZ4CIDOQrjPGhe8G
2xwWqY5Y7sPQ1ef2VFZVOi6NzNU1cLT6
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXKCjqqJQjIgMuJqZ
IyQxIqmmVRaCWAiIc44grj7xHIShRANCAAR8cc9SWk3BkU+mUjA+dYTin0MyYhwn
Ch9CYJiF9Fioxv8aCJkoEz6wNlPcSSgnnxzRznSjyJgT2+BLAvfWLMFz
-----END PRIVATE KEY-----
"""


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
    writer.close()


class TlsProxy:
    """Speaks TLS before a server that has none."""

    def __init__(self, certificate: Path, target: int) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.target = target
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        started = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.join, "127.0.0.1", 0, ssl=self.context), self.loop
        )
        self.port = int(started.result(10).sockets[0].getsockname()[1])

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(pass_on(reader, server_writer), pass_on(server_reader, writer))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    file.write_text(CERTIFICATE)
    return file


@pytest.fixture(scope="module")
def ports(local_server: LocalServer, certificate: Path) -> Iterator[dict[str, int]]:
    """The ports of the server's Bolt and HTTP, and of TLS before its Bolt."""
    local_server.start()
    status = local_server.status()
    bolt, http = (int(address.rpartition(":")[2]) for address in (status.uri, status.http))
    proxy = TlsProxy(certificate, bolt)
    yield {"bolt": bolt, "http": http, "tls": proxy.port}
    proxy.loop.call_soon_threadsafe(proxy.loop.stop)


def connect(server: LocalServer, uri: str) -> None:
    settings = server.connection().model_copy(update={"uri": uri})
    with Graph.connect(settings, timeout=60) as graph:
        assert graph.read_rows("counts")


@pytest.mark.parametrize(
    ("scheme", "port", "message", "hint"),
    [
        (
            "bolt+s",
            "tls",
            "is not trusted: self-signed certificate",
            "SSL_CERT_FILE to its authority's file, or use bolt+ssc://localhost",
        ),
        (
            "neo4j+s",
            "tls",
            "is not trusted: self-signed certificate",
            "SSL_CERT_FILE to its authority's file, or use neo4j+ssc://localhost",
        ),
        ("bolt+s", "bolt", "does not use TLS", "Use bolt://localhost"),
        ("neo4j+s", "bolt", "does not use TLS", "Use neo4j://localhost"),
        ("bolt+ssc", "bolt", "does not use TLS", "Use bolt://localhost"),
        ("bolt", "tls", "requires TLS", "Use bolt+s://localhost"),
        ("neo4j", "tls", "requires TLS", "Use neo4j+s://localhost"),
        ("bolt", "http", "speaks HTTP, not Bolt", "7687"),
        ("neo4j", "http", "speaks HTTP, not Bolt", "7687"),
        ("bolt+s", "http", "speaks HTTP, not Bolt", "7687"),
    ],
)
def test_errors_that_waiting_cannot_fix_are_raised_at_once(
    scheme: str, port: str, message: str, hint: str, local_server: LocalServer, ports: dict[str, int]
) -> None:
    begun = time.monotonic()
    with pytest.raises(UserMistake) as caught:
        connect(local_server, f"{scheme}://localhost:{ports[port]}")
    assert time.monotonic() - begun < 20  # of 60 seconds
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_certificate_for_another_name_is_not_trusted(
    local_server: LocalServer, ports: dict[str, int], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(WrongEncryption, match=r"IP address mismatch"):
        connect(local_server, f"bolt+s://127.0.0.1:{ports['tls']}")


def test_what_the_messages_advise_works(
    local_server: LocalServer, ports: dict[str, int], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(local_server, f"bolt+ssc://localhost:{ports['tls']}")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connect(local_server, f"bolt+s://localhost:{ports['tls']}")


def test_a_server_that_is_away_is_still_waited_for() -> None:
    for scheme in ("bolt", "bolt+s", "neo4j+s"):
        begun = time.monotonic()
        with pytest.raises(ServerUnavailable):
            Graph.connect(ConnectionSettings(uri=f"{scheme}://localhost:1"), timeout=1.5)
        assert time.monotonic() - begun >= 1

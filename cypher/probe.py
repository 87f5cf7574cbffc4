"""Find out why a reachable server does not answer: TLS on one side only, an untrusted certificate, a wrong port."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

import neo4j

from .errors import UserMistake, WrongEncryption
from .retries import AWAY

SECONDS = 1.0  # for each connection of the probe
BOLT_PORT = 7687
HELLO = bytes.fromhex("6060b017 00000405 00000404 00000004 00000003")  # Bolt's handshake, which offers four versions

Answer = Literal["bolt", "http", ""]


class Verification:
    """A repeatable check that the server answers; the first failure is diagnosed.

    Parameters
    ----------
    driver : the driver to connect with.
    uri : the server's address.
    """

    def __init__(self, driver: neo4j.Driver, uri: str) -> None:
        self._driver, self._uri, self._is_diagnosed = driver, uri, False

    def __call__(self) -> None:
        """Check once.

        Raises
        ------
        UserMistake : the server answers, but not as the address says, so waiting would not help.
        DriverError, Neo4jError : it does not answer, or refuses.
        """
        try:
            self._driver.verify_connectivity()
        except AWAY as error:
            if not self._is_diagnosed and (mistake := find_mismatch(self._uri)):
                raise mistake from error
            self._is_diagnosed = True
            raise


def find_mismatch(uri: str) -> UserMistake | None:
    """Return how the server differs from its address; None if it is unreachable or busy.

    Parameters
    ----------
    uri : the server's address, with one of Neo4j's schemes: bolt or neo4j, alone or with +s or +ssc.
    """
    parts = urlsplit(uri)
    scheme, _, security = parts.scheme.partition("+")
    try:
        host, port = parts.hostname or "localhost", parts.port or BOLT_PORT
    except ValueError:
        return None
    rest = parts.netloc
    if security:
        try:
            answer = _greet(host, port, _make_context(trusts_all=security == "ssc"))
        except ssl.SSLCertVerificationError as error:
            return WrongEncryption(
                f"The certificate of the server at {uri} is not trusted: {error.verify_message.rstrip('.')}.",
                f"Set SSL_CERT_FILE to its authority's file, or use {scheme}+ssc://{rest} to trust any certificate.",
            )
        except OSError:
            answer = ""
        if answer == "http":
            return _explain_http(uri)
        plain = answer or _try_greeting(host, port, None)
        if not answer and plain == "bolt":
            return WrongEncryption(f"The server at {uri} does not use TLS.", f"Use {scheme}://{rest}.")
        return _explain_http(uri) if plain == "http" else None
    answer = _try_greeting(host, port, None)
    if answer == "http":
        return _explain_http(uri)
    if not answer and _try_greeting(host, port, _make_context(trusts_all=True)) == "bolt":
        return WrongEncryption(
            f"The server at {uri} requires TLS.",
            f"Use {scheme}+s://{rest}, or {scheme}+ssc://{rest} if its certificate is self-signed.",
        )
    return None


def _explain_http(uri: str) -> UserMistake:
    return UserMistake(f"The server at {uri} speaks HTTP, not Bolt.", f"The Bolt port is usually {BOLT_PORT}.")


def _make_context(trusts_all: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusts_all:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _try_greeting(host: str, port: int, context: ssl.SSLContext | None) -> Answer:
    try:
        return _greet(host, port, context)
    except TimeoutError:  # an HTTP server may wait for the end of a line
        return _try_http(host, port)
    except OSError:
        return ""


def _try_http(host: str, port: int) -> Answer:
    with suppress(OSError), socket.create_connection((host, port), timeout=SECONDS) as plain:
        plain.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        if plain.recv(4) == b"HTTP":
            return "http"
    return ""


def _greet(host: str, port: int, context: ssl.SSLContext | None) -> Answer:
    """Connect, with TLS if there is a context, and return the server's protocol."""
    with socket.create_connection((host, port), timeout=SECONDS) as plain:
        if context is None:
            return _read_answer(plain)
        with context.wrap_socket(plain, server_hostname=host) as secure:
            return _read_answer(secure)


def _read_answer(connection: socket.socket) -> Answer:
    connection.sendall(HELLO)
    words = connection.recv(4)
    if words.startswith(b"HTTP"):
        return "http"
    return "bolt" if len(words) == 4 and words[:2] == b"\0\0" else ""

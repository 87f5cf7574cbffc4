"""Why a server that takes connections does not answer: TLS on one side only, an untrusted certificate, another port."""

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
HELLO = bytes.fromhex("6060b017 00000405 00000404 00000004 00000003")  # Bolt's greeting, four versions to choose from

Answer = Literal["bolt", "http", ""]


class Verification:
    """A check that the server answers, which may be repeated; the first time that it does not, it looks why.

    Parameters
    ----------
    driver : the driver to connect by.
    uri : the server's address.
    """

    def __init__(self, driver: neo4j.Driver, uri: str) -> None:
        self._driver, self._uri, self._has_looked = driver, uri, False

    def __call__(self) -> None:
        """Check it once.

        Raises
        ------
        UserMistake : it answers, but not as the address says, so that no waiting helps.
        DriverError, Neo4jError : it does not answer, or refuses.
        """
        try:
            self._driver.verify_connectivity()
        except AWAY as error:
            if not self._has_looked and (mistake := find_mismatch(self._uri)):
                raise mistake from error
            self._has_looked = True
            raise


def find_mismatch(uri: str) -> UserMistake | None:
    """Return what is wrong with the address, if the server there speaks otherwise; None if it is away or busy.

    Parameters
    ----------
    uri : the server's address, with Neo4j's schemes: bolt or neo4j, alone or with +s or +ssc.
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
                f"Name its authority's file in SSL_CERT_FILE, or write {scheme}+ssc://{rest} to trust any certificate.",
            )
        except OSError:
            answer = ""
        if answer == "http":
            return _name_http(uri)
        plain = answer or _try_greeting(host, port, None)
        if not answer and plain == "bolt":
            return WrongEncryption(f"The server at {uri} speaks no TLS.", f"Write {scheme}://{rest}.")
        return _name_http(uri) if plain == "http" else None
    answer = _try_greeting(host, port, None)
    if answer == "http":
        return _name_http(uri)
    if not answer and _try_greeting(host, port, _make_context(trusts_all=True)) == "bolt":
        return WrongEncryption(
            f"The server at {uri} speaks TLS only.",
            f"Write {scheme}+s://{rest}, or {scheme}+ssc://{rest} if it signed its certificate itself.",
        )
    return None


def _name_http(uri: str) -> UserMistake:
    return UserMistake(f"At {uri} a server answers by HTTP, not by Bolt.", f"Bolt's port is mostly {BOLT_PORT}.")


def _make_context(trusts_all: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusts_all:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _try_greeting(host: str, port: int, context: ssl.SSLContext | None) -> Answer:
    try:
        return _greet(host, port, context)
    except TimeoutError:  # it may wait for the end of a line
        return _ask_http(host, port)
    except OSError:
        return ""


def _ask_http(host: str, port: int) -> Answer:
    with suppress(OSError), socket.create_connection((host, port), timeout=SECONDS) as plain:
        plain.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        if plain.recv(4) == b"HTTP":
            return "http"
    return ""


def _greet(host: str, port: int, context: ssl.SSLContext | None) -> Answer:
    """Connect, with TLS if there is a context, and see what the server speaks."""
    with socket.create_connection((host, port), timeout=SECONDS) as plain:
        if context is None:
            return _hear(plain)
        with context.wrap_socket(plain, server_hostname=host) as secure:
            return _hear(secure)


def _hear(connection: socket.socket) -> Answer:
    connection.sendall(HELLO)
    words = connection.recv(4)
    if words.startswith(b"HTTP"):
        return "http"
    return "bolt" if len(words) == 4 and words[:2] == b"\0\0" else ""

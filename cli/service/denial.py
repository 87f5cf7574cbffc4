"""Who may read: requests with the token, or without a token those that name this machine."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from .settings import is_loopback


class Denial(NamedTuple):
    """Why a request is refused: the status code, a sentence, and a hint."""

    status: HTTPStatus
    message: str
    hint: str


def find_denial(given: str, host: str, token: str) -> Denial | None:
    """Return why a request may not read; None if it may.

    Without a token, the Host header must name this machine. Otherwise a web site whose name points to 127.0.0.1 (DNS
    rebinding) could read the answers in its visitor's browser.

    Parameters
    ----------
    given : the token that the request sends; empty for none.
    host : its Host header.
    token : the token that requests must send; empty for a service without one on the loopback interface.
    """
    if token and not equals(given, token):
        return Denial(
            HTTPStatus.UNAUTHORIZED,
            "The token is missing or wrong.",
            "Send the header `Authorization: Bearer` with the value of HMREC_TOKEN.",
        )
    if not token and not _names_this_machine(host):
        return Denial(
            HTTPStatus.MISDIRECTED_REQUEST,
            "The service only answers requests to the names of this machine.",
            "Use http://127.0.0.1, or set HMREC_TOKEN.",
        )
    return None


def equals(given: str, token: str) -> bool:
    """Return whether the given token is this one; an empty one never is."""
    return bool(token) and secrets.compare_digest(given.encode(), token.encode())


def _names_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False

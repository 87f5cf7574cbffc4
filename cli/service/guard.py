"""Checks on every request: its token, or without a token that it names this machine; and its parameters' names."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from .failures import Refused
from .settings import is_loopback

_bearer = HTTPBearer(auto_error=False, description="The value of HMREC_TOKEN, if the service has one")


def make_guard(token: str) -> Callable[..., Awaitable[None]]:
    """Return the dependency that protects every route with data.

    Without a token, the Host header must name this machine. Otherwise a web site whose name points to 127.0.0.1 (DNS
    rebinding) could read the answers in its visitor's browser.

    Parameters
    ----------
    token : token that requests must send; empty for a service without one on the loopback interface.
    """

    async def guard(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        if token:
            given = credentials.credentials if credentials else ""
            if not secrets.compare_digest(given.encode(), token.encode()):
                raise Refused(
                    HTTPStatus.UNAUTHORIZED,
                    "The token is missing or wrong.",
                    "Send the header `Authorization: Bearer` with the value of HMREC_TOKEN.",
                )
        elif not _names_this_machine(request.headers.get("host", "")):
            raise Refused(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The service only answers requests to the names of this machine.",
                "Use http://127.0.0.1, or set HMREC_TOKEN.",
            )

    return guard


def _names_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a request with an unknown parameter, rather than ignore the parameter."""
    known = []
    for field in request.scope["route"].dependant.query_params:
        declared = field.field_info.annotation
        is_model = isinstance(declared, type) and issubclass(declared, BaseModel)  # its fields are parameters
        known += list(declared.model_fields) if is_model else [field.alias]
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"There is no parameter {unknown[0][:60]!r}.",
            f"Parameters: {', '.join(known) or 'none'}.",
        )

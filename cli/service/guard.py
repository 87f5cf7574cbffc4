"""Checks on every request: its token, or without a token that it names this machine; and its parameters' names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from .denial import equals, find_denial
from .failures import Refused

_bearer = HTTPBearer(
    auto_error=False,
    description="The value of HMREC_TOKEN, if the service has one; to write, that of HMREC_WRITE_TOKEN",
)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
"""The token that a request sends, if any."""


def make_guard(token: str, write_token: str = "", *, writes: bool = False) -> Callable[..., Awaitable[None]]:
    """Return the dependency that protects every route with data.

    `find_denial` says who may read. A route that writes always needs the write token, on this machine, too: a web site
    can make its visitor's browser send it a request.

    Parameters
    ----------
    token : token that requests must send; empty for a service without one on the loopback interface.
    write_token : token that requests must send to write, which may also read; empty if nobody may write.
    writes : whether the route writes.
    """

    async def guard(request: Request, credentials: Credentials) -> None:
        given = credentials.credentials if credentials else ""
        if equals(given, write_token):
            return
        if writes:
            _refuse_writing(bool(write_token), reads=equals(given, token))
        elif denial := find_denial(given, request.headers.get("host", ""), token):
            raise Refused(*denial)

    return guard


async def require_writing(request: Request, token: str, write_token: str) -> None:
    """Refuse a request that has not sent the token for writing; the parameters are those of `make_guard`."""
    await make_guard(token, write_token, writes=True)(request, await _bearer(request))


def guard_routes(
    token: str, write_token: str, responses: dict[int | str, dict[str, Any]], *, writes: bool = False
) -> APIRouter:
    """Return a router whose routes are behind the guard, and refuse unknown parameters.

    Parameters
    ----------
    token, write_token, writes : as for `make_guard`.
    responses : the failures that a route may answer with, for the OpenAPI document.
    """
    guard = make_guard(token, write_token, writes=writes)
    return APIRouter(dependencies=[Depends(guard), Depends(refuse_unknown_parameters)], responses=responses)


def _refuse_writing(has_write_token: bool, reads: bool) -> NoReturn:
    hint = "Send the header `Authorization: Bearer` with the value of HMREC_WRITE_TOKEN."
    if not has_write_token:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "This service writes nothing.",
            "Start it with HMREC_WRITE_TOKEN to let requests write.",
        )
    if reads:
        raise Refused(HTTPStatus.FORBIDDEN, "This token may read, but not write.", hint)
    raise Refused(HTTPStatus.UNAUTHORIZED, "The token for writing is missing or wrong.", hint)


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

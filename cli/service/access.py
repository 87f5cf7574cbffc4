"""The route that says what the token of a request may do, for the page to offer only that."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .denial import equals
from .guard import Credentials


class Access(BaseModel):
    """What a request may do."""

    writes: bool = Field(description="Whether the token of this request may write")
    has_write_token: bool = Field(description="Whether the service has a token for writing (HMREC_WRITE_TOKEN)")


def make_access_route(write_token: str) -> APIRouter:
    """Return the route, to be included behind the guard.

    Parameters
    ----------
    write_token : token that requests must send to write; empty if nobody may write.
    """
    routes = APIRouter(tags=["operation"])

    @routes.get("/access")
    async def show_access(credentials: Credentials) -> Access:
        """Show whether the token of this request may write."""
        given = credentials.credentials if credentials else ""
        return Access(writes=equals(given, write_token), has_write_token=bool(write_token))

    return routes

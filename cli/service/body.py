"""Read a request's JSON only after the guard has let the request in, and only up to a size."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from .failures import Refused

MAX_BYTES = 32 * 2**20
"""The greatest size of a request's body."""
_T = TypeVar("_T")


async def read_json(request: Request, adapter: TypeAdapter[_T]) -> _T:
    """Return the request's body as the adapter's type.

    FastAPI would read the body before it runs the guard, whatever its size.

    Raises
    ------
    Refused : the body is larger than `MAX_BYTES`, is not JSON, or is invalid; the message names the row.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The request is larger than {MAX_BYTES // 2**20} MiB.",
                "Send the rows in several requests.",
            )
    try:
        return adapter.validate_json(bytes(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, _describe(first), "See /docs.") from None


def describe_body(item: TypeAdapter[Any], what: str, *, is_list: bool = True) -> dict[str, Any]:
    """Return the OpenAPI description of a body: a list of objects, or one object.

    Parameters
    ----------
    item : type of an object.
    what : description of the body.
    is_list : whether it is a list.
    """
    known = item.json_schema()
    one = _inline(known, known.pop("$defs", {}))
    schema = {"type": "array", "description": what, "items": one} if is_list else {**one, "description": what}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inline(part: Any, definitions: dict[str, Any]) -> Any:
    """Return a part of a schema with definitions in place of references to them, which OpenAPI would not find."""
    if isinstance(part, dict):
        if "$ref" in part:
            return _inline(definitions[str(part["$ref"]).rpartition("/")[2]], definitions)
        return {name: _inline(value, definitions) for name, value in part.items()}
    return [_inline(one, definitions) for one in part] if isinstance(part, list) else part


def _describe(first: Any) -> str:
    """Return a sentence about pydantic's error, with the index of the row."""
    index = next((part for part in first["loc"] if isinstance(part, int)), None)
    fields = ".".join(part for part in first["loc"] if isinstance(part, str))
    where = " of ".join(part for part in (fields, "" if index is None else f"row {index}") if part)
    return f"{where or 'The body'} is invalid: {first['msg'].removeprefix('Value error, ').rstrip('.')}."

"""Convert exceptions to a status code and a JSON error."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ...cypher.errors import (
    HmrecError,
    LoadRunning,
    NoEmbedding,
    NoRanker,
    NoStoredList,
    ServerUnavailable,
    UnknownArticle,
    UnknownCustomer,
    UserMistake,
    WrongPassword,
)
from ...graph_ml.recommend.experiment import UnknownExperiment
from ...graph_ml.recommend.rule_book import UnknownRule
from ...graph_ml.recommend.values import UnknownValue
from ...loader.properties import UnknownProperty
from ..terminal.words import one_line
from .answers import Failure

STATUS: dict[type[HmrecError], HTTPStatus] = {  # the first match counts
    UnknownCustomer: HTTPStatus.NOT_FOUND,
    UnknownArticle: HTTPStatus.NOT_FOUND,
    UnknownProperty: HTTPStatus.NOT_FOUND,
    UnknownValue: HTTPStatus.NOT_FOUND,
    UnknownRule: HTTPStatus.NOT_FOUND,
    UnknownExperiment: HTTPStatus.NOT_FOUND,
    NoEmbedding: HTTPStatus.CONFLICT,
    NoRanker: HTTPStatus.CONFLICT,
    NoStoredList: HTTPStatus.CONFLICT,
    WrongPassword: HTTPStatus.SERVICE_UNAVAILABLE,
    ServerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    LoadRunning: HTTPStatus.SERVICE_UNAVAILABLE,
    UserMistake: HTTPStatus.BAD_REQUEST,
    HmrecError: HTTPStatus.BAD_GATEWAY,
}
log = logging.getLogger("hmrec.service")


class Refused(Exception):
    """The service refuses the request.

    Parameters
    ----------
    status : status code of the answer.
    message, hint : as of HmrecError.
    """

    def __init__(self, status: HTTPStatus, message: str, hint: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint


def answer_failures(app: FastAPI) -> None:
    """Register handlers that return every error in the same format."""
    app.add_exception_handler(HmrecError, _explained)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _unexpected)


def _answer(status: int, error: str, hint: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    failure = Failure(error=one_line(error), hint=one_line(hint))
    return JSONResponse(failure.model_dump(), status, headers)


def _explained(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HmrecError)  # noqa: S101 - registered for this type, which the signature cannot express
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return _answer(status, error.message, error.hint)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)  # noqa: S101
    headers = {"WWW-Authenticate": "Bearer"} if error.status is HTTPStatus.UNAUTHORIZED else None
    return _answer(error.status, error.message, error.hint, headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "")  # a list's item is a number
    sentence = f"The parameter {name} is invalid: {first['msg'].rstrip('.')}."
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, "See /docs.")


def _plain(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    sentence = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not answer requests of this method.",
    }.get(HTTPStatus(error.status_code), f"{error.detail}.")
    return _answer(error.status_code, sentence, "See /docs.", dict(error.headers or {}))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected failure at %s", request.scope.get("route"), exc_info=error)
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"Unexpected: {type(error).__name__}.", "See the log.")

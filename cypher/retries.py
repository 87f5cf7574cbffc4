"""Retry work on an unreachable server, and translate the driver's errors into hmrec's.

The driver makes each attempt (`execute_read`, `execute_write`) and says whether another may help (`is_retryable`). Its
own retries are off: they announce nothing, double the pauses, and cover neither connecting nor queries that commit in
parts. Only graph.py uses this module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from neo4j import exceptions as driver_errors

from .claim import ClaimLost
from .errors import HmrecError, ServerUnavailable, UserMistake, WrongPassword
from .progress import Notify

T = TypeVar("T")

PAUSE = 0.5  # seconds between two attempts
AWAY = (driver_errors.ServiceUnavailable, driver_errors.SessionExpired)


def run_with_retries(work: Callable[[], T], uri: str, timeout: float, notify: Notify | None = None) -> T:
    """Return the result of `work`; repeat it after transient faults until `timeout` is over.

    Parameters
    ----------
    work : may run more than once.
    uri : the server's address, for messages.
    timeout : seconds from the first fault on; 0 means one attempt.
    notify : called with a sentence when waiting for an unreachable server begins, and when it ends.

    Raises
    ------
    HmrecError : the last attempt failed; the class and the message name the cause.
    """
    until, announced = float("inf"), False
    with translated_errors(uri):
        while True:
            try:
                found = work()
            except (driver_errors.DriverError, driver_errors.Neo4jError, ClaimLost) as error:
                now = time.monotonic()
                until = min(until, now + timeout)
                if not _may_pass(error) or now + PAUSE > until:
                    raise
                if notify is not None and not announced and isinstance(error, AWAY):
                    notify(f"Neo4j at {uri} does not answer; waiting for at most {timeout:g} seconds (--timeout).")
                    announced = True
                time.sleep(PAUSE)
            else:
                if notify is not None and announced:
                    notify(f"Neo4j at {uri} answers again.")
                return found


def _may_pass(error: driver_errors.DriverError | driver_errors.Neo4jError | ClaimLost) -> bool:
    """Return whether another attempt may succeed."""
    return isinstance(error, (*AWAY, ClaimLost)) or error.is_retryable()


def _shorten(error: driver_errors.Neo4jError) -> str:
    """Return the server's message on one line, shortened to about 300 characters."""
    text = " ".join((error.message or str(error)).split())
    return (text if len(text) <= 300 else text[:300] + "...").rstrip(".")


@contextmanager
def translated_errors(uri: str) -> Iterator[None]:
    """Raise hmrec's errors instead of the driver's."""
    try:
        yield
    except driver_errors.AuthError as error:
        raise WrongPassword(
            f"Neo4j at {uri} refused the user name or the password.",
            "Set NEO4J_USERNAME and NEO4J_PASSWORD to those of that server.",
        ) from error
    except AWAY as error:
        raise ServerUnavailable(
            f"No Neo4j server answers at {uri}.",
            "`hmrec db start` starts the local server; NEO4J_URI selects another.",
        ) from error
    except (driver_errors.CypherSyntaxError, driver_errors.CypherTypeError) as error:
        raise UserMistake(f"Neo4j does not understand the query: {_shorten(error)}.") from error
    except driver_errors.ClientError as error:
        if "AccessMode" in (error.code or "") or "access mode" in (error.message or "").lower():
            raise UserMistake("The query writes, but was run read-only.") from error
        if error.code == "Neo.ClientError.Database.DatabaseNotFound":
            raise UserMistake(f"{_shorten(error)}.", "Set NEO4J_DATABASE to an existing database.") from error
        if "TransactionTimedOut" in (error.code or ""):
            raise HmrecError("Neo4j stopped the query, because it took too long.", "Ask for less.") from error
        raise HmrecError(f"Neo4j refused the query: {_shorten(error)}.") from error
    except driver_errors.Neo4jError as error:
        hint = "Try again; see also the server's log." if error.is_retryable() else "See the server's log."
        raise HmrecError(f"Neo4j failed: {_shorten(error)}.", hint) from error
    except driver_errors.DriverError as error:
        raise HmrecError(f"The connection to {uri} failed: {error}.") from error
    except ClaimLost as error:
        raise ServerUnavailable(f"The connection to {uri} was lost repeatedly.", "Run the command again.") from error

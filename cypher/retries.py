"""Faults of a connection: wait for a server that is away, do anew what broke off, and say what is wrong in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from neo4j import exceptions as driver_errors

from .claim import ClaimLost
from .errors import HmrecError, ServerUnavailable, UserMistake, WrongPassword

T = TypeVar("T")
Tell = Callable[[str], object]

PAUSE = 0.5  # seconds between two attempts
AWAY = (driver_errors.ServiceUnavailable, driver_errors.SessionExpired)


def try_again(work: Callable[[], T], seconds: float, uri: str, tell: Tell | None = None) -> T:
    """What `work` returns; it is done anew after a passing fault, until so many seconds have gone since the first one.

    Parameters
    ----------
    work : may be done twice.
    seconds : how long; 0 is not at all.
    uri : of the server, for `tell`.
    tell : gets a sentence when waiting for a server that is away begins, and when it ends.

    Raises
    ------
    Whatever `work` raised last.
    """
    until, told = float("inf"), False
    while True:
        try:
            found = work()
        except (driver_errors.DriverError, driver_errors.Neo4jError, ClaimLost) as error:
            if not _passes(error):
                raise
            now = time.monotonic()
            until = min(until, now + seconds)
            if now + PAUSE > until:
                raise
            if tell is not None and not told and isinstance(error, AWAY):
                tell(f"Neo4j at {uri} does not answer; waiting for it, {seconds:g} seconds at most (--timeout).")
                told = True
            time.sleep(PAUSE)
        else:
            if tell is not None and told:
                tell(f"Neo4j at {uri} answers again.")
            return found


def _passes(error: Exception) -> bool:
    """Whether the fault may be over when the same is tried again."""
    if isinstance(error, (*AWAY, ClaimLost)):
        return True
    return isinstance(error, (driver_errors.DriverError, driver_errors.Neo4jError)) and error.is_retryable()


def _shorten(error: driver_errors.Neo4jError) -> str:
    """Return the server's message on one line, shortened to some 300 characters."""
    text = " ".join((error.message or str(error)).split())
    return (text if len(text) <= 300 else text[:300] + "...").rstrip(".")


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn the driver's exceptions into hmrec's, where their cause is known."""
    try:
        yield
    except driver_errors.AuthError as error:
        raise WrongPassword(
            f"Neo4j at {uri} refused the user name or the password.",
            "Set NEO4J_USERNAME and NEO4J_PASSWORD to the ones of that server.",
        ) from error
    except AWAY as error:
        raise ServerUnavailable(
            f"No Neo4j server answers at {uri}.",
            "`hmrec db start` starts the local one; NEO4J_URI names another.",
        ) from error
    except (driver_errors.CypherSyntaxError, driver_errors.CypherTypeError) as error:
        raise UserMistake(f"Neo4j does not understand the query: {_shorten(error)}.") from error
    except driver_errors.ClientError as error:
        if "AccessMode" in (error.code or "") or "access mode" in (error.message or "").lower():
            raise UserMistake("The query writes, and was run for reading only.") from error
        if error.code == "Neo.ClientError.Database.DatabaseNotFound":
            raise UserMistake(f"{_shorten(error)}.", "Set NEO4J_DATABASE to one that is there.") from error
        raise HmrecError(f"Neo4j refused the query: {_shorten(error)}.") from error
    except driver_errors.Neo4jError as error:
        hint = "Try again; the server's log tells more." if error.is_retryable() else "The server's log tells more."
        raise HmrecError(f"Neo4j failed: {_shorten(error)}.", hint) from error
    except driver_errors.DriverError as error:
        raise HmrecError(f"The connection to {uri} failed: {error}.") from error
    except ClaimLost as error:
        raise ServerUnavailable(f"The connection to {uri} was lost again and again.", "Run the same again.") from error

"""An exclusive claim on a database for loading or writing back: a transaction that stays open as long as its client.

Its connection may be lost while others of the client survive, e.g. after a server restart. So each write checks the
claim before it commits. The write is then already visible on the server, and a later claim waits for its end. Two
clients never write at the same time.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import RLock

import neo4j
from neo4j import exceptions as driver_errors

from .catalogue import find_query, load_catalogue
from .errors import LoadRunning

PAUSE = 0.2  # seconds between two checks for other writers


def name_writer(what: str) -> str:
    """Return the holder of a claim as others see it: what it does, since when, and in which process.

    Parameters
    ----------
    what : what it does, or the folder that it loads.
    """
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{what} (since {since}, process {os.getpid()} on {platform.node()})"


class ClaimLost(Exception):
    """The claim's connection has ended; the claim must be taken again before the next write."""


@dataclass(frozen=True)
class Writer:
    """An open transaction of hmrec's on the server, a row of the query `claims`.

    Attributes
    ----------
    id : the client.
    what : `claim`, or the name of the running query.
    who : the claim's holder, as shown in other clients' errors.
    call : the id of this attempt to write.
    """

    id: str
    what: str
    who: str | None
    call: str | None


class Claim:
    """One client's claim on a database; several threads may write under it.

    Parameters
    ----------
    open_session : opens a session for writing.
    database : its name.
    client : id of the client that claims.
    who : the holder, as shown in other clients' errors.
    wait : seconds to wait for the last writes of a killed client.
    """

    def __init__(
        self, open_session: Callable[[], neo4j.Session], database: str, client: str, who: str, wait: float
    ) -> None:
        self._open_session = open_session
        self._database = database
        self._client = client
        self._who = who
        self._wait = wait
        self._session: neo4j.Session | None = None
        self._transaction: neo4j.Transaction | None = None
        self._lock = RLock()

    def acquire(self) -> None:
        """Take the claim, unless this client already has it.

        Raises
        ------
        LoadRunning : another client has it, or another client's last write did not end in time; the message names it.
        """
        with self._lock:
            if self._transaction is None:
                self._take()

    def check(self) -> None:
        """Check that the claim is still held.

        Raises
        ------
        ClaimLost : it is not.
        """
        with self._lock:
            if self._transaction is None:
                raise ClaimLost
            try:
                self._transaction.run(find_query("still_claimed").text).consume()
            except (driver_errors.DriverError, driver_errors.Neo4jError) as error:
                self.release()
                raise ClaimLost from error

    def release(self) -> None:
        """Release the claim; its own transaction has written nothing."""
        with self._lock:
            session, self._session, self._transaction = self._session, None, None
            if session is not None:
                with suppress(driver_errors.DriverError, driver_errors.Neo4jError):
                    session.close()  # rolls its transaction back

    def _take(self) -> None:
        self._session = self._open_session()
        try:
            metadata = {"hmrec": "claim", "id": self._client, "who": self._who}
            self._transaction = self._session.begin_transaction(metadata=metadata)
            loading = {name for name, known in load_catalogue().items() if known.folder in ("load", "write_back")}
            begun = time.monotonic()
            while left := self._list_writing(loading):
                if time.monotonic() - begun > self._wait:
                    raise LoadRunning(f"Another client is writing ({left[0]}).", "Wait until it is done.")
                time.sleep(PAUSE)
        except BaseException:
            self.release()
            raise

    def _list_writing(self, loading: set[str]) -> list[str]:
        """Return the names of other clients' queries that are still running.

        Raises
        ------
        LoadRunning : another client has the claim.
        """
        assert self._transaction is not None  # noqa: S101  for mypy: set by `_take`
        rows = self._transaction.run(find_query("claims").text, database=self._database)
        writers = [Writer(**row.data()) for row in rows]
        first = next(writer for writer in writers if writer.what == "claim")
        if first.id != self._client:
            raise LoadRunning(f"A load or write-back is already running: {first.who}.", "Wait until it is done.")
        return [writer.what for writer in writers if writer.id != self._client and writer.what in loading]


class LoadWatch:
    """A look at other clients' claims, for a writer that has none and must not write during theirs.

    Its transaction is open when `check` looks, and `Claim` looks for open transactions after it is taken. So at least
    one of the two sees the other.

    Parameters
    ----------
    open_session, database, client : as of `Claim`.
    """

    def __init__(self, open_session: Callable[[], neo4j.Session], database: str, client: str) -> None:
        self._open_session = open_session
        self._database = database
        self._client = client

    def check(self) -> None:
        """Check that no other client is loading or writing back.

        Raises
        ------
        LoadRunning : one is; the message names it.
        """
        with self._open_session() as session:
            rows = session.run(find_query("claims").text, database=self._database)
            writers = [Writer(**row.data()) for row in rows]
        claim = next((one for one in writers if one.what == "claim" and one.id != self._client), None)
        if claim is not None:
            raise LoadRunning(f"A load or write-back is running: {claim.who}.", "Try again when it is done.")

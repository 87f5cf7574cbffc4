"""Graph: the one door to the Neo4j driver."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import neo4j
from neo4j import exceptions as driver_errors
from neo4j.time import Date, DateTime

from .catalogue import Query, find_query, load_catalogue
from .errors import HmrecError, LoadRunning, ServerUnavailable, UserMistake, WrongPassword
from .settings import ConnectionSettings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

logging.getLogger("neo4j").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Receipt:
    """What a write did.

    Attributes
    ----------
    rows : what the query returned, one dictionary a row.
    counters : what it changed, under Neo4j's names (`nodes_created`, `relationships_created`, ...); zeros left out.
    milliseconds : the server's time, summed over the query's statements.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    milliseconds: float = 0.0


def _to_python(value: Any) -> Any:
    if isinstance(value, (Date, DateTime)):
        return value.to_native()
    if isinstance(value, list):
        return [_to_python(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_python(item) for key, item in value.items()}
    return value


def _to_cypher(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _first_line(error: driver_errors.Neo4jError) -> str:
    return (error.message or str(error)).strip().splitlines()[0].rstrip(".")


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turn the driver's exceptions into hmrec's, where their cause is known."""
    try:
        yield
    except driver_errors.AuthError as error:
        raise WrongPassword(
            f"Neo4j at {uri} refused the user name or the password.",
            "Set NEO4J_USERNAME and NEO4J_PASSWORD to the ones of that server.",
        ) from error
    except (driver_errors.ServiceUnavailable, driver_errors.SessionExpired) as error:
        raise ServerUnavailable(
            f"No Neo4j server answers at {uri}.",
            "`hmrec db start` starts the local one; NEO4J_URI names another.",
        ) from error
    except (driver_errors.CypherSyntaxError, driver_errors.CypherTypeError) as error:
        raise UserMistake(f"Neo4j does not understand the query: {_first_line(error)}.") from error
    except driver_errors.ClientError as error:
        if "AccessMode" in (error.code or "") or "access mode" in (error.message or "").lower():
            raise UserMistake("The query writes, and was run for reading only.") from error
        if error.code == "Neo.ClientError.Database.DatabaseNotFound":
            raise UserMistake(f"{_first_line(error)}.", "Set NEO4J_DATABASE to one that is there.") from error
        raise HmrecError(f"Neo4j refused the query: {_first_line(error)}.") from error
    except driver_errors.Neo4jError as error:
        raise HmrecError(f"Neo4j failed: {_first_line(error)}.", "Try again; the server's log tells more.") from error
    except driver_errors.DriverError as error:
        raise HmrecError(f"The connection to {uri} failed: {error}.") from error


class Graph:
    """A connection to the graph that runs the catalogue's queries by name.

    It may be shared between threads and is closed by `close()` or a `with` block. Parameters of every call are held
    against the query's header before anything is sent; those not given take the header's defaults.
    """

    def __init__(self, settings: ConnectionSettings, patience: float = 60.0) -> None:
        self.settings = settings
        self.uri = settings.uri
        self.client = uuid4().hex
        try:
            self._driver = neo4j.GraphDatabase.driver(
                settings.uri,
                auth=(settings.username, settings.password.get_secret_value()),
                notifications_min_severity="OFF",
                connection_acquisition_timeout=30.0,
                max_transaction_retry_time=patience,
            )
        except (driver_errors.ConfigurationError, ValueError) as error:
            raise UserMistake(
                f"{settings.uri[:100]!r} is not an address of a Neo4j server.",
                "It reads like bolt://localhost:7687 or neo4j+s://xyz.databases.neo4j.io.",
            ) from error

    @classmethod
    def connect(cls, settings: ConnectionSettings | None = None, patience: float = 60.0) -> Graph:
        """Open the graph that `settings` name, or NEO4J_URI, or else the local server's.

        Parameters
        ----------
        settings : the server to speak to.
        patience : seconds during which a query is tried again after a passing fault, such as a server that restarts.

        Raises
        ------
        ServerUnavailable : nothing answers there.
        WrongPassword : the server refuses the credentials.
        """
        settings = settings or ConnectionSettings()
        if not settings.uri:
            from .server import LocalServer

            settings = LocalServer().connection()
        graph = cls(settings, patience)
        try:
            with _explained(graph.uri):
                graph._driver.verify_connectivity()
        except HmrecError:
            graph.close()
            raise
        return graph

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Graph:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, query: str | Query, **parameters: Any) -> pd.DataFrame:
        """Run a query that only reads.

        Parameters
        ----------
        query : a name in the catalogue, or a `Query`.
        parameters : values of the query's `$names`.

        Returns
        -------
        A frame with the query's columns, one line a row; dates as `datetime.date`.

        Raises
        ------
        UserMistake : an unknown query, a wrong parameter, or a query that writes.
        """
        import pandas as pd

        keys, rows = self.read_rows(query, **parameters)
        return pd.DataFrame(rows, columns=keys)

    def recommend(self, customer_id: str, *, k: int = 12, method: str = "auto", **filters: Any) -> pd.DataFrame:
        """The `k` articles that a customer may want next, by the queries of `cypher/recommend/`.

        `hmrec.graph_ml.recommender.recommend` asks the trained ranker over all of them.

        Parameters
        ----------
        customer_id : whom for.
        k : how many articles, at least 1.
        method : auto, cf, items, together, repurchases, variants, departments, segment, attributes, popular or gnn.
        filters : `new_only` (bool), `as_of` (a day), `department`, `colour` (names), `max_price` (in the data's unit),
            `in_season` (days within which it was sold).

        Returns
        -------
        article_id, score (comparable within one list only), because (a sentence); the best first, at most `k` rows.

        Raises
        ------
        UnknownCustomer : the graph has no such customer.
        NoEmbedding : gnn was asked for and the customer has no embedding.
        UserMistake : `k` is below 1, or there is no such method or filter.
        """
        from .recommender import Method, recommend

        if method not in list(Method):
            raise UserMistake(f"The method is one of {', '.join(Method)}, not {method!r:.20}.")
        return recommend(self, customer_id, k=k, method=Method(method), **filters).articles

    def explain(self, customer_id: str, article_id: str, *, as_of: str | None = None) -> pd.DataFrame:
        """Why user-based CF gives an article its score, as `recommender.explain`: the column `part` adds up to it.

        Raises
        ------
        UnknownCustomer, UnknownArticle : the graph has no such customer or article.
        """
        from .recommender import explain

        return explain(self, customer_id, article_id, as_of=as_of)

    def similar(self, article_id: str, *, k: int = 12) -> pd.DataFrame:
        """The `k` articles whose embeddings are nearest: article_id, prod_name, score (the cosine), the nearest first.

        Raises
        ------
        UnknownArticle : the graph has no such article.
        NoEmbedding : no model is in force, or the article has no embedding in it.
        """
        from .recommender import similar

        return similar(self, article_id, k=k)

    def read_rows(self, query: str | Query, **parameters: Any) -> tuple[list[str], list[list[Any]]]:
        """As `read`, without pandas: the columns' names and the rows."""
        query = find_query(query) if isinstance(query, str) else query
        bound = {name: _to_cypher(value) for name, value in query.bind(parameters).items()}

        def work(transaction: neo4j.ManagedTransaction) -> tuple[list[str], list[list[Any]]]:
            result = transaction.run(query.text, bound)
            return list(result.keys()), [[_to_python(value) for value in record.values()] for record in result]

        with _explained(self.uri), self._session(neo4j.READ_ACCESS) as session:
            return session.execute_read(work)

    def stream(self, query: str | Query, *, fetch_size: int = 1000, **parameters: Any) -> Iterator[list[Any]]:
        """Run a query that reads more than memory should hold; rows come one by one, with the driver's values."""
        query = find_query(query) if isinstance(query, str) else query
        bound = {name: _to_cypher(value) for name, value in query.bind(parameters).items()}
        with _explained(self.uri), self._session(neo4j.READ_ACCESS, fetch_size=fetch_size) as session:
            for record in session.run(query.text, bound):
                yield list(record.values())

    def write(self, query: str | Query, **parameters: Any) -> Receipt:
        """Run a query that writes: all of it or nothing, tried again after a passing fault.

        A file of several statements runs them one after the other; one with `IN TRANSACTIONS` commits in parts.

        Raises
        ------
        UserMistake : an unknown query or a wrong parameter.
        """
        query = find_query(query) if isinstance(query, str) else query
        bound = {name: _to_cypher(value) for name, value in query.bind(parameters).items()}
        rows: list[dict[str, Any]] = []
        counters: dict[str, int] = {}
        milliseconds = 0.0
        with _explained(self.uri), self._session(neo4j.WRITE_ACCESS) as session:
            for statement in query.statements:
                if query.commits_itself:
                    # by its metadata a claim waits for a killed client's
                    told = {"hmrec": query.name, "id": self.client}
                    result = session.run(neo4j.Query(statement, metadata=told), bound)
                    records, summary = [record.data() for record in result], result.consume()
                else:
                    named = neo4j.unit_of_work(metadata={"hmrec": query.name, "id": self.client})(_run_whole)
                    records, summary = session.execute_write(named, statement, bound)
                rows += [_to_python(record) for record in records]
                for name, value in vars(summary.counters).items():
                    if isinstance(value, int) and not isinstance(value, bool) and value:
                        counters[name] = counters.get(name, 0) + value
                milliseconds += (summary.result_available_after or 0) + (summary.result_consumed_after or 0)
        return Receipt(rows, counters, milliseconds)

    @contextmanager
    def claim(self, who: str, wait: float = 60.0) -> Iterator[None]:
        """Be the only one to load or write back here, by a transaction that stays open and ends with this client.

        A client that is killed loses its claim at once; what it had sent is over, written or undone, when this begins.

        Parameters
        ----------
        who : what others are told while the claim is held.
        wait : seconds to wait for the last writes of a killed client.

        Raises
        ------
        LoadRunning : another client has the claim; the message names it.
        """
        query = find_query("claims")
        with _explained(self.uri), self._session(neo4j.WRITE_ACCESS) as session:
            claim = session.begin_transaction(metadata={"hmrec": "claim", "id": self.client, "who": who})
            loading = {name for name, known in load_catalogue().items() if known.folder in ("load", "write_back")}
            begun = time.monotonic()
            while True:
                found = claim.run(query.text, {"database": self.settings.database}).data()
                first = next(other for other in found if other["what"] == "claim")
                if first["id"] != self.client:
                    raise LoadRunning(
                        f"A load or write-back is running already: {first['who']}.", "Wait until it is done."
                    )
                left = [other["what"] for other in found if other["id"] != self.client and other["what"] in loading]
                if not left:
                    break
                if time.monotonic() - begun > wait:
                    raise LoadRunning(f"Another client is writing ({left[0]}).", "Wait until it is done.")
                time.sleep(0.2)
            yield
            with suppress(driver_errors.DriverError, driver_errors.Neo4jError):  # nothing was written in it
                claim.rollback()

    def to_vectors(self, array: npt.NDArray[np.float32]) -> list[Any]:
        """Rows of numbers as parameters, in the form that this server takes fastest.

        Parameters
        ----------
        array : [n, dim], float32.

        Returns
        -------
        n values: packed vectors where the server knows them (Bolt 6), twice as fast to send, else lists of floats.
        """
        from neo4j.vector import Vector

        with _explained(self.uri):
            protocol = self._driver.get_server_info().protocol_version
        if protocol < (6, 0):
            rows: list[Any] = array.tolist()
            return rows
        packed, width = array.astype(">f4").tobytes(), 4 * array.shape[1]
        return [Vector(packed[begin : begin + width], "f32") for begin in range(0, len(packed), width)]

    def server_version(self) -> str:
        """The server's version, e.g. `2026.05.0`."""
        with _explained(self.uri):
            return self._driver.get_server_info().agent.removeprefix("Neo4j/")

    def _session(self, access: str, fetch_size: int = 1000) -> neo4j.Session:
        return self._driver.session(database=self.settings.database, default_access_mode=access, fetch_size=fetch_size)


def _run_whole(
    transaction: neo4j.ManagedTransaction, text: str, bound: dict[str, Any]
) -> tuple[list[dict[str, Any]], neo4j.ResultSummary]:
    result = transaction.run(text, bound)
    return [record.data() for record in result], result.consume()

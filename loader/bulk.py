"""The bulk import: clean tables into the local server by neo4j-admin, beside the old graph until they are whole."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from ..cypher.errors import HmrecError
from ..cypher.graph import Graph
from ..cypher.local.server import LocalServer
from ..cypher.progress import Progress, silent
from .constraints import make_constraints
from .reading.tables import CleanTables
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS

STEP = "Importing into a new graph"
_MADE = re.compile(r"^\s*(\d+) (nodes|relationships)$")
_PERCENT = re.compile(r"\((\d)/4\)|(\d+)% ∆")


def load_by_bulk(
    server: LocalServer, tables: CleanTables, load: Mapping[str, object], progress: Progress = silent
) -> dict[str, int]:
    """Import the clean tables as the local server's graph; the old one is replaced only when the new one is whole.

    The server is stopped towards the import's end, and runs on the new graph afterwards, where the indexes on purchases
    are still being made. Killed at any moment, the graph is either the old or, once the import was whole, the new one:
    `LocalServer.start` ends an exchange that was begun, and `finish_bulk` makes the constraints.

    Parameters
    ----------
    server : the local server, installed.
    tables : what `read_tables` made.
    load : properties of the (:Load) node that comes with the graph.
    progress : told the share of the import done, in percent.

    Returns
    -------
    How many nodes and relationships were made, under Neo4j's names of the counters.

    Raises
    ------
    HmrecError : neo4j-admin failed; the old graph is as it was.
    """
    fresh = server.home / "data-import"
    server.end_admin(fresh)
    shutil.rmtree(fresh, ignore_errors=True)
    arguments = write_import_files(tables, load, server.home)
    phase = 0
    made = {}
    with ThreadPoolExecutor(1) as beside:
        try:
            for line in server.admin(
                "database", "import", "full", "neo4j", "--input-type=parquet", "--id-type=integer",
                "--overwrite-destination=true", "--path-pattern-style=none", "--bad-tolerance=0",
                f"--report-file={_name(tables.folder / 'import.report', server.home)}", *arguments, data=fresh,
            ):  # fmt: skip
                if match := _PERCENT.search(line):
                    phase = int(match[1]) - 1 if match[1] else phase
                    progress(STEP, 25 * phase + (int(match[2]) / 4 if match[2] else 0), 100)
                    if match[1] == "4":
                        beside.submit(server.stop)  # takes 10 s; the exchange below waits for it
                elif match := _MADE.match(line):
                    made[f"{match[2]}_created"] = int(match[1]) - (match[2] == "nodes")  # (:Load) is no news
        except HmrecError:
            beside.submit(server.start).result()
            raise
    server.exchange_data(fresh, progress)
    with Graph.connect(server.connection()) as graph:
        _make_constraints(graph, progress)
    return made


def finish_bulk(graph: Graph, progress: Progress = silent) -> None:
    """Make the constraints that a bulk load owes which was killed after its graph had been put in place."""
    for load in graph.read_column("unfinished_loads"):
        if load.get("mode") == "bulk":
            _make_constraints(graph, progress)
            finished = datetime.now(UTC).isoformat(timespec="seconds")
            graph.write("record_load", load={"id": load["id"], "finished": finished})


def _make_constraints(graph: Graph, progress: Progress) -> None:
    progress("Creating constraints and indexes", 0, None)
    make_constraints(graph)
    graph.write("indexes")  # minutes at full scale, in the background: queries are answered meanwhile


def _name(file: Path, home: Path) -> str:
    """Return the file's path relative to neo4j-admin's working folder: it cuts lists of files at commas."""
    return str(file.relative_to(home) if file.is_relative_to(home) else file)


def write_import_files(tables: CleanTables, load: Mapping[str, object], home: Path) -> list[str]:
    """Write Parquet files with neo4j-admin's column names.

    Parameters
    ----------
    tables : what `read_tables` made.
    load : properties of the (:Load) node.
    home : neo4j-admin's working folder.

    Returns
    -------
    The arguments that name the files.
    """
    folder = tables.folder / "import"
    folder.mkdir()
    arguments = []

    def node(label: str, frame: pl.LazyFrame) -> None:
        frame.sink_parquet(folder / f"{label}.parquet", compression="snappy")
        arguments.append(f"--nodes={label}={_name(folder / label, home)}.parquet")

    def relationship(kind: str, frame: pl.LazyFrame) -> None:
        frame.sink_parquet(folder / f"{kind}.parquet", compression="snappy")
        arguments.append(f"--relationships={kind}={_name(folder / kind, home)}.parquet")

    customers, articles = tables.scan(CUSTOMERS.stem), tables.scan(ARTICLES.stem)
    node("Customer", customers.rename({"customer": ":ID(Customer)"}).cast({":ID(Customer)": pl.Int64}))
    node("Article", articles.rename({"article": ":ID(Article)"}).cast({":ID(Article)": pl.Int64}))
    node("Load", pl.LazyFrame({":ID(Load)": [0]} | {key: [value] for key, value in load.items()}))
    for attribute in ATTRIBUTES:
        group = f":ID({attribute.label})"
        numbered = tables.scan(f"attribute-{attribute.label}").with_row_index("number").cast({"number": pl.Int64})
        node(attribute.label, numbered.rename({"number": group}))
        ends = articles.join(numbered.select("number", attribute.key), on=attribute.key).sort("article")
        relationship(
            attribute.relationship,
            ends.select(
                pl.col("article").cast(pl.Int64).alias(":START_ID(Article)"),
                pl.col("number").alias(f":END_ID({attribute.label})"),
            ),
        )
    arguments.append(f"--relationships=BOUGHT={_name(tables.folder / 'purchases.parquet', home)}")
    return arguments


def store_size(data: Path) -> int:
    """Bytes that the graph's store takes on disk."""
    return sum(file.stat().st_size for file in (data / "databases" / "neo4j").rglob("*") if file.is_file())

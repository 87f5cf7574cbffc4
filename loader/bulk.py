"""The bulk import: neo4j-admin imports the clean tables into a new store, which replaces the old one when complete."""

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
from .constraints import create_constraints
from .reading.tables import CleanTables
from .schema import ARTICLES, ATTRIBUTES, AVAILABILITY, CUSTOMERS

STEP = "Importing into a new graph"
_CREATED = re.compile(r"^\s*(\d+) (nodes|relationships)$")
_PERCENT = re.compile(r"\((\d)/4\)|(\d+)% ∆")


def load_by_bulk(
    server: LocalServer, tables: CleanTables, load: Mapping[str, object], progress: Progress = silent
) -> dict[str, int]:
    """Import the clean tables as the local server's graph; the old graph is replaced only when the new one is complete.

    The server stops towards the end of the import, and restarts on the new graph. Indexes on purchases are still being
    built then. If the process is killed, the graph is either the old one or, after a complete import, the new one.
    `LocalServer.start` completes an interrupted exchange, and `finish_bulk` creates the constraints.

    Parameters
    ----------
    server : the local server, installed.
    tables : the result of `read_tables`.
    load : properties of the (:Load) node that is imported with the graph.
    progress : called with the completed share of the import, in percent.

    Returns
    -------
    Number of created nodes and relationships, under Neo4j's counter names.

    Raises
    ------
    HmrecError : neo4j-admin failed; the old graph is unchanged.
    """
    new_data = server.home / "data-import"
    server.end_admin(new_data)
    shutil.rmtree(new_data, ignore_errors=True)
    arguments = write_import_files(tables, load, server.home)
    phase = 0
    created = {}
    with ThreadPoolExecutor(1) as background:
        try:
            for line in server.admin(
                "database", "import", "full", "neo4j", "--input-type=parquet", "--id-type=integer",
                "--overwrite-destination=true", "--path-pattern-style=none", "--bad-tolerance=0",
                f"--report-file={_name(tables.folder / 'import.report', server.home)}", *arguments, data=new_data,
            ):  # fmt: skip
                if match := _PERCENT.search(line):
                    phase = int(match[1]) - 1 if match[1] else phase
                    progress(STEP, 25 * phase + (int(match[2]) / 4 if match[2] else 0), 100)
                    if match[1] == "4":
                        background.submit(server.stop)  # takes 10 s; `exchange_data` below waits for it
                elif match := _CREATED.match(line):
                    created[f"{match[2]}_created"] = int(match[1]) - (match[2] == "nodes")  # without (:Load)
        except HmrecError:
            background.submit(server.start).result()
            raise
    server.exchange_data(new_data, progress)
    with Graph.connect(server.connection()) as graph:
        _create_constraints(graph, progress)
    return created


def finish_bulk(graph: Graph, progress: Progress = silent) -> None:
    """Create the constraints of a bulk load that was killed after its graph was in place."""
    for load in graph.read_column("unfinished_loads"):
        if load.get("mode") == "bulk":
            _create_constraints(graph, progress)
            finished = datetime.now(UTC).isoformat(timespec="seconds")
            graph.write("record_load", load={"id": load["id"], "finished": finished})


def _create_constraints(graph: Graph, progress: Progress) -> None:
    progress("Creating constraints and indexes", 0, None)
    create_constraints(graph)
    graph.write("indexes")  # minutes at full scale, in the background: queries run meanwhile


def _name(file: Path, home: Path) -> str:
    """Return the file's path relative to neo4j-admin's working folder: a comma in a path would end it."""
    return str(file.relative_to(home) if file.is_relative_to(home) else file)


def write_import_files(tables: CleanTables, load: Mapping[str, object], home: Path) -> list[str]:
    """Write Parquet files with neo4j-admin's column names.

    Parameters
    ----------
    tables : the result of `read_tables`.
    load : properties of the (:Load) node.
    home : neo4j-admin's working folder.

    Returns
    -------
    neo4j-admin's arguments for the files.
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
    counts = articles.select(pl.col(column.name).count() for column in AVAILABILITY).collect().row(0, named=True)
    articles = articles.drop(name for name, values in counts.items() if not values)  # else the store learns the name
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
    kinds = {"BOUGHT": "purchases"} | (
        {"RETURNED": "returns", "TAKEN_BACK": "taken-back"} if tables.has_returns else {}
    )
    for kind, name in kinds.items():
        arguments.append(f"--relationships={kind}={_name(tables.folder / f'{name}.parquet', home)}")
    return arguments


def store_size(data: Path) -> int:
    """Return the size of the graph's store on disk, in bytes."""
    return sum(file.stat().st_size for file in (data / "databases" / "neo4j").rglob("*") if file.is_file())

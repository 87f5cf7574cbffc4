"""Speed of loading, compared with the bare import and a plain loop in one run: `python -m benchmarks.load`.

Missing data are created with `hmrec sample synthetic`. Each measurement runs in its own process, so that memory is
measured separately. The figures go into docs/performance.md.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from hmrec.cypher.catalogue import parse_query
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.loader.load import load_folder
from hmrec.loader.reading.tables import read_tables
from hmrec.loader.samples import write_synthetic

from .report import Plot, describe_machine, write_section

FULL = {"customers": 1_371_980, "articles": 105_542, "transactions": 31_788_324}
PEER = Path(__file__).parent / "peers" / "unwind_loop.cypher"
ROWS_A_BATCH = 20_000  # of the plain loop
DAY_ROWS = 50_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def get_data(data: Path, scale: float) -> Path:
    """Return the folder of a synthetic shop at a share of H&M's size; create it if missing."""
    folder = data / f"synthetic-{scale:g}"
    if not (folder / "sample.json").is_file():
        write_synthetic(folder, seed=1, **{name: round(size * scale) for name, size in FULL.items()})
    return folder


def in_process(work: Path, job: str, *arguments: object) -> dict[str, Any]:
    """Run one of this module's jobs in its own process; return its result, with its peak memory in GiB."""
    out = work / "answer.json"
    command = [sys.executable, "-m", "benchmarks.load", job, str(out), *map(str, arguments)]
    with subprocess.Popen(command) as process:
        if process.wait() != 0:
            raise SystemExit(f"{job} failed")
    answer: dict[str, Any] = json.loads(out.read_text())
    return answer


def finish(out: Path, **found: object) -> None:
    """Pass a job's result to the process that started it."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    out.write_text(json.dumps(found | {"peak_gib": peak}))


@app.command()
def bare(out: Path, home: Path, folder: Path) -> None:
    """Run neo4j-admin alone, on the Parquet files that hmrec prepares."""
    from hmrec.loader.bulk import write_import_files

    server = LocalServer(home)
    work, fresh = home / "bare-tables", home / "bare-data"
    for left in (work, fresh):
        shutil.rmtree(left, ignore_errors=True)
    work.mkdir()
    arguments = write_import_files(read_tables(folder, work), {"id": "bare"}, server.home)
    begun = time.monotonic()
    for _ in server.admin(
        "database", "import", "full", "neo4j", "--input-type=parquet", "--id-type=integer",
        "--overwrite-destination=true", "--path-pattern-style=none", *arguments, data=fresh,
    ):  # fmt: skip
        pass
    seconds = time.monotonic() - begun
    for left in (work, fresh):
        shutil.rmtree(left)
    finish(out, seconds=seconds)


@app.command()
def bulk(out: Path, home: Path, folder: Path) -> None:
    """Run hmrec's bulk import: from CSV files to a graph that answers, the last index, and the first recommendation."""
    from hmrec.graph_ml.recommend import Recommender, Request

    server = LocalServer(home)
    server.start()
    customer = pl.scan_csv(folder / "transactions_train.csv", infer_schema=False).first().collect()["customer_id"][0]
    begun = time.monotonic()
    with Graph.connect(server.connection()) as graph:
        report = load_folder(folder, server=server, graph=graph, mode="bulk", replace=True)
    with Graph.connect(server.connection()) as graph:
        assert len(graph.read("customer", customer_id=customer))
        assert len(graph.read("last_purchases", customer_id=customer))
        answers = time.monotonic() - begun
        graph.write("await_indexes")
        indexed = time.monotonic() - begun
        Recommender(graph).recommend(Request(customer_id=customer, method="user_based_cf"))
        recommended = time.monotonic() - begun
    finish(
        out,
        answers=answers,
        indexed=indexed,
        recommended=recommended,
        steps=report.seconds,
        store=report.store_bytes,
        rows=report.counts["transactions_train"].read,
    )


@app.command()
def stream(out: Path, home: Path, folder: Path) -> None:
    """Run hmrec's stream load and the plain loop in alternation, each into a graph with the same nodes and no purchases."""
    server = LocalServer(home)
    server.start()
    found: dict[str, list[float]] = {"plain": [], "stream": []}
    rows = []
    with Graph.connect(server.connection()) as graph:
        for turn in range(3):  # the first turn warms up the server for both, and is not counted
            part = home / "slice"
            rows.append(_cut_customers(folder, part, turn, 4))
            for name, load in (("plain", _load_plainly), ("stream", _load_by_stream)):
                _make_nodes(graph, server, part)
                found[name].append(rows[-1] / load(graph, server, part))
    shutil.rmtree(part)
    finish(out, plain=found["plain"][1:], stream=found["stream"][1:], rows=rows[1:])


def _cut_customers(folder: Path, part: Path, share: int, shares: int) -> int:
    """Take a share of the customers with all their purchases; return the number of distinct purchases."""
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    mine = pl.col("customer_id").hash(seed=1) % shares == share
    for name in ("customers", "transactions_train"):
        pl.scan_csv(folder / f"{name}.csv", infer_schema=False).filter(mine).sink_csv(part / f"{name}.csv")
    (part / "articles.csv").symlink_to((folder / "articles.csv").resolve())
    return int(
        pl.scan_csv(part / "transactions_train.csv", infer_schema=False).unique().select(pl.len()).collect().item()
    )


def _make_nodes(graph: Graph, server: LocalServer, part: Path) -> None:
    """Create the part's customers and articles with their constraints, but without purchases or their indexes."""
    graph.write("delete_graph")
    nodes = part / "nodes"
    shutil.rmtree(nodes, ignore_errors=True)
    nodes.mkdir()
    (nodes / "transactions_train.csv").write_text("t_dat,customer_id,article_id,price,sales_channel_id\n")
    for name in ("customers", "articles"):
        (nodes / f"{name}.csv").symlink_to((part / f"{name}.csv").resolve())
    load_folder(nodes, server=server, graph=graph, mode="stream")
    for index in ("bought_t_dat", "bought_article"):
        graph.write(parse_query(f"// drop: an index\nDROP INDEX {index} IF EXISTS", Path("drop.cypher")))


def _load_plainly(graph: Graph, server: LocalServer, part: Path) -> float:
    """Return the seconds that the plain loop takes to write."""
    query = parse_query(PEER.read_text(), PEER)
    frame = pl.read_csv(
        part / "transactions_train.csv", schema_overrides={"article_id": pl.String}, try_parse_dates=True
    )
    frame = frame.group_by(frame.columns, maintain_order=True).agg(quantity=pl.len().cast(pl.Int64))
    begun = time.monotonic()
    for batch in frame.iter_slices(ROWS_A_BATCH):
        graph.write(query, rows=batch.to_dicts())
    return time.monotonic() - begun


def _load_by_stream(graph: Graph, server: LocalServer, part: Path) -> float:
    """Return hmrec's seconds for writing the purchases, without comparing nodes and building indexes, which the loop does not do."""
    times: dict[str, float] = {}

    def watch(step: str, done: float, total: float | None) -> None:
        if "purchases" not in step and "indexes" not in step:
            times["begun"] = time.monotonic()  # after the last step before the purchases
        elif "indexes" in step:
            times["ended"] = time.monotonic()

    load_folder(part, server=server, graph=graph, mode="stream", progress=watch)
    return times["ended"] - times["begun"]


@app.command()
def day(out: Path, home: Path, folder: Path) -> None:
    """Load a new day into the graph while recommendations are served."""
    from hmrec.graph_ml.recommend import Recommender, Request

    server = LocalServer(home)
    server.start()
    part = home / "day"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    lines = pl.scan_csv(folder / "transactions_train.csv", infer_schema=False)
    last = lines.tail(DAY_ROWS).with_columns(t_dat=pl.lit("2020-09-23")).collect()
    last.write_csv(part / "transactions_train.csv")
    customers = last["customer_id"].unique(maintain_order=True).to_list()
    latencies: dict[str, list[float]] = {"before": [], "during": []}
    done = threading.Event()

    def serve(kind: str, is_running: Callable[[int], bool]) -> None:
        with Graph.connect(server.connection()) as own:
            recommender = Recommender(own)
            number = 0
            while is_running(number):
                begun = time.monotonic()
                customer = customers[number % len(customers)]
                recommender.recommend(Request(customer_id=customer, method="user_based_cf"))
                latencies[kind].append(time.monotonic() - begun)
                number += 1
                time.sleep(0.2)

    with Graph.connect(server.connection()) as graph:
        graph.write("await_indexes")
        serve("before", lambda number: number < 50)
        reader = threading.Thread(target=serve, args=("during", lambda _: not done.is_set()))
        reader.start()
        begun = time.monotonic()
        report = load_folder(part, server=server, graph=graph, mode="stream")
        seconds = time.monotonic() - begun
        done.set()
        reader.join()
    shutil.rmtree(part)
    quantile = {kind: statistics.quantiles(seen, n=20) for kind, seen in latencies.items()}
    finish(out, seconds=seconds, rows=DAY_ROWS, made=report.changes.get("relationships_created", 0),
           answered=len(latencies["during"]), p50={k: q[9] for k, q in quantile.items()},
           p95={k: q[18] for k, q in quantile.items()})  # fmt: skip


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Folder for the data sets.")] = Path("bench-data"),
    home: Annotated[Path, typer.Option(help="Folder for the benchmark's own Neo4j.")] = Path("bench-home"),
    scales: Annotated[str, typer.Option(help="Shares of H&M's size, the largest last.")] = "0.01,0.1,1",
    stream_scale: Annotated[float, typer.Option(help="Share of H&M's size for the comparison of streams.")] = 0.05,
) -> None:
    """Run all measurements and write docs/performance.md."""
    shares = [float(share) for share in scales.split(",")]
    home.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"scales": {}}
    found["stream"] = in_process(home, "stream", home.resolve(), get_data(data, stream_scale).resolve())
    for share in shares:
        folder = get_data(data, share).resolve()
        found["scales"][share] = {
            "bare": in_process(home, "bare", home.resolve(), folder),
            "bulk": in_process(home, "bulk", home.resolve(), folder),
        }
        typer.echo(json.dumps(found["scales"][share]))
    found["day"] = in_process(home, "day", home.resolve(), get_data(data, shares[-1]).resolve())
    (home / "load.json").write_text(json.dumps(found, indent=2))
    LocalServer(home).stop()
    report(home / "load.json")


@app.command()
def report(results: Path) -> None:
    """Write the section of docs/performance.md from the results of a run."""
    found = json.loads(results.read_text())
    scales, streamed, added = list(found["scales"].values()), found["stream"], found["day"]
    lines = [
        f"Measured by `python -m benchmarks.load` on {describe_machine()}, in one run.",
        "",
        "- *bare*: `neo4j-admin database import` alone, on the Parquet files that hmrec prepares.",
        "- *bulk*: `hmrec load` from CSV files to a graph that has its constraints and answers queries about a customer and their last purchases.",
        "- *indexed*: the same, until both indexes on purchases are online. They are built in the background, and the recommenders need them for their speed.",
        "",
        "| rows of purchases | bare | bulk | bulk / bare | indexed | rows/s to the answer | Python's peak memory | store |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for seen in scales:
        bulk, bare = seen["bulk"], seen["bare"]["seconds"]
        lines.append(
            f"| {bulk['rows']:,} | {bare:.0f} s | {bulk['answers']:.0f} s | {bulk['answers'] / bare:.2f} | "
            f"{bulk['indexed']:.0f} s | {bulk['rows'] / bulk['answers']:,.0f} | {bulk['peak_gib']:.1f} GiB | "
            f"{bulk['store'] / 1e9:.2f} GB |"
        )
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in scales[-1]["bulk"]["steps"].items())
    p50, p95 = ({kind: f"{1000 * seconds:.0f} ms" for kind, seconds in added[name].items()} for name in ("p50", "p95"))
    lines += [
        "",
        f"Steps of the largest load: {steps}.",
        "",
        f"| load over Bolt | {' | '.join(f'{rows:,} purchases' for rows in streamed['rows'])} |",
        f"| --- |{' --- |' * len(streamed['rows'])}",
        f"| `hmrec load --mode stream`, purchases/s | {' | '.join(f'{rate:,.0f}' for rate in streamed['stream'])} |",
        f"| plain loop into the same nodes, purchases/s | {' | '.join(f'{rate:,.0f}' for rate in streamed['plain'])} |",
        "",
        f"The stream is **{sum(streamed['stream']) / sum(streamed['plain']):.1f}** times as fast as the plain loop: "
        f"`UNWIND` of {ROWS_A_BATCH:,} rows with `MERGE`, in one thread.",
        "",
        f"A day of {added['rows']:,} transactions ({added['made']:,} new relationships) into the largest graph takes "
        f"**{added['seconds']:.1f} s**. Meanwhile, {added['answered']} recommendations by cf were served one after the other:",
        "",
        "| recommendations by cf | p50 | p95 |",
        "| --- | --- | --- |",
        f"| before the load | {p50['before']} | {p95['before']} |",
        f"| during the load | {p50['during']} | {p95['during']} |",
        "",
        "![Rows a second against scale](load-scale.svg)",
    ]
    write_section("load", lines)
    rows = [seen["bulk"]["rows"] for seen in scales]
    Plot("Rows of the transactions file", "rows a second", "load-scale.svg").draw(
        rows,
        {
            "hmrec load, to a graph that answers": [seen["bulk"]["rows"] / seen["bulk"]["answers"] for seen in scales],
            "until the last index is online": [seen["bulk"]["rows"] / seen["bulk"]["indexed"] for seen in scales],
            "bare neo4j-admin import": [seen["bulk"]["rows"] / seen["bare"]["seconds"] for seen in scales],
        },
    )


if __name__ == "__main__":
    app()

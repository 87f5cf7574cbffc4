"""hmrec demo: all steps on real purchases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .connect import local_server, open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, Format, dump_json, records, show
from .terminal.words import echo

if TYPE_CHECKING:
    import pandas as pd

    from ..cypher.graph import Graph
    from ..cypher.local.server import LocalServer

QUICK_HOUSEHOLDS = 200
UNTRAINED = {"user_based_cf": "By collaborative filtering in Cypher, which needs no training"}
"""The titles of the lists that are shown before training, by method."""
TRAINED = {"gnn": "By the graph neural network", "auto": "By the ranker over all methods"}
"""The titles of those that follow it."""


def demo(
    quick: Annotated[
        bool, typer.Option("--quick", help=f"Use only {QUICK_HOUSEHOLDS} households; takes about a minute.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load real purchases, train on them and recommend: all steps of hmrec.

    Writes Complete Journey under HMREC_HOME/demo, loads it, and recommends to three customers by collaborative
    filtering. Then it trains, writes the embeddings back, and shows the lists of the network and the ranker. Uses
    NEO4J_URI, or else the local Neo4j, installed and started if needed. Steps that are already done are skipped. Does
    not touch a graph with other data.

    Example: hmrec demo
    """
    from ..cypher.local.server import LocalServer

    server = local_server()
    folder = (server or LocalServer()).home / "demo" / ("quick" if quick else "journey")
    with Bars() as bars:
        if server is not None:
            server.install(bars)
            server.start(bars)
        _sample(folder, quick, bars)
        _load(folder, server, bars)
    with open_graph() as graph:
        customers = _three_customers(graph)
        lists = _show_lists(graph, customers, UNTRAINED, as_json, with_purchases=True)
    if not as_json:
        echo("\nNext, a graph neural network and a ranker are trained. Their lists follow.\n")
    with Bars() as bars, open_graph(bars) as graph:
        _train(graph, bars)
    with open_graph() as graph:
        for customer, found in _show_lists(graph, customers, TRAINED, as_json).items():
            lists[customer] |= found
    if as_json:
        dump_json({name: {method: records(rows) for method, rows in found.items()} for name, found in lists.items()})
        return
    _show_browser(server, customers[0])


def _sample(folder: Path, quick: bool, bars: Bars) -> None:
    from ..loader.samples import write_journey
    from ..loader.schema import TABLES

    if not all((folder / table.file).is_file() for table in TABLES):
        write_journey(folder, households=QUICK_HOUSEHOLDS if quick else None, progress=bars)
    bars.say(f"Complete Journey in H&M's three files: {folder}")


def _load(folder: Path, server: LocalServer | None, bars: Bars) -> None:
    from ..cypher.errors import UserMistake
    from ..cypher.state import read_counts
    from ..loader.load import load_folder

    with open_graph(bars) as graph:
        counts = read_counts(graph)
        found = list(graph.read("loads")["load"])
        loads = [Path(load["folder"]) for load in found]
        if counts.nodes and not (loads and all(load.parent == folder.parent for load in loads)):
            raise UserMistake(
                f"The graph at {graph.uri} contains your own data, which the demo does not change.",
                "Run the demo in another home: HMREC_HOME=~/hmrec-demo hmrec demo",
            )
        if loads and loads[0] == folder and counts.bought == found[0].get("transactions_train_loaded"):
            bars.say(f"{found[0]['transactions_train_read']:,} purchases are already in the graph at {graph.uri}")
            return
        other = bool(loads) and loads[0] != folder
        report = load_folder(folder, server=server, graph=graph, replace=other, progress=bars)
        bars.say(f"{report.counts['transactions_train'].read:,} purchases are in the graph at {graph.uri}")


def _train(graph: Graph, bars: Bars) -> None:
    from ..graph_ml.candidates.learn_cf import learn_cf
    from ..graph_ml.export.kept import export_kept
    from ..graph_ml.export.subgraph import SubgraphSpec
    from ..graph_ml.hybrid import train_hybrid
    from ..graph_ml.ranker.sources import apply_cf
    from ..graph_ml.write_back.write import write_embeddings

    models, loads = graph.read("models", k=1), graph.read("loads", k=1)
    if len(models) and models["model"][0]["created"].isoformat() > loads["load"][0]["started"]:
        bars.say(f"The embeddings of model version {models['model'][0]['version']} are already on the nodes")
        return
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), bars)
    cf = learn_cf(subgraph, bars)
    trained, rank = train_hybrid(subgraph, sources=apply_cf(cf, subgraph), progress=bars)
    receipt = write_embeddings(graph, trained, progress=bars, rank=rank, cf=cf)
    bars.say(
        f"Embeddings are on {receipt.customers:,} customers and {receipt.articles:,} articles (model {receipt.version})"
    )


def _three_customers(graph: Graph) -> list[str]:
    """Return a customer with many purchases, one with an average number and one with few."""
    from ..cypher.state import read_counts

    total = read_counts(graph).customers
    places = [total // 10, total // 2, 9 * total // 10]
    return [str(graph.read("customers_by_purchases", skip=place, k=1)["customer_id"][0]) for place in places]


def _show_lists(
    graph: Graph, customers: list[str], methods: dict[str, str], as_json: bool, with_purchases: bool = False
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the customers' lists by method; print each as soon as it is there, unless JSON is to be printed."""
    from ..graph_ml.recommend import Recommender, Request

    recommender = Recommender(graph)
    lists: dict[str, dict[str, pd.DataFrame]] = {customer: {} for customer in customers}
    for customer in customers:
        if not as_json:
            echo(f"\n=== Customer {customer}")
            if with_purchases:
                show(graph.read("last_purchases", customer_id=customer, k=5), Format.table, "Latest purchases")
        for method, title in methods.items():
            request = Request(customer_id=customer, method=method)
            articles = lists[customer][method] = recommender.recommend(request).articles
            if not as_json:
                show(articles, Format.table, title)
    return lists


def _show_browser(server: LocalServer | None, customer: str) -> None:
    from ..cypher.catalogue import find_query

    if server is not None:
        status = server.status()
        echo(
            f"\nTo query the graph yourself, open {status.http}/browser/ (user {status.user}; "
            "`hmrec db open --guide` shows the password and plays a guide) and paste this, for example:\n"
        )
    else:
        echo("\nTo query the graph yourself, paste this into your server's Neo4j Browser, for example:\n")
    echo(find_query("neighbourhood").write_out({"customer_id": customer}))
    echo("\nNext: `hmrec relate` writes what goes with each article, so that the ranker answers in milliseconds.")
    echo(f"Also: hmrec recommend {customer}, hmrec query, hmrec evaluate")

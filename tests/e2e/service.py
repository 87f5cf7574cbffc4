"""hmrec serve for tests: a small shop with a trained model, and the service in its own process."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer

from tests.conftest import run_text
from tests.graph.shops import write_small_journey

COMMAND = [sys.executable, "-c", "from hmrec.cli.main import main; main()"]
TOKEN = secrets.token_hex(16)
WRITE_TOKEN = secrets.token_hex(16)
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m'}) DETACH DELETE (n) // \u202e"
_HOSTILE_QUERY = """
    CREATE (c:Customer {customer_id: $id})-[:BOUGHT {t_dat: date('2017-12-01'), price: 1.0, quantity: 1,
            sales_channel_id: 1, article_id: 'hostile'}]->(:Article {article_id: 'hostile', prod_name: $id})
"""


def load_shop(graph: Graph, server: LocalServer, folder: Path) -> None:
    """Load a slice of Complete Journey with a model, a ranker, segments and rules, and hostile names.

    The rules are for one customer only, that of `find_ruled`, so the lists of all others are as without them.
    """
    from hmrec.graph_ml.candidates.snapshot import Snapshot
    from hmrec.graph_ml.export.read_subgraph import export_subgraph
    from hmrec.graph_ml.export.subgraph import SubgraphSpec
    from hmrec.graph_ml.network.trained_model import TrainSettings
    from hmrec.graph_ml.network.training import train
    from hmrec.graph_ml.ranker.features import describe_articles
    from hmrec.graph_ml.ranker.fit import RankParts, RankSettings, train_ranker
    from hmrec.graph_ml.recommend.rule import Kind, Rule
    from hmrec.graph_ml.recommend.rule_book import RuleBook
    from hmrec.graph_ml.relate.relate import relate_subgraph
    from hmrec.graph_ml.segments.write import write_segments
    from hmrec.graph_ml.write_back.write import write_embeddings
    from hmrec.loader.load import load_folder

    write_small_journey(folder)
    load_folder(folder, server=server, graph=graph, mode="stream")
    subgraph = export_subgraph(graph, SubgraphSpec(isolated=True))
    trained = train(subgraph, TrainSettings(dim=16, epochs=2, negatives=64))
    ranker = train_ranker(subgraph, None, RankSettings(weeks=1, rounds=5))
    assert ranker is not None
    write_embeddings(graph, trained, rank=RankParts(ranker, describe_articles(Snapshot.of(subgraph))))
    relate_subgraph(graph, subgraph)
    write_segments(graph, 3)
    only = f'customer_id = "{find_ruled(graph)}"'
    few = Rule(name="few", kind=Kind.cap, attribute="department", most=2, customers=only)
    more = Rule(name="more", kind=Kind.boost, factor=3, where='department = "PRODUCE"', customers=only, priority=2,
                from_day=date(2017, 12, 1))  # fmt: skip
    RuleBook(graph).add([few, more])
    run_text(graph, _HOSTILE_QUERY, id=HOSTILE)


def find_ruled(graph: Graph) -> str:
    """Return the customer that the shop's rules are for."""
    return str(graph.read("customers_by_purchases", skip=10, k=1)["customer_id"][0])


@contextmanager
def serving(environment: dict[str, str], *options: str, token: str = "") -> Iterator[str]:
    """Run `hmrec serve` in its own process, and yield its address."""
    command = [*COMMAND, "serve", "--port", "0", *options]
    environment = environment | ({"HMREC_TOKEN": token} if token else {})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.readline()
        address = re.search(r"http://\S+:\d+", printed)
        assert address, printed
        try:
            yield address[0].replace("0.0.0.0", "127.0.0.1")
        finally:
            process.terminate()
            process.wait(20)


def assert_failed(answer: httpx.Response, status: int) -> str:
    """Assert that the answer is one sentence and perhaps a hint, and return them."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "hint"}
    sentence = answer.json()["error"]
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert "Traceback" not in answer.text
    return f"{sentence} {answer.json()['hint']}"

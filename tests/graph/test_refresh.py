"""`hmrec refresh` does only what is needed and says why; `hmrec check`, /metrics and refresh have the same figures."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from fastapi.testclient import TestClient
from hmrec.cli.check import EXCEEDED
from hmrec.cli.main import app
from hmrec.cli.service.app import make_app
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.evaluate import evaluation
from hmrec.graph_ml.evaluate.outcome import ALL_CUSTOMERS
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.hybrid import train_hybrid
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import PRESETS, train
from hmrec.graph_ml.ranker.fit import RankSettings
from hmrec.graph_ml.ranker.orders import BLEND, Choice
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.refresh.check import RANKER, Limits, NoModelInForce, Quality, check, compare_shares
from hmrec.graph_ml.refresh.refresh import Step, explain_training, knows_purchases, refresh
from hmrec.graph_ml.write_back.write import write_embeddings
from typer.testing import CliRunner, Result

from tests.conftest import connection_environment
from tests.graph.shops import load_two_tastes

SMALL = TrainSettings(dim=8, epochs=2, negatives=16)
Run = Callable[..., Result]


class Shop(NamedTuple):
    """A shop with a network, and the files of the two weeks after its training."""

    graph: Graph
    later: Path


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    bought = load_two_tastes(module_graph, folder / "first", weeks=6)
    with pytest.raises(NoModelInForce):
        check(module_graph)
    write_embeddings(module_graph, train(export_subgraph(module_graph, SubgraphSpec(isolated=True)), SMALL))
    later = folder / "later"
    later.mkdir()
    last = bought["t_dat"].max()
    assert isinstance(last, dt.date)
    new = bought.filter(pl.col("t_dat") > last - dt.timedelta(days=14)).with_columns(
        pl.col("t_dat") + dt.timedelta(days=14),
        pl.col("customer_id").replace({"c03": "c99"}),
        pl.col("article_id").replace({"0000000000": "0000000099"}),
    )
    new.write_csv(later / "transactions_train.csv")
    return Shop(module_graph, later)


@pytest.fixture
def hmrec(connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name, value in (connection_environment(connection) | {"HMREC_HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(app, list(words))


def what_ran(steps: list[Step]) -> list[str]:
    return [step.name for step in steps if step.done]


def test_one_night_after_the_other(shop: Shop, hmrec: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shop.graph
    fresh = check(graph, quality=True)
    assert (fresh.age, fresh.customers, fresh.purchases, fresh.popularity) == (0, 0, 0, 0)
    assert 0 < fresh.usual < 1
    assert fresh.why == "the graph has less than 7 days of purchases that the training has not seen"
    assert what_ran(refresh(graph, dry_run=True)) == ["relationships"]
    assert what_ran(refresh(graph, dry_run=True)) == ["relationships"], "a dry run changes nothing"
    assert what_ran(refresh(graph)) == ["relationships"]
    assert what_ran(refresh(graph)) == []

    planned = hmrec("refresh", str(shop.later), "--dry-run")
    assert planned.stdout.startswith(f"load: would run: files are in {shop.later}.\nmodel: nothing to do: model 1 is ")
    assert read_state(graph).customers == 42
    ran = hmrec("refresh", str(shop.later), "--write", "--max-drop", "1", "--json")
    assert ran.exit_code == 0, ran.output
    texts = {step["name"]: step["text"] for step in json.loads(ran.stdout) if step["done"]}
    assert set(texts) == {"load", "embeddings", "relationships", "lists"}
    assert texts["embeddings"].startswith("1 customers and 1 articles were embedded. Why: some customers or articles")
    assert texts["lists"].startswith("Stored lists 1: ")
    assert len(Recommender(graph).recommend(Request(customer_id="c99", stored=True)).articles) == 12
    again = hmrec("refresh", str(shop.later), "--max-drop", "1")
    assert "the graph had them already" in again.stdout
    assert again.stdout.count("nothing to do: ") == 4
    graph.write("set_stock", rows=[{"article_id": "0000000005", "stock": 0}])
    assert what_ran(refresh(graph, limits=Limits(drop=1))) == ["lists"], "the stock changed, the purchases did not"

    drift = check(graph, quality=True)
    assert (drift.age, drift.customers, drift.articles) == (14, 0, 0)
    assert drift.quality is not None
    assert 0 < drift.quality.trained < 1
    assert 0 < drift.popularity < 1
    assert drift.purchases == 0.25
    done = hmrec("check", "--json")
    assert done.exit_code == (EXCEEDED if json.loads(done.stdout)["exceeded"] else 0)
    assert json.loads(done.stdout)["popularity"] == drift.popularity
    late = hmrec("check", "--max-age", "13")
    assert late.exit_code == EXCEEDED
    assert "HIGH days of purchases since the training: 14 (limit 13)" in late.stdout
    with TestClient(make_app(graph), base_url="http://localhost") as client:
        text = client.get("/metrics").text
    shown = dict(re.findall(r'^(hmrec_[a-z_]+(?:\{kind="\w+"\})?) (\S+)$', text, re.MULTILINE))
    assert float(shown['hmrec_unknown_share{kind="purchases"}']) == drift.purchases
    assert float(shown["hmrec_popularity_change"]) == drift.popularity
    assert float(shown["hmrec_training_age_days"]) == 14

    monkeypatch.setitem(PRESETS, "default", (SMALL, SubgraphSpec(isolated=True)))
    monkeypatch.setenv("HMREC_HOME", str(shop.later / "home"))
    old = refresh(graph, max_age=13, limits=Limits(drop=1), dry_run=True)
    assert what_ran(old) == ["model", "relationships", "lists"]
    assert old[0].text == "would run: days of purchases since the training: 14 (limit 13)."
    ran_at_last = what_ran(refresh(graph, max_age=13, limits=Limits(drop=1)))
    assert ran_at_last == ["model", "lists"], "the training wrote the relationships"
    assert check(graph).model == 2
    assert what_ran(refresh(graph, max_age=13)) == []


def test_the_rankers_own_lists_are_measured_if_there_is_a_ranker(
    shop: Shop, hmrec: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = shop.graph
    until = read_state(graph).until
    assert until is not None
    subgraph = export_subgraph(graph, SubgraphSpec(isolated=True, until=until - dt.timedelta(days=8)))
    trained, rank = train_hybrid(subgraph, SMALL, RankSettings(rounds=5, forests=1))
    assert rank is not None
    ranker = replace(rank.ranker, orders=(Choice(BLEND, "", 0.9), Choice(BLEND)))
    assert Ranker.from_text(ranker.to_text()).orders[0].value == 0.9
    version = write_embeddings(graph, trained, rank=replace(rank, ranker=ranker)).version

    drift = check(graph, quality=True)
    monkeypatch.setattr(evaluation, "train_ranker_for", lambda *given, **named: ranker)
    table = evaluation.evaluate(graph, methods=["hybrid"], version=version)
    (measured,) = table[(table["purchases"] == "all") & (table["segment"] == ALL_CUSTOMERS)]["map"]
    assert drift.quality is not None
    assert (drift.quality.by, drift.quality.trained) == (RANKER, 0.9)
    assert drift.quality.now == pytest.approx(measured)
    assert 0 < measured < 0.7
    assert "MAP@12 of the ranker in the week from" in hmrec("check", "--quality").stdout
    (model,) = [step for step in refresh(graph, dry_run=True) if step.name == "model"]
    assert model.text.startswith("would run: drop of the quality since the training: ")


def test_a_dropped_quality_needs_training_and_the_age_only_if_asked(shop: Shop) -> None:
    drift = replace(check(shop.graph), age=90)
    assert "drop" not in drift.measures
    weaker, weak = (replace(drift, quality=Quality(drift.until, now, 1.0, RANKER)) for now in (0.85, 0.75))
    assert explain_training(weaker, Limits(), by_age=False) == []
    assert explain_training(weak, Limits(), by_age=False) == [
        "drop of the quality since the training: 25.0 % (limit 20.0 %)"
    ]
    assert len(explain_training(weak, Limits(), by_age=True)) == 2
    with pytest.raises(UserMistake, match="The limit drop is invalid"):
        Limits.of(drop=2)


def test_an_embedding_that_was_killed_is_completed() -> None:
    trained, first, second = (dt.date(2020, 9, day) for day in (1, 8, 15))
    assert knows_purchases({"until": trained}, trained)
    assert not knows_purchases({"until": trained}, first)
    killed = {"until": first, "trained_until": trained}  # written before the facts about articles
    assert not knows_purchases(killed, first)
    assert knows_purchases(killed | {"embedded_until": first}, first)
    assert not knows_purchases(killed | {"until": second, "embedded_until": first}, second)


def test_the_distance_of_shares() -> None:
    assert compare_shares({"a": 3, "b": 1}, {"a": 6, "b": 2}) == 0
    assert compare_shares({"a": 3, "b": 1}, {"a": 1, "b": 1}) == pytest.approx(0.25)
    assert compare_shares({"a": 3}, {"b": 5}) == 1
    assert compare_shares({}, {"b": 5}) == 0

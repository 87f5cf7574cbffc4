"""Recall of candidates: the numbers by hand, and what hmrec evaluate --candidates prints."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from hmrec.cli.main import app
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.evaluate import candidates as module
from hmrec.graph_ml.evaluate.candidates import KINDS, UNION
from hmrec.graph_ml.evaluate.evaluation import make_truths
from hmrec.graph_ml.export.subgraph import Subgraph
from hmrec.graph_ml.holdout.split import hold_out
from typer.testing import CliRunner

from tests.unit.purchases import make_subgraph, make_two_tastes

DAY = 18_000


def measure(shop: Subgraph, names: tuple[str, ...], depths: tuple[int, ...]) -> Any:
    held = hold_out(shop)
    chosen = module._choose(names)
    parts = list(module._measure(held, make_truths(held, None), chosen, None, depths, lambda *_: None))
    joined = [module._Measured.join(kind, [part for part in parts if part.kind == kind]) for kind in KINDS]
    table = module._tabulate(joined, chosen, depths)
    table.attrs |= {"cut": "2020-01-01", "days": 7, "weeks": 1, "depths": list(depths)}
    return table


def test_recall_is_the_share_of_a_customers_purchases_that_is_among_the_first_candidates() -> None:
    before = [("c", "a", DAY), ("d", "a", DAY), ("d", "b", DAY + 1), ("e", "a", DAY + 1)]
    after = [("c", "a", DAY + 8), ("c", "b", DAY + 8), ("d", "z", DAY + 14)]
    table = measure(make_subgraph([*before, *after]), ("popular", "own_repurchases"), (1, 2)).set_index(
        ["purchases", "source"]
    )
    rows = table[["recall_at_1", "recall_at_2", "recall"]]
    assert rows.loc["all", "popular"].tolist() == [0.25, 0.25, 0.25]  # b, which c never had, of a and b; none for d
    assert rows.loc["all", "own_repurchases"].tolist() == [0.25, 0.25, 0.25]  # a for c
    assert rows.loc["all", UNION].tolist() == [0.5, 0.5, 0.5]
    assert rows.loc["new", "own_repurchases"].tolist() == [0, 0, 0]
    assert rows.loc["new", UNION].tolist() == [0.5, 0.5, 0.5]  # b for c
    assert table["customers"].tolist() == [2] * 6


def test_unknown_sources_are_refused() -> None:
    with pytest.raises(UserMistake, match="There is no source 'hybrid'"):
        module._choose(("popular", "hybrid"))
    assert [source.name for source in module._choose(None)][-1] == "gnn"


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_command_prints_the_table(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = measure(make_two_tastes(), ("popular", "own_repurchases"), (5, 12))
    asked = {}

    def evaluate(graph: Any, **given: Any) -> Any:
        asked.update(given)
        return table

    monkeypatch.setattr(module, "evaluate_candidates", evaluate)
    monkeypatch.setattr("hmrec.cli.evaluate.open_graph", lambda *_: nullcontext())
    words = ["evaluate", "--candidates", "--depths", "5,12", "--methods", "popular,own_repurchases", "--format", form]
    printed = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert printed.exit_code == 0, printed.output
    assert (asked["depths"], asked["sources"]) == ((5, 12), ("popular", "own_repurchases"))
    if form == "json":
        found = json.loads(printed.stdout)
        assert found["facts"]["depths"] == [5, 12]
        assert [row["source"] for row in found["rows"]] == ["own_repurchases", "popular", UNION] * 2
        assert found["rows"][2]["candidates"] is None
    else:
        for word in ("own_repurchases", "popular", UNION, "recall_at_12"):
            assert word in printed.stdout

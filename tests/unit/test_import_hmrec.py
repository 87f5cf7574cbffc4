"""`import hmrec` is quick, has the names that it lists, and refuses a wrong option in one sentence."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib.metadata import version
from typing import Any, cast

import hmrec
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.recommend import Campaign

from tests.unit.commands import list_commands

NOWHERE = cast(Graph, None)  # what is refused before the graph is read
SLOW = ("torch", "numpy", "pandas", "polars", "neo4j", "pydantic", "typer")


def test_the_import_brings_no_library() -> None:
    code = "import hmrec, json, sys; hmrec.__version__; hmrec.HmrecError; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert "hmrec.cypher.errors" in loaded
    assert set(SLOW) & set(loaded) == set()


def test_every_name_is_there() -> None:
    assert hmrec.__version__ == version("hmrec")
    assert sorted(hmrec.__all__) == dir(hmrec)
    for name in hmrec.__all__:
        assert getattr(hmrec, name) is not None
        assert name == "__version__" or inspect.getdoc(getattr(hmrec, name))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = hmrec.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "function", "own"),
    [
        ("train", hmrec.train, {"graph", "progress", "notify"}),
        ("evaluate", hmrec.evaluate, {"graph", "settings", "until", "peers", "baselines", "progress"}),
    ],
)
def test_the_options_are_those_of_the_command(command: str, function: Any, own: set[str]) -> None:
    options = {parameter.name for parameter in list_commands()[(command,)].params}
    assert set(inspect.signature(function).parameters) - own <= options


def test_the_options_of_all_lists_are_those_of_the_command() -> None:
    known = {option.lstrip("-").replace("-", "_") for p in list_commands()[("recommend",)].params for option in p.opts}
    named = set(inspect.signature(hmrec.recommend_all).parameters) - {"graph", "progress", "fields"}
    assert named <= known
    assert set(Campaign.__dataclass_fields__) <= named | {"form"}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: hmrec.recommend(NOWHERE, "1", k=0), "-k must be a whole number"),
        (lambda: hmrec.recommend(NOWHERE, "1", colours=["Red"]), "colours"),
        (lambda: hmrec.recommend_all(NOWHERE, format=cast(Any, "xml"), out="x"), "format is one of kaggle, csv"),
        (lambda: hmrec.recommend_all(NOWHERE, format="kaggle"), "Give out"),
        (lambda: hmrec.recommend_all(NOWHERE, shard="3"), "3/8"),
        (lambda: hmrec.train(NOWHERE, preset=cast(Any, "best")), "preset is one of default, lightgcn"),
        (lambda: hmrec.train(NOWHERE, epochs=0), "epochs: "),
        (lambda: hmrec.train(NOWHERE, device=cast(Any, "tpu")), "tpu"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(call: Any, sentence: str) -> None:
    with pytest.raises(hmrec.HmrecError) as caught:
        call()
    assert sentence in f"{caught.value.message} {caught.value.hint}"

"""TorchRec's tables, trained if TorchRec is installed; otherwise the error that says how to install it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hmrec.cypher.errors import HmrecError, UserMistake
from hmrec.graph_ml.holdout.ranking import rank_by_cosine
from hmrec.graph_ml.torchrec.engine import TableSettings, _explain, train_tables

from tests.unit.purchases import make_two_tastes

HAS_TORCHREC = "HMREC_TEST_TORCHREC_PYTHON" in os.environ or importlib.util.find_spec("torchrec") is not None


def test_tables_of_two_processes_learn_the_tastes_or_torchrec_is_reported_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "HMREC_TEST_TORCHREC_PYTHON" in os.environ:
        monkeypatch.setenv("HMREC_TORCHREC_PYTHON", os.environ["HMREC_TEST_TORCHREC_PYTHON"])
    subgraph, settings = make_two_tastes(), TableSettings(dim=16, epochs=20, batch_size=128)
    if not HAS_TORCHREC:
        with pytest.raises(UserMistake, match="not installed"):
            train_tables(subgraph, settings)
        return
    trained = train_tables(subgraph, settings)
    ranked = rank_by_cosine(trained.customers, trained.articles, 12)
    taste = np.array([int(outer[1:]) % 2 for outer in subgraph.customer_ids])
    kind = np.array([int(outer[1:]) // 15 for outer in subgraph.article_ids])
    assert (kind[ranked] == taste[:, None]).mean() > 0.95
    assert np.linalg.norm(trained.articles, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("errors", "sentence"),
    [
        ("ModuleNotFoundError: No module named 'torchrec'", "not installed"),
        ("OSError: Could not load this library: /x/fbgemm_gpu/fbgemm_gpu_py.so", "another version of PyTorch"),
        ("[rank0]: ValueError: no shard fits", "TorchRec failed: .*no shard fits"),
    ],
)
def test_failures_are_explained_in_one_line(errors: str, sentence: str) -> None:
    error = _explain(f"Traceback\n  {errors}\n")
    assert isinstance(error, HmrecError)
    assert len(str(error).splitlines()) == 1
    with pytest.raises(HmrecError, match=sentence):
        raise error


def test_a_wrong_path_to_python_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HMREC_TORCHREC_PYTHON", str(tmp_path / "python"))
    with pytest.raises(UserMistake, match="is not a Python"):
        train_tables(make_two_tastes())

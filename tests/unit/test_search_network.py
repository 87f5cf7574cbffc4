"""The network that finds the number of epochs serves the ranker, which then needs no other one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hmrec.graph_ml import hybrid
from hmrec.graph_ml.export.subgraph import to_days
from hmrec.graph_ml.hybrid import train_ranker_for
from hmrec.graph_ml.network import training
from hmrec.graph_ml.network.checkpoint import Checkpoint
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.ranker.fit import RankSettings, first_day

from tests.unit.purchases import make_two_tastes

QUICK = TrainSettings(dim=8, epochs=3, target_weeks=5, negatives=16)
QUICK_RANKER = RankSettings(rounds=3, forests=1)


def test_it_is_the_network_of_the_purchases_before_the_rankers_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_two_tastes(weeks=34)
    trained = train(shop, QUICK)
    assert trained.before is not None
    start = first_day(shop, QUICK_RANKER)
    assert to_days(trained.before.until) == start
    settings = trained.settings.model_copy(update={"validation_days": 0, "epochs": trained.epochs})
    other = train(shop.where(shop.time < start), settings)
    for name, weights in other.weights.items():
        np.testing.assert_array_equal(trained.before.weights[name], weights)
    monkeypatch.setattr(hybrid, "train", None)
    assert train_ranker_for(trained, shop, QUICK_RANKER) is not None


class Killed(BaseException):
    """Simulates a SIGKILL between two epochs; nothing catches it."""


@pytest.mark.parametrize("step", ["Training: finding the best epoch", "Training on all purchases"])
def test_a_killed_training_keeps_it(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_best", lambda history: history[-1])  # so that the last training has two epochs
    shop, settings = make_two_tastes(weeks=34), QUICK.model_copy(update={"epochs": 2})
    whole = train(shop, settings)
    assert whole.epochs > 1
    epochs = 0

    def die(shown: str, *_: object) -> None:
        nonlocal epochs
        epochs += shown.startswith(step) and "loss" in shown
        if epochs == 2:
            raise Killed

    checkpoint = Checkpoint(tmp_path / "training.safetensors", every=0)
    with pytest.raises(Killed):
        train(shop, settings, die, checkpoint)
    resumed = train(shop, settings, checkpoint=checkpoint)
    assert (resumed.articles == whole.articles).all()
    assert resumed.before is not None
    assert whole.before is not None
    for name, weights in whole.before.weights.items():
        np.testing.assert_array_equal(resumed.before.weights[name], weights)


def test_in_a_short_history_the_ranker_has_a_network_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_two_tastes()
    trained = train(shop, QUICK)
    assert trained.before is not None
    assert to_days(trained.before.until) > first_day(shop, QUICK_RANKER)
    asked = []
    monkeypatch.setattr(hybrid, "train", lambda part, *given, **named: asked.append(part.until) or train(part, *given))
    assert train_ranker_for(trained, shop, QUICK_RANKER) is not None
    assert [to_days(until) for until in asked] == [first_day(shop, QUICK_RANKER)]

"""Training: it learns the tastes, is reproducible, and never uses purchases after the cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import Subgraph, SubgraphSpec, to_days
from hmrec.graph_ml.holdout.ranking import rank_by_cosine
from hmrec.graph_ml.holdout.split import hold_out
from hmrec.graph_ml.network.checkpoint import Checkpoint
from hmrec.graph_ml.network.epochs import START_POWERS
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import PRESETS, train
from hmrec.graph_ml.network.validation import split_validation

from tests.graph.shops import load_two_tastes

SMALL = TrainSettings(dim=16, epochs=6, negatives=64)


@pytest.fixture(scope="module")
def subgraph(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Subgraph:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    return export_subgraph(module_graph)


def share_of_own_taste(subgraph: Subgraph, settings: TrainSettings) -> float:
    trained = train(subgraph, settings)
    ranked = rank_by_cosine(trained.customers, trained.articles, 12)
    customer = np.array([int(outer[1:]) for outer in trained.customer_ids])
    article = np.array([int(outer) for outer in trained.article_ids])
    return float((article[ranked] % 2 == (customer % 2)[:, None]).mean())


@pytest.mark.parametrize("loss", ["softmax", "bpr", "softplus"])
@pytest.mark.parametrize("target_weeks", [0, 8])
def test_customers_are_near_the_articles_of_their_taste(subgraph: Subgraph, loss: str, target_weeks: int) -> None:
    settings = SMALL.model_copy(update={"loss": loss, "target_weeks": target_weeks})
    assert share_of_own_taste(subgraph, settings) > 0.95  # by chance 0.5


def test_training_moves_embeddings_from_their_start(subgraph: Subgraph) -> None:
    """Without layers, only training can move a customer towards articles."""
    few = SMALL.model_copy(update={"layers": 0, "epochs": 1, "validation_days": 0, "learning_rate": 1e-6})
    many = few.model_copy(update={"epochs": 40, "learning_rate": 0.02})
    assert share_of_own_taste(subgraph, few) < 0.7
    assert share_of_own_taste(subgraph, many) > 0.95


def test_training_twice_returns_the_same_embeddings(subgraph: Subgraph) -> None:
    settings = SMALL.model_copy(update={"dropout": 0.1})
    first, second = train(subgraph, settings), train(subgraph, settings)
    assert (first.customers == second.customers).all()
    assert (first.articles == second.articles).all()
    assert first.history == second.history
    other = train(subgraph, settings.model_copy(update={"seed": 1}))
    assert not np.allclose(first.articles, other.articles)


def test_embeddings_have_length_one_in_float32(subgraph: Subgraph) -> None:
    trained = train(subgraph, SMALL)
    for vectors, ids in ((trained.customers, subgraph.customer_ids), (trained.articles, subgraph.article_ids)):
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(ids), 16)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_training_stops_early_and_restarts_for_the_best_number_of_epochs(subgraph: Subgraph) -> None:
    settings = SMALL.model_copy(update={"epochs": 60, "patience": 2})
    trained = train(subgraph, settings)
    assert len(trained.history) < 60
    best = max(trained.history, key=lambda epoch: epoch.score)
    assert trained.epochs == best.epoch
    assert len(trained.history) - best.epoch == 2
    again = train(subgraph, trained.settings.model_copy(update={"epochs": best.epoch, "validation_days": 0}))
    assert (again.articles == trained.articles).all()


def test_the_final_weights_are_the_running_mean_of_the_epochs(subgraph: Subgraph) -> None:
    settings = SMALL.model_copy(update={"validation_days": 0, "averaging": 0.0})
    first, second = (train(subgraph, settings.model_copy(update={"epochs": epochs})).weights for epochs in (1, 2))
    mean = train(subgraph, settings.model_copy(update={"epochs": 2, "averaging": 0.75})).weights
    assert any((first[name] != second[name]).any() for name in mean)
    for name, value in mean.items():
        assert value == pytest.approx(0.75 * first[name] + 0.25 * second[name], rel=1e-4, abs=1e-6)


def test_validation_folds_end_before_their_held_out_days(subgraph: Subgraph) -> None:
    folds = split_validation(subgraph, SMALL.model_copy(update={"validation_days": 2, "validation_times": 2}))
    assert [to_days(subgraph.until) - int(fold.before.time.max()) - 1 for fold in folds] == [2, 4]
    assert len(split_validation(subgraph, SMALL)) == 1  # a shop of three weeks


def test_later_purchases_do_not_change_training_before_the_cut(subgraph: Subgraph) -> None:
    held = hold_out(subgraph)
    twisted = subgraph.article.copy()
    late = subgraph.time >= subgraph.time.max() - 6
    twisted[late] = len(subgraph.article_ids) - 1 - twisted[late]
    other = replace(subgraph, article=twisted)
    assert (train(held.before, SMALL).articles == train(hold_out(other).before, SMALL).articles).all()


def test_the_lightgcn_preset_has_the_sources_settings(module_graph: Graph, subgraph: Subgraph) -> None:
    settings, spec = PRESETS["lightgcn"]
    assert (settings.learning_rate, settings.weight_decay, settings.dropout) == (0.01, 0.001, 0.01)
    assert (settings.epochs, settings.loss, settings.beta, spec.rows) == (50, "softplus", 1.5, 20_000)
    trained = train(export_subgraph(module_graph, spec), settings)
    assert trained.epochs == 50
    assert trained.purchases == subgraph.num_edges


def test_the_start_power_is_that_of_the_best_first_epoch(subgraph: Subgraph) -> None:
    scores = {}
    for power in START_POWERS:
        trained = train(subgraph, SMALL.model_copy(update={"start_power": power, "epochs": 1}))
        assert trained.settings.start_power == power
        scores[power] = trained.history[0].score
    trained = train(subgraph, SMALL)
    assert trained.settings.start_power == max(scores, key=lambda power: scores[power])
    assert trained.history[0].score == max(scores.values())  # chosen before any training


def test_a_day_of_purchases_is_enough_to_train(module_graph: Graph, subgraph: Subgraph) -> None:
    day = export_subgraph(module_graph, SubgraphSpec(until=subgraph.since.replace(day=subgraph.since.day + 1)))
    trained = train(day, SMALL)
    assert trained.history == ()
    assert np.isfinite(trained.articles).all()


class Killed(BaseException):
    """Simulates a SIGKILL between two epochs; nothing catches it."""


@pytest.mark.parametrize("validation_days", [0, 7])
def test_a_killed_training_continues_and_ends_like_an_undisturbed_one(
    subgraph: Subgraph, tmp_path: Path, validation_days: int
) -> None:
    settings = SMALL.model_copy(update={"dropout": 0.1, "validation_days": validation_days})
    checkpoint = Checkpoint(tmp_path / "training.safetensors", every=0)
    reported = 0

    def die(step: str, *_: object) -> None:
        nonlocal reported
        reported += "loss" in step  # an epoch
        if reported == 4:  # three checkpoints were saved
            raise Killed

    with pytest.raises(Killed):
        train(subgraph, settings, die, checkpoint)
    assert checkpoint.file.exists()
    reported = -100
    resumed, whole = train(subgraph, settings, die, checkpoint), train(subgraph, settings)
    assert reported < -100 + len(whole.history) + whole.epochs  # finished work was not repeated
    assert resumed.settings == whole.settings
    assert (resumed.articles == whole.articles).all()
    assert resumed.history == whole.history
    assert not checkpoint.file.exists()


def test_a_checkpoint_of_other_purchases_or_a_damaged_one_is_ignored(subgraph: Subgraph, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "training.safetensors", every=0)
    checkpoint.file.write_bytes(b"no tensors")
    assert (train(subgraph, SMALL, checkpoint=checkpoint).articles == train(subgraph, SMALL).articles).all()
    checkpoint.save({"key": "another"}, {})
    assert checkpoint.load("mine") is None


@pytest.mark.parametrize(("validation_days", "searched"), [(0, 0), (7, 3)])
def test_an_interrupt_keeps_the_best_so_far(subgraph: Subgraph, validation_days: int, searched: int) -> None:
    reported = 0

    def interrupt(step: str, *_: object) -> None:
        nonlocal reported
        reported += "loss" in step
        if reported == 3 and "loss" in step:
            raise KeyboardInterrupt

    trained = train(subgraph, SMALL.model_copy(update={"validation_days": validation_days}), interrupt)
    assert trained.interrupted
    assert len(trained.history) == searched
    assert np.linalg.norm(trained.articles, axis=1) == pytest.approx(1, abs=1e-5)
    ranked = rank_by_cosine(trained.customers, trained.articles, 12)
    customer = np.array([int(outer[1:]) for outer in trained.customer_ids])
    article = np.array([int(outer) for outer in trained.article_ids])
    assert (article[ranked] % 2 == (customer % 2)[:, None]).mean() > 0.8


def test_progress_reports_each_epoch(subgraph: Subgraph) -> None:
    reported: list[tuple[str, float, float | None]] = []
    trained = train(subgraph, SMALL, lambda *step: reported.append(step))
    assert [done for step, done, _ in reported if step.startswith("Training on")] == list(range(trained.epochs + 1))
    # the first epoch of the search belongs to finding the best start
    assert [done for step, done, _ in reported if "best epoch" in step] == list(range(1, len(trained.history) + 1))

"""Measure drift: what the model in force does not know, and how much has changed since its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...cypher.errors import NoRanker, UserMistake
from ...cypher.graph import Graph
from ...cypher.limits import DRIFT, DRIFT_DAYS
from ...cypher.progress import Progress, silent
from ...cypher.state import GraphState, read_state
from ..recommend.active_ranker import ActiveRanker
from ..write_back.versions import list_versions

if TYPE_CHECKING:
    from ..holdout.split import HoldOut
    from ..network.trained_model import TrainedModel
    from ..ranker.ranker import Ranker

RANKER = "the ranker"
"""Whose lists are measured if the model in force has one."""
NETWORK = "the network"
"""Whose lists are measured without a ranker."""
SALES_DAYS = 28
"""Over how many days the articles' shares of the purchases are compared."""


def _share(name: str, description: str) -> Any:
    return Field(default=DRIFT[name], ge=0, le=1, description=description)


class Limits(BaseModel):
    """What `check` accepts. Shares and distances are between 0 and 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: float = _share("customers", "Share of customers without an embedding")
    articles: float = _share("articles", "Share of articles without an embedding")
    purchases: float = _share("purchases", "Share of purchases made since the training")
    popularity: float = _share("popularity", "Change of the articles' sales beyond that from month to month")
    age: int = Field(default=DRIFT_DAYS, ge=0, le=36_525, description="Days of purchases since the training")
    drop: float = _share("drop", "Drop of the quality, as a share of that at training")

    @classmethod
    def of(cls, **given: Any) -> Limits:
        """Return the limits with some values given.

        Raises
        ------
        UserMistake : a value is out of range.
        """
        try:
            return cls.model_validate({name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            raise UserMistake(f"The limit {first['loc'][0]} is invalid: {first['msg'].rstrip('.')}.") from error


class Quality(NamedTuple):
    """The quality of a model's lists on the last week, beside that at its training.

    Attributes
    ----------
    first : the first day of the week.
    now : MAP@12 of the week, of all purchases.
    trained : the same on the weeks held out of the training.
    by : whose lists: `RANKER` or, without one, `NETWORK`.
    """

    first: date
    now: float
    trained: float
    by: str

    @property
    def drop(self) -> float:
        """How much lower it is, as a share of that at training; negative if it is higher."""
        return 1 - self.now / self.trained if self.trained else 0.0


@dataclass(frozen=True)
class Drift:
    """What the model in force does not know.

    Attributes
    ----------
    model : number of the version in force.
    trained_until : the day after the last purchase of its training.
    until : the day after the graph's last purchase.
    age : days between the two.
    embedded : when nodes last received its embeddings, ISO 8601.
    customers, articles : shares without an embedding.
    purchases : share of the purchases made since the training.
    popularity : total variation between the articles' shares of the purchases in the last 28 days before the training's
        end and in the last 28 days: from 0, the same shares, to 1, no article in common.
    usual : the same distance between the last 28 days before the training's end and the 28 days before those.
    quality : None if it was not requested, or cannot be measured.
    why : why it cannot be measured; otherwise empty.
    """

    model: int
    trained_until: date
    until: date
    age: int
    embedded: str
    customers: float
    articles: float
    purchases: float
    popularity: float
    usual: float
    quality: Quality | None = None
    why: str = ""

    @property
    def measures(self) -> dict[str, float]:
        """The figures that have a limit, by its name."""
        found = {name: float(getattr(self, name)) for name in ("customers", "articles", "purchases", "age")}
        found["popularity"] = max(0.0, self.popularity - self.usual)
        return found | ({"drop": self.quality.drop} if self.quality is not None else {})

    def list_findings(self, limits: Limits) -> list[Finding]:
        """Return each measure beside its limit."""
        return [
            Finding(name, value, float(getattr(limits, name)), value > getattr(limits, name))
            for name, value in self.measures.items()
        ]

    def to_dict(self, limits: Limits) -> dict[str, Any]:
        """Return the drift for JSON, with the names of the limits that are exceeded."""
        quality = self.quality and {**self.quality._asdict(), "drop": self.quality.drop}
        exceeded = [one.name for one in self.list_findings(limits) if one.is_exceeded]
        return asdict(self) | {"quality": quality, "exceeded": exceeded, "limits": limits.model_dump()}


class Finding(NamedTuple):
    """A measure beside its limit.

    Attributes
    ----------
    name : the name of the limit.
    value, limit : the measure and its limit.
    is_exceeded : whether the measure is greater.
    """

    name: str
    value: float
    limit: float
    is_exceeded: bool

    def describe(self) -> str:
        """Describe the finding in a line."""
        unit = "" if self.name == "age" else "%"
        value, limit = (f"{one:,.0f}" if not unit else f"{one:.1%}".replace("%", " %") for one in self[1:3])
        return f"{DESCRIPTIONS[self.name]}: {value} (limit {limit})"


DESCRIPTIONS = {
    "customers": "customers without an embedding",
    "articles": "articles without an embedding",
    "purchases": "purchases since the training",
    "age": "days of purchases since the training",
    "popularity": "change of the articles' sales beyond the usual",
    "drop": "drop of the quality since the training",
}
"""By the name of a limit, what is measured."""


class NoModelInForce(UserMistake):
    """No model is in force."""

    def __init__(self) -> None:
        super().__init__("No model is in force, so nothing can drift from it.", "`hmrec train` trains the first one.")


def check(graph: Graph, *, quality: bool = False, progress: Progress = silent) -> Drift:
    """Return what the model in force does not know. The graph is only read.

    Parameters
    ----------
    graph : the graph.
    quality : measure the quality on the last week, too; this exports the graph.
    progress : receives the steps.

    Raises
    ------
    NoModelInForce : no model is in force.
    UserMistake : the graph has no purchases.
    """
    state = read_state(graph)
    return measure(graph, state, quality=quality, progress=progress)


def measure(graph: Graph, state: GraphState, *, quality: bool = False, progress: Progress = silent) -> Drift:
    """Return what `check` returns, for a state that was read.

    Parameters
    ----------
    graph, quality, progress : as for `check`.
    state : the graph's state.

    Raises
    ------
    NoModelInForce, UserMistake : as for `check`.
    """
    if state.model is None:
        raise NoModelInForce
    if state.until is None:
        raise UserMistake("The graph has no purchases.", "Load some first: hmrec load DIR")
    (version,) = list_versions(graph, state.model.version)
    trained_until = date.fromisoformat(str(version.model.get("trained_until") or version.model["until"]))
    progress("Counting what the model does not know", 0, None)
    ((customers, no_customers, articles, no_articles, bought, since),) = graph.read_rows(
        "unknown_to_model", since=trained_until
    )[1]
    then = _read_sales(graph, trained_until)
    found, why = None, ""
    if quality:
        found, why = _measure_quality(graph, state, version.model, trained_until, progress)
    return Drift(
        model=state.model.version,
        trained_until=trained_until,
        until=state.until,
        age=max(0, (state.until - trained_until).days),
        embedded=state.model.embedded,
        customers=no_customers / max(1, customers),
        articles=no_articles / max(1, articles),
        purchases=since / max(1, bought),
        popularity=compare_shares(then, _read_sales(graph, state.until)),
        usual=compare_shares(_read_sales(graph, trained_until - timedelta(days=SALES_DAYS)), then),
        quality=found,
        why=why,
    )


def compare_shares(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Return the total variation distance of two distributions: half the sum of the differences of the shares.

    0 if one of both is empty.

    Parameters
    ----------
    before, after : counts by name.
    """
    sums = sum(before.values()), sum(after.values())
    if not all(sums):
        return 0.0
    names = before.keys() | after.keys()
    return sum(abs(before.get(name, 0) / sums[0] - after.get(name, 0) / sums[1]) for name in names) / 2


def _read_sales(graph: Graph, end: date) -> dict[str, int]:
    """Return the articles' purchases in the last days before a day."""
    first = end - timedelta(days=SALES_DAYS)
    return {str(name): int(count) for name, count in graph.read_rows("sales_between", first=first, end=end)[1]}


def _measure_quality(
    graph: Graph, state: GraphState, model: Mapping[str, Any], trained_until: date, progress: Progress
) -> tuple[Quality | None, str]:
    """Return the quality on the last week that the training has not seen, or why there is none."""
    from ..export.kept import export_kept
    from ..export.read_views import add_views
    from ..export.subgraph import SubgraphSpec, to_days
    from ..holdout.split import hold_out
    from ..network.own_vectors import embed_again
    from ..write_back.versions import load_version

    ranker = _find_ranker(graph, state, model)
    trained = model.get("validation_map_all") if ranker is None else model["ranker_all_map"]
    if not trained:
        return None, "the model has no quality of its training to compare with"
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    network = load_version(graph, int(model["version"]))
    if not network.weights:
        return None, "the model has only vectors, and no network for a week of its own"
    days = network.settings.validation_days or 7
    if to_days(subgraph.until) - days < to_days(trained_until):
        return None, f"the graph has less than {days} days of purchases that the training has not seen"
    if ranker is not None:
        subgraph = add_views(graph, subgraph, to_days(subgraph.until) - days, progress)
    held = hold_out(subgraph, days)
    progress("Measuring the quality on the last week", 0, None)
    network = embed_again(network, held.before, to_days(held.cut))
    now = _score_network(held, network) if ranker is None else _score_ranker(held, network, ranker)
    if now is None:
        return None, "no customer with a history bought anything in the last week"
    return Quality(held.cut, now, float(trained), NETWORK if ranker is None else RANKER), ""


def _find_ranker(graph: Graph, state: GraphState, model: Mapping[str, Any]) -> Ranker | None:
    """Return the ranker in force if it can be used and its quality at training is known."""
    if state.model is None or not state.model.has_ranker or not model.get("ranker_all_map"):
        return None
    try:
        return ActiveRanker(graph).read(state)
    except NoRanker:
        return None


def _score_network(held: HoldOut, network: TrainedModel) -> float | None:
    """Return MAP@12 of the network's lists, as validation measures it; None without customers."""
    from ..holdout.ranking import make_truth
    from ..network.validation import sum_precision

    truth = make_truth(held, new_only=False)
    number = len(truth.customers)
    return sum_precision((network.customers, network.articles), truth) / number if number else None


def _score_ranker(held: HoldOut, network: TrainedModel, ranker: Ranker) -> float | None:
    """Return MAP@12 of the ranker's lists, for as many customers as its training takes of a week; None without any."""
    from ..evaluate.evaluation import make_truths
    from ..holdout.metrics import LENGTH, average_precision
    from ..holdout.ranking import mark_hits
    from ..hybrid import make_ranking_context
    from ..ranker.fit import RankSettings

    truth = make_truths(held, RankSettings().customers)["all"]
    if not len(truth.customers):
        return None
    lists = make_ranking_context(held, network, ranker).rank(ranker, truth.customers, LENGTH, new_only=False)
    return float(average_precision(mark_hits(lists, truth), truth.relevant).mean())

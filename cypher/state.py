"""GraphState: the facts that results depend on, read by one query so that they are consistent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, NamedTuple

from .graph import Graph
from .learned_cf import CfParameters, LearnedCf


@dataclass(frozen=True)
class Counts:
    """The graph's numbers of nodes and relationships, from the count store, in constant time.

    Attributes
    ----------
    nodes, relationships : of every kind.
    customers, articles : nodes of these labels.
    bought : purchases; equal ones of a day count once.
    """

    nodes: int
    relationships: int
    customers: int
    articles: int
    bought: int


class Load(NamedTuple):
    """A load into the graph: its id, and when it finished (None if it is running or was interrupted)."""

    id: str
    finished: str | None


@dataclass(frozen=True)
class ActiveModel:
    """The model whose embeddings and trees are used for recommendations.

    Attributes
    ----------
    version : its number; a replaced or restored graph starts again at 1, hence `created`.
    created : when it was written to the graph, ISO 8601.
    embedded : when nodes last received its embeddings, ISO 8601.
    until : the day after the last purchase in its training data.
    dim : size of an embedding.
    staged : whether the embeddings are in `embedding_staged`, not in `embedding`.
    has_ranker : whether it has trees that rank candidates.
    cf : parameters of `user_based_cf` that its training learned; None if it learned none.
    """

    version: int
    created: str
    embedded: str
    until: date
    dim: int
    staged: bool
    has_ranker: bool
    cf: LearnedCf | None = None


@dataclass(frozen=True)
class GraphState:
    """The facts that results depend on.

    Attributes
    ----------
    database : the server's id of the database; a recreated database has another.
    customers, articles : number of nodes.
    bought : number of purchases.
    loads : every load of hmrec's, newest first.
    until : the day after the last purchase; None without purchases.
    model : the active model; None before the first training.
    stock : how often `hmrec stock` changed the articles' availability.
    events : how often events changed purchases.
    rules : the shop's rules as JSON, by name.
    experiments : the running experiment, and those that kept a method, as JSON, by name.
    segments : version of the segments in force, and how many customers they have; rules may be for a segment.
    lists : version of the stored lists in force; 0 without any.
    """

    database: str
    customers: int
    articles: int
    bought: int
    loads: tuple[Load, ...]
    until: date | None
    model: ActiveModel | None
    stock: int = 0
    events: int = 0
    rules: tuple[str, ...] = ()
    segments: tuple[int, int] = (0, 0)
    experiments: tuple[str, ...] = ()
    lists: int = 0

    @property
    def newest_load(self) -> Load | None:
        """The load that started last; None if hmrec has loaded nothing into this graph."""
        return self.loads[0] if self.loads else None

    @property
    def checksum(self) -> str:
        """A checksum of all that lists depend on, without the stored lists and the experiments, which choose a list."""
        return _hash({name: value for name, value in asdict(self).items() if name not in ("lists", "experiments")})

    @property
    def purchase_checksum(self) -> str:
        """A checksum of what changes when purchases do."""
        return _hash([self.database, self.customers, self.articles, self.bought, self.loads, self.until, self.events])

    @property
    def model_version(self) -> int | None:
        """Version of the active model; None without one."""
        return self.model.version if self.model is not None else None

    @property
    def article_version(self) -> tuple[object, ...]:
        """What changes when a load changes articles, or another model's embeddings and facts come into force."""
        return (self.database, self.articles, self.loads, self.model)

    @property
    def is_settled(self) -> bool:
        """Whether every load has finished."""
        return all(load.finished is not None for load in self.loads)

    @property
    def is_cacheable(self) -> bool:
        """Whether answers may be cached until the state changes.

        They may if the newest load has finished. If hmrec loaded nothing, other programs fill the graph, and can change
        it without changing its state.
        """
        return self.newest_load is not None and self.newest_load.finished is not None


def _hash(known: Any) -> str:
    return hashlib.blake2b(json.dumps(known, default=str, sort_keys=True).encode(), digest_size=16).hexdigest()


def read_state(graph: Graph) -> GraphState:
    """Return the graph's current state."""
    (state,) = graph.read_as(_make_state, "graph_state")
    return state


def read_counts(graph: Graph) -> Counts:
    """Return the graph's current sizes."""
    (counts,) = graph.read_as(Counts, "counts")
    return counts


def write_rule(rule: dict[str, Any]) -> str:
    """Return the properties of a (:Rule) or an (:Experiment) as JSON, with days and times as ISO text."""
    return json.dumps(rule, default=str, sort_keys=True, ensure_ascii=False)


def _make_state(
    loads: list[list[Any]],
    model: dict[str, Any] | None,
    rules: list[dict[str, Any]],
    experiments: list[dict[str, Any]],
    segments: list[int],
    **others: Any,
) -> GraphState:
    active = None if model is None else _make_model(**model)
    loaded = tuple(Load(*load) for load in loads)
    version, customers = segments
    return GraphState(
        **others,
        loads=loaded,
        rules=tuple(map(write_rule, rules)),
        experiments=tuple(map(write_rule, experiments)),
        segments=(version, customers),
        model=active,
    )


def _make_model(cf_all: dict[str, Any] | None, cf_new: dict[str, Any] | None, **others: Any) -> ActiveModel:
    learned = LearnedCf(CfParameters(**cf_all), CfParameters(**cf_new)) if cf_all and cf_new else None
    return ActiveModel(**others, cf=learned)

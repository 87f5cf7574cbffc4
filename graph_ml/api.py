"""The functions of `import hmrec` that do what commands do: load, train, recommend.

Input: an open graph and the commands' options, as keywords. Output: receipts, lists and frames. Progress and notes go
to the caller's functions; nothing is printed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from pydantic import BaseModel, ValidationError

from ..cypher.errors import UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import Notify, Progress, silent

if TYPE_CHECKING:
    import pandas as pd

    from ..loader.report import LoadReport
    from .export.subgraph import Subgraph
    from .network.devices import DeviceName
    from .network.trained_model import TrainedModel
    from .recommend import Recommendations
    from .train_shop import Training

_Model = TypeVar("_Model", bound=BaseModel)
_Choice = TypeVar("_Choice", bound=str)


def load(graph: Graph, folder: str | Path, **options: Any) -> LoadReport:
    """Load a folder of files into the graph, as `hmrec load` does. Loading the same files again changes nothing.

    An empty graph on the local server is loaded by its bulk import.

    Parameters
    ----------
    graph : an open graph.
    folder : contains transactions_train, and optionally customers and articles; or a .zip of them.
    options : those of `load_folder`, such as `replace=True`.

    Raises
    ------
    UserMistake : a file, a column or an option is wrong, or too many rows are bad. Nothing has changed then.
    LoadRunning : another load is running on this server.
    """
    from ..cypher.local.server import LocalServer
    from ..loader.load import load_folder

    server = LocalServer()
    is_there = server.is_installed and server.connection().uri == graph.uri
    return load_folder(Path(folder), server=server if is_there else None, graph=graph, **options)


def recommend(graph: Graph, customer: str | None = None, **fields: Any) -> Recommendations:
    """Recommend articles for a customer or a cart, each with its reason, as `hmrec recommend` does.

    To recommend often, keep a `Recommender`: it caches the trained ranker.

    Parameters
    ----------
    graph : an open graph.
    customer : the customer's id; None for a cart of an unknown visitor.
    fields : those of `Request`, such as `k=5` or `department=("GROCERY",)`.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    UserMistake : a field is unknown or invalid.
    """
    from .recommend import Recommender, Request

    return Recommender(graph).recommend(Request(customer_id=customer, **fields))


@overload
def recommend_all(graph: Graph, out: str | Path, **options: Any) -> int: ...


@overload
def recommend_all(graph: Graph, out: None = None, **options: Any) -> pd.DataFrame: ...


def recommend_all(
    graph: Graph,
    out: str | Path | None = None,
    *,
    format: Literal["kaggle", "csv", "parquet"] | None = None,
    customers: Sequence[str] | None = None,
    segment: Sequence[str] = (),
    customers_where: str = "",
    active_days: int | None = None,
    shard: str = "1/1",
    columns: Sequence[str] = (),
    progress: Progress = silent,
    **fields: Any,
) -> int | pd.DataFrame:
    """Recommend to all or some customers at once, as `hmrec recommend --all` does.

    Parameters
    ----------
    graph : an open graph.
    out : the file to write; None returns the lists instead.
    format : of the file; None for Parquet if its name ends in .parquet, and otherwise Kaggle's.
    customers : ids of customers; None for all.
    segment : only customers of one of these segments.
    customers_where : only customers with these properties, such as `age >= 30`.
    active_days : only customers with a purchase in this many days before the day of the lists.
    shard : the I-th of N parts of these customers, such as `3/8`.
    columns : further columns, such as `prod_name` and `because`.
    progress : called with the number of customers done.
    fields : those of `Request`, such as `k=5` or `method="popular"`.

    Returns
    -------
    The number of customers in the file; without a file, a frame with a row for each article of each list.

    Raises
    ------
    UserMistake : an option is unknown or invalid, `format` is given without a file, or the graph has no such customers.
    """
    from .recommend import Campaign, ListForm, Recommender, Request
    from .recommend.campaign import parse_shard

    if format is not None and out is None:
        raise UserMistake("format is that of a file, and there is none.", "Give out, or leave format out.")
    request = Request(**fields)
    campaign = Campaign(
        form=ListForm.parquet if out is None else format and ListForm(_check_choice("format", format, tuple(ListForm))),
        customers=None if customers is None else tuple(customers),
        active_days=active_days,
        segment=tuple(segment),
        customers_where=customers_where,
        shard=parse_shard(shard),
        columns=tuple(columns),
    )
    recommender = Recommender(graph)
    if out is not None:
        return recommender.recommend_all(request, Path(out), campaign=campaign, progress=progress)
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="hmrec-") as folder:
        file = Path(folder, "lists.parquet")
        recommender.recommend_all(request, file, campaign=campaign, progress=progress)
        return pd.read_parquet(file)


def train(
    graph: Graph,
    *,
    preset: Literal["default", "lightgcn"] = "default",
    since: date | None = None,
    until: date | None = None,
    customers: int | None = None,
    category: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    most_purchases: int | None = None,
    engine: Literal["hmrec", "torchrec"] = "hmrec",
    ranker: bool = True,
    fresh: bool = False,
    customer_index: bool = False,
    device: DeviceName = "auto",
    progress: Progress = silent,
    notify: Notify | None = None,
) -> Training:
    """Train on the graph and write the embeddings back to its nodes, as `hmrec train` does.

    If the whole graph is read, it also learns the parameters of `user_based_cf`, trains the ranker, and writes the
    relationships between articles. If it is killed, the same call continues from the last checkpoint.

    Parameters
    ----------
    graph : an open graph.
    preset : default, or lightgcn: the source project's training, on 20,000 rows.
    since, until : only purchases from the first day on, and before the second.
    customers : only this many customers, the first by id.
    category : only articles of that department, product group or index group.
    epochs : maximum number of epochs.
    seed : the same seed trains the same embeddings.
    most_purchases : train on a sample of customers with about this many purchases in total; 0 for all.
    engine : hmrec, or torchrec for tables over two processes without the graph.
    ranker : train the ranker, too, if the whole graph is read.
    fresh : ignore the cached export and read the graph again.
    customer_index : create a vector index of customers, too.
    device : where to compute, as for `choose_device`.
    progress : receives the steps.
    notify : called with a sentence if no checkpoint can be saved; None for no messages.

    Raises
    ------
    UserMistake : an option is invalid, or the graph has too few purchases.
    """
    from .network.devices import DeviceName, choose_device
    from .network.training import PRESETS
    from .train_shop import train_shop

    choose_device(_check_choice("device", device, get_args(DeviceName)))  # refuse before anything is read
    settings, spec = PRESETS[_check_choice("preset", preset, tuple(PRESETS))]
    _check_choice("engine", engine, ("hmrec", "torchrec"))
    spec = _change(spec, since=since, until=until, customers=customers, category=category)
    settings = _change(settings, epochs=epochs, seed=seed, most_purchases=most_purchases or None)
    if most_purchases == 0:
        settings = settings.model_copy(update={"most_purchases": None})

    def train_by_torchrec(subgraph: Subgraph) -> TrainedModel:
        from .torchrec.engine import TableSettings, train_tables

        return train_tables(subgraph, _change(TableSettings(), epochs=epochs, seed=seed), progress)

    return train_shop(
        graph, settings, spec, is_whole=reads_all(preset, engine, since, customers, category), ranker=ranker,
        fresh=fresh, customer_index=customer_index, device=device, progress=progress, warn=notify,
        train_network=train_by_torchrec if engine == "torchrec" else None,
    )  # fmt: skip


def reads_all(preset: str, engine: str, since: date | None, customers: int | None, category: str | None) -> bool:
    """Return whether a training with these options reads the whole graph, so that it can train the ranker."""
    return preset == "default" and engine == "hmrec" and not (since or customers or category)


def _change(settings: _Model, **values: Any) -> _Model:
    """Return settings with some values changed; those that are None stay.

    Parameters
    ----------
    settings : a pydantic model.
    values : the new values.

    Raises
    ------
    UserMistake : a value is invalid; the message names it.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return type(settings).model_validate(settings.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserMistake(f"{'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r:.40}.") from error


def _check_choice(name: str, value: _Choice, choices: Sequence[_Choice]) -> _Choice:
    """Return `value` if it is one of the choices.

    Raises
    ------
    UserMistake : it is none of them.
    """
    if value not in choices:
        raise UserMistake(f"{name} is one of {', '.join(choices)}, not {value!r:.40}.")
    return value

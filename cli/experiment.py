"""hmrec experiment: compare methods on the customers of a running service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cypher.limits import LONGEST_WINDOW, WINDOW
from .connect import open_graph
from .outcomes import join_intervals
from .terminal.bars import Bars
from .terminal.show import AsJson, Form, Format, JsonForm, choose_format, dump_json, records, show
from .terminal.words import echo, echo_note

if TYPE_CHECKING:
    from ..graph_ml.evaluate.experiment import ExperimentResult
    from ..graph_ml.recommend.experiment import Experiment

app = typer.Typer(
    no_args_is_help=True,
    help="Compare methods on the customers of a running service: start, list, show and stop experiments.",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The experiment's name.")]


@app.command("start")
def start(
    name: Name,
    arms: Annotated[
        str,
        typer.Option(metavar="METHOD,...", help="The methods to compare; the first is the baseline."),
    ],
    share: Annotated[float, typer.Option(min=0, max=100, help="Percentage of the customers that take part.")] = 100.0,
    salt: Annotated[
        str, typer.Option(metavar="TEXT", help="Hashed with a customer's id to choose the arm.", show_default="NAME")
    ] = "",
    window: Annotated[
        int,
        typer.Option(
            min=1, max=LONGEST_WINDOW, metavar="DAYS", help="Days after a list is shown in which purchases count."
        ),
    ] = WINDOW,
    as_json: AsJson = False,
) -> None:
    """Start an experiment: a running `hmrec serve` shows and logs each arm's lists within a second.

    Only a customer's requests for the method `auto` take part. Writes an (:Experiment) node.

    Example: hmrec experiment start trees-or-cf --arms hybrid,user_based_cf --share 50
    """
    from ..graph_ml.recommend.experiment import Experiment, ExperimentBook

    names = tuple(arm.strip() for arm in arms.split(",") if arm.strip())
    experiment = Experiment(name=name, arms=names, share=share, salt=salt, window=window)
    with open_graph() as graph:
        ExperimentBook(graph).start(experiment)
    if as_json:
        dump_json({"started": name})
    else:
        echo(f"Started {name}: {', '.join(experiment.arms)}, for {share:g} % of the customers.")


@app.command("list")
def list_experiments(form: Form = Format.table, as_json: JsonForm = False) -> None:
    """List the experiments, the newest first, each with the number of customers who were shown its lists.

    Reads the graph; writes nothing.

    Example: hmrec experiment list
    """
    import pandas as pd

    from ..graph_ml.recommend.experiment import ExperimentBook

    form = choose_format(form, as_json)
    with open_graph() as graph:
        found = ExperimentBook(graph).list()
    if not found and form is Format.table:
        echo("There are no experiments; `hmrec experiment start` starts one.")
        return
    rows = [describe(one) | {"customers": customers} for one, customers in found]
    columns = ["name", "arms", "share", "salt", "window", "started", "stopped", "kept", "customers"]
    table = pd.DataFrame(rows, columns=columns)
    if form is not Format.json:
        table["arms"] = table["arms"].map(", ".join)
    show(table.drop(columns="salt") if form is Format.table else table, form)


@app.command("show")
def show_experiment(name: Name, as_json: AsJson = False) -> None:
    """Print each arm's hit rate and MAP, and the difference from the first arm's hit rate.

    The bounds of the difference are valid however often you look. Reads the graph; writes nothing.

    Example: hmrec experiment show trees-or-cf
    """
    from ..graph_ml.evaluate.experiment import MEASURES, measure_experiment

    with Bars() as bars, open_graph(bars) as graph:
        result = measure_experiment(graph, name, progress=bars)
    if as_json:
        dump_json(to_dict(result))
        return
    show(join_intervals(result.arms, (*MEASURES, "difference")), Format.table, name)
    if result.note:
        echo_note(result.note)


@app.command("stop")
def stop(
    name: Name,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="ARM", help="Make this arm the service's default method; `auto` restores the original one."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stop an experiment; with --keep, make one of its methods the service's default.

    A running `hmrec serve` notices within a second. Writes the (:Experiment) node.

    Example: hmrec experiment stop trees-or-cf --keep hybrid
    """
    from ..graph_ml.recommend.experiment import ExperimentBook

    with open_graph() as graph:
        stopped = ExperimentBook(graph).stop(name, keep)
    if as_json:
        dump_json({"stopped": name, "kept": stopped.kept})
    else:
        echo(f"Stopped {name}. {f'The default method is {stopped.kept} now.' if keep else 'The default method stays.'}")


def describe(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment's fields for people and programs."""
    return experiment.model_dump(mode="json", exclude={"kept_at"})


def to_dict(result: ExperimentResult) -> dict[str, Any]:
    """Return an experiment's results for JSON."""
    return describe(result.experiment) | {
        "results": records(result.arms), "sample_ratio": result.sample_ratio, "note": result.note,
    }  # fmt: skip

"""hmrec rules: the shop's rules for lists."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .combinations import refuse
from .connect import open_graph
from .terminal.show import AsJson, Form, Format, JsonForm, choose_format, dump_json, show
from .terminal.words import echo, echo_note

if TYPE_CHECKING:
    from ..graph_ml.recommend.rule import Rule

app = typer.Typer(
    no_args_is_help=True, help="Rules for lists: boost, bury, pin, block and cap articles, require new arrivals."
)
COLUMNS = ("name", "kind", "does", "articles", "lists", "days", "priority")


@app.command("list")
def list_rules(form: Form = Format.table, as_json: JsonForm = False) -> None:
    """List the rules, the highest priority first.

    JSON has all fields, as `hmrec rules add --file` reads them. Reads the graph; writes nothing.

    Example: hmrec rules list
    """
    import pandas as pd

    from ..graph_ml.recommend.rule_book import RuleBook

    form = choose_format(form, as_json)
    with open_graph() as graph:
        rules = RuleBook(graph).read()
    if form is Format.json:
        dump_json([rule.to_properties() for rule in rules])
    elif not rules and form is Format.table:
        echo("There are no rules; `hmrec rules add` makes one.")
    else:
        show(pd.DataFrame([_describe(rule) for rule in rules], columns=COLUMNS), form)


@app.command("add")
def add_rule(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The rule's name.")] = None,
    kind: Annotated[
        Literal["boost", "bury", "pin", "block", "cap", "share"] | None, typer.Argument(help="What it does.")
    ] = None,
    where: Annotated[
        str, typer.Option(metavar="CONDITION", help="Which articles, e.g. 'department = \"MEAT\" and price < 20'.")
    ] = "",
    articles: Annotated[
        list[str] | None,
        typer.Option(metavar="ID,...", help="Which articles; @FILE has one id per line; may be repeated."),
    ] = None,
    factor: Annotated[
        float | None,
        typer.Option(help="boost: an article at place 12 competes with factor 4 as if it were at place 3."),
    ] = None,
    place: Annotated[int | None, typer.Option(help="pin: the place, from 1.")] = None,
    cap: Annotated[
        str | None,
        typer.Option(metavar="NAME=N", help="cap: at most N articles with the same value, e.g. department=3."),
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="share: the minimum share of new arrivals in a list, e.g. 0.25.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(help="share: an article is new for this many days after its first sale.", show_default="28"),
    ] = None,
    customers: Annotated[
        str, typer.Option(metavar="CONDITION", help="Only for customers with these properties, e.g. 'age >= 30'.")
    ] = "",
    department: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only in lists requested for this department; may be repeated."),
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="The first day.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], metavar="DATE", help="The last day.")
    ] = None,
    priority: Annotated[int, typer.Option(help="Of two rules that disagree, the higher one counts.")] = 0,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Add the rules of a JSON file instead, all or none.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace rules of the same name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a rule, or the rules of a file. A rule that contradicts another is refused.

    Lists change at once, those of a running `hmrec serve` within a second. Writes a (:Rule) node for each rule.

    Example: hmrec rules add less-grocery cap --cap department=3
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.recommend.rule import Rule, parse_cap
    from ..graph_ml.recommend.rule_book import RuleBook
    from .options import read_some_ids

    if (file is None) == (name is None):
        raise UserMistake("Pass a name and a kind, or --file FILE.")
    if file is not None:
        options = ("where", "articles", "factor", "place", "cap", "share", "days", "customers", "department")
        refuse(context, *options, "first", "until", "priority", because="with --file, which has whole rules")
        rules = _read_file(file)
    else:
        given: dict[str, Any] = {
            "name": name, "kind": kind, "where": where, "articles": read_some_ids("--articles", articles, "article"),
            "factor": factor, "place": place, "share": share, "days": days, "customers": customers,
            "departments": tuple(department or ()), "from_day": first and first.date(),
            "until_day": until and until.date(), "priority": priority,
        }  # fmt: skip
        if cap is not None:
            counted = parse_cap(cap)
            given |= {"attribute": counted.attribute, "most": counted.most}
        rules = [Rule.model_validate(given)]
    with open_graph() as graph:
        note = RuleBook(graph).add(rules, replace=replace)
    if note:
        echo_note(note)
    names = ", ".join(rule.name for rule in rules)
    dump_json({"added": [rule.name for rule in rules]}) if as_json else echo(f"Added {names}.")


@app.command("remove")
def remove_rule(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="The rules' names.")], as_json: AsJson = False
) -> None:
    """Remove rules.

    Example: hmrec rules remove less-grocery
    """
    from ..graph_ml.recommend.rule_book import RuleBook

    with open_graph() as graph:
        RuleBook(graph).remove(*names)
    dump_json({"removed": names}) if as_json else echo(f"Removed {', '.join(names)}.")


@app.command("check")
def check_rules(form: Form = Format.table, as_json: JsonForm = False) -> None:
    """Check the rules: missing values and articles, rules that ended, contradictions.

    Reads the graph; writes nothing.

    Example: hmrec rules check
    """
    import pandas as pd

    from ..graph_ml.recommend.rule_book import Problem, RuleBook

    form = choose_format(form, as_json)
    with open_graph() as graph:
        problems = RuleBook(graph).check()
    if not problems and form is Format.table:
        echo("The rules are fine.")
    else:
        show(pd.DataFrame(problems, columns=Problem._fields), form)


@app.command("test")
def try_rules(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Number of articles.")] = 12,
    method: Annotated[str, typer.Option(help="As for `hmrec recommend`.")] = "auto",
    department: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A list for this department; may be repeated.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], metavar="DATE", help="The day of the list.")
    ] = None,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """Print a customer's list with the rules, each article's place without them, and the articles that left the list.

    Reads the graph; writes nothing.

    Example: hmrec rules test 1
    """
    from ..graph_ml.recommend import Recommender, Request
    from ..graph_ml.recommend.rule_book import compare_lists

    form = choose_format(form, as_json)
    day = as_of.date() if as_of else None
    request = Request(customer_id=customer, k=k, method=method, department=tuple(department or ()), as_of=day)
    with open_graph() as graph:
        show(compare_lists(Recommender(graph), request), form)


def _read_file(file: Path) -> list[Rule]:
    """Return the rules of a JSON file: a list of objects, or one object.

    Raises
    ------
    UserMistake : the file cannot be read, or contains something else.
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.recommend.rule import Rule

    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserMistake(
            f"The rules in {file} cannot be read.", "Write JSON, as `hmrec rules list --json` does."
        ) from error
    found = [found] if isinstance(found, dict) else found
    if not (isinstance(found, list) and found and all(isinstance(one, dict) for one in found)):
        raise UserMistake(f"{file} has no rules.", "Write a list of objects, as `hmrec rules list --json` does.")
    return [Rule.model_validate(one) for one in found]


def _describe(rule: Rule) -> dict[str, Any]:
    """Return the cells of a rule in the table."""
    does = {
        "boost": f"places / {rule.factor or 1:g}",
        "pin": f"to place {rule.place}",
        "cap": f"{rule.most} per {rule.attribute}",
        "share": f"{float(rule.share or 0):.0%} new in {rule.new_days} days",
    }
    scope = [rule.customers, ", ".join(rule.departments)]
    ids = ", ".join(rule.articles[:3]) + (f" and {len(rule.articles) - 3:,} more" if len(rule.articles) > 3 else "")
    dated = rule.from_day or rule.until_day
    return {
        "name": rule.name,
        "kind": rule.kind.value,
        "does": does.get(rule.kind, ""),
        "articles": rule.where or ids,
        "lists": "; ".join(filter(None, scope)) or "all",
        "days": f"{rule.from_day or ''} to {rule.until_day or ''}" if dated else "always",
        "priority": rule.priority,
    }

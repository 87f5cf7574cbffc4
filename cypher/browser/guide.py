"""Write a guide for Neo4j Browser, saved queries to import and a style sheet, adapted to the graph."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import requests

from ..catalogue import Query, load_catalogue
from ..errors import HmrecError, UnknownCustomer, UserMistake
from ..graph import Graph
from ..state import read_counts

FILES = Path(__file__).parent
SAVED_FOLDERS = ("recommend", "related", "explain", "export")
CANDIDATES = 20  # customers tried until one has something new to recommend


@dataclass(frozen=True)
class Example:
    """The customer used as the example of the guide.

    Attributes
    ----------
    customer_id : the customer.
    article_id : an article that user_based_cf recommends to them.
    new_only : whether the article is one they had not bought.
    node : number of the customer's node, for export_purchases.
    """

    customer_id: str
    article_id: str
    new_only: bool
    node: int

    def values(self, query: Query) -> dict[str, Any]:
        """Return values for the query's parameters; parameters with a default may be missing."""
        known = {
            "customer_id": self.customer_id,
            "article_id": self.article_id,
            "new_only": self.new_only,
            "limit": 12,  # customers of export_customers, which is otherwise unlimited
            "paths": 8,  # drawn by neighbourhood and explain_user_based_cf_graph; more are a tangle
            **({"customers": [self.node]} if query.name == "export_purchases" else {}),
        }
        return {name: value for name, value in known.items() if name in query.parameters}


@dataclass(frozen=True)
class Guide:
    """Addresses of the guide's files.

    Attributes
    ----------
    play : the guide, for `:play`.
    style : the style sheet, for `:style`.
    saved_queries : the file of saved queries.
    browser : Neo4j Browser, set to play the guide after the login.
    """

    play: str
    style: str
    saved_queries: str
    browser: str


def parameters_command(values: dict[str, Any]) -> str:
    """Return the command that sets parameters in Neo4j Browser.

    In `:params {k: 12}`, Neo4j Browser converts every number to a float, which `LIMIT` rejects. Values returned by a
    query keep their types.

    Parameters
    ----------
    values : values by parameter name, as returned by `Query.bind`.
    """
    whole, each = (FILES / "parameters.txt").read_text(encoding="utf-8").splitlines()
    parts = (  # JSON literals are valid Cypher
        Template(each).substitute(name=name, value=json.dumps(value, ensure_ascii=False))
        for name, value in values.items()
    )
    return Template(whole).substitute(names=", ".join(values), values=", ".join(parts))


def choose_example(graph: Graph, customer_id: str | None = None) -> Example:
    """Choose a customer with an average history who can be recommended something new.

    Parameters
    ----------
    graph : the graph that the guide shows.
    customer_id : use this customer instead.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    UserMistake : there are no purchases, so nothing can be recommended.
    """
    if customer_id is not None:
        if graph.read("customer", customer_id=customer_id).empty:
            raise UnknownCustomer(customer_id)
        candidates = [customer_id]
    else:
        middle = read_counts(graph).customers // 2
        found = graph.read("customers_by_purchases", skip=middle, k=CANDIDATES)
        if found.empty:
            found = graph.read("customers_by_purchases", k=CANDIDATES)
        candidates = [str(found_id) for found_id in found["customer_id"]]
    for new_only in (True, False):
        for candidate in candidates:
            found = graph.read("user_based_cf", customer_id=candidate, k=1, new_only=new_only)
            if not found.empty:
                node = graph.read("export_customers", customers=[candidate])["node"][0]
                return Example(candidate, str(found["article_id"][0]), new_only, int(node))
    raise UserMistake("There are no purchases to walk through.", "Load some first: hmrec load DIR")


def guide_queries() -> list[Query]:
    """Return the queries used in `browser/guide.html`, in order."""
    names = _template().get_identifiers()
    return [load_catalogue()[name] for name in names if name in load_catalogue()]


def write_block(query: Query) -> str:
    """Return a query as a block of the guide: what it does in a line, then the query without its long header."""
    return f"// {query.name}: {query.doc}\n{query.body.strip()}"


def guide_values(example: Example) -> dict[str, Any]:
    """Return the parameters of all queries of the guide. They are set once, because the queries agree on the values."""
    values: dict[str, Any] = {}
    for query in guide_queries():
        values |= query.bind(example.values(query))
    return values


def _template() -> Template:
    return Template((FILES / "guide.html").read_text(encoding="utf-8"))


def render_guide(graph: Graph, example: Example, address: str) -> str:
    """Render `browser/guide.html`, with each query's text in place of its name.

    Parameters
    ----------
    graph : the graph, for its counts and the article's name.
    example : the customer to use as the example.
    address : URL under which the guide, the style sheet and the saved queries are served.
    """
    counts = read_counts(graph)
    name = graph.read("article_names", article_ids=[example.article_id])["prod_name"][0]
    words = {
        "address": address,
        "customer_id": example.customer_id,
        "article_id": example.article_id,
        "article_name": name or example.article_id,
        "parameters": parameters_command(guide_values(example)),
        "customers": f"{counts.customers:,}",
        "articles": f"{counts.articles:,}",
        "bought": f"{counts.bought:,}",
        **{query.name: write_block(query) for query in guide_queries()},
    }
    return _template().substitute({key: escape(word) for key, word in words.items()})


def write_saved_queries(file: Path, example: Example) -> None:
    """Write the saved queries for import into Neo4j Browser, as a zip file of `folder/name.cypher`.

    A query and the command that sets its parameters are separate saved queries: Neo4j Browser only draws the graph of
    a statement that runs alone.

    Parameters
    ----------
    file : the zip file to write.
    example : the example that the parameters' values are taken from.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for query in load_catalogue().values():
            if query.folder not in SAVED_FOLDERS:
                continue
            if query.parameters:
                command = parameters_command(query.bind(example.values(query)))
                title = f"// {query.name}, parameters (run this first)"
                archive.writestr(f"hmrec {query.folder}/{query.name}_1.cypher", f"{title}\n{command}\n")
            archive.writestr(f"hmrec {query.folder}/{query.name}_2.cypher", query.text)


def write_guide(graph: Graph, folder: Path, http: str, customer_id: str | None = None) -> Guide:
    """Write the guide, saved queries and style sheet to the folder that the server serves at /browser/hmrec/.

    Parameters
    ----------
    graph : the graph that the guide shows.
    folder : `LocalServer.guide_folder`.
    http : the server's HTTP address.
    customer_id : the customer to use as the example; None chooses one.

    Raises
    ------
    UnknownCustomer, UserMistake : as in `choose_example`.
    HmrecError : the server does not serve the folder.
    """
    address = f"{http}/browser/hmrec"
    example = choose_example(graph, customer_id)
    folder.mkdir(parents=True, exist_ok=True)
    write_saved_queries(folder / "saved_queries.zip", example)
    style = (FILES / "style.grass").read_text(encoding="utf-8")
    (folder / "style.grass").write_text(style, encoding="utf-8")
    (folder / "guide.html").write_text(render_guide(graph, example, address), encoding="utf-8")
    play = f"{address}/guide.html"
    with requests.Session() as session:
        session.trust_env = False  # no proxy for this machine
        if not session.get(play, timeout=10).ok:
            raise HmrecError(
                "The running Neo4j does not serve the guide, because an older version of hmrec started it.",
                "Restart it: hmrec db stop && hmrec db start",
            )
    scheme, _, host = graph.uri.partition("://")
    return Guide(
        play=play,
        style=f"{address}/style.grass",
        saved_queries=f"{address}/saved_queries.zip",
        browser=f"{http}/browser/?dbms={scheme}://neo4j@{host}&cmd=play&arg={quote(play, safe='')}",
    )

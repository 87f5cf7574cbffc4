"""Write all customers' lists into the graph. Readers see one complete version, the previous or the new one.

As in `relate`: a version has a (:Lists), which is created first. Its relationships, which have the version's number,
are then written beside those of the version in force. One number of the (:ListsInForce), which every reader reads
first, puts it into force. After that, the previous version is deleted. If the process is killed at any point, the
number refers to a complete version, and the next run deletes what is not in force.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from ...cypher.claim import name_writer
from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ..export.subgraph import Integers
from ..recommend import Campaign, Recommender, Request
from ..recommend.batch import AllLists, write_file
from ..recommend.campaign import AT_ONCE, MethodList
from ..recommend.stored import ListsVersion
from ..recommend.submission import STEP
from ..write_back.write import let_readers_finish
from ..write_back.write_vectors import find_places, list_nodes

CUSTOMERS_A_BATCH = 1_000
"""How many customers' lists are written in one transaction: 12,000 relationships of twelve articles each."""


@dataclass(frozen=True)
class StoreReceipt:
    """The result of `store_lists`.

    Attributes
    ----------
    version : number of the version now in force.
    until : the day after the last purchase that it knows.
    customers : number of customers with a list.
    articles : number of articles of all lists together.
    model : the model in force; None without one.
    seconds : duration of each step.
    """

    version: int
    until: date
    customers: int
    articles: int
    model: int | None
    seconds: dict[str, float] = field(default_factory=dict)

    def describe(self) -> str:
        """Describe what was written in a sentence."""
        return (
            f"Stored lists {self.version}: {self.articles:,} articles for {self.customers:,} customers, from the "
            f"purchases before {self.until}."
        )


def store_lists(
    graph: Graph,
    request: Request,
    *,
    campaign: Campaign | None = None,
    out: Path | None = None,
    at_once: int = AT_ONCE,
    progress: Progress = silent,
) -> StoreReceipt:
    """Write the customers' lists into the graph, where they replace those that are stored.

    The lists are those of `Recommender.recommend_all`. Customers whom the campaign leaves out have no stored list
    afterwards.

    Parameters
    ----------
    graph : the graph to write to.
    request : its customer is None, and it names no earlier day.
    campaign : which customers get a list; None for all.
    out : write the same lists into this file, too, as `recommend_all` does, but from the beginning after a kill.
    at_once : customers in a batch.
    progress : called with the number of customers done.

    Raises
    ------
    LoadRunning : a load or a write-back is running on this graph.
    UserMistake : the request names an earlier day, or the campaign is only a part of its customers; and as for
        `recommend_all`.
    NoRanker, NoEmbedding, UnknownValue : as for `recommend_all`.
    """
    campaign = campaign or Campaign()
    if request.as_of is not None:
        raise UserMistake("Stored lists are those of now, not of an earlier day.", "Leave out as_of.")
    if campaign.shard != (1, 1):
        raise UserMistake("Stored lists are written as a whole, not by shards.", "Leave out the shard.")
    if out is not None:
        campaign.choose_form(out)
    begun = time.monotonic()
    lists = Recommender(graph).prepare_all(request, campaign, progress)
    reading = round(time.monotonic() - begun, 3)
    with graph.claim(name_writer("customers' lists are being stored")):
        receipt = _write(graph, lists, _describe(lists, request, campaign), campaign, out, at_once, progress)
    return replace(receipt, seconds={"reading": reading, **receipt.seconds})


def read_settings(version: ListsVersion) -> tuple[Request, Campaign]:
    """Return the request and the campaign that stored lists were written for, to write them again.

    Raises
    ------
    UserMistake : they were written for named customers, or another version of hmrec wrote them, and this one does not
        know a setting.
    """
    if not version.campaign:
        raise UserMistake(
            f"Stored lists {version.version} were stored for customers named by `--customers`.",
            "Store them again: hmrec recommend --all --write --customers @FILE",
        )
    try:
        who = json.loads(version.campaign)
        campaign = Campaign(
            active_days=who["active_days"], segment=tuple(who["segment"]), customers_where=who["customers_where"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserMistake(
            f"The settings of stored lists {version.version} cannot be read.",
            "Store them again: hmrec recommend --all --write",
        ) from error
    return Request.model_validate(json.loads(version.request)), campaign


def tidy_lists(graph: Graph, progress: Progress = silent) -> None:
    """Delete all versions that are not in force: the previous one, and what a killed run left.

    Parameters
    ----------
    graph : the graph, which this client has claimed.
    progress : called when it begins with a version.
    """
    for version in graph.read_column("stale_lists"):
        progress(f"Removing version {version} of the stored lists", 0, None)
        graph.write("delete_lists", version=version)


def _describe(lists: AllLists, request: Request, campaign: Campaign) -> dict[str, Any]:
    """Return the properties of the (:Lists)."""
    model = lists.state.model
    return {
        "until": lists.subgraph.until.isoformat(),
        "model": model.version if model is not None else None,
        "k": request.k,
        "request": request.model_dump_json(exclude_defaults=True),
        "campaign": ""  # ids of customers are kept nowhere else than on their nodes
        if campaign.customers is not None
        else json.dumps(
            {
                "active_days": campaign.active_days,
                "segment": campaign.segment,
                "customers_where": campaign.customers_where,
            }
        ),
        "state": lists.state.checksum,
    }


def _write(
    graph: Graph,
    lists: AllLists,
    facts: dict[str, Any],
    campaign: Campaign,
    out: Path | None,
    at_once: int,
    progress: Progress,
) -> StoreReceipt:
    """Write a new version, put it into force, and delete the others."""
    begun = time.monotonic()
    tidy_lists(graph, progress)
    version = int(graph.write("prepare_lists", facts=facts).rows[0]["version"])
    customer_ids, article_ids = lists.subgraph.customer_ids, lists.subgraph.article_ids
    customer_node = list_nodes(find_places(graph, "customer_nodes", customer_ids), customer_ids)
    article_node = list_nodes(find_places(graph, "article_nodes", article_ids), article_ids)
    counts = [0, 0]

    def recommend(begin: int, end: int) -> list[MethodList]:
        found = lists.recommend(begin, end)
        rows = _to_rows(lists.customers[begin:end], found, customer_node, article_node)
        for first in range(0, len(rows), CUSTOMERS_A_BATCH):
            graph.write("write_lists", version=version, rows=rows[first : first + CUSTOMERS_A_BATCH])
        counts[0] += len(rows)
        counts[1] += sum(len(items) for _, items in rows)
        return found

    if out is not None:  # with another name for its partial file, no run resumes it without writing into the graph
        both = replace(lists, recommend=recommend, depends_on=[uuid4().hex])
        write_file(graph, both, out, campaign, at_once, progress)
    else:
        for begin in range(0, len(lists.customers), at_once):
            progress(STEP, begin, len(lists.customers))
            recommend(begin, min(begin + at_once, len(lists.customers)))
        progress(STEP, len(lists.customers), len(lists.customers))
    graph.write("activate_lists", version=version, customers=counts[0], articles=counts[1])
    written = time.monotonic()
    let_readers_finish(graph)
    tidy_lists(graph, progress)
    seconds = {"writing": round(written - begun, 3), "removing": round(time.monotonic() - written, 3)}
    return StoreReceipt(version, lists.subgraph.until, counts[0], counts[1], facts["model"], seconds)


def _to_rows(
    customers: Integers, found: list[MethodList], customer_node: Integers, article_node: Integers
) -> list[list[Any]]:
    """Return the rows of `write_lists`, without empty lists and without nodes that the graph no longer has."""
    rows = []
    for node, one in zip(customer_node[customers].tolist(), found, strict=True):
        cells = zip(article_node[one.articles].tolist(), one.scores, one.reasons, one.methods, strict=True)
        items = [[at, None if score != score else score, why, by] for at, score, why, by in cells if at >= 0]
        if node >= 0 and items:
            rows.append([node, items])
    return rows

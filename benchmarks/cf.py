"""Speed and quality of user-based CF and of the other methods, on the graph at NEO4J_URI.

    python -m benchmarks.cf speed --customers 500 --heavy 100    # latency of both queries for the same customers
    python -m benchmarks.cf users --users 8                      # throughput of 8 concurrent users and of one
    python -m benchmarks.cf quality --customers 2000             # MAP@12 with the last 7 days held out
    python -m benchmarks.cf all                                  # latency of every recommender
    python -m benchmarks.cf ranker                               # latency of the ranker, with filters and with rules
    python -m benchmarks.cf hubs --customers 200                 # other ways to find neighbours through best sellers

`--write` puts the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hmrec.cypher.catalogue import Query, find_query, load_catalogue, parse_query
from hmrec.cypher.graph import Graph
from hmrec.cypher.state import read_counts
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.holdout.metrics import average_precision
from hmrec.graph_ml.holdout.ranking import Truth, make_truth, mark_hits
from hmrec.graph_ml.holdout.split import HoldOut, hold_out
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.recommend.rule import Kind, Rule
from hmrec.graph_ml.recommend.rule_book import RuleBook

from .report import describe_machine, write_section

PEERS = Path(__file__).parent / "peers"
PEER = PEERS / "textbook_cf.cypher"
HEAVY_SHARE, K = 0.01, 12
SLOW_QUERIES = 10  # heaviest customers measured with the textbook query, which takes seconds for each


@dataclass(frozen=True)
class SampledCustomers:
    """Two samples of customers: from all with a history, and from the 1 % with most purchases."""

    overall: list[str]
    heavy: list[str]


class Neighbour(NamedTuple):
    """A neighbour of a customer; with the customer as their own nearest one, at similarity 1."""

    customer_id: str
    similarity: float


def read_textbook() -> Query:
    """Read the peer's query."""
    return parse_query(PEER.read_text(encoding="utf-8"), PEER)


def draw_customers(graph: Graph, overall: int, heavy: int, seed: int = 20) -> SampledCustomers:
    """Sample customers with a history, with a fixed seed."""
    ids = graph.read("customers_by_purchases", k=10**9)["customer_id"].tolist()
    random = np.random.default_rng(seed)
    top = ids[: max(heavy, round(len(ids) * HEAVY_SHARE))]
    return SampledCustomers(
        [ids[i] for i in random.choice(len(ids), min(overall, len(ids)), replace=False)],
        [top[i] for i in random.choice(len(top), min(heavy, len(top)), replace=False)],
    )


def time_query(graph: Graph, query: str | Query, customers: Sequence[str], **parameters: Any) -> np.ndarray[Any, Any]:
    """Return each customer's latency in milliseconds, from the call to the rows as Python values."""
    milliseconds = []
    for customer_id in customers:
        begun = time.perf_counter()
        graph.read_rows(query, customer_id=customer_id, **parameters)
        milliseconds.append((time.perf_counter() - begun) * 1e3)
    return np.array(milliseconds)


def describe(milliseconds: np.ndarray[Any, Any]) -> str:
    """Return median, 95th percentile and maximum as cells of a table."""
    p50, p95, worst = np.percentile(milliseconds, [50, 95, 100])
    return f"{p50:,.1f} | {p95:,.1f} | {worst:,.1f}"


def describe_graph(graph: Graph) -> str:
    """Describe the machine, versions and data of the measurement."""
    counts = read_counts(graph)
    load = os.getloadavg()[0]
    return (
        f"Measured by `python -m benchmarks.cf` on {describe_machine()}; {counts.customers:,} customers, {counts.articles:,} articles, "
        f"{counts.bought:,} BOUGHT; load average at the start {load:.1f}."
    )


def measure_speed(graph: Graph, overall: int, heavy: int) -> list[str]:
    """Measure each customer's latency with the recommender, with a warm page cache, and with the textbook's query."""
    drawn, textbook = draw_customers(graph, overall, heavy), read_textbook()
    lines = ["| query | customers | p50 ms | p95 ms | worst ms |", "| --- | --- | --- | --- | --- |"]
    p95: dict[str, float] = {}
    for name, query in (("user_based_cf", find_query("user_based_cf")), ("textbook_cf", textbook)):
        groups = {"all with history": drawn.overall, "the 1 % with most purchases": drawn.heavy}
        time_query(graph, query, [*drawn.overall, *drawn.heavy] if name == "user_based_cf" else drawn.overall[:20])
        for group, customers in groups.items():
            asked = customers if query is not textbook or customers is drawn.overall else customers[:SLOW_QUERIES]
            milliseconds = time_query(graph, query, asked)
            p95.setdefault(name, float(np.percentile(milliseconds, 95)))
            lines.append(f"| {name} | {len(asked)} {group} | {describe(milliseconds)} |")
    lines += [
        "",
        f"At p95 over all customers with history, user_based_cf is {p95['textbook_cf'] / p95['user_based_cf']:.1f} times as fast.",
    ]
    return lines


def measure_users(graph: Graph, users: int, customers: int) -> list[str]:
    """Measure requests per second of one user and of several concurrent ones, for the same customers."""
    ids = draw_customers(graph, customers, 0).overall
    time_query(graph, "user_based_cf", ids)
    lines = ["| users at once | requests/s | p50 ms | p95 ms | worst ms |", "| --- | --- | --- | --- | --- |"]
    rates = []
    for count in (1, users):
        begun = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            latencies = list(
                pool.map(lambda part: time_query(graph, "user_based_cf", part), [ids[i::count] for i in range(count)])
            )
        rates.append(len(ids) / (time.perf_counter() - begun))
        lines.append(f"| {count} | {rates[-1]:.1f} | {describe(np.concatenate(latencies))} |")
    lines += ["", f"{users} users at once get {rates[1] / rates[0]:.2f} times the throughput of one."]
    return lines


def measure_all(graph: Graph, customers: int) -> list[str]:
    """Measure the latency of every recommender with its defaults and a warm page cache."""
    ids = draw_customers(graph, customers, 0).overall
    lines = [
        "| recommender | p50 ms | p95 ms | worst ms | articles for a customer |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, query in load_catalogue().items():
        if query.folder == "recommend" and query.name != "gnn":
            given: dict[str, Any] = {}
            if "article_id" in query.parameters:
                given["article_id"] = graph.read("popular", k=1)["article_id"][0]
            time_query(graph, query, ids[: len(ids) // 4 + 1], **given)
            milliseconds = time_query(graph, query, ids, **given)
            found = np.mean([len(graph.read(query, customer_id=c, **given)) for c in ids[:20]])
            lines.append(f"| {name} | {describe(milliseconds)} | {found:.1f} |")
    return lines


RULES = (
    Rule(name="benchmark, at most three of a department", kind=Kind.cap, attribute="department", most=3),
    Rule(name="benchmark, expensive articles first", kind=Kind.boost, factor=1.5, where="price > 0.02"),
    Rule(name="benchmark, one in six is new", kind=Kind.share, share=0.17),
)


def measure_ranker(graph: Graph, customers: int) -> list[str]:
    """Measure the latency of one customer's list by the ranker: alone, with filters, and under the shop's rules.

    Every list is computed anew. The rules are added to the graph, and removed afterwards.
    """
    ids = draw_customers(graph, 2 * customers, 0).overall
    recommender, book = Recommender(graph), RuleBook(graph)
    departments = graph.read("property_values", property="department_name", k=2)["value"].tolist()
    articles = graph.read("popular", k=1_000)["article_id"].tolist()
    asked: dict[str, dict[str, Any]] = {
        "by the ranker": {},
        "with `--not-department`, two of them": {"not_department": departments},
        "with `--exclude`, 1,000 articles": {"exclude": articles},
        "with `--max-price`": {"max_price": 1000.0},
        f"with {len(RULES)} rules: cap, boost, share": {},
    }
    lines = ["| list of one customer | p50 ms | p95 ms | worst ms |", "| --- | --- | --- | --- |"]
    try:
        for name, given in asked.items():
            if "rules" in name:
                book.add(RULES)
            recommend = partial(_time_list, recommender, **given)
            for customer_id in ids[: customers // 4]:
                recommend(customer_id)
            # All rows have the same customers; others warm the caches up.
            lines.append(f"| {name} | {describe(np.array([recommend(one) for one in ids[customers:]]))} |")
            print(lines[-1], flush=True)
    finally:
        book.remove(*({rule.name for rule in RULES} & {rule.name for rule in book.read()}))
    return lines


def _time_list(recommender: Recommender, customer_id: str, **given: Any) -> float:
    """Return the milliseconds of a customer's list."""
    request = Request(customer_id=customer_id, method="hybrid", **given)
    begun = time.perf_counter()
    recommender.recommend(request)
    return (time.perf_counter() - begun) * 1e3


def read_other_searches() -> dict[str, Query]:
    """Return variants of user_based_cf that find the buyers of each article in another way, and are otherwise equal."""
    query = find_query("user_based_cf")
    begin, end = query.text.index("  CALL (a, article_id, until) {"), query.text.index("    RETURN n, rare_taste")
    names = ("every_buyer", "latest_buyers_of_all", "buyers_in_storage_order", "every_nth_buyer")
    return {
        name: replace(query, text=query.text[:begin] + (PEERS / f"{name}.cypher").read_text("utf-8") + query.text[end:])
        for name in names
    }


def measure_hubs(graph: Graph, customers: int) -> list[str]:
    """Measure the latency of user_based_cf with neighbours found in other ways, or stored as relationships."""
    ids = draw_customers(graph, customers, 0).overall
    lines = ["| neighbours through | p50 ms | p95 ms | worst ms |", "| --- | --- | --- | --- |"]
    ways = {"latest_buyers_by_index (user_based_cf)": find_query("user_based_cf"), **read_other_searches()}
    for name, query in ways.items():
        time_query(graph, query, ids)
        lines.append(f"| {name} | {describe(time_query(graph, query, ids))} |")
        print(lines[-1], flush=True)
    return [*lines, *_measure_stored_neighbours(graph, ids)]


def _measure_stored_neighbours(graph: Graph, ids: list[str]) -> list[str]:
    """Measure with (:Customer)-[:SIMILAR]->(:Customer) stored for these customers, and remove it afterwards."""
    end = "AS neighbours\n}\n"
    query = find_query("user_based_cf")
    find = replace(query, text=query.text.split(end)[0] + end + (PEERS / "return_neighbours.cypher").read_text("utf-8"))
    read, write, delete = (
        parse_query((file := PEERS / f"{name}.cypher").read_text("utf-8"), file)
        for name in ("similar_cf", "write_similar", "delete_similar")
    )
    begun = time.perf_counter()
    try:
        for customer_id in ids:
            neighbours = [*graph.read_as(Neighbour, find, customer_id=customer_id), Neighbour(customer_id, 1.0)]
            graph.write(write, customer_id=customer_id, neighbours=[list(neighbour) for neighbour in neighbours])
        seconds = time.perf_counter() - begun
        time_query(graph, read, ids)
        milliseconds = time_query(graph, read, ids)
    finally:
        for customer_id in ids:
            graph.write(delete, customer_id=customer_id)
    hours = read_counts(graph).customers * seconds / len(ids) / 3600
    return [
        f"| stored neighbours, SIMILAR | {describe(milliseconds)} |",
        "",
        f"Storing the neighbours takes {1e3 * seconds / len(ids):,.0f} ms per customer: {hours:,.1f} hours for all, one after the other.",
    ]


def measure_quality(graph: Graph, customers: int, days: int, only: list[str] | None = None) -> list[str]:
    """Measure MAP@12 of the last days, predicted from earlier purchases, for "all" and "new" purchases."""
    held = hold_out(export_subgraph(graph, SubgraphSpec()), days)
    ways: dict[str, tuple[Query, dict[str, Any]]] = {
        "textbook_cf": (read_textbook(), {}),
        "user_based_cf, neighbours only": (find_query("user_based_cf"), {"own_weight": 0.0}),
        "user_based_cf": (find_query("user_based_cf"), {}),
    }
    ways |= {f"user_based_cf, {name}": (query, {}) for name, query in read_other_searches().items()}
    ways |= {
        query.name: (query, {})
        for query in load_catalogue().values()
        if query.folder == "recommend" and query.name not in ("gnn", "user_based_cf", "similar_by_attributes")
    }
    truths = {kind: make_truth(held, new_only=kind == "new") for kind in ("all", "new")}
    drawn = np.random.default_rng(0).permutation(truths["all"].customers)[:customers]
    count = len(drawn)
    lines = [
        f"First day held out {held.cut}; {count:,} customers with history who bought in the {days} days.",
        "",
        "| query | MAP@12 all | MAP@12 new | seconds |",
        "| --- | --- | --- | --- |",
    ]
    for name, (query, given) in ways.items():
        if only and name not in only:
            continue
        begun = time.monotonic()
        means = [
            _map_at_12(graph, query, held, _select_customers(truth, drawn), {**given, "new_only": kind == "new"})
            for kind, truth in truths.items()
        ]
        lines.append(f"| {name} | {means[0]:.4f} | {means[1]:.4f} | {time.monotonic() - begun:,.0f} |")
        print(lines[-1], flush=True)
    return lines


def _select_customers(truth: Truth, customers: np.ndarray[Any, Any]) -> Truth:
    kept = np.isin(truth.customers, customers)
    return Truth(truth.customers[kept], truth.bought, truth.owned, truth.relevant[kept])


def _map_at_12(graph: Graph, query: Query, held: HoldOut, truth: Truth, given: dict[str, Any]) -> float:
    ids, articles = held.before.customer_ids, held.before.article_ids

    def query_customer(customer: int) -> list[int]:
        rows = graph.read(query, customer_id=ids.id(customer), as_of=held.cut, k=K, **given)
        found = [articles.index(article) if article in articles else -2 for article in rows["article_id"]]
        return found + [-1] * (K - len(found))

    with ThreadPoolExecutor(2) as pool:
        ranked = np.array(list(pool.map(query_customer, truth.customers.tolist())), dtype=np.int64)
    return float(average_precision(mark_hits(ranked, truth), truth.relevant).mean())


def main() -> None:
    """Measure what the command line selects, print it, and write it to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "what", choices=["speed", "users", "quality", "all", "ranker", "hubs"], help="the measurement to make"
    )
    parser.add_argument("--customers", type=int, default=500, help="number of customers to sample")
    parser.add_argument("--heavy", type=int, default=100, help="speed: sample this many of the 1 %% who bought most")
    parser.add_argument("--users", type=int, default=8, help="users: number of concurrent users")
    parser.add_argument("--days", type=int, default=7, help="quality: number of days held out")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="quality: measure only these rows")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    with Graph.connect() as graph:
        measures: dict[str, Callable[[], list[str]]] = {
            "speed": lambda: measure_speed(graph, options.customers, options.heavy),
            "users": lambda: measure_users(graph, options.users, options.customers),
            "quality": lambda: measure_quality(graph, options.customers, options.days, options.only),
            "all": lambda: measure_all(graph, options.customers),
            "ranker": lambda: measure_ranker(graph, options.customers),
            "hubs": lambda: measure_hubs(graph, options.customers),
        }
        lines = [describe_graph(graph), "", *measures[options.what]()]
    print("\n".join(lines))
    if options.write:
        write_section(f"cf {options.what}", lines)


if __name__ == "__main__":
    main()

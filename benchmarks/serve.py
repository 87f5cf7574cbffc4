"""Throughput and latency of `hmrec serve`, on the graph at NEO4J_URI or of the local server.

    python -m benchmarks.serve --customers 500 --rate 200 --seconds 60

starts the service as a user would, and sends requests over the loopback interface. First comes one request per sampled
customer, by eight clients that each wait for their answer, so that every answer is computed. Then the same customers, whose
answers are cached now, are requested at a fixed rate. Before both, stored lists are requested in the same way, if
`hmrec recommend --all --write` has written some. The load at a rate is open-loop: a request is due at its time whether or not earlier ones are answered, and its latency
counts from then. Service, Neo4j and this client share the machine's cores.

`--write` puts the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

import httpx
import numpy as np

from .report import describe_machine, write_section

CONNECTIONS = 32
CLIENTS = 8  # that each wait for their answer


@dataclass
class Measured:
    """Results of one run.

    Attributes
    ----------
    name : label of the run.
    rate : requests per second; None to send each request when an earlier one is answered.
    at_once : how many requests wait for an answer at most, without a rate.
    milliseconds : latency of each answer, from the time its request was due.
    failed : number of answers other than 200.
    seconds : from the first request to the last answer.
    """

    name: str
    rate: float | None
    at_once: int = CLIENTS
    milliseconds: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    def row(self) -> str:
        """Return the row of the table."""
        p50, p95, p99, worst = np.percentile(self.milliseconds, [50, 95, 99, 100])
        done = len(self.milliseconds)
        return (
            f"| {self.name} | {self.rate or f'{self.at_once} at once'} | {done:,} | {done / self.seconds:.0f} | {p50:,.1f} | {p95:,.1f} | "
            f"{p99:,.1f} | {worst:,.1f} | {self.failed} |"
        )


async def send_requests(
    address: str, name: str, customers: list[str], path: str, rate: float | None, seconds: float, at_once: int = CLIENTS
) -> Measured:
    """Send a request for each customer, `rate` per second, or (None) whenever an earlier one is answered.

    Requests not sent after three times the planned `seconds` are dropped, and count as failed.
    """
    measured = Measured(name, rate, at_once)
    free = asyncio.Semaphore(CONNECTIONS if rate else at_once)
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=address, trust_env=False, limits=limits, timeout=120) as client:
        begun = time.perf_counter()

        async def send_one(number: int, customer_id: str) -> None:
            due = begun + number / rate if rate else 0.0
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            async with free:
                sent = time.perf_counter()
                if sent > begun + 3 * seconds:
                    measured.failed += 1
                    return
                answer = await client.get(path.format(customer_id))
            measured.milliseconds.append((time.perf_counter() - (due or sent)) * 1e3)
            measured.failed += answer.status_code != 200

        await asyncio.gather(*(send_one(number, customer_id) for number, customer_id in enumerate(customers)))
        measured.seconds = time.perf_counter() - begun
    return measured


def sample(customers: list[str], count: int, seed: int) -> list[str]:
    """Sample customers uniformly, with replacement."""
    return [customers[i] for i in np.random.default_rng(seed).integers(len(customers), size=count)]


def all_customers() -> list[str]:
    """Return the ids of all customers with purchases."""
    from hmrec.cypher.graph import Graph

    with Graph.connect() as graph:
        return [str(one) for one in graph.read("customers_by_purchases", k=10**9)["customer_id"]]


def has_lists() -> bool:
    """Return whether the graph has stored lists."""
    from hmrec.cypher.graph import Graph
    from hmrec.graph_ml.recommend.stored import read_lists_version

    with Graph.connect() as graph:
        return read_lists_version(graph) is not None


def measure(address: str, customers: list[str], rate: float, seconds: float) -> list[Measured]:
    """Run all measurements against a service that was just started."""

    def run(name: str, asked: list[str], path: str, rate: float | None) -> Measured:
        found = asyncio.run(send_requests(address, name, asked, path, rate, seconds))
        print(found.row(), flush=True)
        return found

    recommend = "/recommend/{}"
    # Lets Neo4j plan the queries before the first measurement.
    asyncio.run(send_requests(address, "", customers[:50], f"{recommend}?k=11", None, seconds))
    stored = f"{recommend}?stored=true"
    names = ("stored lists, cold cache", "stored lists, warm cache") if has_lists() else ()
    return [
        *(run(name, customers, stored, None) for name in names),
        run("`/recommend`, cold cache", customers, recommend, None),
        run("`/recommend`, warm cache", sample(customers, round(rate * seconds), 1), recommend, rate),
        run("`/recommend`, warm cache", sample(customers, round(2 * rate * seconds), 2), recommend, 2 * rate),
        run("`/customers/{id}?k=100`", sample(customers, round(25 * seconds), 3), "/customers/{}?k=100", 25.0),
    ]


def main() -> None:
    """Parse the arguments, start the service, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--customers", type=int, default=500, help="number of different customers")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each run")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    given = parser.parse_args()
    ids = all_customers()
    order = np.random.default_rng(7).permutation(len(ids))
    customers = [ids[i] for i in order[: given.customers]]
    command = [sys.executable, "-c", "from hmrec.cli.main import main; main()", "serve", "--port", "0"]
    before = os.getloadavg()[0]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        found = re.search(r"http://\S+:\d+", service.stdout.readline())
        assert found
        try:
            runs = measure(found[0], customers, given.rate, given.seconds)
            health = json.loads(httpx.get(f"{found[0]}/health", trust_env=False).text)
        finally:
            service.terminate()
    from hmrec.cypher.graph import Graph
    from hmrec.cypher.state import read_counts

    with Graph.connect() as graph:
        counts = read_counts(graph)
    model = f"embeddings of version {health['model']}" if health["model"] else "no embeddings"
    lines = [
        f"Measured by `python -m benchmarks.serve` on {describe_machine()}; {counts.customers:,} customers, {counts.articles:,} "
        f"articles, {counts.bought:,} BOUGHT, {model}; load average at the start {before:.1f}, from other work. {len(customers):,} customers. Client, service (one process) and "
        "Neo4j share the cores. At a fixed rate, times count from when a request was due.",
        "",
        "| requests | a second | answers | answers/s | p50 ms | p95 ms | p99 ms | worst ms | failed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(run.row() for run in runs),
    ]
    print("\n".join(lines))
    if given.write:
        write_section("serve", lines)


if __name__ == "__main__":
    main()

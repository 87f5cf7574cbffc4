"""Shared by the fault tests: how often faults happen, at which moments, and commands in their own processes.

HMREC_TEST_SOAK=25 repeats each fault 25 times (by hand: hours); without it each happens once or twice. Moments are
random; HMREC_TEST_SEED repeats those of a failed run, which printed its seed.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import IO

from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ConnectionSettings

from tests.conftest import connection_environment, run_text

TOKEN = "a-token-for-writing"
CONTENT = (
    "MATCH (n) WHERE NOT n:Load RETURN labels(n) AS labels, properties(n) AS properties",
    "MATCH (c)-[b:BOUGHT]->(a) RETURN c.customer_id AS c, a.article_id AS a, properties(b) AS properties",
    "MATCH (a:Article)-[r]->(n) RETURN a.article_id AS a, type(r) AS type, properties(n) AS properties",
)


def count_repeats(short: int = 1) -> int:
    """Return how often to repeat a fault: `short` in the suite, HMREC_TEST_SOAK by hand."""
    return int(os.environ.get("HMREC_TEST_SOAK", "0")) or short


def draw_moments() -> random.Random:
    """Return a random generator for moments; pytest shows its seed if a test fails."""
    seed = int(os.environ.get("HMREC_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    print(f"HMREC_TEST_SEED={seed}")
    return random.Random(seed)


def digest(graph: Graph) -> str:
    """Return a digest of the graph without its (:Load) nodes, independent of the order of rows and properties."""
    lines = sorted(json.dumps(row, sort_keys=True, default=str) for text in CONTENT for row in run_text(graph, text))
    return sha256("\n".join(lines).encode()).hexdigest()


def server_environment(server: LocalServer) -> dict[str, str]:
    """Return the environment variables with which commands connect to the tests' local server."""
    return {
        "HMREC_HOME": str(server.home),
        "HMREC_PROGRAMS": str(server.libraries.parent),
        "HMREC_HEAP": server.settings.heap,
        "HMREC_PAGE_CACHE": server.settings.page_cache,
        "HMREC_BOLT_PORT": str(server.settings.bolt_port),
        "HMREC_HTTP_PORT": str(server.settings.http_port),
    }


def start_command(*words: str, errors: IO[str] | int = subprocess.DEVNULL, **environment: str) -> subprocess.Popen[str]:
    """Start `hmrec` in its own process."""
    command = [sys.executable, "-c", "from hmrec.cli.main import main; main()", *words]
    return subprocess.Popen(
        command, env=os.environ | environment, stderr=errors, stdout=subprocess.DEVNULL, text=True
    )  # fmt: skip


def serve(server: LocalServer, **settings: str) -> tuple[subprocess.Popen[str], str]:
    """Start `hmrec serve` with some settings, and return its process and address."""
    command = [sys.executable, "-c", "from hmrec.cli.main import main; main()", "serve", "--port", "0"]
    environment = os.environ | server_environment(server) | {"HMREC_WRITE_TOKEN": TOKEN} | settings
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = re.search(r"http://\S+", process.stdout.readline())
    assert address
    return process, address[0]


def kill_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill the process after this many seconds; return False if it had finished."""
    try:
        assert process.wait(timeout=seconds) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def kill_when(process: subprocess.Popen[str], happens: Callable[[str], bool]) -> None:
    """Kill the process at its first line on standard output for which `happens`; fail if it ends without one."""
    assert process.stdout is not None
    with process:
        try:
            assert any(map(happens, process.stdout)), "the process ended before the moment to kill it"
        finally:
            process.kill()


def start_script(connection: ConnectionSettings, script: str, *words: str) -> subprocess.Popen[str]:
    """Start Python code in its own process, connected to the test server; its standard output can be read."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, *words],
        env=os.environ | connection_environment(connection),
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_server(server: LocalServer) -> None:
    """Kill the server's process at once, as a machine out of memory would."""
    process = server.find_process()
    assert process is not None
    process.kill()
    process.wait(timeout=60)

"""Local servers in folders with unusual names, and two servers that start at the same time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.ports import find_free_port, find_listening_ports
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ServerSettings
from hmrec.loader.load import load_folder

from tests.conftest import PROGRAMS, run_text

SHOP = "t_dat,customer_id,article_id,price,sales_channel_id\n2020-01-01,c1,0000000001,1,1\n2020-01-02,c1,2,1,1\n"


def make_server(home: Path) -> LocalServer:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = {"bolt_port": 18700 + 20 * worker, "http_port": 18900 + 20 * worker}
    return LocalServer(settings=ServerSettings(home=home, programs=PROGRAMS, heap="600m", page_cache="128m", **ports))


def test_a_home_may_have_any_name_and_contains_all_files(tmp_path: Path) -> None:
    home = tmp_path / "h [a], (1) 'q' \"d\": jürgen №1 #%$&+"
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "transactions_train.csv").write_text(SHOP)
    server = make_server(home)
    server.start()
    try:
        with Graph.connect(server.connection(), timeout=0) as graph:
            report = load_folder(tmp_path / "shop", server=server, graph=graph, mode="bulk")
        assert report.counts["transactions_train"].loaded == 2
        with Graph.connect(server.connection(), timeout=0) as graph:
            found = run_text(graph, "MATCH (:Customer)-[:BOUGHT]->(a:Article) RETURN a.article_id AS id ORDER BY id")
        assert [row["id"] for row in found] == ["0000000001", "2"]
    finally:
        server.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == [home.name, "shop"]
    assert (home / "data" / "databases" / "neo4j").is_dir()
    assert (home / "logs" / "neo4j.log").is_file()


def test_two_servers_that_start_together_use_different_ports(tmp_path: Path) -> None:
    servers = [make_server(tmp_path / name) for name in ("one", "two")]
    try:
        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(lambda server: server.start(), servers))
        assert len({address for status in statuses for address in (status.uri, status.http)}) == 4
        for number, server in enumerate(servers):
            assert server.is_answering()
            with Graph.connect(server.connection(), timeout=0) as graph:
                run_text(graph, "CREATE (:Mark {number: $number})", number=number)
        for number, server in enumerate(servers):
            with Graph.connect(server.connection(), timeout=0) as graph:
                assert run_text(graph, "MATCH (m:Mark) RETURN m.number AS number") == [{"number": number}]
    finally:
        for server in servers:
            server.stop()


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb"])
def test_a_home_with_control_characters_is_refused_before_anything_starts(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="HMREC_HOME"):
        make_server(tmp_path / name).start()
    assert not list(tmp_path.iterdir())


def test_a_port_in_use_by_ipv4_or_ipv6_is_not_free() -> None:
    import socket

    import psutil

    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((address, 0), family=family) as server:
            port = server.getsockname()[1]
            assert find_free_port(port) > port
            assert port in (find_listening_ports(psutil.Process()) or ())

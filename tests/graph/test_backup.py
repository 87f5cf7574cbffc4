"""Backup and restore of the local server's graph, by the commands that a user runs."""

from __future__ import annotations

import os
import random
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hmrec.cypher.errors import DiskFull, HmrecError, LoadRunning, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.backup import back_up, restore
from hmrec.cypher.local.server import LocalServer

from tests.conftest import empty, run_text
from tests.faults.children import kill_after, server_environment, start_command
from tests.graph.shops import load_two_tastes

pytestmark = pytest.mark.bare

CONTENT = (
    "MATCH (n) WHERE NOT n:Load RETURN labels(n) AS labels, properties(n) AS properties",
    "MATCH (a)-[r]->(b) RETURN elementId(a) AS a, type(r) AS type, properties(r) AS properties, elementId(b) AS b",
    "SHOW INDEXES YIELD name, labelsOrTypes, properties",
)


def read_content(server: LocalServer) -> list[str]:
    """Return everything in the graph, and its indexes, independent of order."""
    with Graph.connect(server.connection()) as graph:
        return sorted(str(sorted(row.items())) for text in CONTENT for row in run_text(graph, text))


def change(server: LocalServer, number: int) -> None:
    """Change the graph."""
    with Graph.connect(server.connection()) as graph:
        run_text(graph, f"CREATE (:Customer {{customer_id: 'later {number}'}})")


@pytest.fixture(scope="module")
def server(local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> LocalServer:
    """Start a local server with a small shop."""
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        load_two_tastes(graph, tmp_path_factory.mktemp("shop"), weeks=2)
    return local_server


@pytest.fixture(scope="module")
def saved(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Write a backup, and return it with the graph's content at that time."""
    file = tmp_path_factory.mktemp("backups") / "a shop's.dump"
    before = read_content(server)
    receipt = back_up(server, file)
    assert receipt.running
    assert (receipt.customers, receipt.articles) == (42, 32)
    assert receipt.bytes == file.stat().st_size
    assert read_content(server) == before
    assert list(file.parent.iterdir()) == [file]
    return file, before


def test_a_restored_graph_equals_the_backed_up_one(server: LocalServer, saved: tuple[Path, list[str]]) -> None:
    file, before = saved
    change(server, 1)
    password = server.password_file.read_text()
    receipt = restore(server, file)
    assert receipt.customers == 42
    assert read_content(server) == before
    assert server.password_file.read_text() == password
    assert not [path for path in server.home.iterdir() if path.name.startswith(("data-restore", "data-ready"))]


def test_an_existing_file_is_replaced_only_with_force(server: LocalServer, saved: tuple[Path, list[str]]) -> None:
    with pytest.raises(UserMistake, match="--force"):
        back_up(server, saved[0])
    with pytest.raises(UserMistake, match="is a folder"):
        back_up(server, saved[0].parent)
    with pytest.raises(UserMistake, match="does not exist"):
        back_up(server, saved[0].parent / "nowhere" / "x.dump")
    assert server.find_process() is not None


def test_a_damaged_backup_does_not_change_the_graph(
    server: LocalServer, saved: tuple[Path, list[str]], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.dump"
    process = server.find_process()
    bad.write_bytes(b"customer_id,prediction\n")
    with pytest.raises(UserMistake, match="is not a backup"):
        restore(server, bad)
    with pytest.raises(FileNotFoundError):
        restore(server, tmp_path / "nowhere.dump")
    whole = saved[0].read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HmrecError, match="damaged"):
        restore(server, bad)
    assert server.find_process() == process  # it was never stopped
    assert read_content(server) == saved[1]
    assert not (server.home / "data-restore").exists()


def test_a_full_disk_is_reported_before_unpacking(
    server: LocalServer, saved: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(DiskFull, match="GB free"):
        restore(server, saved[0])


def test_no_backup_or_restore_runs_during_a_load(
    server: LocalServer, saved: tuple[Path, list[str]], tmp_path: Path
) -> None:
    with Graph.connect(server.connection()) as graph, graph.claim("load of tuesday"):
        with pytest.raises(LoadRunning, match="load of tuesday"):
            back_up(server, tmp_path / "x.dump")
        with pytest.raises(LoadRunning, match="load of tuesday"):
            restore(server, saved[0])
    assert list(tmp_path.iterdir()) == []


def test_a_killed_backup_leaves_no_file_and_a_killed_restore_the_old_or_new_graph(
    server: LocalServer, saved: tuple[Path, list[str]], tmp_path: Path
) -> None:
    chance = random.Random(7)
    change(server, 2)
    other = read_content(server)
    file = tmp_path / "again.dump"
    file.write_bytes(b"an older one")
    kill_after(
        start_command("db", "backup", str(file), "--force", **server_environment(server)), chance.uniform(2.0, 8.0)
    )
    assert file.read_bytes()[:4] in (b"an o", b"DZV1")
    ran = server.find_process() is not None
    assert back_up(server, file, force=True).running == ran
    assert (server.find_process() is not None) == ran
    assert [path.name for path in tmp_path.iterdir()] == ["again.dump"]
    server.start()
    assert read_content(server) == other
    kill_after(start_command("db", "restore", str(saved[0]), **server_environment(server)), chance.uniform(2.0, 12.0))
    server.start()
    assert read_content(server) in (other, saved[1])
    assert not (server.home / "data-ready").exists()


def test_a_backup_follows_a_link_keeps_the_mode_and_writes_into_a_pipe(
    server: LocalServer, saved: tuple[Path, list[str]], tmp_path: Path
) -> None:
    server.start()
    real, link, fifo = tmp_path / "real.dump", tmp_path / "link.dump", tmp_path / "p"
    real.touch(mode=0o600)
    link.symlink_to("real.dump")
    os.mkfifo(fifo)
    with pytest.raises(UserMistake, match="--force"):
        back_up(server, link)
    receipt = back_up(server, link, force=True)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert real.stat().st_size == receipt.bytes
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(fifo.read_bytes)
        receipt = back_up(server, fifo)
        content = read.result(timeout=20)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert len(content) == receipt.bytes
    assert content[:4] == real.read_bytes()[:4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.dump", "p", "real.dump"]

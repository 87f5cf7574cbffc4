"""A full disk: a real one of a megabyte if this process may mount it, else files limited to that size."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hmrec.cypher.errors import DiskFull, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.backup import back_up
from hmrec.cypher.local.server import LocalServer
from hmrec.graph_ml.export import kept as kept_export
from hmrec.graph_ml.network.checkpoint import Checkpoint
from hmrec.graph_ml.recommend.submission import write_lists
from hmrec.loader.load import load_folder
from hmrec.loader.report import write_whole
from hmrec.loader.samples import write_synthetic

from tests.conftest import run_text
from tests.unit.purchases import make_two_tastes

MIB = 1024 * 1024


@contextmanager
def small_disk(folder: Path, size: int = MIB) -> Iterator[Path]:
    """Yield a folder whose disk has this many bytes."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_keeps_the_old_file_and_the_next_run_continues(tmp_path: Path) -> None:
    customers = [f"customer {n:05}" for n in range(20_000)]
    asked: list[int] = []

    def predict(begin: int, end: int) -> list[list[str]]:
        asked.append(begin)
        return [[" ".join(f"{n:010}" for n in range(12))] for _ in range(begin, end)]

    with small_disk(tmp_path / "disk") as disk:
        out = disk / "submission.csv"
        out.write_text("old")
        with pytest.raises(DiskFull, match=f"The disk of {disk} is full.*The next run .* resumes"):
            write_lists(out, "settings", customers, predict, at_once=500)
        assert out.read_text() == "old"
        (partial,) = (entry for entry in disk.iterdir() if entry != out)
        kept = partial.read_bytes()
    out = tmp_path / out.name
    out.with_name(partial.name).write_bytes(kept)
    before = len(asked)
    assert write_lists(out, "settings", customers, predict, at_once=500) < len(customers)
    assert asked[before] > 0
    assert len(out.read_text().splitlines()) == len(customers) + 1


def test_a_training_goes_on_without_a_checkpoint_and_warns(tmp_path: Path) -> None:
    said: list[str] = []
    with small_disk(tmp_path / "disk") as disk:
        checkpoint = Checkpoint(disk / "training.safetensors", every=0, warn=said.append)
        checkpoint.save({"key": "old"}, {"weights": torch.zeros(10)})
        assert said == []
        checkpoint.save({"key": "new"}, {"weights": torch.zeros(MIB)})
        assert [str(checkpoint.file) in sentence for sentence in said] == [True]
        assert [entry.name for entry in disk.iterdir()] == [checkpoint.file.name]
        assert checkpoint.load("old") is not None


def test_an_export_that_cannot_be_cached_leaves_no_files(tmp_path: Path) -> None:
    subgraph = make_two_tastes()
    spec = kept_export.SubgraphSpec()
    with small_disk(tmp_path / "disk", 20_000) as disk:
        copies = disk / "exports"
        with pytest.raises((OSError, kept_export.pl.exceptions.PolarsError)):
            kept_export._write_to_cache(subgraph, copies / "copy", [["database", [], True, 0, 0, 0]], spec)
        assert list(copies.iterdir()) == []


def test_checking_files_on_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = tmp_path / "shop"
    write_synthetic(shop, customers=2000, articles=500, transactions=40_000, seed=1)
    with small_disk(tmp_path / "disk", 100_000) as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        with pytest.raises(DiskFull, match=f"The disk of {disk} is full. Free disk space, or set TMPDIR"):
            load_folder(shop, server=None, graph=None, check_only=True, report=tmp_path)
        assert list(disk.iterdir()) == []


def test_a_report_that_cannot_be_written_keeps_the_old_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        target = disk / "load-report.json"
        target.write_text("old")
        with pytest.raises(UserMistake, match="cannot be written"):
            write_whole(target, lambda path: path.write_text("x" * 2 * MIB))
        assert [entry.read_text() for entry in disk.iterdir()] == ["old"]


def test_copies_are_written_one_at_a_time_and_abandoned_ones_removed_whatever_the_clock(
    tmp_path: Path,
) -> None:
    copies = tmp_path / "exports"
    version = kept_export._Version("database", {}, 0, 0, 0)
    for number in range(kept_export.MAX_COPIES + 1):
        (copies / f"of {number}").mkdir(parents=True)
        os.utime(copies / f"of {number}", (4e9, 4e9 + number))  # used in 2096, by a clock that was wrong
    (copies / f"{kept_export.INCOMPLETE}killed").mkdir()  # a moment ago
    threads = [
        threading.Thread(
            target=kept_export._write_to_cache,
            args=(make_two_tastes(), copies / name, version, kept_export.SubgraphSpec()),
        )
        for name in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = {entry.name for entry in copies.iterdir()}
    assert {"one", "two"} <= left
    assert len(left) == kept_export.MAX_COPIES
    assert not any(name.startswith(kept_export.INCOMPLETE) for name in left)


if "HMREC_TEST_SOAK" in os.environ:  # a minute: it stops and starts the server

    def test_an_import_and_a_backup_keep_the_graph_and_the_old_file(local_server: LocalServer, tmp_path: Path) -> None:
        shop = tmp_path / "shop"
        write_synthetic(shop, customers=2000, articles=500, transactions=40_000, seed=1)
        local_server.start()
        with Graph.connect(local_server.connection()) as graph, small_disk(local_server.home / "data-import", 4 * MIB):
            run_text(graph, "MERGE (:Kept {n: 1})")
            with pytest.raises(DiskFull, match=f"The disk of {local_server.home} is full"):
                load_folder(shop, server=local_server, graph=graph, mode="bulk", replace=True, report=tmp_path)
            assert run_text(graph, "MATCH (k:Kept) RETURN k.n AS n") == [{"n": 1}]
            assert not list(local_server.home.glob("hmrec-load-*"))
        (local_server.home / "data-import").rmdir()
        with small_disk(tmp_path / "disk", 2 * 4096) as disk:
            file = disk / "kept.dump"
            file.write_text("old")
            with pytest.raises(
                DiskFull, match=f"The disk of {disk} is full. Free disk space, or choose a file on another"
            ):
                back_up(local_server, file, force=True)
            assert [entry.read_text() for entry in disk.iterdir()] == ["old"]
        with Graph.connect(local_server.connection()) as graph:
            assert run_text(graph, "MATCH (k:Kept) DETACH DELETE k RETURN 1 AS n") == [{"n": 1}]

"""Commands on a machine as strangers have it: nothing installed, no home directory, results into pipes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import PROGRAMS
from tests.unit.test_every_command import HMREC

CUSTOMERS, ARTICLES = 40, 30
ROWS = [
    f"2020-{1 + place // 100:02}-{1 + place // 4 % 25:02},"
    f"c{place * 7 % 41 % CUSTOMERS},{place * 5 % 31 % ARTICLES:010},1.5,1"
    for place in range(300)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "shop").mkdir()
    header = "t_dat,customer_id,article_id,price,sales_channel_id\n"
    (folder / "shop" / "transactions_train.csv").write_text(header + "\n".join(ROWS) + "\n")
    return folder


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    known = {
        "HMREC_HOME": str(folder / "home"), "HMREC_PROGRAMS": str(PROGRAMS), "HMREC_HEAP": "1g",
        "HMREC_PAGE_CACHE": "128m", "HMREC_BOLT_PORT": str(19100 + 20 * worker),
        "HMREC_HTTP_PORT": str(19300 + 20 * worker),
    }  # fmt: skip
    given = {name: value for name, value in (os.environ | known | environment).items() if value}
    return subprocess.run([*HMREC, *words], env=given, cwd=folder, capture_output=True, text=True, timeout=400)


@pytest.fixture(scope="module")
def machine(folder: Path) -> Iterator[Path]:
    """A machine on which the first command was `hmrec load`."""
    loaded = run(folder, "load", "shop")
    assert loaded.returncode == 0, loaded.stderr
    assert f"transactions_train: {len(ROWS)} read, {len(set(ROWS))} loaded" in loaded.stdout
    yield folder
    run(folder, "db", "stop")


def test_a_load_installs_and_starts_the_server_and_starts_one_that_was_stopped(machine: Path) -> None:
    assert f"{len(set(ROWS))} BOUGHT" in run(machine, "doctor").stdout
    assert run(machine, "db", "stop").returncode == 0
    again = run(machine, "load", "shop")
    assert again.returncode == 0, again.stderr
    assert "nothing changed" in again.stdout


def test_recommend_all_s_lists_go_into_a_pipe_and_through_a_link(machine: Path) -> None:
    fifo, link, real = machine / "p", machine / "link.csv", machine / "real.csv"
    os.mkfifo(fifo)
    real.touch(mode=0o600)
    link.symlink_to("real.csv")
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(fifo.read_text)
        into_pipe = run(machine, "recommend", "--all", "--out", "p")
        assert into_pipe.returncode == 0, into_pipe.stderr
        piped = read.result(timeout=20)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert run(machine, "recommend", "--all", "--out", "link.csv").returncode == 0
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert real.read_text() == piped
    assert len(piped.splitlines()) == CUSTOMERS + 1
    printed = run(machine, "recommend", "--all", "--out", "/dev/stdout")
    assert printed.stdout == piped
    assert printed.stderr.endswith(f"{CUSTOMERS} customers are in /dev/stdout.\n")


NOBODY = (
    "import pwd\ndef find(number): raise KeyError(number)\npwd.getpwuid = find\nfrom hmrec.cli.main import main; main()"
)


def test_a_user_without_a_home_directory_works_with_a_server_and_is_told_once(machine: Path) -> None:
    settings = {"HMREC_HOME": "", "HOME": "", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": ""}
    status = run(machine, "db", "status", "--json")
    uri = next(line.split('"')[3] for line in status.stdout.splitlines() if '"uri"' in line)
    server = {"NEO4J_URI": uri, "NEO4J_PASSWORD": (machine / "home" / "password").read_text().strip()}
    program = [sys.executable, "-c", NOBODY]
    environment = {name: value for name, value in (os.environ | server).items() if name not in settings}

    def ask(*words: str, named: bool = True) -> subprocess.CompletedProcess[str]:
        known = environment if named else {n: v for n, v in environment.items() if n not in server}
        return subprocess.run([*program, *words], env=known, cwd=machine, capture_output=True, text=True, timeout=300)

    for words in (("recommend", "--all", "--out", "nobody.csv"), ("train", "--epochs", "1")):
        result = ask(*words)
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("This user has no home directory") == 1
    quiet = ask("--quiet", "report", "--out", "graph.html")
    assert (quiet.returncode, quiet.stderr) == (0, "")  # nothing of Matplotlib's either
    doctor = ask("doctor")
    assert "BAD  HMREC_HOME" in doctor.stdout
    assert "ok   server" in doctor.stdout
    for words in (("db", "start"), ("demo",), ("recommend", "1")):
        result = ask(*words, named=False)
        assert result.returncode == 2
        assert result.stderr == (
            "hmrec: This user has no home directory: HOME is not set. Set HMREC_HOME to a writable folder.\n"
        )

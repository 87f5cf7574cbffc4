"""Result files: complete or unchanged, through links, into pipes, with the mode they had."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hmrec.cypher.errors import HmrecError, UserMistake
from hmrec.cypher.result_file import find_result_file, write_result
from hmrec.graph_ml.evaluate.page import write_page
from hmrec.graph_ml.recommend.submission import write_lists
from hmrec.loader.report import write_whole

CUSTOMERS = [f"c{place:02}" for place in range(12)]
Write = Callable[[Path], object]


def recommend(out: Path) -> int:
    return write_lists(out, 1, CUSTOMERS, lambda begin, end: [[f"a{n}"] for n in range(begin, end)], at_once=5)


SUBMISSION = "customer_id,prediction\n" + "".join(f"{customer},a{n}\n" for n, customer in enumerate(CUSTOMERS))
WRITERS: list[tuple[Write, str]] = [
    (recommend, SUBMISSION),
    (lambda out: write_page("Page", ["<p>1</p>"], out), "<p>1</p>"),
    (lambda out: write_whole(out, lambda path: path.write_text("{}\n")), "{}\n"),
]
every_writer = pytest.mark.parametrize(("write", "expected"), WRITERS, ids=["submission", "page", "load report"])


@every_writer
def test_a_link_is_kept_and_its_target_is_written(write: Write, expected: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    real, middle, link = tmp_path / "deep" / "real.csv", tmp_path / "deep" / "middle", tmp_path / "link.csv"
    real.write_text("old")
    middle.symlink_to("real.csv")
    link.symlink_to("deep/middle")
    write(link)
    assert link.is_symlink()
    assert middle.is_symlink()
    assert expected in real.read_text()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "link.csv", "middle", "real.csv"]


@every_writer
def test_a_dangling_link_creates_its_target(write: Write, expected: str, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to("new.csv")
    write(link)
    assert link.is_symlink()
    assert expected in (tmp_path / "new.csv").read_text()


@every_writer
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_the_mode_of_a_file_is_kept(mode: int, write: Write, expected: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.touch()
    out.chmod(mode)
    write(out)
    assert stat.S_IMODE(out.stat().st_mode) == mode
    assert expected in out.read_text()


def test_a_private_file_stays_private_during_writing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.touch()
    out.chmod(0o600)
    modes = []
    write_result(out, lambda path: (path.write_text("x"), modes.append(stat.S_IMODE(path.stat().st_mode))))
    assert modes == [0o600]


@every_writer
def test_a_fifo_is_kept_and_its_reader_gets_everything(write: Write, expected: str, tmp_path: Path) -> None:
    fifo = tmp_path / "p"
    os.mkfifo(fifo)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(fifo.read_text)
        write(fifo)
        assert expected in read.result(timeout=20)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@every_writer
def test_an_open_descriptor_is_written_to(write: Write, expected: str) -> None:
    reader, writer = os.pipe()
    write(Path(f"/dev/fd/{writer}"))
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        assert expected in file.read()


def test_a_descriptor_of_a_file_is_written_at_its_position(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        file.write(b"before\n")
        recommend(Path(f"/dev/fd/{file.fileno()}"))
        file.write(b"after\n")
    assert (tmp_path / "log").read_text() == f"before\n{SUBMISSION}after\n"


def test_a_reader_that_stops_ends_in_one_sentence(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(HmrecError, match=f"The reader of /dev/fd/{writer} stopped"):
        recommend(Path(f"/dev/fd/{writer}"))
    os.close(writer)


def test_folders_and_sockets_are_errors_and_unchanged(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(UserMistake, match="is a socket"):
            recommend(tmp_path / "s")
        assert (tmp_path / "s").is_socket()
    with pytest.raises(UserMistake, match="is a folder"):
        find_result_file(tmp_path)
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UserMistake, match="cannot be written"):
        recommend(tmp_path / "a")
    with pytest.raises(UserMistake, match="/dev/fd/987 is not open"):
        recommend(Path("/dev/fd/987"))


def test_a_failed_result_keeps_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        write_result(out, fail)
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]

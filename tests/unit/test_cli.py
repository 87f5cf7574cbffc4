"""The command line without a server: help, speed, and every mistake in one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from hmrec.cli.main import app, find_command
from hmrec.cypher.local.install import NEO4J_VERSION
from typer.testing import CliRunner

from tests.unit.commands import list_commands

ROOT = Path(__file__).parents[2]
COMMANDS = [list(words) for words in list_commands()]


def run(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run hmrec as a user does, in its own process."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NEO4J_", "HMREC_"))}
    return subprocess.run(
        [sys.executable, "-c", "from hmrec.cli.main import main; main()", *arguments],
        env=clean | {"HMREC_HOME": str(home), "COLUMNS": "200",} | environment,
        capture_output=True, text=True, cwd=home.parent, timeout=120,
    )  # fmt: skip


def assert_one_sentence(result: subprocess.CompletedProcess[str], status: int) -> None:
    assert result.returncode == status, result
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert result.stderr.startswith("hmrec: ")
    assert "Traceback" not in result.stderr


def test_help_needs_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys; from hmrec.cli.main import app; from typer.testing import CliRunner; "
        "r = CliRunner().invoke(app, ['--help']); assert r.exit_code == 0, r.output; "
        "heavy = {'torch', 'polars', 'pandas', 'numpy', 'neo4j', 'torch_geometric', 'scipy'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_version_names_hmrec_and_its_neo4j(tmp_path: Path) -> None:
    printed = run("--version", home=tmp_path / "home").stdout
    assert printed == f"hmrec {version('hmrec')}, local Neo4j {NEO4J_VERSION}\n"


def test_a_line_imports_its_command_only_and_help_lists_all(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['hmrec', 'recommend', '--help']; from hmrec.cli import main as cli\n"
        "try: cli.main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'polars', 'pandas', 'numpy', 'neo4j', 'scipy', 'lightgbm'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'hmrec.cli.evaluate' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL)
    whole = CliRunner().invoke(app, ["--help"], prog_name="hmrec", env={"COLUMNS": "200"}).stdout
    assert run("--help", home=tmp_path / "home").stdout == whole
    assert find_command(["--quiet", "--timeout", "load", "recommend", "1"]) == "recommend"
    assert find_command(["--help", "recommend"]) is None


def test_recommending_imports_only_what_a_list_needs() -> None:
    code = (
        "import sys; from hmrec.graph_ml.recommend import Recommender\n"
        "heavy = {'torch', 'torch_geometric', 'polars', 'scipy', 'lightgbm', 'numba', 'filelock'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_readme_lists_every_command_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"(?:^    |`|&& |; )hmrec ([a-z]+)", readme, re.MULTILINE))
    assert shown == {command[0] for command in COMMANDS}
    groups = {command[0] for command in COMMANDS if len(command) > 1}
    named = set(re.findall(rf"(?:^    |`|&& |; )hmrec ((?:{'|'.join(sorted(groups))}) [a-z]+)", readme, re.MULTILINE))
    assert named - {" ".join(command) for command in COMMANDS} == set()


def test_a_missing_folder(tmp_path: Path) -> None:
    assert_one_sentence(run("load", "--check", str(tmp_path / "nowhere"), home=tmp_path / "home"), 2)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_backup_is_of_the_local_server_only(command: str, tmp_path: Path) -> None:
    result = run("db", command, "x.dump", home=tmp_path / "home", NEO4J_URI="bolt://example.org:7687")
    assert_one_sentence(result, 2)
    assert "neo4j-admin database" in result.stderr
    assert_one_sentence(run("db", command, "x.dump", home=tmp_path / "home"), 2)  # no server, and no such file


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "transactions_train.csv").write_text(
        "t_dat,customer_id,price,sales_channel_id\n2020-01-01,1,2,1\n"
    )
    result = run("load", "--check", str(tmp_path / "data"), home=tmp_path / "home")
    assert_one_sentence(result, 2)
    assert "article_id" in result.stderr


def test_a_missing_server_ends_with_status_1_and_a_hint(tmp_path: Path) -> None:
    result = run("recommend", "1", home=tmp_path / "home")
    assert_one_sentence(result, 1)
    assert "hmrec db start" in result.stderr


def test_an_address_where_nothing_answers(tmp_path: Path) -> None:
    result = run(
        "recommend", "1", "--timeout", "0", home=tmp_path / "home", NEO4J_URI="bolt://localhost:1",
        NEO4J_PASSWORD="secret-word",
    )  # fmt: skip
    assert_one_sentence(result, 1)
    assert "secret-word" not in result.stderr


def test_an_invalid_address(tmp_path: Path) -> None:
    assert_one_sentence(run("recommend", "1", home=tmp_path / "home", NEO4J_URI="nonsense"), 2)


def test_a_setting_out_of_range_is_named(tmp_path: Path) -> None:
    result = run("db", "start", home=tmp_path / "home", HMREC_BOLT_PORT="0")
    assert_one_sentence(result, 2)
    assert "bolt_port" in result.stderr


def test_a_home_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_one_sentence(run("db", "install", home=tmp_path / "home", HMREC_HOME=str(tmp_path / "file" / "x")), 1)


def test_a_failed_download_has_a_hint_and_installs_nothing(tmp_path: Path) -> None:
    proxy = "http://127.0.0.1:1"  # an unreachable address
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy)
    result = run("db", "install", home=tmp_path / "home", NO_PROXY="", no_proxy="", **proxies)
    assert result.returncode == 1
    assert "could not be downloaded" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    status = run("db", "status", "--json", home=tmp_path / "home")
    assert '"installed": false' in status.stdout


def test_an_unknown_query_and_a_wrong_parameter(tmp_path: Path) -> None:
    assert_one_sentence(run("query", "no_such", home=tmp_path / "home"), 2)
    assert_one_sentence(run("query", "popular", "-p", "k=many", home=tmp_path / "home"), 2)
    assert_one_sentence(run("query", "popular", "-p", "k", home=tmp_path / "home"), 2)


def test_recommend_needs_a_customer_or_all_with_a_file(tmp_path: Path) -> None:
    assert_one_sentence(run("recommend", home=tmp_path / "home"), 2)
    assert_one_sentence(run("recommend", "--all", home=tmp_path / "home"), 2)
    assert_one_sentence(run("recommend", "1", "--method", "magic", home=tmp_path / "home"), 2)


def test_an_unknown_option_ends_with_status_2(tmp_path: Path) -> None:
    result = run("load", "--no-such-option", home=tmp_path / "home")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_traceback_is_printed_only_with_debug(tmp_path: Path) -> None:
    result = run("query", "no_such", "--debug", home=tmp_path / "home")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_queries_are_listed_without_a_server(tmp_path: Path) -> None:
    result = run("query", "--format", "json", home=tmp_path / "home")
    assert result.returncode == 0
    assert '"user_based_cf"' in result.stdout
    assert "\x1b" not in result.stdout


def test_control_characters_in_arguments_do_not_reach_the_terminal(tmp_path: Path) -> None:
    result = run("query", "a\x1b[31mred", home=tmp_path / "home")
    assert "\x1b" not in result.stderr

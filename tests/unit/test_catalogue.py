"""Queries are files with headers for people and for the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hmrec.cypher.catalogue import BadQueryFile, find_query, load_catalogue, parse_bare_query, parse_query
from hmrec.cypher.errors import UnknownQuery, UserMistake
from hmrec.cypher.limits import WINDOW
from hmrec.graph_ml.recommend.rule import Kind

HEADER = "// sums: adds two numbers\n// $a: integer\n// $b: integer = 2   the second\n// returns total\n"
FILE = Path("sums.cypher")


def test_every_query_has_a_doc_and_recommenders_return_article_score_and_reason() -> None:
    catalogue = load_catalogue()
    assert len(catalogue) >= 20
    assert all(query.doc for query in catalogue.values())
    for query in catalogue.values():
        if query.folder == "recommend":
            assert query.returns == ("article_id", "score", "because"), query.name
            assert {"k", "new_only", "as_of"} <= set(query.parameters), query.name


def test_queries_with_parameters_have_a_command_for_neo4j_browser() -> None:
    for query in load_catalogue().values():
        lines = [line for line in query.text.splitlines() if line.startswith("// :param")]
        assert len(lines) == (1 if query.parameters else 0), query.name
        if query.parameters:
            names = ", ".join(query.parameters)
            values = "[^ ].*".join(f" AS {name}" for name in query.parameters)
            command = rf"// :param \[{{{names}}}\] => {{ RETURN .+{values} }}"
            assert re.fullmatch(command, lines[0]), (query.name, command)


def test_the_command_of_a_recommender_or_an_explanation_has_the_header_s_defaults() -> None:
    queries = [query for query in load_catalogue().values() if query.folder in ("recommend", "explain")]
    assert len(queries) > 12
    for query in queries:
        command = next(line for line in query.text.splitlines() if line.startswith("// :param"))
        for name, default in re.findall(r"^// \$(\w+): \w+ = (.+?)(?:\s{2,}.*)?$", query.text, re.MULTILINE):
            assert f" {default} AS {name}" in command, (query.name, name)


def test_python_files_contain_no_cypher() -> None:
    root = Path(__file__).parents[2]
    words = ("MATCH (", "MERGE (", "RETURN ", "UNWIND ", "DETACH DELETE")
    for folder in ("cypher", "loader", "graph_ml", "cli"):
        for file in (root / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert not [word for word in words if word in text], file


def test_an_integer_given_for_a_float_is_sent_as_a_float() -> None:
    bound = load_catalogue()["own_repurchases"].bind({"customer_id": "1", "half_life": 42, "k": 12})
    assert isinstance(bound["half_life"], float)
    assert isinstance(bound["k"], int)


def test_the_window_after_a_list_is_the_same_in_the_query_and_the_limits() -> None:
    assert find_query("impressions").parameters["window"].default == WINDOW


def test_header_declares_parameters_defaults_and_columns() -> None:
    query = parse_query(HEADER + "RETURN $a + $b AS total", FILE)
    assert query.doc == "adds two numbers"
    assert query.returns == ("total",)
    assert query.bind({"a": 1}) == {"a": 1, "b": 2}
    assert query.parameters["b"].doc == "the second"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEADER + "RETURN $a + $b + $c AS total", "sums.cypher:5"),
        (HEADER + "RETURN $a AS total", "sums.cypher:1"),
        (HEADER.replace("$a: integer", "$a: number") + "RETURN $a + $b AS total", "sums.cypher:2"),
        (HEADER.replace("sums:", "other:") + "RETURN $a + $b AS total", "sums.cypher:1"),
        (HEADER.replace("= 2", "= two") + "RETURN $a + $b AS total", "sums.cypher:3"),
        ("", "sums.cypher:1"),
    ],
)
def test_a_header_that_contradicts_the_query_is_an_error_with_file_and_line(text: str, where: str) -> None:
    with pytest.raises(BadQueryFile, match=where):
        parse_query(text, FILE)


def test_dollars_in_strings_and_comments_are_not_parameters() -> None:
    query = parse_query(HEADER + "// costs $5\nRETURN $a + $b AS total, '$c' AS text", FILE)
    assert set(query.parameters) == {"a", "b"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs the parameter a"),
        ({"a": "1"}, "of type integer"),
        ({"a": True}, "of type integer"),
        ({"a": 1, "x": 1}, "no parameter 'x'"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_runs(given: dict[str, object], message: str) -> None:
    query = parse_query(HEADER + "RETURN $a + $b AS total", FILE)
    with pytest.raises(UserMistake, match=message):
        query.bind(given)


def test_values_from_the_command_line_are_parsed_by_their_declared_type() -> None:
    query = find_query("user_based_cf")
    assert query.parameters["k"].parse("5") == 5
    assert query.parameters["new_only"].parse("true") is True
    assert query.parameters["half_life"].parse("null") is None
    assert query.parameters["customer_id"].parse("007") == "007"
    with pytest.raises(UserMistake, match="of type integer"):
        query.parameters["k"].parse("many")


def test_a_users_own_query_needs_no_header() -> None:
    query = parse_bare_query("MATCH (c:Customer {customer_id: $id}) RETURN c.age AS age", Path("mine.cypher"))
    assert set(query.parameters) == {"id"}
    assert query.parameters["id"].parse("12") == 12
    assert query.parameters["id"].parse("abc") == "abc"


def test_an_unknown_query_name_suggests_similar_ones() -> None:
    with pytest.raises(UnknownQuery) as caught:
        find_query("user_based")
    assert "user_based_cf" in str(caught.value)


def test_statements_are_separated_by_semicolons_at_line_ends() -> None:
    query = parse_bare_query("RETURN ';' AS a;\nRETURN 2 AS b;\n// the end\n", Path("two.cypher"))
    assert [statement.strip() for statement in query.statements] == ["RETURN ';' AS a", "RETURN 2 AS b"]


def test_a_query_that_commits_in_batches_is_recognised() -> None:
    parts = ("IN TRANSACTIONS OF 9 ROWS", "IN 2 CONCURRENT TRANSACTIONS", "IN $n CONCURRENT TRANSACTIONS")
    for words in (*parts, "IN CONCURRENT TRANSACTIONS", ""):
        query = parse_bare_query(f"MATCH (n) CALL (n) {{ REMOVE n.x }} {words}", Path("parts.cypher"))
        assert query.commits_itself == bool(words)


def test_a_query_can_be_written_out_with_its_values() -> None:
    text = HEADER + "WITH '$a' AS word // $a\nRETURN $a + $b AS total, word"
    query = parse_query(text, FILE)
    assert query.write_out({"a": 3}) == "WITH '$a' AS word // $a\nRETURN 3 + 2 AS total, word"
    hostile = parse_query(HEADER.replace("$a: integer", "$a: string") + "RETURN $a + $b AS total", FILE)
    assert hostile.write_out({"a": """x' + "y" \\ $b"""}) == """RETURN "x' + \\"y\\" \\\\ $b" + 2 AS total"""


def test_readers_read_the_version_in_use_exactly_once() -> None:
    """A plan may compare each (:Model) with the node and read its number again each time, so two could be in use."""
    asking = [query for query in load_catalogue().values() if "(now:ModelInForce)" in query.text]
    readers = [query for query in asking if query.folder != "write_back"]
    assert len(readers) >= 10
    for query in readers:
        assert re.search(r"\(now:ModelInForce\)\n *WITH (c, )?now\.version AS version\n", query.text), query.name
        assert query.text.count("now.version") == 1, query.name


def test_a_claim_waits_for_every_query_that_writes() -> None:
    """`Claim` waits for a killed client's queries of two folders; the other queries that write need no claim."""
    writes = re.compile(
        r"^\s*(?:CALL \(\w*\) \{ )?(?:MERGE|CREATE|SET|REMOVE|DELETE|DETACH DELETE|FOREACH)\b", re.MULTILINE
    )
    writing = {name: query.folder for name, query in load_catalogue().items() if writes.search(query.text)}
    assert len(writing) > 40
    assert writing["write_segment_members"] == "write_back"
    assert set(writing.values()) == {"schema", "load", "write_back", "rules", "experiments"}


def test_queries_about_rules_name_every_kind_of_rule() -> None:
    kinds = {kind.value for kind in Kind}
    found = [
        (query.name, set(re.findall(r"'([a-z]+)'", listed)))
        for query in load_catalogue().values()
        if ":Rule" in query.text
        for listed in re.findall(r"kind(?:, '')?\)? IN \[([^\]]+)\]", query.text)
    ]
    assert {"rules", "add_rules", "remove_rules", "delete_graph", "foreign"} <= {name for name, _ in found}
    assert all(listed == kinds for _, listed in found), found

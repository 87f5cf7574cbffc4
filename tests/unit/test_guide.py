"""Files for Neo4j Browser, without a server."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from hmrec.cypher.browser.guide import (
    FILES,
    SAVED_FOLDERS,
    Example,
    guide_queries,
    guide_values,
    parameters_command,
    write_saved_queries,
)
from hmrec.cypher.catalogue import find_query, load_catalogue

EXAMPLE = Example(customer_id='it\'s "7"', article_id="0108775015", new_only=True, node=3)


def test_parameters_keep_types_and_quotes() -> None:
    command = parameters_command({"customer_id": 'it\'s "7"', "k": 12, "half_life": 42.0, "as_of": None, "ids": [1]})
    assert command == (
        ":param [{customer_id, k, half_life, as_of, ids}] => "
        '{ RETURN "it\'s \\"7\\"" AS customer_id, 12 AS k, 42.0 AS half_life, null AS as_of, [1] AS ids }'
    )


def test_the_guide_has_eight_steps_with_consistent_parameters() -> None:
    assert (FILES / "guide.html").read_text(encoding="utf-8").count("<slide ") == 8
    queries = guide_queries()
    assert {"neighbourhood", "user_based_cf", "explain_user_based_cf_graph"} <= {query.name for query in queries}
    values = guide_values(EXAMPLE)
    for query in queries:
        for name, value in query.bind(EXAMPLE.values(query)).items():
            assert values[name] == value, (query.name, name)


def test_saved_queries_follow_their_parameters(tmp_path: Path) -> None:
    write_saved_queries(tmp_path / "saved_queries.zip", EXAMPLE)
    with zipfile.ZipFile(tmp_path / "saved_queries.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    for query in load_catalogue().values():
        if query.folder in SAVED_FOLDERS:
            assert texts.pop(f"hmrec {query.folder}/{query.name}_2.cypher") == query.text
            if query.parameters:
                title, command = texts.pop(f"hmrec {query.folder}/{query.name}_1.cypher").splitlines()
                assert title < f"// {query.name}: {query.doc}"  # Neo4j Browser sorts them by their titles
                assert all(name in command for name in query.parameters)
    assert not texts


def test_the_style_has_a_colour_and_a_name_for_every_label() -> None:
    style = (FILES / "style.grass").read_text(encoding="utf-8")
    constraints = find_query("constraints").text + find_query("event_constraints").text
    labels = set(re.findall(r"FOR \(n:(\w+)\)", constraints)) | set(
        re.findall(r"\bn:(\w+) AND", find_query("foreign").text)
    )
    assert {"Segment", "Rule", "ModelPart"} <= labels
    rules = dict(re.findall(r"node\.(\w+) \{(.*?)\}\n", style, flags=re.DOTALL))
    assert labels <= set(rules)
    assert len({re.findall(r"\n  color: (#\w+);", rule)[0] for rule in rules.values()}) == len(rules)
    assert all('caption: "{' in rule for rule in rules.values())

"""Audiences and segments over HTTP equal what the commands print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.recommend import AudienceRequest, Recommender
from hmrec.graph_ml.segments.write import write_segments

from tests.conftest import run_text
from tests.e2e.service import assert_failed


@pytest.fixture(scope="module")
def segment(shop: Graph) -> str:
    """The name of the largest segment."""
    _, found = write_segments(shop, 3)
    return found.segments[0].name


def test_audiences_are_equal_through_all_doors(
    client: httpx.Client, shop: Graph, segment: str, command: Callable[..., Any]
) -> None:
    (row,) = run_text(
        shop, "MATCH (a:Article)<-[b:BOUGHT]-() RETURN a.article_id AS id, count(b) AS n ORDER BY n DESC LIMIT 1"
    )
    article = str(row["id"])
    for options, given in (
        ((), {}),
        (("--include-buyers",), {"include_buyers": True}),
        (("--segment", segment), {"segment": [segment]}),
        (("--customers-where", "age < 45"), {"customers_where": "age < 45"}),
        (("--as-of", "2017-11-01"), {"as_of": "2017-11-01"}),
    ):
        answer = client.get(f"/articles/{quote(article, safe='')}/audience", params={"k": 15, **given})
        assert answer.status_code == 200, answer.text
        found = answer.json()["customers"]
        assert found
        assert found == command("audience", article, "-k", "15", *options)
        python = Recommender(shop).audience(AudienceRequest.model_validate({"article": article, "k": 15, **given}))
        assert [one["customer_id"] for one in found] == python.customers["customer_id"].tolist()
        if not options:
            query = command("query", "audience", "-p", f'article_ids=["{article}"]', "-p", "k=15")
            assert query == found
    several = client.get("/audience", params={"department": "DELI", "k": 5}).json()["customers"]
    assert several == command("audience", "--department", "DELI", "-k", "5")


def test_segments_are_equal_through_all_doors(client: httpx.Client, segment: str, command: Callable[..., Any]) -> None:
    assert client.get("/segments").json()["segments"] == command("segments", "list")
    shown = client.get(f"/segments/{quote(segment, safe='')}").json()
    assert shown == command("segments", "show", segment)


def test_wrong_requests_end_in_one_sentence(client: httpx.Client, segment: str) -> None:
    assert "no article 'nothing'" in assert_failed(client.get("/articles/nothing/audience"), 404)
    assert "no segment 'nobody'" in assert_failed(client.get("/segments/nobody"), 404)
    assert "needs an article" in assert_failed(client.get("/audience"), 400)
    answer = client.get("/audience", params={"department": "DELI", "customers_where": "agee > 3"})
    assert "no property 'agee'" in assert_failed(answer, 422)
    assert_failed(client.get("/articles/1/audience", params={"k": 0}), 422)

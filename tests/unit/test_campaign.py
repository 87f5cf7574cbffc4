"""Which customers get a list, and the file with a row for each article."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.export.subgraph import IdMap
from hmrec.graph_ml.recommend.campaign import (
    PARTIAL,
    ROWS,
    Campaign,
    ListForm,
    MethodList,
    parse_shard,
    to_cells,
    write_rows,
)
from hmrec.graph_ml.recommend.submission import write_lists
from hypothesis import given
from hypothesis import strategies as st

IDS = IdMap(f"c{n}" for n in range(10))
BUYERS, DAYS = np.array([0, 1, 1, 4, 9]), np.array([80, 90, 99, 100, 95])


def select(campaign: Campaign, day: int = 100) -> list[int]:
    return campaign.select(IDS, BUYERS, DAYS, day).tolist()


def test_all_customers_get_a_list_unless_some_are_chosen() -> None:
    assert select(Campaign()) == list(range(10))
    assert select(Campaign(active_days=5)) == [1, 9]
    assert select(Campaign(active_days=20)) == [0, 1, 9]  # the purchase on the day itself is not before it
    assert select(Campaign(customers=("c9", "c4", "unknown", "c9"))) == [4, 9]
    assert select(Campaign(customers=("c9", "c4"), active_days=5)) == [9]


@given(st.integers(1, 15))
def test_the_shards_in_order_are_the_whole(number: int) -> None:
    parts = [select(Campaign(shard=(part, number))) for part in range(1, number + 1)]
    assert [customer for part in parts for customer in part] == list(range(10))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"active_days": 0}, "at least one day"),
        ({"shard": (4, 3)}, "no part 4 of 3"),
        ({"shard": (0, 3)}, "no part 0 of 3"),
        ({"columns": ("colour_of_money",)}, "no property 'colour_of_money'"),
        ({"columns": ("price",)}, "not a property"),
        ({"columns": ("prod_name", "prod_name")}, "two columns 'prod_name'"),
        ({"columns": ("prod_name",), "form": ListForm.kaggle}, "no columns"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserMistake, match=sentence):
        Campaign(**fields)  # type: ignore[arg-type]


def test_unknown_customers_alone_are_an_error() -> None:
    with pytest.raises(UserMistake, match="None of these customers"):
        select(Campaign(customers=("nobody",)))


def test_some_unknown_customers_are_counted() -> None:
    assert Campaign().describe_unknown(IDS) == ""
    assert Campaign(customers=("c9",)).describe_unknown(IDS) == ""
    note = Campaign(customers=("c9", "nobody", "nobody", "anybody")).describe_unknown(IDS)
    assert note == "Not in the graph, so without a list: anybody, nobody."
    note = Campaign(customers=tuple("vwxyz")).describe_unknown(IDS)
    assert note == "Not in the graph, so without a list: v, w, x and 2 more."


def test_the_form_follows_the_files_name() -> None:
    assert Campaign().choose_form(Path("x.PARQUET")) is ListForm.parquet
    assert Campaign().choose_form(Path("x.csv")) is ListForm.kaggle
    assert Campaign(form=ListForm.csv).choose_form(Path("x.parquet")) is ListForm.csv
    with pytest.raises(UserMistake, match="no columns"):
        Campaign(columns=("prod_name",)).choose_form(Path("x.csv"))


@pytest.mark.parametrize("text", ["", "3", "3/", "a/b", "3/8/2", "-1/2"])
def test_a_shard_is_two_numbers(text: str) -> None:
    with pytest.raises(UserMistake, match="written as 3/8"):
        parse_shard(text)


@pytest.mark.parametrize("form", [ListForm.csv, ListForm.parquet])
def test_rows_have_the_lists_in_order_with_the_articles_columns(tmp_path: Path, form: ListForm) -> None:
    articles = IdMap(["007", 'a "b"', "c,d"])
    lists = [
        MethodList([2, 0], [0.5, 3.25], ["gnn", "popular"]),
        MethodList([], [], []),
        MethodList([1], [float("nan")], ["popular"]),
    ]
    names = pl.DataFrame({"article_id": ["007", "c,d"], "prod_name": ["Bond, James", None]})
    out = tmp_path / f"lists.{form}"
    write_lists(
        out,
        1,
        ["x", "y", "z, too"],
        lambda begin, end: [to_cells(lists[place], articles) for place in range(begin, end)],
        header=PARTIAL,
        finish=lambda partial, complete: write_rows(partial, complete, form, names),
        at_once=2,
    )
    read = (
        pl.read_parquet(out)
        if form is ListForm.parquet
        else pl.read_csv(out, schema_overrides={"article_id": pl.String})
    )
    assert read.columns == [*ROWS, "prod_name"]
    assert read.rows() == [
        ("x", "c,d", 1, 0.5, "gnn", None),
        ("x", "007", 2, 3.25, "popular", "Bond, James"),
        ("z, too", 'a "b"', 1, None, "popular", None),
    ]
    assert list(tmp_path.iterdir()) == [out]


def test_reasons_are_a_column_of_their_own_place(tmp_path: Path) -> None:
    campaign = Campaign(columns=("because", "prod_name"), form=ListForm.csv)
    articles, names = IdMap(["007"]), pl.DataFrame({"article_id": ["007"], "prod_name": ["Bond"]})
    write_lists(
        tmp_path / "lists.csv",
        1,
        ["x", "y"],
        lambda begin, end: (
            [to_cells(MethodList([0], [0.5], ["gnn"], ["it's near, and new"]), articles, campaign.header)]
            * (end - begin)
        ),
        header=campaign.header,
        finish=lambda partial, complete: write_rows(partial, complete, ListForm.csv, names, campaign.columns),
    )
    read = pl.read_csv(tmp_path / "lists.csv", schema_overrides={"article_id": pl.String})
    assert read.columns == [*ROWS, "because", "prod_name"]
    assert read.rows() == [(name, "007", 1, 0.5, "gnn", "it's near, and new", "Bond") for name in "xy"]
    assert campaign.properties() == {"prod_name": "prod_name"}
    with pytest.raises(UserMistake, match="two columns 'because'"):
        Campaign(columns=("because", "because"))

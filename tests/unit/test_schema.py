"""The declared tables agree with the graph's documented structure."""

from __future__ import annotations

import pytest
from hmrec.loader.constraints import Index, list_own_indexes
from hmrec.loader.schema import ARTICLES, ATTRIBUTES, CUSTOMERS, TABLES, TRANSACTIONS, Column, Kind


def test_columns_are_those_of_h_and_m_in_their_order() -> None:
    assert TRANSACTIONS.column_names[:5] == ("t_dat", "customer_id", "article_id", "price", "sales_channel_id")
    assert CUSTOMERS.column_names == (
        "customer_id", "FN", "Active", "club_member_status", "fashion_news_frequency", "age", "postal_code",
    )  # fmt: skip
    assert len(ARTICLES.hm_names) == 25
    assert ARTICLES.hm_names[0] == "article_id"
    assert ARTICLES.hm_names[-1] == "detail_desc"
    assert ARTICLES.column_names[25:] == ("available", "available_from", "available_until", "stock")


def test_only_day_customer_and_article_are_required() -> None:
    assert [column.name for column in TRANSACTIONS.columns if column.required] == ["t_dat", "customer_id", "article_id"]
    assert [column.name for column in TRANSACTIONS.columns if column.extra] == ["quantity", "invoice"]


def test_attributes_are_columns_of_the_articles() -> None:
    for attribute in ATTRIBUTES:
        ARTICLES.column(attribute.key)
        if attribute.name:
            assert ARTICLES.column(attribute.name).kind is Kind.text
    assert len({attribute.relationship for attribute in ATTRIBUTES}) == len(ATTRIBUTES) == 9


@pytest.mark.parametrize("table", TABLES)
def test_every_rule_has_words(table: object) -> None:
    assert table in TABLES
    rules = [column.rule for column in getattr(table, "columns")]  # noqa: B009
    assert all(rules)
    assert Column("age", Kind.integer, lowest=0, highest=150).rule == "a whole number from 0 to 150"


def test_hmrec_knows_its_own_indexes_of_every_kind() -> None:
    own = list_own_indexes()
    assert own["article_name"] == Index("FULLTEXT", ("Article",), ("prod_name",))
    assert own["bought_article"] == Index("RANGE", ("BOUGHT",), ("article_id", "t_dat"))
    assert own["article_embedding"] == Index("VECTOR", ("Article",), ("embedding",))
    assert own["customer_id"] == Index("RANGE", ("Customer",), ("customer_id",))

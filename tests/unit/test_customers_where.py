"""Conditions on customers: known properties of customers only, and one sentence for anything else."""

from __future__ import annotations

import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.recommend import AudienceRequest, Campaign
from hmrec.graph_ml.recommend.customers import make_customer_clauses
from hmrec.graph_ml.recommend.where import to_parameters
from hmrec.loader.properties import CUSTOMER_PROPERTIES
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.sampled_from([
    *CUSTOMER_PROPERTIES, "price", "and", "or", "not", "(", ")", "in", "[", "]", ",", "=", "<", ">=", "is", "null",
    "30", "'ACTIVE'", '"x"', "true", "2020-01-01", "c.age", "$where", "}", ";",
])  # fmt: skip


def test_a_condition_and_segments_become_clauses() -> None:
    found = make_customer_clauses(("A", "B"), "AGE >= 30 and not (club_member_status = 'ACTIVE' or segment is null)")
    assert to_parameters(found) == [
        [["segment", "in", ["A", "B"]]],
        [["age", ">=", 30]],
        [["club_member_status", "not in", ["ACTIVE"]]],
        [["segment", "is not null", None]],
    ]
    assert make_customer_clauses((), " ") == ()


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("price < 2", "Customers have no property 'price'. They have: customer_id, FN"),
        ("age = '30'", "must have a number for age at \"'30'\". An example: age >= 30 and Active = 1."),
        ("age >", "at its end"),
        ("age > 3 }) DETACH DELETE (n", "cannot be read at"),
        ("segment", "at its end"),
        ("a" * 100_001, "longer than 100,000"),
    ],
)
def test_what_is_no_condition_is_refused_in_one_sentence_by_all_doors(where: str, sentence: str) -> None:
    for refuse in (
        lambda: make_customer_clauses((), where),
        lambda: Campaign(customers_where=where),
        lambda: AudienceRequest(article="1", customers_where=where),
    ):
        with pytest.raises(UserMistake) as caught:
            refuse()
        if len(where) < 1000:
            assert sentence in f"{caught.value.message} {caught.value.hint}"


@given(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_ends_in_comparisons_of_customers_properties_or_one_sentence(text: str) -> None:
    clauses, said = (), ""
    try:
        clauses = make_customer_clauses((), text)
    except UserMistake as error:
        said = error.message
    assert not said or said.endswith(".")
    for clause in clauses:
        for found in clause:
            assert found.property in CUSTOMER_PROPERTIES
            assert found.operator in ("in", "not in", "<", "<=", ">", ">=", "is null", "is not null")

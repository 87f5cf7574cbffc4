"""What each label, relationship and property of the graph means."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...graph_ml.ranker.features import FACTS
from ...graph_ml.recommend.rule import Rule
from ...loader.schema import ATTRIBUTES

if TYPE_CHECKING:
    import pandas as pd


class Element(NamedTuple):
    """A label or a relationship.

    Attributes
    ----------
    kind : `node` or `relationship`.
    name : the label, or the relationship's type.
    path : how it is connected, as a pattern of Cypher.
    meaning : what it stands for.
    properties : by name, what each property means.
    """

    kind: str
    name: str
    path: str
    meaning: str
    properties: dict[str, str]


CUSTOMER = {
    "customer_id": "the customer's id; unique",
    "FN": "1 if the customer gets fashion news",
    "Active": "1 if the customer is active for communication",
    "club_member_status": "status in the shop's club",
    "fashion_news_frequency": "how often the customer gets fashion news",
    "age": "age in years",
    "postal_code": "postal code, often a hash of it",
    "embedding": "what the network learned about the customer; a vector",
    "embedding_staged": "the same, for a version that is being written",
}
"""The properties of a customer."""

ARTICLE = {
    "article_id": "the article's id, text with its leading zeros; unique",
    "product_code": "number of the product that it is a variant of",
    "prod_name": "name",
    "product_type_no": "number of the product type",
    "product_type_name": "product type, such as Trousers",
    "product_group_name": "group of the product type, such as Garment Lower body",
    "graphical_appearance_no": "number of the pattern",
    "graphical_appearance_name": "pattern, such as Stripe",
    "colour_group_code": "number of the colour",
    "colour_group_name": "colour, such as Dark Blue",
    "perceived_colour_value_id": "number of the colour's lightness",
    "perceived_colour_value_name": "lightness of the colour, such as Dark",
    "perceived_colour_master_id": "number of the basic colour",
    "perceived_colour_master_name": "basic colour, such as Blue",
    "department_no": "number of the department",
    "department_name": "department that makes it",
    "index_code": "letter of the index",
    "index_name": "index, such as Ladieswear",
    "index_group_no": "number of the group of indexes",
    "index_group_name": "whom it is made for, such as Menswear",
    "section_no": "number of the section",
    "section_name": "section of the shop",
    "garment_group_no": "number of the garment group",
    "garment_group_name": "garment group, such as Jersey Basic",
    "detail_desc": "description in sentences",
    "available": "false if it must not be recommended now",
    "available_from": "first day on which it is sold",
    "available_until": "last day on which it is sold",
    "stock": "units in stock; 0 or less means out of stock",
    "embedding": "what the network learned about the article; a vector",
    "embedding_staged": "the same, for a version that is being written",
    **dict.fromkeys(FACTS, "a fact for the ranker, as of the day of its training"),
}
"""The properties of an article."""

_DAY = {"t_dat": "day"}
_PURCHASE = _DAY | {
    "article_id": "the article's id again, for an index",
    "quantity": "units bought, less those returned",
    "sales_channel_id": "sales channel; 0 if unknown",
    "price": "price of a unit, in the unit of the shop's files",
    "loaded": "units in loaded files, if there are events, too",
}
_EVENT = _DAY | {
    "event_id": "the event's id; unique",
    "time": "moment",
    "quantity": "units",
    "price": "price of a unit",
    "sales_channel_id": "sales channel; 0 if unknown",
}
_BETWEEN = {
    "score": "how strongly they are related; compares only within one type",
    "customers": "how many customers bought both",
    "version": "version of the relationships; those of (:RelationsInForce) count",
}
_IN_FORCE = {"version": "the version that readers use"}


def _edge(name: str, to: str, meaning: str, properties: dict[str, str], start: str = "Customer") -> Element:
    return Element("relationship", name, f"(:{start})-[:{name}]->(:{to})", meaning, properties)


def _node(name: str, meaning: str, properties: dict[str, str]) -> Element:
    return Element("node", name, f"(:{name})", meaning, properties)


ELEMENTS = (
    _node("Customer", "a customer", CUSTOMER),
    _node("Article", "an article, such as a pair of trousers in one colour", ARTICLE),
    _edge("BOUGHT", "Article", "a purchase: one for each customer, article, day, price and channel", _PURCHASE),
    *(
        _node(one.label, one.sentence, {one.key: "unique"} | ({one.name: "name"} if one.name else {}))
        for one in ATTRIBUTES
    ),
    *(_edge(one.relationship, one.label, one.sentence, {}, "Article") for one in ATTRIBUTES),
    _edge("ORDERED", "Article", "a purchase that came as an event; BOUGHT has it, too", _EVENT),
    _edge("RETURNED", "Article", "a return, as an event, or from a file with t_dat and quantity alone", _EVENT),
    _edge("VIEWED", "Article", "a view that came as an event", _EVENT),
    _edge("ADDED_TO_CART", "Article", "an article put into a cart, as an event", _EVENT),
    _edge("TAKEN_BACK", "Article", "a loaded purchase that was returned entirely", _PURCHASE),
    _edge("BOUGHT_WITH", "Article", "often bought by the same customers", _BETWEEN, "Article"),
    _edge(
        "BOUGHT_AFTER", "Article", "often bought later",
        _BETWEEN | {"days": "days between the purchases"}, "Article",
    ),
    _edge("SIMILAR", "Article", "has a similar embedding", _BETWEEN, "Article"),
    _edge(
        "SELLS", "Article", "is among the best sellers of the last days",
        {"purchases": "purchases in these days", "version": _BETWEEN["version"]}, "Department",
    ),
    _edge("RECEIVED", "Article", "was never sold", {"version": _BETWEEN["version"]}, "Department"),
    _node(
        "CustomerGroup", "everyone, or customers of about the same age and of the same club status",
        {
            "name": "whom it has", "version": _BETWEEN["version"], "method": "the recommender that reads its list",
            "age": CUSTOMER["age"], "club_member_status": CUSTOMER["club_member_status"],
            "counted": "how many days the purchases are from",
        },
    ),
    _edge(
        "BUYS", "Article", "is among what the group bought most in the last days",
        {"purchases": "purchases in these days"}, "CustomerGroup",
    ),
    _edge("IN_SEGMENT", "Segment", "the customer's group by taste", {}),
    _node(
        "Segment", "a group of customers by taste",
        {
            "version": "version of the segments", "name": "name", "size": "number of customers",
            "traits": "what distinguishes its customers", "centre": "its middle, a vector", "by": "what was compared",
            "source": "what the vectors come from", "created": "when it was written",
        },
    ),
    _node("SegmentsInForce", "a single node", _IN_FORCE),
    _node(
        "Rule", "a rule of the shop for lists",
        {name: one.description or name for name, one in Rule.model_fields.items()},
    ),
    _node(
        "Load", "a load of files",
        {
            "id": "its id", "number": "its place among the loads", "mode": "bulk or stream",
            "folder": "what was loaded", "fingerprint": "SHA-256 of the files",
            "started": "when it started", "finished": "when it finished",
            "report": "its report, as JSON", "store_bytes": "size of the store", "days_written": "days that it changed",
            "customers_written": "customers that it changed", "articles_written": "how many articles it changed",
            "replacing": "step of an unfinished replacement",
            **{
                f"{table}_{count}": f"rows of {table}: {count}"
                for table in ("customers", "articles", "transactions_train")
                for count in ("read", "loaded", "merged", "rejected", "returned", "left_out")
            },
        },
    ),
    _node("Model", "a trained version of the network: its settings, days and metrics", {"version": "its number"}),
    _node("ModelInForce", "a single node", _IN_FORCE),
    _node("Relations", "a version of the relationships between articles", {"version": "its number"}),
    _node("RelationsInForce", "a single node", _IN_FORCE),
)  # fmt: skip
"""The labels and relationships that people ask about. hmrec's own bookkeeping has more."""


def describe_graph() -> pd.DataFrame:
    """Return the elements: kind, name, path, meaning, properties."""
    import pandas as pd

    return pd.DataFrame(ELEMENTS)

"""The three tables (columns, types and rules), and the attribute nodes that articles share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

EARLIEST = date(1990, 1, 1)
"""The default of `ReadRules.earliest`."""


@dataclass(frozen=True)
class ReadRules:
    """The caller's rules for rows.

    Attributes
    ----------
    earliest : the earliest valid date; an earlier one is treated as a typing error.
    leave_out : ids that are not articles, such as postage and discounts; their rows are left out.
    encoding : of the text files, such as cp1252; None to detect it from their bytes.
    """

    earliest: date = EARLIEST
    leave_out: frozenset[str] = frozenset()
    encoding: str | None = None


class Kind(StrEnum):
    """The type of a column's cells."""

    id = "id"
    integer = "integer"
    decimal = "decimal"
    date = "date"
    boolean = "boolean"
    text = "text"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name : as in H&M's files, if they have it.
    kind : the type of its cells.
    required : whether a row without it is bad.
    absent : the default for a missing cell or column; None for no value.
    lowest, highest : inclusive bounds of numbers.
    breaks : whether a text may span several lines.
    flag : whether True and False are read as 1 and 0.
    extra : whether only some shops' files have it; if missing, no note says so.
    any_day : whether a date may be any day, also in the future.
    aliases : other accepted names.
    """

    name: str
    kind: Kind
    required: bool = False
    absent: str | None = None
    lowest: float | None = None
    highest: float | None = None
    breaks: bool = False
    flag: bool = False
    extra: bool = False
    any_day: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule in words, for messages about rows that broke it; that of a date contains `{earliest}`."""
        words = {
            Kind.id: "text without quote marks and control characters",
            Kind.integer: "a whole number",
            Kind.decimal: "a number",
            Kind.date: "a date such as 2020-09-22"
            + ("" if self.any_day else ", neither before {earliest} nor in the future"),
            Kind.boolean: "true or false",
            Kind.text: "text" if self.breaks else "text on one line",
        }[self.kind]
        if self.lowest is not None and self.highest is not None:
            words += f" from {self.lowest:g} to {self.highest:g}"
        elif self.lowest is not None:
            words += f" of at least {self.lowest:g}"
        return words + (", and not missing" if self.required else "")


@dataclass(frozen=True)
class Table:
    """One file: its stem, its columns in H&M's order, and its unique key, if it has one."""

    stem: str
    columns: tuple[Column, ...]
    key: str | None = None

    @property
    def file(self) -> str:
        """The file's name in H&M's data."""
        return f"{self.stem}.csv"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def hm_names(self) -> tuple[str, ...]:
        """The names of the columns that H&M's file has, in order."""
        return tuple(column.name for column in self.columns if not column.extra)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Attribute:
    """A column of the articles that becomes a node: `(:Article)-[:relationship]->(:label {key, name})`."""

    label: str
    relationship: str
    key: str
    name: str | None
    sentence: str


CUSTOMERS = Table(
    "customers",
    (
        Column("customer_id", Kind.id, required=True),
        Column("FN", Kind.integer, lowest=0, highest=1, flag=True),
        Column("Active", Kind.integer, lowest=0, highest=1, flag=True),
        Column("club_member_status", Kind.text),
        Column("fashion_news_frequency", Kind.text),
        Column("age", Kind.integer, lowest=0, highest=150),
        Column("postal_code", Kind.text),
    ),
    key="customer_id",
)
"""The columns of customers.csv."""

AVAILABILITY = (
    Column("available", Kind.boolean, extra=True),
    Column("available_from", Kind.date, extra=True, any_day=True),
    Column("available_until", Kind.date, extra=True, any_day=True),
    Column("stock", Kind.integer, lowest=-1e9, highest=1e9, extra=True),
)
"""The columns that say whether an article can be recommended; facts of now, which no training looks at."""

ARTICLES = Table(
    "articles",
    (
        Column("article_id", Kind.id, required=True),
        Column("product_code", Kind.integer),
        Column("prod_name", Kind.text),
        Column("product_type_no", Kind.integer),
        Column("product_type_name", Kind.text),
        Column("product_group_name", Kind.text),
        Column("graphical_appearance_no", Kind.integer),
        Column("graphical_appearance_name", Kind.text),
        Column("colour_group_code", Kind.integer),
        Column("colour_group_name", Kind.text),
        Column("perceived_colour_value_id", Kind.integer),
        Column("perceived_colour_value_name", Kind.text),
        Column("perceived_colour_master_id", Kind.integer),
        Column("perceived_colour_master_name", Kind.text),
        Column("department_no", Kind.integer),
        Column("department_name", Kind.text),
        Column("index_code", Kind.text),
        Column("index_name", Kind.text),
        Column("index_group_no", Kind.integer),
        Column("index_group_name", Kind.text),
        Column("section_no", Kind.integer),
        Column("section_name", Kind.text),
        Column("garment_group_no", Kind.integer),
        Column("garment_group_name", Kind.text),
        Column("detail_desc", Kind.text, breaks=True),
        *AVAILABILITY,
    ),
    key="article_id",
)
"""The columns of articles.csv; H&M's has all but those of `AVAILABILITY`."""

STOCK = Table("stock", (Column("article_id", Kind.id, required=True), *AVAILABILITY), key="article_id")
"""The columns of a stock file."""

TRANSACTIONS = Table(
    "transactions_train",
    (
        Column("t_dat", Kind.date, required=True),
        Column("customer_id", Kind.id, required=True),
        Column("article_id", Kind.id, required=True),
        Column("price", Kind.decimal, lowest=-1e12, highest=1e12),
        Column("sales_channel_id", Kind.integer, absent="0", lowest=0, highest=2**31 - 1),
        Column("quantity", Kind.integer, absent="1", lowest=-1e9, highest=1e9, extra=True),
        Column("invoice", Kind.text, extra=True, aliases=("invoice_no", "invoice_number")),
    ),
)
"""The columns of transactions_train.csv."""

TABLES = (CUSTOMERS, ARTICLES, TRANSACTIONS)
"""The three tables."""

ATTRIBUTES = (
    Attribute(
        "Product",
        "VARIANT_OF",
        "product_code",
        "prod_name",
        "the product that articles are variants of",
    ),
    Attribute("ProductType", "HAS_TYPE", "product_type_no", "product_type_name", "its product type"),
    Attribute("ProductGroup", "IN_PRODUCT_GROUP", "product_group_name", None, "the group of its product type"),
    Attribute("Colour", "HAS_COLOUR", "colour_group_code", "colour_group_name", "its colour"),
    Attribute("Appearance", "HAS_APPEARANCE", "graphical_appearance_no", "graphical_appearance_name", "its pattern"),
    Attribute("Department", "IN_DEPARTMENT", "department_no", "department_name", "the department that makes it"),
    Attribute("Section", "IN_SECTION", "section_no", "section_name", "the section of the shop"),
    Attribute("GarmentGroup", "IN_GARMENT_GROUP", "garment_group_no", "garment_group_name", "its garment group"),
    Attribute(
        "IndexGroup", "IN_INDEX_GROUP", "index_group_no", "index_group_name", "the customers that it is made for"
    ),
)
"""The columns of the articles that become nodes."""

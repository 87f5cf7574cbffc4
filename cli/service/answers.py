"""The response models of the service. The OpenAPI document is generated from them."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field


class Failure(BaseModel):
    """An error."""

    error: str = Field(description="What is wrong, in one sentence")
    hint: str = Field(description="What to do, in one sentence, or empty")


class RecommendedArticle(BaseModel):
    """A recommended article, with its reason."""

    article_id: str
    prod_name: str | None
    score: float | None = Field(description="Comparable only within one method; null if only a rule chose the article")
    because: str


class StoredLists(BaseModel):
    """The version of stored lists that an answer comes from."""

    version: int
    written: str = Field(description="When the lists were written, ISO 8601")
    until: date = Field(description="The day after the last purchase that they know")


class Recommendation(BaseModel):
    """A customer's recommendations, best first."""

    customer_id: str
    method: str
    note: str = Field(description="A sentence about a customer without purchases or an old method name, or empty")
    articles: list[RecommendedArticle]
    scored_by: list[str] = Field(
        description="For each article, the method whose score it has: `hybrid` for the ranker's, else a recommender's; "
        "empty for an article that a rule pinned"
    )
    impression_id: str | None = Field(
        default=None, description="Id of the logged list, to send with events; null if it was not logged"
    )
    stored: StoredLists | None = Field(default=None, description="Of `stored=true`: how old the list is; else null")


class SimilarArticle(BaseModel):
    """An article close to another one."""

    article_id: str
    prod_name: str | None
    score: float = Field(description="Cosine of the embeddings, -1 to 1")


class Similar(BaseModel):
    """The articles whose embeddings are nearest to that of an article, nearest first."""

    article_id: str
    articles: list[SimilarArticle]


class SharedArticle(BaseModel):
    """An article bought by both the customer and the neighbour."""

    article_id: str
    prod_name: str | None
    part: float = Field(description="Its contribution to the similarity")


class Part(BaseModel):
    """A part of a score, from a neighbour or from the customer's own history."""

    who: str = Field(description="`neighbour` or `own history`")
    customer_id: str
    similarity: float
    weight: float = Field(description="Weight of the article among that customer's purchases")
    part: float = Field(description="`similarity` times `weight`")
    shared: list[SharedArticle]
    because: str


class Node(BaseModel):
    """A node of the drawing."""

    id: str
    kind: str = Field(description="`customer`, `shared`, `neighbour` or `article`")
    name: str


class Edge(BaseModel):
    """A line of the drawing: purchases that connect the customer to the article."""

    source: str
    target: str
    part: float = Field(description="Amount of the score that passes through it")


class Drawing(BaseModel):
    """The explanation as a graph of the customer, shared articles, neighbours and the article."""

    nodes: list[Node]
    edges: list[Edge]


class Explanation(BaseModel):
    """Why user-based collaborative filtering gives an article its score; no parts if it gives none."""

    customer_id: str
    article_id: str
    score: float = Field(description="Sum of the parts")
    parts: list[Part]
    drawing: Drawing


class RankerPart(BaseModel):
    """A part of the ranker's score: from a source, or from what is known about the customer, the article or both."""

    source: str
    place: int | None = Field(description="Position in the source's list, from 1; null if the part is not a source's")
    part: float
    because: str


class RankerExplanation(BaseModel):
    """Why the ranker (`hybrid`) gives an article its score; no parts if no source proposes it."""

    customer_id: str
    article_id: str
    score: float = Field(description="Sum of the parts")
    parts: list[RankerPart]


class Purchase(BaseModel):
    """A purchase."""

    t_dat: date
    article_id: str
    prod_name: str | None
    price: float | None
    quantity: int | None


class Customer(BaseModel):
    """A customer, with the latest purchases, newest first."""

    customer_id: str
    attributes: dict[str, str | int | float | None] = Field(description="Attributes by H&M's column names")
    bought: int = Field(description="Number of articles bought, repeats included")
    articles: int = Field(description="Number of different articles")
    first: date | None
    last: date | None
    purchases: list[Purchase]


class FoundCustomer(BaseModel):
    """A customer found by a search."""

    customer_id: str
    bought: int = Field(description="Number of purchases")


class Found(BaseModel):
    """Customers found by the first characters of their ids, or by their segment."""

    customers: list[FoundCustomer]


class PropertyCount(BaseModel):
    """A property of articles."""

    property: str
    values: int = Field(description="Number of different values")
    articles: int = Field(description="Number of articles that have it")


class Properties(BaseModel):
    """The properties of articles that the graph has."""

    properties: list[PropertyCount]


class ValueCount(BaseModel):
    """A value of a property."""

    value: str | int | float | bool | date
    articles: int = Field(description="Number of articles that have it")


class Values(BaseModel):
    """The values of a property of articles, the most frequent first."""

    property: str
    values: list[ValueCount]


class Health(BaseModel):
    """State of the service and its graph."""

    status: str
    version: str = Field(description="Version of hmrec")
    neo4j: str = Field(description="Version of the Neo4j server")
    load: str | None = Field(description="Id of the latest load")
    loading: bool = Field(description="Whether that load is still running")
    model: int | None = Field(description="Version of the embeddings in use")

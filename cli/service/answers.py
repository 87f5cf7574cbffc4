"""What the service answers, declared once: the OpenAPI document is made from it."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field


class Failure(BaseModel):
    """What went wrong."""

    error: str = Field(description="One sentence that says what is wrong")
    hint: str = Field(description="One sentence that says what to do, or empty")


class RecommendedArticle(BaseModel):
    """An article and why it is recommended."""

    article_id: str
    prod_name: str | None
    score: float = Field(description="Comparable within one method only")
    because: str


class Recommendation(BaseModel):
    """What a customer is recommended, the best first."""

    customer_id: str
    method: str
    note: str = Field(description="A sentence for the customer's special case, or empty")
    articles: list[RecommendedArticle]


class SimilarArticle(BaseModel):
    """An article near another one."""

    article_id: str
    prod_name: str | None
    score: float = Field(description="Cosine of the embeddings, -1 to 1")


class Similar(BaseModel):
    """The articles whose embeddings are nearest to an article's, the nearest first."""

    article_id: str
    articles: list[SimilarArticle]


class SharedArticle(BaseModel):
    """An article that customer and neighbour both bought."""

    article_id: str
    prod_name: str | None
    part: float = Field(description="Its part of the similarity")


class Part(BaseModel):
    """One part of a score: a neighbour's, or the customer's own history's."""

    who: str = Field(description="neighbour, or own history")
    customer_id: str
    similarity: float
    weight: float = Field(description="Of the article among that customer's purchases")
    part: float = Field(description="similarity times weight")
    shared: list[SharedArticle]
    because: str


class Node(BaseModel):
    """A node of the drawing."""

    id: str
    kind: str = Field(description="customer, shared, neighbour or article")
    name: str


class Edge(BaseModel):
    """Purchases that lead from the customer to the article, of which the drawing shows one line."""

    source: str
    target: str
    part: float = Field(description="How much of the score goes through it")


class Drawing(BaseModel):
    """The explanation as a graph: customer, shared articles, neighbours, article."""

    nodes: list[Node]
    edges: list[Edge]


class Explanation(BaseModel):
    """Why user-based collaborative filtering gives an article its score; no parts where it gives none."""

    customer_id: str
    article_id: str
    score: float = Field(description="The sum of the parts")
    parts: list[Part]
    drawing: Drawing


class RankerPart(BaseModel):
    """One part of the ranker's score: a source's, or that of what is known of the customer, the article or both."""

    source: str
    place: int | None = Field(description="In the source's list, from 1; null if the part is not a source's")
    part: float
    because: str


class RankerExplanation(BaseModel):
    """Why the ranker (`hybrid`) gives an article its score; no parts if no source proposes it."""

    customer_id: str
    article_id: str
    score: float = Field(description="The sum of the parts")
    parts: list[RankerPart]


class Purchase(BaseModel):
    """A purchase."""

    t_dat: date
    article_id: str
    prod_name: str | None
    price: float | None
    quantity: int | None


class Customer(BaseModel):
    """A customer, with the last purchases, the newest first."""

    customer_id: str
    attributes: dict[str, str | int | float | None] = Field(description="By H&M's column names")
    bought: int = Field(description="How many articles were bought, each as often as it was")
    articles: int = Field(description="How many different ones")
    first: date | None
    last: date | None
    purchases: list[Purchase]


class FoundCustomer(BaseModel):
    """A customer that was searched for."""

    customer_id: str
    bought: int = Field(description="How many purchases")


class Found(BaseModel):
    """Customers whose ids begin with what was searched for, in the order of their ids."""

    customers: list[FoundCustomer]


class Health(BaseModel):
    """The service and its graph answer."""

    status: str
    version: str = Field(description="Of hmrec")
    neo4j: str = Field(description="Version of the server")
    load: str | None = Field(description="Id of the newest load")
    loading: bool = Field(description="Whether that load is not finished")
    model: int | None = Field(description="Version of the embeddings in force")

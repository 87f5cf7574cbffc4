"""Recommend to one customer or to all: `Recommender(graph)` takes a `Request` and returns articles with reasons.

Candidates come from the saved queries or their batch versions. The trained ranker orders them if there is one.
"""

from .audience import Audience, AudienceRequest
from .campaign import Campaign, ListForm
from .recommender import Recommender
from .request import Recommendations, Request

__all__ = ["Audience", "AudienceRequest", "Campaign", "ListForm", "Recommendations", "Recommender", "Request"]

"""The articles most similar to each of many articles: the nearest embeddings, exactly."""

from __future__ import annotations

import numpy as np

from ...cypher.progress import Progress, silent
from ..candidates.lists import list_offsets
from ..candidates.neighbours import Neighbours
from ..export.subgraph import Integers
from ..holdout.ranking import rank_by_product
from ..ranker.features import Matrix

ARTICLES_AT_ONCE = 2_000


def relate_similar(vectors: Matrix, wanted: Integers, *, most: int, progress: Progress = silent) -> Neighbours:
    """Return the `most` articles of largest positive cosine with each wanted article.

    Parameters
    ----------
    vectors : [A, dim] float32, the embeddings; NaN for an article without one, which is in no list and has no list.
    wanted : the articles that get a list, ascending.
    most : greatest length of a list.
    progress : receives the number of articles done.
    """
    known = np.flatnonzero(~np.isnan(vectors).any(axis=1))
    wanted = wanted[np.isin(wanted, known)]
    unit = vectors[known] / np.maximum(np.linalg.norm(vectors[known], axis=1, keepdims=True), np.float32(1e-12))
    across = np.ascontiguousarray(unit.T)
    sizes = np.zeros(len(vectors), dtype=np.int64)
    articles, scores = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for begin in range(0, len(wanted), ARTICLES_AT_ONCE):
        batch = wanted[begin : begin + ARTICLES_AT_ONCE]
        own = np.searchsorted(known, batch)
        part = unit[own]
        found = rank_by_product(part, across, most + 1)  # with the article itself
        cosine = np.einsum("nd,nkd->nk", part, unit[np.maximum(found, 0)]).astype(np.float64)
        cosine[(found < 0) | (found == own[:, None])] = 0
        order = np.lexsort((found, -cosine.round(6)), axis=1)[:, :most]
        cosine, found = np.take_along_axis(cosine, order, axis=1), np.take_along_axis(found, order, axis=1)
        sizes[batch] = (cosine > 0).sum(axis=1)
        articles.append(known[found[cosine > 0]])
        scores.append(cosine[cosine > 0])
        progress("Relating similar articles", begin + len(batch), len(wanted))
    article, score = np.concatenate(articles), np.concatenate(scores)
    return Neighbours(
        list_offsets(sizes), article, score, np.zeros(len(article), dtype=np.int64), np.zeros(len(article))
    )

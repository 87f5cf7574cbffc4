"""Find the largest entries of each row of a sparse matrix, row by row, so that each row stays in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .compiled import compile_loop

BINS = 256


def find_largest(
    scores: sp.csr_matrix, number: int, slack: float, margin: float, without: sp.csr_matrix | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the positions of the entries that `keep_top_k` keeps, and their number per row; compiled.

    NumPy adds 10 microseconds of overhead per row, and does not let other threads run in that time.
    """
    places = np.empty(scores.nnz + 1, dtype=np.int64)
    sizes = np.zeros(scores.shape[0], dtype=np.int64)
    nothing = np.zeros(0, dtype=scores.indices.dtype)
    out = (nothing, nothing) if without is None else (without.indptr, without.indices)
    is_out = np.zeros(0 if without is None else scores.shape[1], dtype=np.bool_)
    longest = int(np.diff(scores.indptr).max(initial=0))
    known = (scores.indptr, scores.indices, scores.data.astype(np.float64, copy=False))
    size = compile_loop(_find)(*known, *out, is_out, longest, number, slack, margin, places, sizes)
    return places[:size], sizes


def _find(
    indptr: npt.NDArray[Any],
    indices: npt.NDArray[Any],
    data: npt.NDArray[np.float64],
    out_indptr: npt.NDArray[Any],
    out_indices: npt.NDArray[Any],
    is_out: npt.NDArray[np.bool_],
    longest: int,
    number: int,
    slack: float,
    margin: float,
    places: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> int:
    """Write the kept positions of all rows, and each row's number of them; return their total. Compiled by numba."""
    left = np.empty(longest, dtype=np.int64)  # remaining values that may be the smallest one to keep
    counts = np.empty(BINS, dtype=np.int64)
    bits = data.view(np.int64)  # orders non-negative floats as their values do
    end = 0
    for row in range(len(indptr) - 1):
        first = end
        if len(is_out):
            for place in range(out_indptr[row], out_indptr[row + 1]):
                is_out[out_indices[place]] = True
            for place in range(indptr[row], indptr[row + 1]):
                places[end] = place
                end += not is_out[indices[place]]
            for place in range(out_indptr[row], out_indptr[row + 1]):
                is_out[out_indices[place]] = False
        else:
            for place in range(indptr[row], indptr[row + 1]):
                places[end] = place
                end += 1
        if end - first > number:
            size, wanted = end - first, number
            for entry in range(size):
                left[entry] = bits[places[first + entry]]
            while True:  # keep the bin that contains the wanted value
                low, high = left[0], left[0]
                for entry in range(1, size):
                    low, high = min(low, left[entry]), max(high, left[entry])
                if low == high:
                    break
                shift = 0
                while (high - low) >> shift >= BINS:
                    shift += 1
                counts[:] = 0
                for entry in range(size):
                    counts[(left[entry] - low) >> shift] += 1
                chosen = BINS - 1
                while counts[chosen] < wanted:
                    wanted -= counts[chosen]
                    chosen -= 1
                kept = 0
                for entry in range(size):
                    value = left[entry]
                    left[kept] = value
                    kept += (value - low) >> shift == chosen
                size = kept
            least = left[:1].view(np.float64)[0] * (1 - slack) - margin
            stop, end = end, first
            for entry in range(first, stop):
                place = places[entry]
                places[end] = place
                end += data[place] >= least
        sizes[row] = end - first
    return end

"""Products of sparse matrices whose left factor has few customers and whose right factor covers the whole shop."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..export.subgraph import Integers
from .compiled import compile_loop
from .lists import COMPILE_FROM, Floats, list_offsets


def multiply(left: sp.csr_matrix, right: sp.csr_matrix) -> sp.csr_matrix:
    """Return the product [n, m]; the entries of a row are unordered, and zeros may be stored or not.

    Sums are added in SciPy's order. SciPy traverses all terms twice, first to count them, and clears three numbers per
    column of `right` each time. For 250 out of a million customers, that is most of the time.
    """
    if left.nnz < COMPILE_FROM:
        return (left @ right).tocsr()
    counts = np.diff(right.indptr)[left.indices]
    begins = list_offsets(counts)
    longest, most = int(np.diff(left.indptr).max(initial=0)), int(np.diff(begins[left.indptr]).max(initial=0))
    indptr = np.zeros(left.shape[0] + 1, dtype=np.int64)
    indices, data = np.empty(begins[-1] + 1, dtype=np.int32), np.empty(begins[-1])  # unwritten pages take no memory
    sums = np.zeros(right.shape[1])
    whole = (left.indptr.astype(np.int64), left.indices.astype(np.int64), left.data)
    parts = (right.indptr, right.indices, right.data, sums, longest, most)
    compile_loop(_add_up)(*whole, *parts, indptr, indices, data)
    size = int(indptr[-1])
    return sp.csr_matrix((data[:size].copy(), indices[:size].copy(), indptr), (left.shape[0], right.shape[1]))


def spread(left: sp.csr_matrix, right: sp.csr_matrix) -> sp.csr_matrix:
    """Return the product [n, m] before summation: a row may have several entries in one column."""
    counts = np.diff(right.indptr)[left.indices]
    begins = list_offsets(counts)
    places = np.repeat(right.indptr[left.indices] - begins[:-1], counts) + np.arange(begins[-1])
    data = np.repeat(left.data, counts) * right.data[places]
    return sp.csr_matrix((data, right.indices[places], begins[left.indptr]), (left.shape[0], right.shape[1]))


def number_by_count(counts: Integers) -> tuple[Integers, Integers]:
    """Return each item's rank by descending count, and the position in `counts` of each rank, [n] each.

    The entries that are updated most are then adjacent, and stay in the cache.
    """
    place = np.argsort(-counts, kind="stable")
    number = np.empty_like(place)
    number[place] = np.arange(len(place))
    return number, place


def number_by_first_use(numbers: Integers, met: Integers) -> tuple[Integers, int]:
    """Renumber `numbers` [n] from 0 in the order of their first occurrence in `met`; also return how many occur.

    Numbers that never occur in `met` become -1. Rows that are used together are then adjacent in memory.
    """
    first = np.full(int(numbers.max(initial=-1)) + 1, -1, dtype=np.int64)
    first[met[::-1]] = np.arange(len(met))[::-1]
    known = np.flatnonzero(first >= 0)
    renumbered = np.full(len(first), -1, dtype=np.int64)
    renumbered[known[np.argsort(first[known])]] = np.arange(len(known))
    return renumbered[numbers], len(known)


def _add_up(
    left_indptr: Integers,
    left_indices: Integers,
    left_data: Floats,
    indptr: npt.NDArray[Any],
    indices: npt.NDArray[Any],
    data: Floats,
    sums: Floats,
    longest: int,
    most: int,
    found_indptr: Integers,
    found_indices: npt.NDArray[np.int32],
    found: Floats,
) -> None:
    """Write the product [n, m] to found, in CSR form; `sums` [m] is zero before and after. Compiled by numba."""
    begins, ends = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
    columns, more = np.empty(most, dtype=np.int32), np.empty(most)
    end = 0
    for row in range(len(left_indptr) - 1):
        first, number = left_indptr[row], left_indptr[row + 1] - left_indptr[row]
        for entry in range(number):
            line = left_indices[first + entry]
            begins[entry], ends[entry] = indptr[line], indptr[line + 1]
        size = 0
        for entry in range(number):
            factor = left_data[first + entry]
            for place in range(begins[entry], ends[entry]):
                columns[size] = indices[place]
                more[size] = factor * data[place]
                size += 1
        begin = end
        for place in range(size):
            column, before = columns[place], sums[columns[place]]
            found_indices[end] = column
            end += (before == 0.0) & (more[place] != 0.0)
            sums[column] = before + more[place]
        for place in range(begin, end):
            found[place] = sums[found_indices[place]]
            sums[found_indices[place]] = 0.0
        found_indptr[row + 1] = end

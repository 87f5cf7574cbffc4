"""Graph to arrays: read purchases, customers, articles and their features.

Input: the graph. Output: a `Subgraph` of arrays and frames, its cached copy on disk, and PyG's `HeteroData`.
"""

"""Relate all articles of a shop to each other: bought together, bought after each other, similar.

Input: a snapshot of the purchases, and the articles' embeddings. Output: one version of the relationships between
articles, which readers see as a whole.
"""

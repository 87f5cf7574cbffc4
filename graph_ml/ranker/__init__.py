"""The ranker: trees that order the candidates of all sources.

In come candidates, their features and what was bought later; out comes a `Ranker` that scores rows of features.
"""

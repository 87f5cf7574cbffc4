"""Models to graph: write embeddings, vector indexes, facts and versions, so that readers see one complete version.

Input: a `TrainedModel` and a ranker, or a version number. Output: properties on nodes, and the (:Model) in use.
"""

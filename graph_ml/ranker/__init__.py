"""The ranker: trees that order the candidates of all sources.

Input: candidates, their features, and later purchases. Output: a `Ranker` that scores rows of features.
"""

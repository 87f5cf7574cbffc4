"""Candidates in memory: the saved queries' recommendations, for many customers at once.

In come a `Snapshot` of purchases before a day and customers; out come each customer's articles with scores, best first.
"""

"""Hold out the last weeks, and measure lists against what was bought in them.

In come a `Subgraph` and lists; out come splits by day, the truth, and metrics with their intervals.
"""

"""Hold out the last weeks, and measure lists against what was bought in them.

Input: a `Subgraph` and lists. Output: splits by day, the truth, and metrics with their intervals.
"""

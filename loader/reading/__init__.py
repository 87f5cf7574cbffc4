"""Read a shop's files, and check every row.

In come CSV files as shops write them; out come clean tables with declared columns, and the rejected rows with reasons.
"""

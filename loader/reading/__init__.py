"""Read a shop's files and check every row.

Input: CSV files as shops export them. Output: clean tables with declared columns, and the rejected rows with reasons.
"""

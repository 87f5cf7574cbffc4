"""Batch recommenders: the saved queries' lists, computed in memory for many customers at once.

A snapshot of the purchases and the numbers of customers go in, a list of articles and scores for each comes out.
"""

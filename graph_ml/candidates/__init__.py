"""Batch recommenders: the saved queries' lists, computed in memory for many customers at once.

Input: a snapshot of the purchases, and numbers of customers. Output: a list of articles and scores for each customer.
"""

"""Check what the model in force does not know, and bring embeddings, relationships and stored lists up to date.

Input: the graph, and perhaps a folder with the day's files. Output: findings, and a graph whose results know them.
"""

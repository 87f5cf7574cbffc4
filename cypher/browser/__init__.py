"""Files for Neo4j Browser: a guide to play, saved queries to import, and a style sheet.

Input: the graph and the catalogue's queries. Output: files in the folder that the server serves.
"""

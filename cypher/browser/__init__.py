"""What Neo4j Browser shows: a guide to play, saved queries to import, and a style sheet.

In come the graph at hand and the catalogue's queries; out come files in the folder that the server shows.
"""

"""Candidates in memory: the saved queries' recommendations, for many customers at once."""

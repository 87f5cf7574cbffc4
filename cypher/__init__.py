"""The graph: everything that speaks to Neo4j."""

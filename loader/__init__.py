"""Files to graph: read, check and load customers, articles and purchases."""

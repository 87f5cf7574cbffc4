"""Graph to embeddings and back: export, train, write back, evaluate."""

"""Group customers by taste: from embeddings or purchases to (:Segment) nodes with names.

The recommender `popular_in_segment` uses other segments: age and club status.
"""

"""Graph to embeddings and back: export, hold out, train, rank, recommend, write back, evaluate.

Input: the graph of customers, articles and purchases. Output: embeddings and a ranker in it, lists, and evaluations.
"""

import os

# By default, the OpenMP threads of PyTorch and LightGBM spin while they wait for each other. On a machine with other
# load, they spend most of their time so: 40 trees took 53 s instead of 15 (docs/decisions/0039). The libraries read the
# variable when they are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

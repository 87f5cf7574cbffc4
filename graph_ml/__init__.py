"""Graph to embeddings and back: export, train, write back, evaluate."""

import os

# OpenMP's threads (PyTorch's, LightGBM's) else wait for each other by spinning, and on a machine that does other work,
# too, that is most of what they do: 40 trees 53 s instead of 15 (docs/decisions.md). Read when the libraries are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

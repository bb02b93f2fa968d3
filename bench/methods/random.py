"""Random search: one architecture a point, uniform over the raw choices, no supernet.

What it shows is the distribution of the space, and the expected best of n draws.
"""

from __future__ import annotations

from bench.method import Method

CITE = """@inproceedings{li2019random,
  title     = {Random Search and Reproducibility for Neural Architecture Search},
  author    = {Li, Liam and Talwalkar, Ameet},
  booktitle = {Conference on Uncertainty in Artificial Intelligence},
  year      = {2019}
}"""

METHOD = Method(id="random", label="random", colour="#7F7F7F", order=7, levels=0, cite=CITE)

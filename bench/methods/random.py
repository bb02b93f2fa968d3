"""Random search: one architecture per point, uniform over the raw choices, no supernet.

Measured: test accuracy on CIFAR-10 of the final cells of NAS-Bench-201, mean and standard deviation over n seeds: 91.90
± 1.46 %, n = 8 in 'scaled' (AMD EPYC); 89.79 ± 2.23 %, n = 4 in 'reduced' (Intel(R) Xeon(R) Processor). Provisional:
this is not the protocol of the papers.

It shows the distribution of the space, and the expected best of n draws.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.methods.method import Method, Rule
from bench.seeding import numpy_stream
from bench.steps.untrained import Untrained
from spaces.base import Arch

CITE = """@inproceedings{li2019random,
  title     = {Random Search and Reproducibility for Neural Architecture Search},
  author    = {Li, Liam and Talwalkar, Ameet},
  booktitle = {Conference on Uncertainty in Artificial Intelligence},
  year      = {2019}
}"""

DEVIATIONS = (
    Rule(
        id="plain-draws",
        what="Architectures are drawn and looked up; nothing is trained, and no draw builds on another.",
        why="The cited paper's two methods stop trainings early, or share weights; this is the baseline of either.",
        effect="A point is a fresh draw, not the best so far.",
        source="Li & Talwalkar, Random Search and Reproducibility for Neural Architecture Search, section 3",
    ),
)


def propose(untrained: Untrained, number: int, earlier: Sequence[Sequence[Arch]]) -> list[Arch]:
    """Draw an architecture for each seed, uniformly over the raw choices."""
    return [untrained.space.random(numpy_stream(seed, "random", number)) for seed in untrained.seeds]


METHOD = Method(
    id="random",
    label="random",
    colour="#7F7F7F",
    order=7,
    levels=0,
    cite=CITE,
    propose=propose,
    independent=True,
    deviations=DEVIATIONS,
)

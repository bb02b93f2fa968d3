"""DARTS, first order: alphas and weights take turns.

Measured: test accuracy on CIFAR-10 of the final cells of NAS-Bench-201, mean and standard deviation over n seeds: 77.06
± 14.98 %, n = 8 in 'scaled' (AMD EPYC); 91.82 ± 2.49 %, n = 4 in 'reduced' (Intel(R) Xeon(R) Processor). Provisional:
this is not the protocol of the papers.

Liu, Simonyan & Yang, DARTS: Differentiable Architecture Search, ICLR 2019, algorithm 1 with xi = 0. Run as the
SmoothDARTS code runs it without perturbation.
"""

from __future__ import annotations

from typing import Any

from bench.methods.method import Method
from bench.steps import bilevel
from bench.steps.learner import Batch, Learner, Outcome

CITE = """@inproceedings{liu2019darts,
  title     = {{DARTS}: Differentiable Architecture Search},
  author    = {Liu, Hanxiao and Simonyan, Karen and Yang, Yiming},
  booktitle = {International Conference on Learning Representations},
  year      = {2019}
}"""


def step(learner: Learner, batch: Batch, params: Any) -> Outcome:
    """Take one step."""
    return bilevel.step(learner, batch)


METHOD = Method(
    id="darts",
    label="DARTS (1st order)",
    colour="#0072B2",
    order=1,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
)

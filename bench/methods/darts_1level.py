"""One-level DARTS: DropNAS's own baseline, its step without dropout.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Hong et al., DropNAS, IJCAI 2020.
"""

from __future__ import annotations

from bench.methods.method import Method
from bench.steps import onelevel

from . import dropnas

#: What DropNAS's own say about the step that the two share.
DEVIATIONS = tuple(
    rule.model_copy(update={"switch": rule.switch.replace(".dropnas.", ".darts-1level.")})
    for rule in dropnas.DEVIATIONS
    if rule.id in ("sub-steps", "training-length", "adam-epsilon")
)


METHOD = Method(
    id="darts-1level",
    label="one-level DARTS",
    colour="#CC79A7",
    order=6,
    levels=1,
    cite=dropnas.CITE,
    step=onelevel.step,
    passes={"weights": 1},
    params=onelevel.Params,
    rate=onelevel.rate,
    rank="alpha",
    deviations=DEVIATIONS,
)

"""The verdict on a claim: its status, and the numbers that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from results.claims.claim import Claim
from results.claims.decide import ERROR
from results.claims.stats import Interval
from results.records.current import LeftOut
from results.records.run import Run


class Status(StrEnum):
    """The status of a claim."""

    REPRODUCED = "reproduced"
    BETTER = "better"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not-run"
    NOT_COMPARABLE = "not-comparable"


#: What the records decide, one way or the other.
DECIDED = frozenset({Status.REPRODUCED, Status.BETTER, Status.WORSE})


@dataclass(frozen=True)
class Length:
    """A search of another length than its protocol says; ``epochs`` is None where nobody says how many it took."""

    run: Run
    epochs: int | None
    planned: int


@dataclass(frozen=True)
class Verdict:
    """A claim and what our records say about it.

    Attributes
    ----------
    measured : mean over seeds, on the scale of the claim's value or of the direction's effect; None where no seed
        is scored throughout.
    interval : at 95 %, of this claim alone, on the same scale. Its lower limit takes the least value that an
        unscored architecture could have, its upper limit the greatest.
    p : the least error at which this claim alone would be decided; None where there is one number alone, or where too
        few architectures are scored.
    adjusted : p after Holm's method over the ``family``, the number of claims of that family and experiment: all of a
        family that was fixed, else those that have a p. The verdict follows it.
    n : seeds used, diverged ones included where they are bounded; of costs, pairs of groups of seeds.
    known : how many of them have a number, of which ``measured`` is the mean; the others have bounds.
    seeds_to_decide : the number of seeds at which seeds like these would decide, other claims being as they are; None
        where decided, or where more seeds alone would not.
    counted : where seeds are counted, instead of or beside a test of their mean, how many lie as claimed; else None.
        The verdict then does not rest on ``interval`` alone.
    unscored, points : how many architectures no table knows, of how many that were looked up; over all seeds, of
        both methods where two are compared.
    left_out : records that would bear on the claim, but follow another protocol or were measured differently.
    diverged, failed : runs of either method that did not reach their last epoch.
    imported : runs of other codes that it rests on.
    lengths : searches that it rests on and that have another length than their protocol says.
    text : one line.
    """

    claim: Claim
    status: Status
    text: str
    measured: float | None = None
    interval: Interval | None = None
    n: int = 0
    known: int = 0
    p: float | None = None
    adjusted: float | None = None
    family: int = 0
    seeds_to_decide: int | None = None
    counted: int | None = None
    unscored: int = 0
    points: int = 0
    left_out: tuple[LeftOut, ...] = ()
    diverged: tuple[Run, ...] = ()
    failed: tuple[Run, ...] = ()
    imported: tuple[Run, ...] = ()
    lengths: tuple[Length, ...] = ()

    @property
    def unfinished(self) -> str:
        """How many seeds diverged and failed, in words; empty where none did."""
        counts = {"diverged": len(self.diverged), "failed": len(self.failed)}
        return ", ".join(f"{n} seed{'s' * (n > 1)} {what}" for what, n in counts.items() if n)

    @property
    def decided_alone(self) -> bool:
        """Whether the claim would be decided if it were the only one of its paper, but is not among the others."""
        return self.status is Status.INCONCLUSIVE and self.p is not None and self.p <= ERROR

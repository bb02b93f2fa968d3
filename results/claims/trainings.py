"""What trainings from scratch say: the scores of an experiment's own retraining, and which cells a claim is about."""

from __future__ import annotations

from collections.abc import Sequence

from results.claims.claim import Claim, Selection
from results.records.record import Record
from results.scores.oracle import Oracle, of_release
from results.scores.score import Score


class Trainings:
    """The trainings from scratch that a claim is about.

    Parameters
    ----------
    oracle : that of the store; others than the experiment's own retraining are not asked.
    claim : one with a selection.
    """

    def __init__(self, oracle: Oracle, claim: Claim) -> None:
        self.claim, self.selection = claim, claim.selection or Selection()
        self._scores = of_release(oracle, f"retrain-{claim.experiment}")
        self._short = of_release(oracle, f"select-{claim.experiment}")

    def score(self, record: Record) -> Score | None:
        """Return the score of the cell that a search ended in; None where it is not trained."""
        return self._scores.score(record.run.space, record.final_arch, self.claim.dataset)

    def accuracies(self, space: str, archs: Sequence[str]) -> list[float | None]:
        """Return the test accuracy in percent that the claim is about, of each architecture, in order."""
        scores = self._scores.scores(space, archs, self.claim.dataset)
        field = "best_test" if self.selection.epoch == "best-test" else "test"
        return [None if score is None else getattr(score, field) for score in scores]

    def kept(self, records: Sequence[Record]) -> list[Record]:
        """Return the complete records whose cells count: all of them, or the one that is chosen.

        Where nothing is trained, or where the choice is not possible yet, there is none.
        """
        known = [self._accuracy(record) for record in records]
        if all(value is None for value in known):
            return []
        if self.selection.cells == "each":
            return list(records)
        by = known if self.selection.cells == "by-test" else [self._valid(record) for record in records]
        place = _best(records, by)
        return [] if place is None or known[place] is None else [records[place]]

    def _accuracy(self, record: Record) -> float | None:
        return self.accuracies(record.run.space, [record.final_arch])[0]

    def _valid(self, record: Record) -> float | None:
        score = self._short.score(record.run.space, record.final_arch, self.claim.dataset)
        return None if score is None else score.valid


def _best(records: Sequence[Record], values: Sequence[float | None]) -> int | None:
    """Return the place of the highest value, of the lowest seed of several; None where one is not known."""
    known = [
        (-value, record.run.seed, place)
        for place, (record, value) in enumerate(zip(records, values, strict=True))
        if value is not None
    ]
    return min(known)[2] if known and len(known) == len(records) else None


def rule(selection: Selection) -> str:
    """Return which trainings a selection means, in words."""
    cells = {
        "each": "each cell",
        "by-validation": "the cell that validates best after a short training",
        "by-test": "the best cell by test",
    }
    epoch = {"last": "last epoch", "best-test": "best test epoch"}
    return f"{cells[selection.cells]}, {epoch[selection.epoch]}"

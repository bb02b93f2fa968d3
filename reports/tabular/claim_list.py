"""The verdicts as the page lists them: paper by paper, decided ones first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from reports.tabular.claim_tables import DECIDED_FIRST, MARKS, OWN, SILENT, printed_cells
from results.claims.verdict import DECIDED, Status, Verdict
from results.labels import Labels


@dataclass(frozen=True)
class Entry:
    """One claim with its verdict, as printed.

    Attributes
    ----------
    status : value of a ``Status``, and ``mark`` its mark.
    claim : the statement, or the quantity that was printed.
    method, space : what the page filters by; ``where`` also names data set and experiment.
    stated : what is published or expected; ``measured`` what the records give.
    notes : what must be known beside these; each is a line.
    """

    status: str
    mark: str
    claim: str
    method: str
    space: str
    where: str
    stated: str
    measured: str
    n: str
    p: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Paper:
    """The claims of one paper.

    Attributes
    ----------
    spoken : its claims that records bear on, decided ones first; silent : the others.
    tally : mark and number of each status, decided ones first.
    weight : sorts papers; those of which most is decided come first.
    """

    name: str
    spoken: tuple[Entry, ...]
    silent: tuple[Entry, ...]
    tally: tuple[tuple[str, str, int], ...]  # mark, status, number
    weight: tuple[int, ...]

    @property
    def judged(self) -> bool:
        """Whether records bear on any of its claims."""
        return bool(self.spoken)


def papers(verdicts: Iterable[Verdict], labels: Labels) -> list[Paper]:
    """Return the papers with their claims; papers with decided claims first, then those with undecided ones.

    Parameters
    ----------
    labels : of methods, spaces and quantities.
    """
    groups: dict[str, list[Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda verdict: DECIDED_FIRST.index(verdict.status)):
        groups.setdefault(verdict.claim.paper, []).append(verdict)
    found = [_paper(name, group, labels) for name, group in groups.items()]
    return sorted(found, key=lambda paper: ([-count for count in paper.weight], paper.name))


def _paper(name: str, verdicts: list[Verdict], labels: Labels) -> Paper:
    counts = Counter(verdict.status for verdict in verdicts)
    decided = sum(counts[status] for status in DECIDED)
    return Paper(
        "Claims of this suite" if name == OWN else name,
        tuple(_entry(verdict, labels) for verdict in verdicts if verdict.status not in SILENT),
        tuple(_entry(verdict, labels) for verdict in verdicts if verdict.status in SILENT),
        tuple((MARKS[s], s.value, counts[s]) for s in DECIDED_FIRST if counts[s]),
        (decided, counts[Status.INCONCLUSIVE]),
    )


def _entry(verdict: Verdict, labels: Labels) -> Entry:
    cells, claim = printed_cells(verdict, labels), verdict.claim
    source = ", ".join(filter(None, (claim.table, claim.source)))
    return Entry(
        status=verdict.status.value,
        mark=MARKS[verdict.status],
        claim=cells["claim"],
        method=cells["method"],
        space=labels.space(claim.space),
        where=cells["where"],
        stated=cells["published"],
        measured=cells["measured"],
        n=cells["n"],
        p=cells["p (adjusted)"],
        notes=tuple(filter(None, (cells["note"], f"Source: {source}." if source else ""))),
    )

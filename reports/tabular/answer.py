"""What an experiment found, in a few sentences and one small table: what a reader sees first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.names import slug
from reports.study.final_cells import Ending, endings, leading
from reports.study.kinds import kind
from reports.study.method_style import Method
from reports.study.study import Study, dataset_label
from reports.tabular.claim_tables import DECIDED_FIRST, MARKS, OWN
from reports.tabular.finals import Final, finals, last_draws
from reports.tabular.table import NONE, Table
from results.claims.verdict import DECIDED, Status, Verdict

_OWN_NOTE = " These claims are this suite's own expectations, not published numbers."
_MARKED = "the verdicts of all claims about each method"
_ACCURACIES = ("accuracy", "error")
_NAMED = 3  # methods that a sentence names before it counts the rest


@dataclass(frozen=True)
class Number:
    """A cell of the small table: mean and spread, number of seeds, and the marks of the claims on it."""

    value: str
    n: str
    marks: tuple[tuple[str, str], ...]  # (mark with the number of claims, what it means)


@dataclass(frozen=True)
class Answer:
    """What an experiment found.

    Attributes
    ----------
    sentence : the answer in one sentence.
    details : sentences that follow, on collapse in further spaces and on accuracies.
    columns : one space, data set and quantity each.
    rows : method and one number a column; None where the method has no record there.
    spaces : the label of each column's space.
    claims : the sentence on claims; empty where there is none.
    scores : releases of tables that the accuracies are from.
    marked : what stands beside the accuracies.
    """

    sentence: str
    details: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Method, tuple[Number | None, ...]], ...]
    spaces: tuple[str, ...]
    claims: str
    scores: tuple[str, ...]
    marked: str = _MARKED

    @property
    def more(self) -> tuple[str, ...]:
        """The sentences that follow the first."""
        return (*self.details, *filter(None, [self.claims]))

    def table(self, experiment: str) -> Table:
        """Return the answer as a table for a text; the sentence is its title."""
        several = len(self.columns) > 1
        claims = [f"claims, {space}" if several else "claims" for space in self.spaces]
        columns = [name for pair in zip(self.columns, claims, strict=True) for name in pair]
        rows = [
            (method.label, *(cell for number in numbers for cell in _cells(number))) for method, numbers in self.rows
        ]
        parts = [
            f"{experiment} ({kind(experiment)}): mean ± standard deviation over n seeds after the last epoch, and"
            f" {self.marked}.",
            *last_draws(method for method, _ in self.rows),
            self.claims,
            f"Scores: {', '.join(self.scores) or 'none'}.",
        ]
        return Table(
            slug(experiment, "answer"),
            self.sentence,
            ("method", *columns),
            tuple(rows),
            " ".join(filter(None, parts)),
            numbers=frozenset(self.columns),
        )


def answer(studies: Sequence[Study], verdicts: Iterable[Verdict]) -> Answer:
    """Return what the studies of one experiment found.

    Parameters
    ----------
    verdicts : of any experiment; those of this one count.
    """
    mine = [verdict for verdict in verdicts if verdict.claim.experiment == studies[0].experiment]
    several = len(studies) > 1
    spoken = [*(_endings(study, several) for study in studies), *map(_accuracies, studies)]
    spoken = [sentence for sentence in spoken if sentence]
    tests = [_tests(study) for study in studies]
    columns = tuple(
        f"{study.label}, {dataset_label(study.datasets[0])} test {study.declared.metric}, %" for study in studies
    )
    methods = {method.id: method for study in studies for method in study.compared}
    rows = tuple(
        (
            method,
            tuple(
                _number(final, [v for v in mine if (v.claim.space, v.claim.method) == (study.space, method.id)])
                if (final := found.get(method.id))
                else None
                for study, found in zip(studies, tests, strict=True)
            ),
        )
        for method in methods.values()
    )
    return Answer(
        sentence=spoken[0] if spoken else "No search is complete and scored yet.",
        details=tuple(spoken[1:]),
        columns=columns,
        rows=rows,
        spaces=tuple(study.label for study in studies),
        claims=_verdicts(mine),
        scores=tuple(dict.fromkeys(final.release for found in tests for final in found.values() if final.release)),
        marked=_marked(mine),
    )


def _tests(study: Study) -> dict[str, Final]:
    """Return what each method ends in on the test split of the data set that was searched, by the first release."""
    dataset = study.datasets[0]
    release = next(iter(study.releases(dataset)), "")
    return {
        final.method.id: final
        for final in finals(study)
        if (final.dataset, final.split, final.release) == (dataset, "test", release)
    }


def _endings(study: Study, several: bool) -> str:
    """Return the sentence on collapse: which methods end in the cell of skip connections alone, and how often."""
    found = endings(study)
    if not found:
        return ""
    place = f"On {study.label}, " if several else ""
    first = leading([ending.method for ending in found])
    collapsed = sorted((e for e in found if e.count), key=lambda e: (e.method.id != first.id, -e.count / e.seeds))
    others = [ending for ending in found if not ending.count]
    if not collapsed:
        return (
            f"{place}{'no' if place else 'No'} seed of {_listed(others)} ends in the all-skip cell ({_seeds(others)})."
        )
    head, *rest = collapsed
    seeds = f"{head.count} of {head.seeds} seeds" if head.seeds > 1 else "its only seed"
    parts = [f"{head.method.label} ends in the all-skip cell in {seeds}"]
    parts += [f"{each.method.label} in {each.count} of {each.seeds}" for each in rest]
    parts += [f"{_listed(others)} in none ({_seeds(others)})"] if others else []
    return f"{place}{', '.join(parts)}."


def _listed(found: Sequence[Ending]) -> str:
    """Return the methods of endings in words, and only how many where there are many."""
    labels = [ending.method.label for ending in found]
    if len(labels) > _NAMED + 1:
        labels = [*labels[:_NAMED], f"{len(labels) - _NAMED} other methods"]
    return " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))


def _seeds(found: Sequence[Ending]) -> str:
    counts = sorted({ending.seeds for ending in found})
    return f"n={counts[0]}" if len(counts) == 1 else f"n={counts[0]} to {counts[-1]}"


def _accuracies(study: Study) -> str:
    """Return the sentence on test results: the leading method, the best of the others, and independent draws."""
    found = [final for final in _tests(study).values() if final.values]
    if not found:
        return ""
    first = leading([final.method for final in found])
    others = [final for final in found if final.method.id != first.id and not final.method.independent]
    sign = 1 if found[0].metric == "accuracy" else -1
    best = max(others, key=lambda final: sign * sum(final.values) / len(final.values), default=None)
    parts = [_printed(final) for final in found if final.method.id == first.id]
    parts += [f"best of the others {_printed(best)}" if len(others) > 1 else _printed(best)] if best else []
    parts += [_printed(final) for final in found if final.method.independent and final.method.id != first.id]
    what = f"{dataset_label(study.datasets[0])} test {found[0].metric}"
    return f"Mean {what} on {study.label}: {', '.join(parts)}."


def _printed(final: Final) -> str:
    return f"{final.method.label} {final.mean}\u00a0% (n={len(final.values)})"


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    """Return the sentence on claims: how many are decided, and how."""
    judged = [verdict for verdict in verdicts if verdict.claim.judged]
    counts = Counter(verdict.status for verdict in judged)
    if not judged:
        return ""
    decided = sum(counts[status] for status in DECIDED)
    shown = ", ".join(f"{counts[status]} {_words(status)}" for status in DECIDED_FIRST if counts[status])
    claims = "1 claim" if len(judged) == 1 else f"{len(judged)} claims"
    own = all(verdict.claim.paper == OWN for verdict in judged)
    return f"{claims} on this experiment, {decided or 'none'} decided: {shown}.{_OWN_NOTE if own else ''}"


def _marked(verdicts: Sequence[Verdict]) -> str:
    """Return what the marks beside the accuracies are of, which few of them may be about."""
    others = sum(verdict.claim.metric not in _ACCURACIES for verdict in verdicts)
    return f"{_MARKED}, most of them not about accuracy" if 2 * others > len(verdicts) else _MARKED


def _words(status: Status) -> str:
    return status.value.replace("-", " ")


def _cells(number: Number | None) -> tuple[str, str]:
    if number is None:
        return NONE, NONE
    return f"{number.value} ({number.n})", ", ".join(meaning for _, meaning in number.marks) or NONE


def _number(final: Final, verdicts: Iterable[Verdict]) -> Number:
    counts = Counter(verdict.status for verdict in verdicts)
    marks = tuple((f"{MARKS[s]}\u202f{counts[s]}", f"{counts[s]} {_words(s)}") for s in DECIDED_FIRST if counts[s])
    spread = f" ± {final.std}" if len(final.values) > 1 else ""
    return Number(f"{final.mean}{spread}", final.n, marks)

"""The table of the cells that an experiment trained from scratch: found and published ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from reports.names import slug
from reports.study.kinds import kind
from reports.study.study import Study, dataset_label
from reports.tabular.table import NONE, Table
from results.scores.score import Score

_COLUMNS = (
    "space",
    "data set",
    "cell of",
    "seeds",
    "test, last epoch",
    "test, best epoch",
    "validation",
    "parameters, M",
    "epochs",
    "architecture",
)


def trained_table(studies: Sequence[Study]) -> Table:
    """Return every cell that one experiment trained from scratch, found ones by method, then published ones."""
    experiment = studies[0].experiment
    return Table(
        slug(experiment, "trained"),
        f"Cells trained from scratch, {experiment} ({kind(experiment)})",
        _COLUMNS,
        tuple(row for study in studies for row in _rows(study)),
        "Accuracy in percent, of one training a cell. Seeds: of the searches that ended in the cell. Test: after the"
        " last epoch, and after the one that tests best, which the test images themselves choose. Validation: on"
        " training images that were held out. Parameters: without the auxiliary head.",
        numbers=frozenset(_COLUMNS[4:9]),
    )


def _rows(study: Study) -> Iterator[tuple[str, ...]]:
    dataset, own = study.datasets[0], f"retrain-{study.experiment}"
    for method in study.methods:
        seeds: defaultdict[str, list[int]] = defaultdict(list)
        for record in study.records:
            if record.run.method == method.id and record.complete:
                seeds[record.final_arch].append(record.run.seed)
        for arch, mine in seeds.items():
            score = study.scores.get((arch, dataset))
            if score is not None and score.release == own:
                yield _row(study, dataset, method.label, ", ".join(map(str, mine)), score)
    for name, score in study.published.items():
        yield _row(study, dataset, f"{name} (published)", NONE, score)


def _row(study: Study, dataset: str, of: str, seeds: str, score: Score) -> tuple[str, ...]:
    return (
        study.label,
        dataset_label(dataset),
        of,
        seeds,
        _percent(score.test),
        _percent(score.best_test),
        _percent(score.valid),
        f"{score.parameters / 1e6:.3f}" if score.parameters else NONE,
        str(score.epochs),
        score.arch,
    )


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"

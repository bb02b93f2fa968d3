"""The tables of an experiment: what its runs end in, and the runs themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import pandas as pd

from reports.names import slug
from reports.study.derived import not_applicable
from reports.study.kinds import kind
from reports.study.method_style import methods_of
from reports.study.study import SPLITS, Study, dataset_label
from reports.tabular.environment_table import device_of
from reports.tabular.finals import Final, finals, last_draws, printed
from reports.tabular.table import NONE, Table
from reports.tabular.trained_cells import trained_table
from results.claims.stats import compare
from results.records.record import Record


def final_table(studies: Sequence[Study]) -> Table:
    """Return every final number of one experiment, one row each."""
    experiment = studies[0].experiment
    rows = [
        (
            final.study.label,
            dataset_label(final.dataset),
            f"{SPLITS[final.split]} {final.metric}",
            final.method.label,
            str(len(final.values)),
            final.mean,
            final.std,
            final.interval,
            final.median,
            final.iqm,
            final.best,
            str(final.unscored),
            str(final.unfinished),
            final.release or NONE,
        )
        for study in studies
        for final in finals(study)
    ]
    columns = (
        "space",
        "data set",
        "quantity",
        "method",
        "n",
        "mean",
        "std",
        "95 % interval",
        "median",
        "IQM",
        "best",
        "not scored",
        "not finished",
        "scores",
    )
    return Table(
        slug(experiment, "final"),
        f"Architectures after the last epoch, {experiment} ({kind(experiment)})",
        columns,
        tuple(rows),
        "Percent. n: complete runs (seeds) whose final architecture is scored; std: standard deviation over them;"
        " 95 % interval: of the mean, bootstrapped (BCa; for description, too narrow below about ten seeds);"
        " IQM: interquartile mean; not scored: complete runs whose final architecture no score is known of;"
        " not finished: runs that failed or diverged.",
        numbers=frozenset(columns[4:13]),
    )


def summary_table(studies: Sequence[Study]) -> Table:
    """Return methods by spaces and data sets: mean, spread and n of the test metric in each cell."""
    experiment = studies[0].experiment
    cells: dict[tuple[str, str], str] = {}
    columns: list[str] = []
    releases: dict[str, None] = {}
    for study in studies:
        for final in finals(study):
            if final.split != "test" or final.release not in (*study.releases(final.dataset)[:1], ""):
                continue
            column = f"{study.label}: {dataset_label(final.dataset)} {final.metric}"
            columns += [] if column in columns else [column]
            releases |= {final.release: None} if final.release else {}
            cells[final.method.id, column] = _summary_cell(final)
    return Table(
        slug(experiment, "summary"),
        f"Test results of the final architectures, {experiment} ({kind(experiment)})",
        ("method", *columns),
        tuple(
            (method.label, *(cells.get((method.id, column), NONE) for column in columns))
            for method in methods_of(record for study in studies for record in (*study.records, *study.derived))
        ),
        "Percent on the test split: mean ± standard deviation over n seeds; 'n=3 of 4' where some are not scored or did"
        f" not finish. Scores: {', '.join(releases) or 'none'}.{_remarks(studies)}",
        numbers=frozenset(columns),
    )


def paired_table(studies: Sequence[Study]) -> Table:
    """Return how far each method ends from the first one, seed by seed, on the test split."""
    experiment = studies[0].experiment
    columns = (
        "space",
        "data set",
        "quantity",
        "method",
        "against",
        "pairs",
        "difference",
        "95 % interval",
        "p",
        "scores",
    )
    return Table(
        slug(experiment, "paired"),
        f"Differences between methods, seed by seed, {experiment} ({kind(experiment)})",
        columns,
        tuple(row for study in studies for row in _paired_rows(study)),
        "Percentage points on the test split, mean over the seeds that both methods have. 95 % interval: bootstrapped"
        " (BCa; for description, too narrow below about ten pairs); p: two-sided, from the flips of the signs, never"
        " below 2 / 2^pairs, and not adjusted for the number of rows: what the claims say is in the verdicts.",
        numbers=frozenset(columns[5:9]),
    )


def runs_table(studies: Sequence[Study]) -> Table:
    """Return one row per run: how it ended, and in what."""
    experiment = studies[0].experiment
    columns = (
        "space",
        "method",
        "seed",
        "status",
        "epochs",
        "final architecture",
        "test, %",
        "hours",
        "device",
        "note",
    )
    return Table(
        slug(experiment, "runs"),
        f"Runs, {experiment} ({kind(experiment)})",
        columns,
        tuple(_run_row(study, record) for study in studies for record in study.records),
        "Test accuracy on the data set that was searched. Hours: of the whole group of seeds that shared the supernet.",
        numbers=frozenset({"seed", "epochs", "test, %", "hours"}),
    )


#: The tables of an experiment, in the order of the page.
OF_AN_EXPERIMENT = (summary_table, trained_table, final_table, paired_table, runs_table)


def points_table(studies: Sequence[Study]) -> pd.DataFrame:
    """Return every point of every run of an experiment with its scores: the numbers behind the figures."""
    tables = []
    for study in studies:
        for record in study.records:
            points = record.points.drop(columns=["alpha", "tried"], errors="ignore")
            for dataset in study.datasets:
                scores = [study.scores.get((arch, dataset)) for arch in points["arch"]]
                for field in ("valid", "test", "release"):
                    values = [getattr(score, field) if score else None for score in scores]
                    points = points.assign(**{f"{dataset} {field}": values})
            run = record.run
            tables.append(points.assign(space=run.space, method=run.method, seed=run.seed))
    merged = pd.concat(tables, ignore_index=True)
    keys = ["space", "method", "seed", "epoch", "arch"]
    return merged.reindex(columns=keys + [column for column in merged if column not in keys])


def _paired_rows(study: Study) -> Iterator[tuple[str, ...]]:
    tests = [final for final in finals(study) if final.split == "test" and final.by_seed]
    for (dataset, release), group in groupby(tests, key=lambda final: (final.dataset, final.release)):
        first, *others = group
        for other in others:
            seeds = sorted(first.by_seed.keys() & other.by_seed.keys())
            if not seeds:
                continue
            found = compare(
                [other.by_seed[seed] for seed in seeds],
                [first.by_seed[seed] for seed in seeds],
                np.random.default_rng(0),
            )
            yield (
                study.label,
                dataset_label(dataset),
                f"test {other.metric}",
                other.method.label,
                first.method.label,
                str(found.n),
                f"{found.difference:+.2f}",
                printed(found.interval),
                f"{found.p:.3f}",
                release,
            )


def _remarks(studies: Sequence[Study]) -> str:
    """Return what numbers of draws are of, and why others are absent: methods that make no sense, and DARTS-ES."""
    methods = methods_of(record for study in studies for record in study.records)
    found = last_draws(methods)
    found += [
        f"{method.label} on {study.label}: not run, {study.senseless[method.id]}."
        for study in studies
        for method in methods
        if method.id in study.senseless
    ]
    reasons = {label: why for study in studies for label, why in not_applicable(study.records).items()}
    found += [f"DARTS-ES from {label}: not applicable, {why}." for label, why in reasons.items()]
    return "".join(f" {remark}" for remark in found)


def _summary_cell(final: Final) -> str:
    if not final.values:
        return "not scored" if final.unscored else NONE
    return f"{final.mean} ± {final.std} ({final.n})" if len(final.values) > 1 else f"{final.mean} ({final.n})"


def _run_row(study: Study, record: Record) -> tuple[str, ...]:
    seconds, dataset = record.points["seconds"].dropna(), study.datasets[0]
    arch = record.final_arch if record.complete else NONE
    score = study.scores.get((arch, dataset))
    method = next((method.label for method in study.methods if method.id == record.run.method), record.run.method)
    return (
        study.label,
        method,
        str(record.run.seed),
        record.manifest.status,
        str(record.searched["epoch"].to_numpy().max(initial=0)),
        arch,
        NONE if score is None or score.test is None else f"{score.test:.2f}",
        f"{seconds.sum() / 3600:.3g}" if len(seconds) else NONE,
        device_of(record),
        _note(record),
    )


def _note(record: Record) -> str:
    """Return what must be known of a run: why it ended, or where it comes from."""
    if not record.imported:
        return record.manifest.error
    about = record.manifest.imported
    source = f" from {about.source}" if about else ""
    return f"imported{source}" + (", the final architecture alone" if record.final_alone else "")

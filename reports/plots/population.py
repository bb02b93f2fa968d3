"""Where the found cells stand among the cells of the space."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

import numpy as np

from reports.drawing.axes import percent_axis
from reports.drawing.sheet import sheet
from reports.drawing.style import MUTED, PAPER
from reports.plots import Plot
from reports.study.study import Study, dataset_label

ORDER = 20
_BINS = 60
_NO_TABLE = "no table of the cells of this space is available; 'dnas data status' names it"
_UNTABLED = "no table holds this space"  # and to train cells gives no population
_LABEL = 18  # characters in a line of a label


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure per data set: the distribution of the table above the final cells of each method."""
    for dataset in study.datasets:
        name, title = f"population-{dataset}", f"Found cells among all in the table, {dataset_label(dataset)}"
        everything = 100 - np.asarray(study.population.get(dataset, ()), dtype=float)
        everything = everything[np.isfinite(everything)]
        if len(everything):
            yield _plot(study, dataset, everything, name, title)
        else:
            yield Plot(name, title, missing=_UNTABLED if study.untabled else _NO_TABLE)


def _plot(study: Study, dataset: str, everything: np.ndarray, name: str, title: str) -> Plot:
    release = next(iter(study.releases(dataset, "table")), "")
    finals = {
        method: np.array(
            [
                100 - study.accuracy(record.final_arch, dataset, "test", release)
                for record in study.drawn(method)
                if record.complete
            ]
        )
        for method in study.methods
    }
    labels = ["\n".join(wrap(method.label, _LABEL)) for method in finals]
    lines = max((label.count("\n") + 1 for label in labels), default=1)
    figure, axes = sheet(
        title,
        f"{study.context} · {len(everything):,} cells",
        [1.2, 0.1 + (0.12 + 0.14 * lines) * len(finals)],
        left=1.25,
        right=1.3,
        gap=0.1,
    )
    above, below = axes[:, 0]
    percent_axis(below, [everything, *finals.values()], "x")  # before the bins, which are alike on its scale
    spaced = np.geomspace if below.get_xscale() == "log" else np.linspace
    above.hist(everything, bins=spaced(everything.min(), everything.max(), _BINS), color=MUTED, alpha=0.45, lw=0)
    above.set_ylabel("cells")
    standings = {method: _standing(errors, everything) for method, errors in finals.items()}
    for row, (method, errors) in enumerate(finals.items()):
        known = errors[np.isfinite(errors)]
        apart = row + np.linspace(-0.22, 0.22, len(known) + 2)[1:-1]  # side by side where they are equal
        marks = below.scatter(known, apart, s=26, color=method.colour, marker=method.marker, ec=PAPER, lw=0.5)
        marks.set_gid(f"mean.{method.id}")
        below.text(1.03, row, standings[method], transform=below.get_yaxis_transform(), va="center", size=7)
    below.text(1.03, -0.75, "median better than", transform=below.get_yaxis_transform(), size=7, color=MUTED)
    below.set_yticks(range(len(finals)), labels, size=7.5)
    below.tick_params(axis="y", length=0)
    below.set(ylim=(len(finals) - 0.5, -0.5), xlabel="test error, %")
    return Plot(
        name,
        title,
        caption="Above: the cells of the space that the table holds; below: the final cell of each seed, and the"
        " share of the table that is worse than the median seed's.",
        note=f"'2 of 4' stands where two of four seeds are scored. Scores: {release or 'none'}.",
        alt=f"{title}, {study.label}. Share of the table that the median seed's cell is better than: "
        + ", ".join(f"{method.label} {standing}" for method, standing in standings.items())
        + ".",
        figure=figure,
    )


def _standing(errors: np.ndarray, everything: np.ndarray) -> str:
    """Return the share of the cells that the median error is better than; how many are scored, if not all are."""
    known = errors[np.isfinite(errors)]
    share = f"{100 * (everything > np.median(known)).mean():.1f} %" if len(known) else "–"
    return f"{share} ({len(known)} of {len(errors)})" if len(known) < len(errors) else share

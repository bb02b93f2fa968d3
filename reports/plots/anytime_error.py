"""Error of the architecture found so far, after each epoch of the search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reports.drawing.axes import (
    INCOMPLETE,
    INDEPENDENT,
    draw_independent,
    draw_level,
    draw_trajectories,
    draw_unscored,
    epoch_axis,
    legend_of,
    level_entry,
    percent_axis,
    scored,
)
from reports.drawing.published import Curves, entries, published, sources
from reports.drawing.sheet import sheet
from reports.drawing.style import MUTED
from reports.plots import Plot
from reports.study.study import Split, Study, dataset_label
from reports.study.trajectory import Trajectory, describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDER = 10
_PANELS: dict[Split, tuple[str, float]] = {"test": ("test error, %", 2.4), "valid": ("validation error, %", 1.7)}
_SELECTED = "At the last epoch stands what a selection after it chose; it has no epochs of its own:"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure per data set and release of scores: test error above validation error."""
    for dataset in study.datasets:
        title = f"Anytime error, {dataset_label(dataset)}"
        name = f"anytime-error-{dataset}"
        releases = study.releases(dataset)
        if not releases:
            yield Plot(name, title, missing=study.unscored)
        for release in releases:
            suffix = "" if release == releases[0] else f"-{release}"
            yield _plot(study, dataset, release, name + suffix, title)


def _plot(study: Study, dataset: str, release: str, name: str, title: str) -> Plot:
    panels: dict[Split, list[Trajectory]]
    panels = {split: [study.error(method, dataset, split, release) for method in study.compared] for split in _PANELS}
    panels = {split: lines for split, lines in panels.items() if not all(line.empty for line in lines)}
    if not panels:
        return Plot(name, title, missing=f"the scores of {release} hold no accuracy")
    main = next(iter(panels.values()))
    comparable = release in study.releases(dataset, "table")  # else neither a curve nor an optimum compares
    references = published(study, dataset, "error") if comparable else []
    best = study.optimum(dataset) if comparable else None
    gaps = sum(bool(line.unscored.any()) for line in main)
    figure, axes = sheet(
        title,
        f"{study.context} · scores:\N{NO-BREAK SPACE}{release}",
        [_PANELS[split][1] for split in panels] + ([0.06 + 0.2 * gaps] if gaps else []),
        right=0.68 if gaps else 0.12,
        legend=[
            *legend_of(main),
            *entries(references),
            *([] if best is None else [level_entry(f"best in the table, {100 - best:.2f} %")]),
        ],
    )
    for ax, (split, lines) in zip(axes[:, 0], panels.items(), strict=False):
        beside = references if split == "test" else ()
        level = 100 - best if split == "test" and best is not None else None
        _draw_panel(ax, lines, beside, level)
        ax.set_ylabel(_PANELS[split][0])
    if gaps:
        draw_unscored(axes[-1, 0], main)
    epoch_axis(axes[-1, 0])
    lost, points = sum(int(t.unscored.sum()) for t in main), sum(t.points for t in main)
    return Plot(
        name,
        title,
        caption="Error, by its score, of the architecture decoded after each epoch: mean over seeds with a band of one"
        " standard error.",
        note=_note(study, main, release, references),
        alt=f"{title}, {study.label}. {describe(main, ' %')} {lost} of {points} points are not scored.",
        figure=figure,
    )


def _is_drawn(line: Trajectory) -> bool:
    return line.method.independent


def _draw_panel(ax: Axes, lines: Sequence[Trajectory], references: Curves, level: float | None) -> None:
    for reference, look in references:
        ax.fill_between(reference.epochs, reference.low, reference.high, color=MUTED, alpha=0.14, lw=0)
        ax.plot(reference.epochs, reference.values, **look)
    searches = [line for line in lines if not _is_drawn(line)]
    draws = [draw_independent(ax, line) for line in lines if _is_drawn(line) and not line.empty]
    draw_trajectories(ax, searches)
    shown = [*draws, *(line.values for line in searches), *(reference.values for reference, _ in references)]
    if level is not None:
        draw_level(ax, level)
    percent_axis(ax, [*shown, [] if level is None else [level]])


def _note(study: Study, main: Sequence[Trajectory], release: str, references: Curves) -> str:
    selecting = [method.label for method in study.methods if any(len(r.selected) for r in study.drawn(method))]
    return " ".join(
        [
            f"Thin lines are single seeds. {INCOMPLETE}",
            *([INDEPENDENT] if any(map(_is_drawn, main)) else []),
            *([f"{_SELECTED} {', '.join(selecting)}."] if selecting else []),
            scored(main, release),
            *([sources(references)] if references else []),
        ]
    )

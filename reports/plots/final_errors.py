"""Test error of the cell that each search ended in, and of published cells that were trained beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from reports.drawing.sheet import sheet
from reports.drawing.style import MUTED
from reports.plots import Plot
from reports.study.study import Study, dataset_label
from results.scores.score import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDER = 85
_NAME, _TITLE = "final-errors", "Test error of the final cells"
_LABEL = 34  # characters in a line of a label
_BEST = "Hollow marks are of the epoch of the same training that tests best, which the test images themselves choose."


@dataclass(frozen=True)
class _Line:
    """The cells of one method, or a published one; the label of a method says how many of its runs have a mark."""

    label: str
    colour: str
    scores: tuple[Score, ...]
    n: str = ""

    @property
    def errors(self) -> list[float]:
        """Percent, one per cell."""
        return [100 - score.test for score in self.scores if score.test is not None]

    @property
    def best_epochs(self) -> list[float]:
        """The same after the epoch that tests best, of the cells of which it is known."""
        return [100 - score.best_test for score in self.scores if score.best_test is not None]


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: one line per method, and one per published cell."""
    dataset, releases = study.datasets[0], study.releases(study.datasets[0])
    lines = [line for line in _lines(study, dataset, releases[:1]) if line.errors]
    if not lines:
        yield Plot(_NAME, _TITLE, missing="none of the final architectures is scored")
        return
    labels = [f"{line.label} ({line.n})" if line.n else line.label for line in lines]
    trained_twice = any(line.best_epochs for line in lines)
    context = f"{study.context} · {dataset_label(dataset)} · scores:\N{NO-BREAK SPACE}{lines[0].scores[0].release}"
    labels = ["\n".join(wrap(label, _LABEL)) for label in labels]
    longest = max(len(part) for label in labels for part in label.split("\n"))
    row = 0.12 + 0.14 * max(label.count("\n") + 1 for label in labels)
    height, left = 0.2 + row * len(lines), 0.3 + 0.063 * longest
    figure, axes = sheet(_TITLE, context, [height], left=left, legend=_legend(trained_twice))
    _draw(axes[0, 0], lines, labels)
    means = ", ".join(f"{line.label}: {np.mean(line.errors):.2f} % (n={len(line.errors)})" for line in lines)
    yield Plot(
        _NAME,
        _TITLE,
        caption="A mark for each search, one below the other, and a line at their mean.",
        note=_BEST if trained_twice else "",
        alt=f"{_TITLE}, {study.label}. {means}.",
        figure=figure,
    )


def _lines(study: Study, dataset: str, releases: Sequence[str]) -> Iterator[_Line]:
    for method in study.compared:
        mine = [r for r in (*study.records, *study.derived) if r.run.method == method.id]
        found = (study.scores.get((record.final_arch, dataset)) for record in mine if record.complete)
        scores = tuple(s for s in found if s is not None and s.release in releases and s.test is not None)
        n = f"n={len(scores)}" + (f" of {len(mine)}" if len(scores) < len(mine) else "")
        yield _Line(method.label, method.colour, scores, n)
    for name, score in study.published.items():
        yield _Line(f"{name} (published)", MUTED, (score,))


def _draw(ax: Axes, lines: Sequence[_Line], labels: Sequence[str]) -> None:
    for place, line in enumerate(lines):
        for values, face in ((line.errors, line.colour), (line.best_epochs, "none")):
            rows = place + np.linspace(-0.3, 0.3, len(values) + 2)[1:-1]  # apart where searches end alike
            ax.plot(values, rows, ls="", marker="o", ms=4.5, color=line.colour, mfc=face, alpha=0.8)
        mean = float(np.mean(line.errors))
        ax.plot([mean, mean], [place - 0.38, place + 0.38], color=line.colour, lw=1.5)
    ax.set_yticks(range(len(lines)), labels, size=7.5)
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(len(lines) - 0.5, -0.5), xlabel="test error, %")
    ax.grid(visible=False, axis="y")


def _legend(trained_twice: bool) -> list[Line2D]:
    if not trained_twice:
        return []
    marks = {"last epoch": MUTED, "best test epoch": "none"}
    return [Line2D([], [], ls="", marker="o", color=MUTED, mfc=face, label=label) for label, face in marks.items()]

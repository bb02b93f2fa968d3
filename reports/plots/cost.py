"""What a search costs: seconds per epoch and seed, by method and device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from textwrap import wrap

import numpy as np

from reports.drawing.sheet import sheet
from reports.drawing.style import INK
from reports.plots import Plot
from reports.study.method_style import Method
from reports.study.study import Study
from reports.tabular.environment_table import device_of, seeds_at_once

ORDER = 90
_NAME, _TITLE = "cost", "Seconds per epoch and seed"
_LABEL = 34  # characters in a line of a label


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: a bar per method, device and number of seeds at once."""
    bars = _seconds(study)
    if not bars:
        yield Plot(_NAME, _TITLE, missing="no record holds the time of an epoch")
        return
    settings = {setting for _, setting in bars}
    labels = [method.label if len(settings) == 1 else f"{method.label}, {setting}" for method, setting in bars]
    labels = ["\n".join(wrap(label, _LABEL)) for label in labels]
    lines = max(label.count("\n") + 1 for label in labels)
    longest = max(len(line) for label in labels for line in label.split("\n"))
    context = f"{study.context} · {settings.pop()}" if len(settings) == 1 else study.context
    height = 0.12 + (0.2 + 0.14 * lines) * len(bars)
    figure, axes = sheet(_TITLE, context, [height], left=0.3 + 0.063 * longest, right=1.25)
    ax = axes[0, 0]
    for place, ((method, _), seconds) in enumerate(bars.items()):
        ax.barh(place, np.median(seconds), height=0.62, color=method.colour, alpha=0.8)
        ax.plot([min(seconds), max(seconds)], [place, place], color=INK, lw=1.2)
        end = max(seconds), place
        ax.annotate(_in_words(seconds), end, (4, 0), textcoords="offset points", va="center", size=7.5)
    ax.set_yticks(range(len(bars)), labels, size=7.5)
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(len(bars) - 0.5, -0.5), xlabel="seconds")
    ax.grid(visible=False, axis="y")
    yield Plot(
        _NAME,
        _TITLE,
        caption="Wall time of an epoch divided by the seeds that shared the supernet, median over the epochs of a run:"
        " median over n runs, with a line from the least to the most.",
        alt=f"{_TITLE}, {study.label}. "
        + ", ".join(f"{method.label} on {setting}: {_in_words(s)} s" for (method, setting), s in bars.items())
        + ".",
        figure=figure,
    )


def _in_words(seconds: list[float]) -> str:
    median = f"{np.median(seconds):.3g}"
    if len(seconds) == 1:
        return f"{median} (n=1)"
    return f"{median} ({min(seconds):.3g} to {max(seconds):.3g}, n={len(seconds)})"


def _seconds(study: Study) -> dict[tuple[Method, str], list[float]]:
    """Return the seconds per epoch and seed of each run of a method in a setting."""
    found: dict[tuple[Method, str], list[float]] = defaultdict(list)
    for method in study.methods:
        for record in study.drawn(method):
            together = seeds_at_once(record)
            seconds = record.searched["seconds"].dropna().to_numpy() / together
            if len(seconds):
                seeds = "1 seed" if together == 1 else f"{together} seeds at once"
                found[method, f"{device_of(record)}, {seeds}"].append(float(np.median(seconds)))
    return dict(found)

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
from results.claims.timed_group import TimedGroup
from results.records.record import Record

ORDER = 90
_NAME, _TITLE = "cost", "Seconds per epoch and seed"
_LABEL = 26  # characters in a line of a label
_CHARACTER, _NUMERAL = 0.063, 0.058  # mean widths in inches, of labels and of what stands at the end of a bar
_WHOLE = "whole search"


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
    left = 0.3 + _CHARACTER * longest
    right = 0.15 + _NUMERAL * max(len(_in_words(seconds)) for seconds in bars.values())
    figure, axes = sheet(_TITLE, context, [height], left=left, right=right)
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
    whole = f" '{_WHOLE}' is seconds per seed, not per epoch: of a method that trains nothing."
    yield Plot(
        _NAME,
        _TITLE,
        caption="Wall time of an epoch divided by the seeds that shared the supernet, median over the epochs of a run:"
        " median over n groups of seeds that shared one, with a line from the least to the most.",
        note="Wall time on machines that may have done other work at the same time: compare only within one run."
        + (whole if any(_WHOLE in setting for setting in settings) else ""),
        alt=f"{_TITLE}, {study.label}. "
        + ", ".join(f"{method.label} on {setting}: {_in_words(s)} s" for (method, setting), s in bars.items())
        + ".",
        figure=figure,
    )


def _in_words(seconds: list[float]) -> str:
    median = _printed(float(np.median(seconds)))
    if len(seconds) == 1:
        return f"{median} (n=1)"
    return f"{median} ({_printed(min(seconds))} to {_printed(max(seconds))}, n={len(seconds)})"


def _printed(seconds: float) -> str:
    return f"{seconds:.3g}" if seconds < 1000 else f"{seconds:,.0f}"


def _seconds(study: Study) -> dict[tuple[Method, str], list[float]]:
    """Return the seconds per seed, of an epoch or of the whole search, of each group of a method in a setting."""
    found: dict[tuple[Method, str], dict[TimedGroup, list[float]]] = defaultdict(lambda: defaultdict(list))
    for method in study.methods:
        for record in study.drawn(method):
            seconds = _of_seed(record)
            if np.isfinite(seconds):
                found[method, _setting(record)][TimedGroup.of(record)].append(seconds)
    return {bar: [float(np.median(shared)) for shared in groups.values()] for bar, groups in found.items()}


def _of_seed(record: Record) -> float:
    """Return the median seconds of an epoch, or all seconds of a method that trains nothing, divided by the seeds."""
    seconds = record.searched["seconds"].dropna().to_numpy()
    if not len(seconds):
        return np.nan
    return float(seconds.sum() if _trains_nothing(record) else np.median(seconds)) / seeds_at_once(record)


def _setting(record: Record) -> str:
    together = seeds_at_once(record)
    seeds = "1 seed" if together == 1 else f"{together} seeds at once"
    return f"{device_of(record)}, {seeds}" + (f", {_WHOLE}" if _trains_nothing(record) else "")


def _trains_nothing(record: Record) -> bool:
    return record.manifest.method.levels == 0 and not record.imported

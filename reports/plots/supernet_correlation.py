"""The supernet's own error against the true error of the architecture that it decodes to."""

from __future__ import annotations

from collections.abc import Container, Iterator

import numpy as np
import pandas as pd

from reports.drawing.axes import method_entry, percent_axis
from reports.drawing.sheet import sheet
from reports.drawing.style import PAPER
from reports.plots import Plot
from reports.study.method_style import Method
from reports.study.study import Study, dataset_label

ORDER = 70
_NAME, _TITLE = "supernet-correlation", "Supernet error against true error"
_POINTS_PER_SEED = 25
_FEWEST = 3  # points: of two, the rank correlation is one or minus one whatever they are


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure on the data set that was searched: a mark per architecture, the final ones large."""
    dataset = study.datasets[0]
    release = next(iter(study.releases(dataset)), "")
    clouds = {method: _cloud(study, method, dataset, release) for method in study.methods}
    clouds = {method: cloud for method, cloud in clouds.items() if len(cloud)}
    if not clouds:
        yield Plot(_NAME, _TITLE, missing="no point has both a supernet accuracy and a score")
        return
    ranks = {method: _printed(cloud) for method, cloud in clouds.items()}
    figure, axes = sheet(
        _TITLE,
        f"{study.context} · {dataset_label(dataset)} · scores:\N{NO-BREAK SPACE}{release}",
        [2.9],
        legend=[method_entry(m, f"{m.label} ({', '.join(ranks[m])})") for m in clouds],
    )
    ax = axes[0, 0]
    for method, cloud in clouds.items():
        look = {"color": method.colour, "marker": method.marker}
        along = cloud[cloud["epoch"] % max(1, cloud["epoch"].max() // _POINTS_PER_SEED) == 0]
        small = ax.scatter(along["supernet"], along["true"], s=9, alpha=0.45, lw=0, **look)
        final = cloud[cloud["final"]]
        large = ax.scatter(final["supernet"], final["true"], s=52, lw=0.8, ec=PAPER, zorder=4, **look)
        small.set_gid(f"mean.{method.id}")
        large.set_gid(f"mean.{method.id}")
    percent_axis(ax, [cloud["supernet"] for cloud in clouds.values()], "x")
    percent_axis(ax, [cloud["true"] for cloud in clouds.values()], "y")
    ax.set(xlabel="supernet validation error, %", ylabel="true test error, %")
    yield Plot(
        _NAME,
        _TITLE,
        caption="Small marks are architectures along the search, large ones the final architecture of each seed; x"
        " is the error of the supernet with all operations mixed, not of the cell alone; ρ is Spearman's rank"
        " correlation.",
        note=_note(study, clouds),
        alt=f"{_TITLE}, {study.label}. Rank correlation: "
        + ", ".join(f"{method.label} {' over '.join(rank)}" for method, rank in ranks.items())
        + ".",
        figure=figure,
    )


def _note(study: Study, clouds: Container[Method]) -> str:
    absent = [method.label for method in study.methods if method not in clouds]
    said = f" Not shown, as no point has both numbers: {', '.join(absent)}." if absent else ""
    return f"The correlation is over all scored points of a method; points of one search depend on each other.{said}"


def _cloud(study: Study, method: Method, dataset: str, release: str) -> pd.DataFrame:
    """Return a method's scored points: epoch, supernet and true error in percent, whether it is the final one."""
    tables = [
        pd.DataFrame(
            {
                "epoch": record.points["epoch"],
                "supernet": 100 - record.points["valid_accuracy"],
                "true": [100 - study.accuracy(a, dataset, "test", release) for a in record.points["arch"]],
                "final": record.complete & (record.points["epoch"] == record.points["epoch"].max()),
            }
        ).dropna()
        for record in study.drawn(method)
    ]
    return pd.concat(tables) if tables else pd.DataFrame()


def _rank_correlation(cloud: pd.DataFrame) -> float:
    """Return Spearman's rho, NaN where one of the two does not vary."""
    supernet, true = (cloud[column].rank().to_numpy() for column in ("supernet", "true"))
    if np.ptp(supernet) == 0 or np.ptp(true) == 0:
        return np.nan
    return float(np.corrcoef(supernet, true)[0, 1])


def _printed(cloud: pd.DataFrame) -> tuple[str, ...]:
    """Return the rank correlation, where there are points enough for one, and the number of points."""
    points = "1 point" if len(cloud) == 1 else f"{len(cloud)} points"
    if len(cloud) < _FEWEST:
        return (points,)
    rank = _rank_correlation(cloud)
    return (f"ρ = {rank:.2f}" if np.isfinite(rank) else "ρ undefined", points)

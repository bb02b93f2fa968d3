"""Checks whether figures can be the accuracies that a benchmark's table should hold; every reader makes this check.

The checks of unit, direction and data set use what is known about every network of these benchmarks. If nothing passes
through its cell, a network guesses. If its cell has a convolution between input and output, it learns CIFAR-10. Cells
that are good on one data set are good on the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Accuracy of guessing, percent, by data set; the names as tables write them, in lower case.
CHANCE = {"cifar10": 10.0, "cifar100": 1.0, "imagenet16-120": 100 / 120}
SPLITS = ("valid", "test")

_UNKNOWN, _NOTHING, _PLAIN, _CONVOLUTION = -1, 0, 1, 2  # what reaches the output of a cell
_FEW, _MANY = 5, 40  # cells that are enough for a median, and for a rank by the number of convolutions
_LONG = 100  # epochs after which the images of the other half show in the test accuracy
_NEAR = 0.05  # percent that a mean may lie from that of its trainings
_OPERATION = "(none|skip_connect|nor_conv_1x1|nor_conv_3x3|avg_pool_3x3)"
_CELL201 = re.compile(r"\+".join("".join(rf"\|{_OPERATION}~{j}" for j in range(i)) + r"\|" for i in (1, 2, 3)))


@dataclass(frozen=True)
class Figures:
    """Rows of a table.

    Attributes
    ----------
    archs : of each row; None for NAS-Bench-101, whose tables name cells by hashes.
    datasets : of each row, in lower case.
    means : "valid" and "test" -> percent ``(rows,)``; NaN where there is none.
    trials : "valid" and "test" -> the row of each training and its percent; none where only means are known.
    epochs : of the trainings of each row, ``(rows,)``.
    """

    archs: Sequence[str] | None
    datasets: np.ndarray
    means: Mapping[str, np.ndarray]
    trials: Mapping[str, tuple[np.ndarray, np.ndarray]]
    epochs: np.ndarray


def is_cell201(arch: str) -> bool:
    """Whether a text is the key of a cell of NAS-Bench-201."""
    return _CELL201.fullmatch(arch) is not None


def fault(figures: Figures) -> str:
    """Return why figures cannot be accuracies in percent, in one line; nothing where they can."""
    return next(_faults(figures), "")


def _faults(figures: Figures) -> Iterator[str]:
    for split in SPLITS:
        for values in (figures.means[split], figures.trials[split][1]):
            if len(odd := values[(values < 0) | (values > 100)]):
                yield f"'{split}_accuracy' holds {odd[0]:g}, which is not a percentage"
    cells = _Cells.of(figures)
    for dataset in CHANCE:
        for split in SPLITS:
            yield from _of_column(f"'{split}_accuracy' on {dataset}", dataset, cells, cells.of_split(dataset, split))
    yield from _across(cells)
    yield from _halves(cells)
    for split in SPLITS:
        yield from _means_and_trials(split, figures.means[split], *figures.trials[split])


@dataclass(frozen=True)
class _Cells:
    """The cells of a table; arrays ``(cells,)``.

    ``depth`` is what reaches the output, ``convolutions`` how many of its operations are 3x3 convolutions; ``is_201``
    whether it is one of NAS-Bench-201, ``code`` the cell of each row of ``figures``.
    """

    figures: Figures
    code: np.ndarray
    depth: np.ndarray
    convolutions: np.ndarray
    is_201: np.ndarray

    @classmethod
    def of(cls, figures: Figures) -> _Cells:
        if figures.archs is None:
            rows = len(figures.datasets)
            whole = np.full(rows, _CONVOLUTION)
            return cls(figures, np.arange(rows), whole, np.zeros(rows), np.zeros(rows, dtype=bool))
        codes: dict[str, int] = {}
        code = np.array([codes.setdefault(arch, len(codes)) for arch in figures.archs], dtype=int)
        depth = np.array([_depth(arch) for arch in codes])
        convolutions = np.array([arch.count("conv_3x3") for arch in codes])
        is_201 = (depth != _UNKNOWN) & np.array([":" not in arch for arch in codes], dtype=bool)
        return cls(figures, code, depth, convolutions, is_201)

    def of_split(self, dataset: str, split: str, *, least_epochs: int = 0) -> np.ndarray:
        """Return the mean accuracy of each cell on a data set; NaN where there is none."""
        means = self.figures.means[split]
        rows = (self.figures.datasets == dataset) & (self.figures.epochs >= least_epochs)
        found = np.full(len(self.depth), np.nan)
        found[self.code[rows]] = means[rows]
        return found


def _of_column(where: str, dataset: str, cells: _Cells, accuracy: np.ndarray) -> Iterator[str]:
    """Yield what is wrong with one split of one data set."""
    known, chance = np.isfinite(accuracy) & (cells.depth != _UNKNOWN), CHANCE[dataset]
    if not known.any():
        return
    errors, values = f"{where} holds errors in place of accuracies", accuracy[known]
    if values.max() <= 1 and values.max() < 0.9 * chance:
        yield f"{where} holds fractions, such as {values.max():.4g}; percent are needed"
    dead = accuracy[known & (cells.depth == _NOTHING)]
    if len(dead) and np.median(dead) > 50:
        yield f"{errors}: {dead[0]:.4g} % of a cell through which nothing passes, where guessing gives {chance:.4g} %"
    learning = accuracy[known & (cells.depth == _CONVOLUTION)]
    middle = float(np.median(learning)) if len(learning) >= _FEW else np.nan
    if dataset == "cifar10" and middle < 50:
        yield f"{errors}: half of the cells with a convolution have less than {middle:.4g} %"
    if dataset == "imagenet16-120" and middle > 50:
        yield f"{errors}: half of the cells have more than {middle:.4g} %, where the best known one has 47.31 %"
    if values.min() < 0.8 * chance:
        yield f"{where} holds {values.min():.4g} %, where guessing gives {chance:.4g} %: errors or fractions, it seems"
    if known.sum() >= _MANY and _correlation(cells.convolutions[known], values) < 0:
        yield f"{errors}: cells with more convolutions have less"


def _across(cells: _Cells) -> Iterator[str]:
    """Yield where two columns rank the same cells the other way round."""
    for split in SPLITS:
        for dataset in ("cifar100", "imagenet16-120"):
            if _opposed(cells.of_split("cifar10", split), cells.of_split(dataset, split)):
                yield f"'{split}_accuracy' on {dataset} ranks cells as the errors on cifar10 do: errors, it seems"
    for dataset in CHANCE:
        if _opposed(*(cells.of_split(dataset, split) for split in SPLITS)):
            yield f"validation and test rank cells on {dataset} in opposite ways: one of them holds errors, it seems"


def _opposed(one: np.ndarray, other: np.ndarray) -> bool:
    both = np.isfinite(one) & np.isfinite(other)
    return both.sum() >= 2 * _FEW and _correlation(one[both], other[both]) < -0.5


def _halves(cells: _Cells) -> Iterator[str]:
    """Yield where the test accuracy on CIFAR-10 is that of networks trained on half of its images."""
    valid, test = (cells.of_split("cifar10", split, least_epochs=_LONG) for split in SPLITS)
    gains = (test - valid)[cells.is_201 & (cells.depth == _CONVOLUTION) & np.isfinite(valid) & np.isfinite(test)]
    if len(gains) >= _FEW and np.median(gains) < 1:
        yield (
            f"test accuracies on cifar10 lie {np.median(gains):.2g} % above validation, where 3 % are usual: they are"
            " of 'cifar10-valid', it seems, whose networks were trained on half of the images"
        )


def _means_and_trials(split: str, means: np.ndarray, rows: np.ndarray, values: np.ndarray) -> Iterator[str]:
    count = np.bincount(rows, minlength=len(means))
    mean = np.bincount(rows, values, len(means)) / np.where(count, count, np.nan)
    if len(apart := np.flatnonzero(np.abs(mean - means) > _NEAR)):
        first = apart[0]
        yield (
            f"'{split}_accuracy' holds {means[first]:.4f} where its {count[first]} trainings have a mean of"
            f" {mean[first]:.4f}"
        )


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Return the correlation of two columns' dense ranks; 0 where one is constant."""
    one, other = (np.unique(side, return_inverse=True)[1].astype(float) for side in (left, right))
    return 0.0 if 0 in (np.ptp(one), np.ptp(other)) else float(np.corrcoef(one, other)[0, 1])


def _depth(arch: str) -> int:
    """Return what reaches the output of a cell."""
    if ":" in arch:  # of NAS-Bench-1Shot1
        return _CONVOLUTION if "conv" in arch else _PLAIN
    if not is_cell201(arch):
        return _UNKNOWN
    reaches = [_PLAIN]
    for node in arch.split("+"):
        edges = zip(node[1:-1].split("|"), reaches, strict=True)
        passed = [
            _CONVOLUTION if edge[:3] == "nor" else source for edge, source in edges if edge[:4] != "none" and source
        ]
        reaches.append(max(passed, default=_NOTHING))
    return reaches[-1]

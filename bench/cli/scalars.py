"""What a run measures, as scalars that TensorBoard shows: the option ``--tensorboard``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.errors import InputError
from results.records.run import Run

if TYPE_CHECKING:
    from bench.runs.plan import Group

Progress = Callable[["Group", int, dict[Run, dict[str, Any]]], None]
#: Columns that are one number per point, of several operations: ``mix_skip_connect`` is shown as ``mix/skip_connect``.
_KINDS = ("mix_", "alpha_grad_", "weight_grad_")


@contextmanager
def writing(folder: Path | None, then: Progress) -> Iterator[Progress]:
    """Yield a function that writes the points of each run into ``folder``/EXPERIMENT/SPACE/METHOD/SEED.

    Parameters
    ----------
    folder : None where nothing is to be written.
    then : called afterwards with the same arguments.

    Raises
    ------
    InputError
        The optional extra is not installed.
    """
    if folder is None:
        yield then
        return
    make = _writer()
    writers: dict[Run, Any] = {}

    def progress(group: Group, epoch: int, latest: dict[Run, dict[str, Any]]) -> None:
        for run, row in latest.items():
            if run not in writers:
                writers[run] = make(str(folder / str(run)))
            for name, value in row.items():
                if name != "epoch" and isinstance(value, int | float) and math.isfinite(value):
                    writers[run].add_scalar(tag(name), value, epoch)
            writers[run].flush()
        then(group, epoch, latest)

    try:
        yield progress
    finally:
        for writer in writers.values():
            writer.close()


def tag(column: str) -> str:
    """Return the name under which a column is shown; those of several operations share a group."""
    kind = next((kind for kind in _KINDS if column.startswith(kind)), "")
    return f"{kind.removesuffix('_')}/{column.removeprefix(kind)}" if kind else column


def check_installed() -> None:
    """Raise ``InputError`` where TensorBoard is not installed."""
    _writer()


def _writer() -> Any:
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        raise InputError(
            "--tensorboard needs TensorBoard; install it with pip install -c constraints.txt -e '.[tensorboard]'"
        ) from None
    return SummaryWriter

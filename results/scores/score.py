"""How good architectures are: one score per architecture, data set and release, kept in one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from results.data import plausible
from results.errors import InputError
from results.files import parquet
from results.files.locks import hold

_SCHEMA = pa.schema(
    [
        ("space", pa.string()),
        ("arch", pa.string()),
        ("dataset", pa.string()),
        ("release", pa.string()),
        ("source", pa.string()),
        ("epochs", pa.int64()),
        ("valid", pa.float64()),
        ("test", pa.float64()),
        ("valid_trials", pa.list_(pa.float64())),
        ("test_trials", pa.list_(pa.float64())),
    ]
)
#: Columns that were added later; a file has them where one of its scores says something in them.
_LATER = pa.schema([("best_test", pa.float64()), ("parameters", pa.int64())])
_FIX = "restore it from version control, or move it away and run 'dnas reproduce'"


@dataclass(frozen=True)
class Score:
    """Accuracy of one architecture after training from scratch.

    Attributes
    ----------
    space, arch, dataset : ids and the canonical key.
    valid, test : accuracy in percent, mean over the trials; None where the source has no such figure.
    valid_trials, test_trials : accuracy of each training in percent; empty where only the mean is known.
    source : "table" (read from a published benchmark) or "retrained" (trained by this suite).
    release : which table or which retraining, such as "NATS-tss-v1_0-3ffb9" or "retrain-quick". Scores of
        different releases come from different training recipes and do not belong in one figure.
    epochs : length of the training, 200 or 108 in the published tables.
    best_test : of a retraining, the test accuracy after the epoch that tests best, in percent; ``test`` is that after
        the last one. None where it was tested but once.
    parameters : of the retrained network, without an auxiliary head; 0 where the source does not say.
    """

    space: str
    arch: str
    dataset: str
    valid: float | None
    test: float | None
    valid_trials: tuple[float, ...] = ()
    test_trials: tuple[float, ...] = ()
    source: str = "table"
    release: str = ""
    epochs: int = 0
    best_test: float | None = None
    parameters: int = 0

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The key, which a file holds once: space, architecture, data set, release."""
        return self.space, self.arch, self.dataset, self.release


def read_scores(path: Path) -> list[Score]:
    """Return the scores that ``path`` holds, sorted by key; none where there is no such file."""
    path = Path(path)
    if not path.exists():
        return []
    table = parquet.read(path, _SCHEMA.names, optional=_LATER.names, fix=_FIX)
    later = [field for field in _LATER if field.name in table.column_names]
    schema = pa.schema([*_SCHEMA, *later])
    table = table.select(schema.names)
    if not table.schema.equals(schema):
        wrong = next(f for f in schema if table.schema.field(f.name).type != f.type)
        raise InputError(f"{path} has a column '{wrong.name}' that is not of type {wrong.type}; {_FIX}")
    may_lack = ("valid", "test", "best_test")
    gap = next((f.name for f in schema if f.name not in may_lack and table[f.name].null_count), None)
    if gap or any(None in row for name in ("valid_trials", "test_trials") for row in table[name].to_pylist()):
        raise InputError(f"{path} has a gap in its column '{gap or 'trials'}'; {_FIX}")
    rows = table.to_pylist()
    for row in rows:
        row["valid_trials"], row["test_trials"] = tuple(row["valid_trials"]), tuple(row["test_trials"])
    scores = [Score(**row) for row in rows]
    if len({score.key for score in scores}) < len(scores):
        raise InputError(f"{path} has a score twice; {_FIX}")
    if odd := [s.best_test for s in scores if s.best_test is not None and not 0 <= s.best_test <= 100]:
        raise InputError(f"{path}: 'best_test' holds {odd[0]:g}, which is no percentage; {_FIX}")
    for source in sorted({score.source for score in scores}):
        if fault := plausible.fault(_figures([score for score in scores if score.source == source])):
            raise InputError(f"{path}: {fault}; {_FIX}")
    return scores


def _figures(scores: Sequence[Score]) -> plausible.Figures:
    """Return the scores of one source as rows of a table; only those of tables are held to what benchmarks show."""
    of_table = scores[0].source == "table"
    trials = {
        split: [(row, each) for row, score in enumerate(scores) for each in getattr(score, f"{split}_trials")]
        for split in plausible.SPLITS
    }
    return plausible.Figures(
        [score.arch for score in scores],
        np.array([score.dataset.lower() if of_table else "" for score in scores]),
        {split: np.array([getattr(score, split) for score in scores], dtype=float) for split in plausible.SPLITS},
        {
            split: (np.array([row for row, _ in each], dtype=int), np.array([value for _, value in each], dtype=float))
            for split, each in trials.items()
        },
        np.array([score.epochs for score in scores]),
    )


def is_scores(path: Path) -> bool:
    """Whether a file of that name anywhere is one of ours, going by its columns."""
    names = parquet.column_names(path)
    return names[: len(_SCHEMA)] == tuple(_SCHEMA.names) and set(names[len(_SCHEMA) :]) <= set(_LATER.names)


def merge_scores(path: Path, scores: Iterable[Score]) -> None:
    """Add ``scores`` to the file ``path``, each in place of the one with its key.

    The file is sorted by key, so that the same scores give the same bytes in whatever order they came. Processes that
    add to one file wait for each other.
    """
    with _alone(path):
        _write(path, [*read_scores(path), *scores])


def add_scores(path: Path, scores: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    """Add ``scores`` to the file ``path``, except those whose key the file already has.

    Returns
    -------
    Those that were not there and now are, and those whose key is there with another score.
    """
    with _alone(path):
        there = {score.key: score for score in read_scores(path)}
        new = [score for score in scores if score.key not in there]
        if new:
            _write(path, [*there.values(), *new])
    return new, [score for score in scores if there.get(score.key, score) != score]


def _alone(path: Path) -> AbstractContextManager[None]:
    """Keep others from the file between reading and writing it."""
    return hold(path.with_name(f".{path.name}.lock"), wait=True)


def _write(path: Path, scores: Iterable[Score]) -> None:
    """Write scores; of several with one key, the last counts."""
    last = {score.key: score for score in scores}
    later = [field for field in _LATER if any(getattr(score, field.name) for score in last.values())]
    schema = pa.schema([*_SCHEMA, *later])
    parquet.write(path, pa.Table.from_pylist([vars(last[key]) for key in sorted(last)], schema=schema))

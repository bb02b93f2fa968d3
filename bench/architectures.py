"""Architectures as a user gives them, and all that is known of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import spaces
from results.errors import InputError, suggest
from results.files import delimited, text

if TYPE_CHECKING:  # reading tables takes packages that a space can be described without
    import pandas as pd

    from results.scores.oracle import Network
    from results.scores.score import Score
    from results.scores.truth import Answer

INDEX = "index"  # the notation that needs a table
STANDARD_INPUT = "-"
#: Data sets on which cells are trained from scratch.
_TRAINED_ON = ("digits", "cifar10", "cifar100", "svhn")


@dataclass(frozen=True)
class Given:
    """One architecture as a user gave it, and the place that errors name; empty for the command line."""

    text: str
    where: str = ""


@dataclass(frozen=True)
class Known:
    """What is known of one architecture, by data set; a data set on which it is not scored is absent.

    Attributes
    ----------
    splits : the answer for each split that the score has.
    networks : what the table says about the network that was trained.
    """

    arch: str
    scores: Mapping[str, Score]
    splits: Mapping[str, Mapping[str, Answer]]
    networks: Mapping[str, Network]


def known_space(name: str) -> str:
    """Return ``name`` if it is a space; raise ``InputError`` otherwise."""
    known = spaces.names()
    if name not in known:
        raise InputError(f"unknown space '{name}'{suggest(str(name), known)}; known are {', '.join(known)}")
    return name


def listed(path: str) -> Iterator[Given]:
    """Yield the architectures of a file, or of standard input for ``-``.

    Each holds one per line. A file may also be a table with a column ``arch``. Empty lines and lines that begin with #
    are skipped.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    lines = text.decode(data, name).splitlines()
    if path != STANDARD_INPUT and lines and "arch" in lines[0].lower() and not lines[0].lstrip().startswith("#"):
        table = delimited.read(Path(path), ["arch"])
        yield from (Given(line.fields["arch"], f"{name}, line {line.number}: ") for line in table.lines)
        return
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield Given(line, f"{name}, line {number}: ")


def parse(space: str, given: Sequence[Given], notation: str, data_dir: Path) -> list[str]:
    """Return the key of each architecture.

    Parameters
    ----------
    notation : one of the space's, ``index`` for indices of the benchmark's own list, or nothing.

    Raises
    ------
    InputError
        One of them names no architecture, or may name several.
    """
    found = spaces.find(space)
    by_index = _by_index(space, data_dir) if notation == INDEX else {}
    keys = []
    for each in given:
        try:
            if notation == INDEX:
                keys.append(_at(by_index, each.text))
            else:
                keys.append(found.read(each.text, notation).key)
        except ValueError as error:
            raise InputError(f"{each.where}{error}") from None
    return keys


def _by_index(space: str, data_dir: Path) -> Mapping[int, str]:
    from results.scores.oracle import TableOracle

    tables = [table for table in TableOracle.find(data_dir) if table.covers(space)]
    found = next((table.by_index for table in tables if table.by_index), None)
    if found is None:
        raise InputError(f"no table here lists the cells of {space} by index; 'dnas data status' names what is missing")
    return found


def _at(by_index: Mapping[int, str], given: str) -> str:
    number = given.strip()
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) in by_index):
        raise ValueError(f"'{number}' is not an index; write a number from {min(by_index)} to {max(by_index)}")
    return by_index[int(number)]


def look_up(space: str, archs: Sequence[str], runs: Path, data_dir: Path) -> list[Known]:
    """Return what tables, kept scores and retraining say about each architecture, in order."""
    from bench.scoring import oracle, truth
    from results.scores.truth import answers

    of_tables = spaces.find(space).table_datasets
    known, datasets = oracle(runs, data_dir), tuple(dict.fromkeys((*of_tables, *_TRAINED_ON)))
    scores = {dataset: known.scores(space, archs, dataset) for dataset in datasets}
    networks = {dataset: _networks(space, archs, dataset, data_dir) for dataset in datasets}
    ranked = [dataset for dataset in of_tables if any(scores[dataset])]
    truths = truth(space, data_dir, ranked) if ranked else {}
    found = []
    for place, arch in enumerate(archs):
        mine = {dataset: score for dataset in datasets if (score := scores[dataset][place]) is not None}
        splits = {dataset: answers(score, truths.get(dataset)) for dataset, score in mine.items()}
        nets = {dataset: net for dataset in mine if (net := networks[dataset][place]) is not None}
        found.append(Known(arch, mine, splits, nets))
    return found


def _networks(space: str, archs: Sequence[str], dataset: str, data_dir: Path) -> list[Network | None]:
    """Return the network of each architecture by the first table that has it."""
    from results.scores.oracle import TableOracle

    found: list[Network | None] = [None] * len(archs)
    for table in TableOracle.find(data_dir):
        found = [one or other for one, other in zip(found, table.networks(space, archs, dataset), strict=True)]
    return found


def score(space: str, archs: Sequence[str], *, notation: str = "", runs: Path | str = "results/runs") -> pd.DataFrame:
    """Return what tables, kept scores and retraining say about architectures.

    Parameters
    ----------
    archs : keys, or texts in one of the space's notations; ``notation`` names it where a text may mean several.

    Returns
    -------
    A row for each architecture, data set and split on which it is scored: ``arch``, ``dataset``, ``split``,
    ``accuracy`` in percent as the mean of ``n`` trainings of so many ``epochs`` with the standard deviation ``spread``,
    ``rank`` among the space's scored architectures, ``release`` and ``source``.

    Raises
    ------
    InputError
        There is no such space, or a text names no architecture.
    """
    import pandas as pd

    from results.data.directory import data_dir

    where = data_dir()
    keys = parse(known_space(space), [Given(arch) for arch in archs], notation, where)
    rows = [
        {
            "arch": known.arch,
            "dataset": dataset,
            "split": split,
            "accuracy": answer.value,
            "n": answer.n,
            "spread": answer.spread,
            "rank": answer.rank,
            "epochs": answer.epochs,
            "release": answer.release,
            "source": answer.source,
        }
        for known in look_up(space, keys, Path(runs), where)
        for dataset, splits in known.splits.items()
        for split, answer in splits.items()
    ]
    columns = ("arch", "dataset", "split", "accuracy", "n", "spread", "rank", "epochs", "release", "source")
    return pd.DataFrame(rows, columns=pd.Index(columns))

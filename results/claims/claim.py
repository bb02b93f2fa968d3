"""Published statements as data, and the files that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from results.errors import InputError
from results.files import toml
from results.files.schema import build
from results.records.record import OPERATION_PREFIXES, POINT_COLUMNS
from results.records.run import ArmName

PUBLISHED = Path(__file__).parents[1] / "published"
#: The metric of claims about what a search costs. It depends on the device, so that only a ratio is a claim.
COST = "seconds"
#: How the metrics begin that count an operation in the architecture.
OPERATIONS = ("share:", "count:")


@dataclass(frozen=True)
class Criterion:
    """How a direction is tested: one number per seed, whose mean lies above or below a threshold.

    Attributes
    ----------
    relation : on which side of ``threshold`` the mean must lie.
    window : the part of the search, as fractions of its epochs, over which the metric is averaged; [1, 1] is the end.
    reference : subtract the average over this part: the number is a change.
    log : take logarithms of the averages first: a change is then a ratio.
    baseline : subtract the number of the run of this method with the same seed.
    every : the statement is about every seed, as in "never" and "in every seed": one seed on the other side refutes it.
    """

    relation: Literal[">", "<"]
    threshold: float = 0.0
    window: tuple[float, float] = (1.0, 1.0)
    reference: tuple[float, float] | None = None
    log: bool = False
    baseline: str = ""
    every: bool = False


@dataclass(frozen=True)
class Selection:
    """Which trainings from scratch an accuracy or error is of, where no table holds the cells.

    Attributes
    ----------
    cells : "each" search's cell; of all of them the one that is best "by-validation" after a short training, or the one
        that is best "by-test".
    epoch : the "last" one of a training, or the one that tests best.
    """

    cells: Literal["each", "by-validation", "by-test"] = "each"
    epoch: Literal["last", "best-test"] = "last"


@dataclass(frozen=True)
class Claim:
    """One published statement.

    Attributes
    ----------
    id : unique; where one statement is judged in several experiments it ends in ``@EXPERIMENT``.
    paper, table : who printed it and where; "dnas-bench" is this suite itself.
    kind : a "number", a "direction" (tested by ``test``), or "published-only": shown, never measured here.
    space, dataset, method : ids; of methods and spaces that the suite lacks, a name.
    metric : "accuracy" and "error" of the architecture in percent, "landscape-drop", "share:OPERATION" of the
        architecture's operations, "count:OPERATION", how many of them there are, either of one kind of cell as
        "count:OPERATION@CELL", or a column of the record; "seconds", of an epoch, as a ratio to a baseline alone.
    split : "valid" or "test", for accuracy and error.
    value, spread, n : mean, standard deviation and number of seeds as printed; None where not stated. A spread of
        zero says that every seed gave this number.
    protocol : how the number came about; source : where it was read.
    comparable : whether our runs follow the "same-protocol", or another one under which the same is expected
        ("direction"), or cannot be compared with it ("no"); ``reason`` says what differs.
    family : the claims that are corrected for being many together; empty for the paper's other claims.
    experiment : in whose scope the claim lies; empty where in none.
    tolerance : difference that still counts as reproduced, in ``unit``, because of ``rationale``.
    selection : which trainings from scratch it is about; None where a table scores the architectures.
    rebuilt : title of the paper's table that the report rebuilds with it; empty where it is in none.
    coverage : least share of the architectures that must be scored for a verdict.
    text : the statement in words; a direction has one.
    """

    id: str
    paper: str
    kind: Literal["number", "direction", "published-only"]
    space: str
    dataset: str
    method: str
    metric: str
    source: str
    table: str = ""
    split: Literal["", "valid", "test"] = ""
    value: float | None = None
    spread: float | None = None
    n: int | None = None
    unit: str = "percent"
    protocol: str = ""
    comparable: Literal["same-protocol", "direction", "no"] = "no"
    reason: str = ""
    family: str = ""
    experiment: str = ""
    tolerance: float | None = None
    rationale: str = ""
    selection: Selection | None = None
    rebuilt: str = ""
    coverage: float = 1.0
    test: Criterion | None = None
    text: str = ""

    def __post_init__(self) -> None:
        fault = _fault(self)
        if fault:
            raise InputError(f"claim '{self.id}' {fault}")

    def arm(self, method: str) -> ArmName:
        """Return what the runs of a method are called that bear on it."""
        return ArmName(self.experiment, self.space, method)

    @property
    def judged(self) -> bool:
        """Whether records bear on it."""
        return self.kind != "published-only" and bool(self.experiment) and self.comparable != "no"

    @property
    def single(self) -> bool:
        """Whether it is about one chosen cell: one number however many searches there are, which decides nothing."""
        return self.selection is not None and self.selection.cells != "each"


def _fault(claim: Claim) -> str:
    """Return what a claim lacks, nothing where it is whole."""
    if claim.value is None and not claim.text:
        return "says neither a value nor a text"
    if claim.comparable != "same-protocol" and not claim.reason:
        return "is not of the same protocol: give the reason"
    if not claim.judged:
        return ""
    if claim.kind == "direction" and (claim.test is None or not claim.text):
        return "is a direction: give its test and its text"
    if claim.kind == "number" and (claim.value is None or claim.tolerance is None or not claim.rationale):
        return "is a number: give its value, its tolerance and the rationale"
    if claim.selection and claim.split != "test":
        return "is about trainings from scratch: its split must be test"
    if claim.metric in ("accuracy", "error"):
        return "" if claim.split else f"is about {claim.metric}: give the split"
    if claim.metric == COST and not (claim.test and claim.test.baseline and claim.test.log):
        return "is about seconds, which depend on the device: give a baseline and log = true, which makes it a ratio"
    column = POINT_COLUMNS.get(claim.metric) == "float64" or claim.metric.startswith(OPERATION_PREFIXES)
    if column or claim.metric == "landscape-drop" or claim.metric.startswith(OPERATIONS):
        return ""
    return f"is about '{claim.metric}', which no record holds"


def load_claims(folder: Path = PUBLISHED) -> tuple[Claim, ...]:
    """Return every claim in the TOML files of ``folder``, in the order of file names and lines.

    What a file says at its top holds for all its groups, what a group says for all its rows. A group may name several
    ``scope`` tables (experiment, comparable, reason): each row is then a claim in each of them.

    Raises
    ------
    InputError
        A file is not TOML, a key is unknown, missing or of the wrong type, or an id comes twice.
    """
    claims: dict[str, Claim] = {}
    for path in sorted(Path(folder).glob("*.toml")):
        for claim in _read(path):
            if claim.id in claims:
                raise InputError(f"{path.name}: the id '{claim.id}' appears twice; ids are unique over all files")
            claims[claim.id] = claim
    return tuple(claims.values())


def _read(path: Path) -> Iterator[Claim]:
    content = toml.read(path)
    for number, group in enumerate(_tables(content, "group", path.name), start=1):
        rows, scopes = (_tables(group, key, f"{path.name}, group {number}", [{}]) for key in ("rows", "scope"))
        for row in rows:
            for scope in scopes:
                merged = content | group | row | scope
                where = f"{path.name}, group {number}, '{merged.get('id', '')}'"
                if len(scopes) > 1:
                    merged["id"] = f"{merged.get('id', '')}@{merged.get('experiment', '')}"
                yield build(Claim, merged, f"{where}: ")


def _tables(content: dict[str, Any], key: str, where: str, default: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Take the list of tables out that ``key`` names."""
    found = content.pop(key, default)
    if not isinstance(found, list | tuple) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"{where}: '{key}' must be a list of tables")
    return list(found)


def published(space: str) -> tuple[Claim, ...]:
    """Return what the literature takes for the best of a space, such as the zero of the regret in 1Shot1's figures."""
    return tuple(claim for claim in load_claims() if claim.space == space and claim.method == "optimum")

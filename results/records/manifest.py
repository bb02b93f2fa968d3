"""The manifest of a record: how its rows were made. A file may come from anywhere, so every value is checked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from results.records.run import Run

SCHEMA = 1

#: Manifest keys that may differ between two equal records.
VOLATILE_KEYS = frozenset({"git", "device", "dates", "versions", "group"})

Status = Literal["complete", "failed", "diverged"]


class _Part(BaseModel):
    """A table of a manifest: frozen; keys that this version does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", serialize_by_alias=True)

    def as_dict(self) -> dict[str, Any]:
        """Return the table as plain data, as it was given: what was left out is not filled in."""
        return self.model_dump(exclude_unset=True)


class Deviation(BaseModel):
    """One place where this suite, the authors' code and the paper do not agree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: StrictStr
    what: StrictStr
    why: StrictStr
    effect: StrictStr
    switch: StrictStr = ""  # the ``-o`` override that gives the other behaviour; empty where there is none
    source: StrictStr = ""  # repository:file:line, or paper and section


class Cell(_Part):
    """How an architecture is drawn: labelled nodes, and edges ``(from, to, label)`` that lead to later nodes.

    ``kinds`` says of which kind of cell each node is, where there are several; else it is empty.
    """

    nodes: tuple[StrictStr, ...]
    edges: tuple[tuple[StrictInt, StrictInt, StrictStr], ...]
    kinds: tuple[StrictStr, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_older_records(cls, given: Any) -> Any:
        """Fill in the kinds, which records did not state at first: the label of the first node of each named it."""
        nodes = given.get("nodes") if isinstance(given, dict) and "kinds" not in given else None
        if not isinstance(nodes, list | tuple) or not all(isinstance(label, str) for label in nodes):
            return given
        firsts = [place for place, label in enumerate(nodes) if label.endswith(" k-2")]
        if len(firsts) < 2 or firsts[0]:
            return given
        lengths = [end - first for first, end in pairwise([*firsts, len(nodes)])]
        kinds = [[nodes[first].removesuffix(" k-2")] * count for first, count in zip(firsts, lengths, strict=True)]
        return given | {"kinds": [kind for each in kinds for kind in each]}

    @model_validator(mode="after")
    def _lead_onwards(self) -> Self:
        if not all(0 <= start < end < len(self.nodes) for start, end, _ in self.edges):
            raise ValueError("an edge leads to no later node")
        if self.kinds and len(self.kinds) != len(self.nodes):
            raise ValueError("it has not one kind for each node")
        return self


class ExperimentAbout(_Part):
    """The experiment: its name, the file that it came from, and what it is in words."""

    name: StrictStr = ""
    base: StrictStr = ""
    description: StrictStr = ""


class TrainingAbout(_Part):
    """How the search trained; ``epochs`` is 0 where a record does not say."""

    epochs: StrictInt = 0


class ProtocolAbout(_Part):
    """The resolved protocol. Only what the suite reads from records is typed."""

    experiment: ExperimentAbout = ExperimentAbout()
    training: TrainingAbout = TrainingAbout()
    images: dict[str, Any] = {}
    supernet: dict[str, Any] = {}
    measure: dict[str, Any] = {}
    params: dict[str, Any] = {}


class SpaceAbout(_Part):
    """The space: what reports need to draw it, and the data set that its architectures are scored on."""

    dataset: StrictStr
    label: StrictStr = ""
    family: StrictStr = ""
    operations: tuple[StrictStr, ...] = ()
    parameter_free: tuple[StrictStr, ...] = ()
    metric: Literal["accuracy", "error"] = "error"

    @model_validator(mode="before")
    @classmethod
    def _of_older_records(cls, given: Any) -> Any:
        """Fill in the metric, which records did not state at first."""
        if isinstance(given, dict) and "metric" not in given:
            return given | {"metric": "accuracy" if given.get("family") == "nasbench201" else "error"}
        return given


class MethodAbout(_Part):
    """The method: how it is shown.

    ``levels`` is None where a record does not say. ``independent`` is False where a method that trains nothing searches
    all the same. ``base`` is a variant's method.
    """

    label: StrictStr = ""
    colour: Any = ""
    order: StrictInt | StrictFloat | None = None
    levels: StrictInt | None = None
    independent: StrictBool | None = None
    cite: StrictStr = ""
    base: StrictStr = ""

    @property
    def draws(self) -> bool:
        """Whether its points are draws each for itself, as those of random search."""
        return self.levels == 0 and self.independent is not False


class DeviceAbout(_Part):
    """The device that the run was made on."""

    name: StrictStr | None = None


class GroupAbout(_Part):
    """The seeds that shared a supernet, and how it was computed: only bitwise equality depends on it."""

    seeds: tuple[StrictInt, ...] = ()
    form: Any = None
    precision: Any = None
    compiled: Any = None
    before: tuple[Any, ...] = ()


class ImportedAbout(_Part):
    """Where another code's search comes from: its points, or the ``final`` architecture alone.

    ``epochs`` are those that it completed; None where nobody says. Older records do not have this part.
    """

    source: StrictStr
    kind: Literal["search", "final"]
    epochs: StrictInt | None = None


class Manifest(_Part):
    """How the rows of a record were made.

    Attributes
    ----------
    run, status, error : which run this is, and how it ended.
    protocol, overrides, config_hash : what decided what it found.
    space, method, deviations, cells : what reports need, without importing the suite that searched.
    data : name -> sha256 of the images.
    git, device, dates, versions, group : volatile; two equal records may differ in them.
    imported : of another code's search; None of this suite's own.
    """

    schema_version: StrictInt = Field(SCHEMA, alias="schema")
    run: Run
    status: Status
    config_hash: StrictStr
    space: SpaceAbout
    method: MethodAbout
    error: StrictStr = ""
    protocol: ProtocolAbout = ProtocolAbout()
    overrides: tuple[StrictStr, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    cells: dict[StrictStr, Cell] = {}
    data: dict[StrictStr, StrictStr] = {}
    git: dict[str, Any] = {}
    device: DeviceAbout = DeviceAbout()
    dates: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    group: GroupAbout = GroupAbout()
    imported: ImportedAbout | None = None

    @field_validator("run", mode="before")
    @classmethod
    def _run_of_its_parts(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            return Run(**value)
        except TypeError:
            raise ValueError("it names no run") from None

    @field_serializer("run")
    def _parts_of_a_run(self, run: Run) -> dict[str, Any]:
        return vars(run)

    @classmethod
    def of(cls, content: Any) -> Self:
        """Return the manifest that plain data holds.

        Raises
        ------
        ValueError
            A key is missing or a value cannot be used; the message names the first.
        """
        if not isinstance(content, dict):
            raise ValueError("it is not a table of keys")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ValueError(_first_fault(error)) from None

    def changed(self, **changes: Any) -> Self:
        """Return a manifest of which some keys have other values; plain data is checked as in ``of``."""
        return type(self).of(self.as_dict() | changes)

    def lasting(self) -> dict[str, Any]:
        """Return what two equal records share, as plain data."""
        return {key: value for key, value in self.as_dict().items() if key not in VOLATILE_KEYS}


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"it lacks '{where}'" if fault["type"] == "missing" else f"'{where}': {fault['msg']}"

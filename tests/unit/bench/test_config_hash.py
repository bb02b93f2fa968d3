"""The hash that names a protocol."""

import dataclasses
from pathlib import Path

import pytest

from bench.experiments.reading import load
from bench.protocol import Protocol, config_hash
from results.records.store import Store
from spaces.fields import added

RUNS = Path(__file__).parents[3] / "results" / "runs"


def leaves(value, path=()):
    """Every scalar of nested plain data, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 or 0.5
    if isinstance(value, tuple):
        return (value[0] / 2, *value[1:])
    return value + "x"


def replaced(protocol, path, value):
    table = getattr(protocol, path[0])
    return dataclasses.replace(protocol, **{path[0]: dataclasses.replace(table, **{path[1]: value})})


@pytest.mark.parametrize("method", ["sdarts-adv", "dropnas", "darts-2nd"])
def test_the_hash_changes_with_every_value_that_decides_what_is_found_and_with_no_other(method):
    protocol = load("quick").arm("nasbench201", method).protocol
    paths = [path for path, _ in leaves(protocol.as_dict())]
    assert {path[0] for path in paths} == {"images", "supernet", "training", "measure", "params"}
    plain = config_hash("nasbench201", method, protocol)
    hashes = {plain}
    for path, value in leaves(protocol.as_dict()):
        found = config_hash("nasbench201", method, replaced(protocol, path, changed(value)))
        if path[0] == "measure":
            assert found == plain
        else:
            hashes.add(found)
    assert len(hashes) == 1 + len([path for path in paths if path[0] != "measure"])


def test_the_hash_belongs_to_space_and_method():
    protocol = load("quick").arm("nasbench1shot1-1", "darts").protocol
    names = [(s, m) for s in ("nasbench1shot1-1", "nasbench1shot1-2") for m in ("darts", "random")]
    assert len({config_hash(space, method, protocol) for space, method in names}) == 4


def test_the_hash_does_not_change_with_what_is_no_protocol():
    plain = load("quick")
    for override in (
        "seeds=7-9",
        "description=other",
        'run=["darts"]',
        'order=["nasbench201/darts"]',
        "retrain.recipe=''",
    ):
        other = load("quick", [override])
        assert other.name != plain.name
        assert other.arm("nasbench201", "darts").protocol == plain.arm("nasbench201", "darts").protocol


@dataclasses.dataclass(frozen=True)
class Part:
    number: float = 0.1
    pair: tuple[int, int] = (1, 2)


def test_the_hash_is_the_same_in_every_version():
    # whoever changes this number makes every record ever made one of another plan
    protocol = Protocol(**{field.name: Part() for field in dataclasses.fields(Protocol)})
    assert config_hash("a-space", "a-method", protocol) == "617201179b1f4299"


@dataclasses.dataclass(frozen=True)
class Grown(Part):
    later: str = added("as before")


def test_a_field_that_is_added_later_changes_the_hash_only_where_it_is_not_neutral():
    parts = {field.name: Part() for field in dataclasses.fields(Protocol)}
    before = config_hash("a-space", "a-method", Protocol(**parts))
    for name in ("images", "supernet", "training", "params"):
        neutral, other = (Protocol(**parts | {name: Grown(**later)}) for later in ({}, {"later": "otherwise"}))
        assert config_hash("a-space", "a-method", neutral) == before
        assert config_hash("a-space", "a-method", other) != before


def test_committed_records_have_the_hash_of_the_protocol_in_their_manifest():
    records = Store(RUNS).records()
    assert len(records) >= 42
    for record in records:
        made = load(record.manifest.protocol.experiment.base, record.manifest.overrides)
        assert record.config_hash == made.arm(record.run.space, record.run.method).hash, record.run

"""The hash that names a protocol."""

import dataclasses

import pytest

from bench import config
from bench.config import config_hash, load


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
def test_the_hash_changes_with_every_value_of_the_protocol(method):
    protocol = load("quick").protocol("nasbench201", method)
    paths = [path for path, _ in leaves(protocol.as_dict())]
    assert {path[0] for path in paths} == {"images", "supernet", "training", "measure", "params"}
    hashes = {config_hash("nasbench201", method, protocol)}
    for path, value in leaves(protocol.as_dict()):
        hashes.add(config_hash("nasbench201", method, replaced(protocol, path, changed(value))))
    assert len(hashes) == 1 + len(paths)


def test_the_hash_belongs_to_space_and_method():
    protocol = load("quick").protocol("nasbench1shot1-1", "darts")
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
        assert other.protocol("nasbench201", "darts") == plain.protocol("nasbench201", "darts")


@dataclasses.dataclass(frozen=True)
class Part:
    number: float = 0.1
    pair: tuple[int, int] = (1, 2)


def test_the_hash_is_the_same_in_every_version():
    # whoever changes this number makes every record ever made one of another plan
    protocol = config.Protocol(**{field.name: Part() for field in dataclasses.fields(config.Protocol)})
    assert config_hash("a-space", "a-method", protocol) == "4b78f57c665390a6"

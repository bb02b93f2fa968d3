import copy

import pytest

from results.records.manifest import fault
from tests.unit.reports.factory import record

SOUND = record().manifest
DEVIATION = {"id": "a", "what": "b", "why": "c", "effect": "d"}


def test_a_manifest_of_ours_is_sound():
    assert fault(SOUND) == ""
    assert fault(SOUND | {"deviations": [DEVIATION], "more": [object]}) == ""


@pytest.mark.parametrize("key", ["schema", "run", "status", "config_hash", "space", "method"])
def test_what_is_missing_is_named(key):
    assert f"without '{key}'" in fault({name: value for name, value in SOUND.items() if name != key})


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("error",), 5, "'error'"),
        (("overrides",), "a=b", "'overrides'"),
        (("overrides",), [1], "'overrides'"),
        (("space", "operations"), [None], "'space.operations'"),
        (("space",), [], "'space'"),
        (("method", "order"), "first", "'method.order'"),
        (("method", "order"), True, "'method.order'"),
        (("group", "seeds"), ["0"], "'group.seeds'"),
        (("protocol", "experiment", "description"), 1, "'protocol.experiment.description'"),
        (("status",), "done", "status is none of"),
        (("deviations",), [{"id": "a"}], "a deviation is incomplete"),
        (("deviations",), [DEVIATION | {"x": "y"}], "a deviation is incomplete"),
        (("cells",), {"a": {}}, "cannot be drawn"),
        (("cells",), {"a": {"nodes": ["i", "o"], "edges": [[0, 2, "x"]]}}, "cannot be drawn"),
        (("cells",), {"a": {"nodes": ["i", "o"], "edges": [[1, 1, "x"]]}}, "cannot be drawn"),
        (("cells",), {"a": {"nodes": ["i", "o"], "edges": [[0, 1]]}}, "cannot be drawn"),
    ],
)
def test_what_is_wrong_is_named(path, value, says):
    manifest = copy.deepcopy(SOUND)
    place = manifest
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert says in fault(manifest)


def test_a_space_names_its_data_set():
    space = {name: value for name, value in SOUND["space"].items() if name != "dataset"}
    assert "space.dataset" in fault(SOUND | {"space": space})


@pytest.mark.parametrize("other", [None, [], "x", 5])
def test_what_is_no_table_is_no_manifest(other):
    assert fault(other) == "it is no table of keys"

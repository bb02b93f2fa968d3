import copy

import pytest
from pydantic import ValidationError

from results.records.manifest import Cell, Manifest
from results.records.run import Run
from tests.unit.reports.factory import record

SOUND = record().manifest.as_dict()
DEVIATION = {"id": "a", "what": "b", "why": "c", "effect": "d"}


def test_a_manifest_of_ours_is_sound():
    made = Manifest.of(SOUND | {"deviations": [DEVIATION], "more": [object]})
    assert made.deviations[0].effect == "d"
    assert made.as_dict()["more"] == [object]  # what this version does not know is kept


def test_plain_data_goes_in_and_comes_out():
    made = Manifest.of(SOUND)
    assert made.run == Run(**SOUND["run"])
    assert made.as_dict() == SOUND
    assert Manifest.of(made.as_dict()) == made


def test_a_manifest_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Manifest.of(SOUND).status = "failed"


def test_a_change_is_checked_and_leaves_the_first_as_it_was():
    made = Manifest.of(SOUND)
    assert made.changed(status="failed").status == "failed"
    assert made.status == "complete"
    with pytest.raises(ValueError, match="status"):
        made.changed(status="done")


def test_what_is_volatile_does_not_last():
    lasting = Manifest.of(SOUND).lasting()
    assert SOUND.keys() - lasting.keys() == {"git", "device", "dates", "versions", "group"}


@pytest.mark.parametrize("key", ["run", "status", "config_hash", "space", "method"])
def test_what_is_missing_is_named(key):
    with pytest.raises(ValueError, match=f"it lacks '{key}'"):
        Manifest.of({name: value for name, value in SOUND.items() if name != key})


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("error",), 5, "'error'"),
        (("overrides",), "a=b", "'overrides'"),
        (("overrides",), [1], "'overrides.0'"),
        (("space", "operations"), [None], "'space.operations.0'"),
        (("space",), [], "'space'"),
        (("method", "order"), "first", "'method.order"),
        (("method", "order"), True, "'method.order"),
        (("method", "levels"), 1.5, "'method.levels'"),
        (("group", "seeds"), ["0"], "'group.seeds.0'"),
        (("protocol", "experiment", "description"), 1, "'protocol.experiment.description'"),
        (("status",), "done", "'status': Input should be 'complete', 'failed' or 'diverged'"),
        (("run",), {"experiment": "a"}, "'run'"),
        (("run", "seed"), "0", "'run'"),
        (("deviations",), [{"id": "a"}], "it lacks 'deviations.0.what'"),
        (("deviations",), [DEVIATION | {"x": "y"}], "'deviations.0.x'"),
        (("cells",), {"a": {}}, "it lacks 'cells.a.nodes'"),
        (("cells",), {"a": {"nodes": ["i", "o"], "edges": [[0, 2, "x"]]}}, "leads to no later node"),
        (("cells",), {"a": {"nodes": ["i", "o"], "edges": [[1, 1, "x"]]}}, "leads to no later node"),
        (("cells",), {"a": {"nodes": ["i", "o"], "edges": [], "kinds": ["normal"]}}, "has not one kind for each node"),
        (("cells",), {"a": {"nodes": ["i", "o"], "edges": [[0, 1]]}}, "it lacks 'cells.a.edges.0.2'"),
    ],
)
def test_what_is_wrong_is_named(path, value, says):
    manifest = copy.deepcopy(SOUND)
    place = manifest
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValueError) as caught:  # noqa: PT011 # the text is compared below
        Manifest.of(manifest)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_space_names_its_data_set():
    space = {name: value for name, value in SOUND["space"].items() if name != "dataset"}
    with pytest.raises(ValueError, match=r"it lacks 'space\.dataset'"):
        Manifest.of(SOUND | {"space": space})


@pytest.mark.parametrize("other", [None, [], "x", 5])
def test_what_is_no_table_is_no_manifest(other):
    with pytest.raises(ValueError, match="it is not a table of keys"):
        Manifest.of(other)


def test_records_that_do_not_state_the_kinds_of_cells_name_them_by_their_labels():
    labels = ["normal k-2", "normal k-1", "output", "reduce k-2", "reduce k-1", "output"]
    kinds = ("normal",) * 3 + ("reduce",) * 3
    assert Cell.model_validate({"nodes": labels, "edges": []}).kinds == kinds
    assert Cell.model_validate({"nodes": ["k-2", "1", "output"], "edges": []}).kinds == ()
    assert Cell.model_validate({"nodes": ["input", "1", "output"], "edges": []}).kinds == ()

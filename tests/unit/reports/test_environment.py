"""Environments are told apart by what matters, and printed so that they can be read."""

from reports.tabular.environment_table import commands, environment_table
from results.records.record import IMPORTED

from .factory import record


def setting(**group):
    (row,) = environment_table([record(manifest={"group": {"seeds": [0], "dtype": "float32"} | group})]).rows
    return row[2]


def test_forms_by_shape_are_counted():
    forms = {"16 8 8 1 1": "bmm", "16 8 8 3 1": "grouped", "8 8 8 3 1": "grouped"}
    assert setting(form=forms) == "dtype float32, form bmm for 1 shape and grouped for 2 shapes"


def test_what_is_off_and_which_seeds_there_were_is_no_setting():
    plain = setting(form="grouped")
    assert plain == "dtype float32, form grouped"
    assert setting(form="grouped", compiled=False, before=[{"seeds": [0, 1]}]) == plain
    assert setting(form="grouped", compiled=True) == "compiled True, dtype float32, form grouped"


def test_no_command_is_said_to_make_an_imported_record():
    foreign = {"config_hash": IMPORTED, "imported": {"source": "a log", "kind": "search"}}
    made = commands([record(seed=0), record(seed=1, manifest=foreign), record("dropnas", manifest=foreign)])
    assert made == ["dnas reproduce paper --space nasbench201 --method darts --seeds 0"]

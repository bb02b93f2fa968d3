"""What the script of the page is told: every architecture once, and for each run which it had when."""

from reports.study.study import Study
from reports.tabular.courses import courses

from .factory import ALL_SKIP, CONVOLUTIONS, TRUTH, Table, record


def test_runs_refer_to_architectures_with_their_scores_and_cells():
    edges = {"nodes": ["input", "output"], "edges": [[0, 1, "skip_connect"]]}
    mine = record(archs=[CONVOLUTIONS, ALL_SKIP, ALL_SKIP, "unknown"], manifest={"cells": {ALL_SKIP: edges}})
    found = courses(Study.of([mine, record("random")], Table(TRUTH)))
    assert [label for _, label, _ in found["methods"]] == ["DARTS"]
    ((method, seed, places),) = found["runs"]
    assert (method, seed) == (0, 0)
    assert [found["archs"][place] for place in places] == [CONVOLUTIONS, ALL_SKIP, ALL_SKIP, "unknown"]
    assert [found["test"][place] for place in places] == [94.0, 54.3, 54.3, None]
    assert [found["cells"][place] for place in places] == [None, *[[0, 0, 1, "skip_connect"]] * 2, None]
    assert found["nodes"] == [[["", ["input", "output"]]]]


def test_each_kind_of_cell_is_a_row():
    nodes = ["normal k-2", "normal output", "reduce k-2", "reduce output"]
    edges = [[0, 1, "skip_connect"], [2, 3, "none"]]
    cell = {"nodes": nodes, "edges": edges, "kinds": ["normal", "normal", "reduce", "reduce"]}
    found = courses(Study.of([record(archs=[ALL_SKIP], manifest={"cells": {ALL_SKIP: cell}})], Table(TRUTH)))
    assert found["nodes"] == [[["normal cell", ["k-2", "output"]], ["reduction cell", ["k-2", "output"]]]]
    assert found["cells"] == [[0, 0, 1, "skip_connect", 2, 3, "none"]]


def test_epochs_are_told_where_some_are_left_out():
    mine = record(archs=[CONVOLUTIONS] * 3, columns={"epoch": [0, 10, 20]})
    (run,) = courses(Study.of([mine], Table(TRUTH)))["runs"]
    assert run[3] == [0, 10, 20]


def test_records_without_cells_have_no_courses():
    assert courses(Study.of([record(manifest={"cells": {}})], Table(TRUTH))) == {}

"""What a report says of cells that were trained from scratch, and the papers' own tables."""

from dataclasses import replace

from reports.drawing.style import style
from reports.plots import final_errors
from reports.study.study import Study
from reports.tabular.rebuilt import rebuilt_tables
from reports.tabular.trained_cells import trained_table
from results.claims.claim import Claim, Selection
from results.claims.paper_rows import Row
from results.claims.verdict import Status, Verdict
from results.labels import Labels
from results.published import cells
from results.scores.oracle import Chain, RetrainedOracle
from results.scores.score import Score, merge_scores

from .factory import ALL_SKIP, CONVOLUTIONS, SPACES, record

LABELS = Labels({"dropnas": "DropNAS"}, {"darts": "DARTS space"}, {})
PUBLISHED = cells()["sdarts-rs-s2-c10"]


def study_of(tmp_path, monkeypatch):
    monkeypatch.setitem(SPACES, "darts-s2", SPACES["nasbench201"] | {"label": "S2", "family": "darts"})
    path = tmp_path / "retrained.parquet"
    of = {"space": "darts-s2", "dataset": "cifar10", "source": "retrained", "release": "retrain-demo", "epochs": 4}
    found = {CONVOLUTIONS: (60.0, 61.0), ALL_SKIP: (40.0, 40.5), PUBLISHED.arch: (62.0, 62.5)}
    for arch, (test, best) in found.items():
        merge_scores(path, [Score(**of, arch=arch, valid=None, test=test, best_test=best, parameters=123_456)])
    records = [
        record("darts", seed, experiment="demo", space="darts-s2", archs=(ALL_SKIP, arch))
        for seed, arch in enumerate((ALL_SKIP, CONVOLUTIONS, ALL_SKIP))
    ]
    return Study.of(records, Chain([RetrainedOracle(path, "demo")]))


def test_found_and_published_cells_stand_in_one_table(tmp_path, monkeypatch):
    table = trained_table([study_of(tmp_path, monkeypatch)])
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["cell of"], row["seeds"], row["test, last epoch"]) for row in rows] == [
        ("DARTS", "0, 2", "40.00"),
        ("DARTS", "1", "60.00"),
        ("sdarts-rs-s2-c10 (published)", "–", "62.00"),
    ]
    assert {row["parameters, M"] for row in rows} == {"0.123"}
    assert rows[0]["test, best epoch"] == "40.50"


def test_the_figure_shows_both_epochs(tmp_path, monkeypatch):
    with style():
        (plot,) = final_errors.draw(study_of(tmp_path, monkeypatch))
        labels = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert labels == ["DARTS (n=3)", "sdarts-rs-s2-c10 (published)"]
    assert "DARTS: 53.33 % (n=3)" in plot.alt
    assert "tests best" in plot.note


def test_searches_that_end_alike_have_a_mark_each(tmp_path, monkeypatch):
    with style():
        (plot,) = final_errors.draw(study_of(tmp_path, monkeypatch))
        marks = plot.figure.axes[0].lines[0]
    assert list(marks.get_xdata()) == [60.0, 40.0, 60.0]
    assert len(set(marks.get_ydata())) == 3


def test_searches_without_a_score_are_counted(tmp_path, monkeypatch):
    study = study_of(tmp_path, monkeypatch)
    unknown = record("darts", 3, experiment="demo", space="darts-s2", archs=(ALL_SKIP, "another"))
    diverged = record("darts", 4, experiment="demo", space="darts-s2", archs=(ALL_SKIP,), status="diverged")
    with style():
        (plot,) = final_errors.draw(replace(study, records=(*study.records, unknown, diverged)))
        labels = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert labels[0] == "DARTS (n=3 of 5)"


def test_a_published_cell_is_drawn_before_any_found_cell_is_trained(tmp_path, monkeypatch):
    study_of(tmp_path, monkeypatch)
    waiting = record("darts", 0, experiment="demo", space="darts-s2", archs=(ALL_SKIP, "another"))
    study = Study.of([waiting], Chain([RetrainedOracle(tmp_path / "retrained.parquet", "demo")]))
    with style():
        (plot,) = final_errors.draw(study)
        labels = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert labels == ["sdarts-rs-s2-c10 (published)"]
    assert plot.alt.endswith("sdarts-rs-s2-c10 (published): 38.00 % (n=1).")


def claim(**other):
    plain = {"id": "x", "paper": "p", "kind": "number", "space": "darts", "dataset": "cifar100", "method": "dropnas"}
    plain |= {"metric": "accuracy", "split": "test", "source": "s", "value": 83.05, "spread": 0.41, "n": 8}
    return Claim(**(plain | {"comparable": "direction", "reason": "another code"} | other))


def cells_of(row):
    (table,) = rebuilt_tables({"A table": [row]}, LABELS)
    assert table.name == "rebuilt-a-table"
    return dict(zip(table.columns, table.rows[0], strict=True))


def test_a_row_prints_published_beside_measured():
    main = claim(selection=Selection("each", "best-test"))
    size = claim(metric="parameters", unit="M", value=3.3, spread=None, n=None)
    cost = claim(metric="search-cost", unit="GPU-days", value=0.4, spread=None, n=None)
    verdict = Verdict(main, Status.REPRODUCED, "reproduced: ...")
    row = cells_of(Row(verdict, (83.0, 84.0), size, cost, (3_300_000, 3_500_000), (0.25, 0.35), "a GPU"))
    assert (row["published"], row["measured"], row["n"]) == ("83.05 ± 0.41 (n=8)", "83.50 ± 0.71", "2")
    assert row["which training"] == "each cell, best test epoch"
    assert (row["parameters, published"], row["parameters, measured"]) == ("3.30 M", "3.40 ± 0.14")
    assert (row["search cost, published"], row["search cost, measured"]) == (
        "0.40 GPU-days",
        "0.300 ± 0.071 d on a GPU",
    )
    assert (row["verdict"], row["note"]) == ("✓ reproduced", "another code")


def test_a_row_that_is_not_run_says_the_command_and_one_without_a_number_that_it_lacks_it():
    silent = claim(kind="published-only", value=None, spread=None, n=None, text="not available")
    verdict = Verdict(silent, Status.NOT_RUN, "not run: another code")
    row = cells_of(Row(verdict, (), None, None, (), (), "", "nothing yet; 'dnas run x' makes them"))
    assert (row["published"], row["measured"], row["n"]) == ("not available", "–", "–")
    assert row["note"] == "nothing yet; 'dnas run x' makes them; another code"

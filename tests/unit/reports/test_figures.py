"""Every figure shows what it is given, counts what is not scored, and says what is missing."""

from pathlib import Path

import numpy as np
import pytest

from reports import plots
from reports.drawing.style import style
from reports.plots import (
    anytime_error,
    cells,
    cost,
    eigenvalue,
    headline,
    landscape,
    operation_shares,
    population,
    radius,
    skips,
    supernet_correlation,
    supernet_error,
)
from reports.study.study import Reference, Study

from .factory import ALL_SKIP, CONVOLUTIONS, TRUTH, TWO_KINDS, Table, record, surroundings

MODULES = plots.modules()
POPULATION = {name: [50.0, 60.0, 94.0, 95.0] for name in ("cifar10", "cifar100", "ImageNet16-120")}


@pytest.fixture(autouse=True)
def in_style():
    with style():
        yield


def rich_study():
    """Return a study that has all that a figure could ask for."""
    records = [record(method, seed) for method in ("darts", "sdarts-adv") for seed in (0, 1)]
    reference = Reference(
        "published", "cifar10", [0, 1, 2], [9.0, 8.0, 7.0], [8.0, 7.0, 6.0], [10.0, 9.0, 8.0], "read off"
    )
    return Study.of(
        records,
        Table(TRUTH),
        landscapes={r.run: surroundings() for r in records},
        population=POPULATION,
        references=(reference,),
    )


def poor_study():
    """Return a study of a run that recorded nothing but its architectures, which nobody knows."""
    bare = record("random")
    columns = {c: np.nan for c in bare.points if c not in ("epoch", "arch", "alpha")}
    return Study.of([record("random", columns=columns, manifest={"cells": {}})], Table({}))


def texts(figure):
    """Return all text of a figure."""
    return [t.get_text() for t in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def of_darts(figure):
    """Return the entries of a figure that name DARTS, and the numbers of its mean lines."""
    lines = [line.get_ydata().tolist() for ax in figure.axes for line in ax.lines if line.get_gid() == "mean.darts"]
    return [text for text in texts(figure) if text.startswith("DARTS")], lines


def by_name(module, study):
    return {plot.name: plot for plot in module.draw(study)}


def test_every_file_of_the_folder_is_found():
    files = {path.stem for path in Path(plots.__file__).parent.glob("*.py")} - {"__init__"}
    assert {module.__name__.rpartition(".")[2] for module in MODULES} == files


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
class TestEveryModule:
    def test_draws_where_the_records_have_what_it_needs(self, module):
        drawn = list(module.draw(rich_study()))
        assert drawn
        for plot in drawn:
            assert plot.figure is not None, plot.missing
            assert plot.title
            assert plot.caption.count(".") == plot.caption.endswith("."), "one sentence"
            assert len(plot.alt) > len(plot.title)
            assert any("paper (full protocol)" in text for text in texts(plot.figure))

    def test_says_why_where_they_have_not(self, module):
        drawn = list(module.draw(poor_study()))
        assert drawn
        for plot in drawn:
            assert plot.figure is None
            assert plot.missing

    def test_draws_a_single_run_of_a_single_point(self, module):
        (one,) = records = [record(archs=[CONVOLUTIONS])]
        study = Study.of(records, Table(TRUTH), landscapes={one.run: surroundings()}, population=POPULATION)
        for plot in module.draw(study):
            if plot.name in ("cost", "gradients"):  # there is none before the first epoch
                assert plot.missing
            else:
                assert plot.figure is not None, plot.missing
                assert of_darts(plot.figure)[0]
                assert "DARTS" in plot.alt

    def test_draws_beside_a_method_of_which_every_run_failed_or_is_not_scored(self, module):
        records = [record("darts"), record("sdarts-rs", archs=["unknown"] * 3), record("dropnas", status="failed")]
        more = {"landscapes": {each.run: surroundings() for each in records}, "population": POPULATION}
        alone, beside = (module.draw(Study.of(some, Table(TRUTH), **more)) for some in (records[:1], records))
        for plot, both in zip(alone, beside, strict=True):
            assert both.figure is not None, both.missing
            entries, lines = of_darts(plot.figure)
            assert entries
            np.testing.assert_equal(of_darts(both.figure), (entries, lines))
            assert not any(text.startswith("DropNAS (n=1)") for text in texts(both.figure))

    def test_names_are_unique(self, module):
        names = [plot.name for plot in module.draw(rich_study())]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("module", [headline, anytime_error])
def test_what_is_not_scored_names_what_would_score_it(module):
    records = [record(archs=["unknown"])]
    tabled, untabled = (next(module.draw(Study.of(records, Table({}), untabled=no))) for no in (False, True))
    assert "'dnas data status' names the tables" in tabled.missing
    assert untabled.missing == "no table holds this space; 'dnas retrain paper' trains its cells"


def test_a_space_without_a_table_has_no_population():
    (plot,) = population.draw(Study.of([record()], Table({}), untabled=True))
    assert plot.missing == "no table holds this space"


class TestAnytimeError:
    def test_the_mean_is_that_of_the_scores(self):
        study = Study.of([record(seed=0), record(seed=1, archs=[CONVOLUTIONS] * 3)], Table(TRUTH))
        ax = by_name(anytime_error, study)["anytime-error-cifar10"].figure.axes[0]
        (mean,) = [line for line in ax.lines if line.get_gid() == "mean.darts" and line.get_marker() == "o"]
        np.testing.assert_allclose(mean.get_ydata(), [6.0, 6.0, (45.7 + 6.0) / 2])

    def test_what_is_not_scored_is_counted(self):
        study = Study.of([record(seed=seed) for seed in range(4)], Table({CONVOLUTIONS: 94.0}))
        plot = by_name(anytime_error, study)["anytime-error-cifar10"]
        assert "4 of 12" in texts(plot.figure)
        assert "4 of 12 points" in plot.note
        assert "4 of 12 points" in plot.alt

    def test_nothing_is_counted_where_all_is_scored(self):
        plot = by_name(anytime_error, rich_study())["anytime-error-cifar10"]
        assert "not scored" not in texts(plot.figure)
        assert "All 12 points are scored." in plot.note
        assert "does not score" not in plot.note

    def test_the_mean_is_solid_only_where_every_seed_is_scored(self):
        study = Study.of([record(seed=0), record(seed=1, archs=[CONVOLUTIONS] * 3)], Table({CONVOLUTIONS: 94.0}))
        ax = by_name(anytime_error, study)["anytime-error-cifar10"].figure.axes[0]
        solid, dotted = (
            next(line for line in ax.lines if line.get_gid() == "mean.darts" and line.get_linestyle() == style)
            for style in ("-", ":")
        )
        assert np.isnan(solid.get_ydata()).tolist() == [False, False, True]
        np.testing.assert_allclose(dotted.get_ydata(), [6.0, 6.0, 6.0])

    def test_few_scored_points_are_marks_that_no_line_joins(self):
        few = record(archs=["unknown", "unknown", CONVOLUTIONS, "unknown", ALL_SKIP], dataset="digits")
        study = Study.of([few], Table(TRUTH, "retrain-quick", "retrained"))
        ax = by_name(anytime_error, study)["anytime-error-digits"].figure.axes[0]
        assert {line.get_linestyle() for line in ax.lines} == {"None"}

    def test_releases_are_not_mixed_in_one_figure(self):
        from results.scores.oracle import Chain

        oracle = Chain([Table({CONVOLUTIONS: 94.0}), Table({ALL_SKIP: 50.0}, "retrain-paper", "retrained")])
        drawn = by_name(anytime_error, Study.of([record()], oracle))
        assert "anytime-error-cifar10" in drawn
        assert "anytime-error-cifar10-retrain-paper" in drawn
        for plot in drawn.values():
            releases = [text for text in texts(plot.figure) if "scores:" in text]
            assert len(releases) == 1

    def test_the_optimum_and_published_curves_are_named(self):
        found = texts(by_name(anytime_error, rich_study())["anytime-error-cifar10"].figure)
        assert "best in the table, 5.00 %" in found
        assert "published" in found

    def test_scores_without_validation_leave_out_its_panel(self):
        study = Study.of([record()], Table(TRUTH, "retrain-paper", "retrained"))
        figure = by_name(anytime_error, study)["anytime-error-cifar10"].figure
        assert [ax.get_ylabel() for ax in figure.axes] == ["test error, %"]

    def test_a_retrained_score_is_not_held_against_the_table(self):
        oracle = Table(TRUTH, "retrain-paper", "retrained")
        study = Study.of([record()], oracle, population={"cifar10": [94.0]}, references=rich_study().references)
        found = texts(by_name(anytime_error, study)["anytime-error-cifar10"].figure)
        assert not [text for text in found if "published" in text or "best in the table" in text]


def test_the_eigenvalue_is_joined_over_epochs_at_which_it_was_not_measured():
    study = Study.of([record(columns={"eigenvalue": [0.1, np.nan, 0.3]})], Table({}))
    ax = by_name(eigenvalue, study)["eigenvalue"].figure.axes[0]
    means = [line for line in ax.lines if line.get_gid() == "mean.darts"]
    assert [line.get_xdata().tolist() for line in means] == [[0, 2]] * 2  # dotted, and solid where all seeds count


def test_population_says_how_many_cells_are_worse():
    texts_ = texts(by_name(population, rich_study())["population-cifar10"].figure)
    assert texts_.count("25.0 %") == 2  # 54.3 % is better than 50 % alone, for both methods


def test_population_counts_final_cells_that_are_not_scored():
    records = [record(seed=0), record(seed=1, archs=["unknown"] * 3)]
    study = Study.of(records, Table(TRUTH), population={"cifar10": [50.0, 94.0]})
    assert "50.0 % (1 of 2)" in texts(by_name(population, study)["population-cifar10"].figure)


def test_cost_is_per_seed_of_the_group_and_keeps_devices_apart():
    together = [{"group": {"seeds": [seed, seed + 1]}, "device": {"name": "one"}} for seed in (0, 2)]
    records = [
        *(record(seed=seed, manifest=together[seed // 2]) for seed in range(4)),
        record(seed=4, manifest={"device": {"name": "another"}}),
    ]
    (plot,) = cost.draw(Study.of(records, Table({})))
    assert "DARTS on one, 2 seeds at once: 1 (1 to 1, n=2) s" in plot.alt
    assert "DARTS on another, 1 seed: 2 (n=1) s" in plot.alt
    assert "1 (1 to 1, n=2)" in texts(plot.figure)
    assert "whole search" not in plot.note


def test_cost_counts_seeds_that_share_a_clock_once():
    records = [record(seed=seed, manifest={"group": {"seeds": [0, 1]}}) for seed in (0, 1)]
    (plot,) = cost.draw(Study.of(records, Table({})))
    assert "2 seeds at once: 1 (n=1) s" in plot.alt


def test_cost_of_a_method_that_trains_nothing_is_that_of_its_whole_search():
    about = {"label": "Zero-Cost-PT", "order": 7, "levels": 0, "independent": False}
    columns = {"seconds": [1.5, 1446.5]}
    untrained = record("zero-cost-pt", archs=[CONVOLUTIONS] * 2, columns=columns, manifest={"method": about})
    (plot,) = cost.draw(Study.of([record(), untrained], Table({})))
    assert "Zero-Cost-PT on a processor, 1 seed, whole search: 1,448 (n=1) s" in plot.alt
    assert "per seed, not per epoch" in plot.note


@pytest.mark.parametrize(("scale", "said"), [(1, "34.5 (33.6 to 35.4, n=2)"), (1e-3, "0.0345 (0.0336 to 0.0354, n=2)")])
def test_the_numbers_of_a_long_cost_stay_inside_the_figure(scale, said):
    device = {"device": {"name": "a processor with a name of many words"}}
    records = [
        record(seed=seed, columns={"seconds": [np.nan, s * scale, s * scale]}, manifest=device)
        for seed, s in enumerate((33.64, 35.42))
    ]
    (plot,) = cost.draw(Study.of([*records, record(seed=2, columns={"seconds": [scale] * 3})], Table({})))
    plot.figure.draw_without_rendering()
    long, _ = plot.figure.axes[0].texts
    assert long.get_text() == said
    assert long.get_window_extent().x1 <= plot.figure.bbox.x1
    assert plot.figure.axes[0].get_position().width > 0.15


ONLY_CONVOLUTIONS = CONVOLUTIONS.replace("skip_connect", "nor_conv_3x3")


@pytest.mark.parametrize(
    ("found", "drawn", "title"),
    [
        ([ALL_SKIP, ALL_SKIP, CONVOLUTIONS], ALL_SKIP, "DARTS: 2 of 3 seeds"),
        ([CONVOLUTIONS, ALL_SKIP, ALL_SKIP], ALL_SKIP, "DARTS: 2 of 3 seeds"),
        ([ALL_SKIP, CONVOLUTIONS, CONVOLUTIONS, ALL_SKIP], ALL_SKIP, "DARTS: 2 of 4 seeds"),
        ([CONVOLUTIONS, ALL_SKIP, ALL_SKIP, CONVOLUTIONS], CONVOLUTIONS, "DARTS: 2 of 4 seeds"),
        ([ALL_SKIP, CONVOLUTIONS, ONLY_CONVOLUTIONS], ALL_SKIP, "DARTS: 3 seeds, 3 cells; seed 0"),
        ([ONLY_CONVOLUTIONS, CONVOLUTIONS, ALL_SKIP], ONLY_CONVOLUTIONS, "DARTS: 3 seeds, 3 cells; seed 0"),
        ([CONVOLUTIONS], CONVOLUTIONS, "DARTS: its only seed"),
    ],
)
def test_cells_show_the_most_frequent_one_or_else_that_of_the_first_seed(found, drawn, title):
    records = [record(seed=seed, archs=[arch]) for seed, arch in enumerate(found)]
    (plot,) = cells.draw(Study.of(records, Table({})))
    assert title in texts(plot.figure)
    assert plot.alt.endswith(f": {drawn}.")


def test_plain_draws_have_no_most_frequent_cell():
    (plot,) = cells.draw(Study.of([record(), record("random")], Table({})))
    assert "random" not in plot.alt
    (alone,) = cells.draw(Study.of([record("random")], Table({})))
    assert alone.figure is None


@pytest.mark.parametrize("stated", [True, False])  # records did not state the kinds at first
def test_each_kind_of_cell_is_drawn_on_its_own(stated):
    nodes = [
        f"{kind} {label}" if number < 2 else label
        for kind in ("normal", "reduce")
        for number, label in enumerate(["k-2", "k-1", "0", "output"])
    ]
    edges = [[first + source, first + 2, "skip_connect"] for first in (0, 4) for source in (0, 1)]
    cell = {"nodes": nodes, "edges": [*edges, [2, 3, ""], [6, 7, ""]]}
    cell |= {"kinds": ["normal"] * 4 + ["reduce"] * 4} if stated else {}
    manifest = {"cells": {TWO_KINDS: cell}}
    (plot,) = cells.draw(Study.of([record(space="darts-s2", archs=[TWO_KINDS], manifest=manifest)], Table({})))
    found = texts(plot.figure)
    assert {"DARTS, normal cell: its only seed", "DARTS, reduction cell: its only seed"} <= set(found)
    assert found.count("k-2") == found.count("output") == 2


def means(ax):
    return next(line.get_ydata().tolist() for line in ax.lines if line.get_gid() == "mean.darts")


def test_published_eigenvalues_are_drawn_beside_ours_with_their_source_once():
    curves = [
        Reference(name, "cifar10", [1, 3], values, values, values, "their logs", "eigenvalue")
        for name, values in (("plain", [0.2, 0.7]), ("decayed", [0.1, 0.2]))
    ]
    elsewhere = Reference("elsewhere", "svhn", [1], [9.0], [9.0], [9.0], "their logs", "eigenvalue")
    study = Study.of([record(columns={"eigenvalue": [0.1, 0.2, 0.3]})], Table({}), references=(*curves, elsewhere))
    plot = by_name(eigenvalue, study)["eigenvalue"]
    drawn = [list(line.get_ydata()) for line in plot.figure.axes[0].lines]
    assert [0.2, 0.7] in drawn
    assert [0.1, 0.2] in drawn
    assert [9.0] not in drawn
    assert plot.note.endswith("plain, decayed: their logs.")
    assert {"plain", "decayed"} <= set(texts(plot.figure))


def test_supernet_errors_are_drawn_in_percent_beside_what_was_published():
    columns = {"train_accuracy": [40.0, 60.0, 80.0], "valid_accuracy": [30.0, np.nan, 70.0]}
    published = Reference("theirs", "cifar10", [1, 3], [50.0, 20.0], [], [], "their logs", "supernet error")
    study = Study.of([record(columns=columns)], Table({}), references=(published,))
    (plot,) = supernet_error.draw(study)
    training, validation = plot.figure.axes
    assert means(training) == [60.0, 40.0, 20.0]
    assert means(validation) == [70.0, 30.0]
    assert [50.0, 20.0] in [list(line.get_ydata()) for line in validation.lines]
    assert [50.0, 20.0] not in [list(line.get_ydata()) for line in training.lines]
    assert "theirs: their logs. That error is on augmented images" in plot.note
    assert "DARTS 30 % (n=1)" in plot.alt


def test_a_supernet_that_was_not_validated_has_no_figure_of_its_errors():
    (plot,) = supernet_error.draw(Study.of([record(columns={"valid_accuracy": [np.nan] * 3})], Table({})))
    assert plot.figure is None
    assert plot.missing


def test_skips_are_counted_in_each_kind_of_cell_beside_what_was_published():
    published = Reference("theirs", "cifar10", [1, 2], [2.7, 7.0], [2.7, 7.0], [2.7, 7.0], "their logs", "skips")
    records = [record(seed=seed, space="darts-s2", archs=[TWO_KINDS] * 2) for seed in (0, 1)]
    (plot,) = skips.draw(Study.of(records, Table({}), references=(published,)))
    normal, reduction = plot.figure.axes
    assert (normal.get_title("left"), reduction.get_title("left")) == ("normal cell", "reduction cell")
    assert means(normal) == [3.0, 3.0]
    assert means(reduction) == [0.0, 0.0]
    assert [2.7, 7.0] in [list(line.get_ydata()) for line in normal.lines]
    assert "theirs: their logs." in plot.note
    assert "S2 (R-DARTS): normal cell. After the last epoch: DARTS 3 (n=2)" in plot.alt


def test_skips_of_a_space_with_one_kind_of_cell_have_one_panel():
    (plot,) = skips.draw(Study.of([record()], Table({})))
    (ax,) = plot.figure.axes
    assert means(ax) == [1.0, 1.0, 6.0]
    (none,) = skips.draw(Study.of([record(space="nasbench1shot1-1", archs=["10:conv3x3"])], Table({})))
    assert none.figure is None


def test_operation_shares_add_up_and_are_described():
    (plot,) = operation_shares.draw(rich_study())
    assert "DARTS: none 0.20, skip_connect 0.20" in plot.alt


@pytest.mark.parametrize(("supernet", "rho"), [([40.0, 41.0, 30.0], "ρ = 0.87"), ([40.0, 40.0, 40.0], "ρ undefined")])
def test_rank_correlation_is_spearmans(supernet, rho):
    study = Study.of([record(columns={"valid_accuracy": supernet})], Table(TRUTH))
    (plot,) = supernet_correlation.draw(study)
    assert f"DARTS {rho}" in plot.alt
    assert "Not shown" not in plot.note


@pytest.mark.parametrize(("points", "said"), [(1, "1 point"), (2, "2 points")])
def test_too_few_points_have_no_rank_correlation(points, said):
    (plot,) = supernet_correlation.draw(Study.of([record(archs=[CONVOLUTIONS, ALL_SKIP][:points])], Table(TRUTH)))
    assert f"DARTS ({said})" in texts(plot.figure)
    assert f"Rank correlation: DARTS {said}." in plot.alt
    assert "with all operations mixed, not of the cell alone" in plot.caption


def test_a_search_that_diverged_has_no_final_architecture():
    ended = record(seed=0, columns={"valid_accuracy": [40.0, 41.0, 42.0]})
    diverged = record(seed=1, status="diverged", columns={"valid_accuracy": [30.0, 31.0, 32.0]})
    (plot,) = supernet_correlation.draw(Study.of([ended, diverged], Table(TRUTH)))
    small, large = plot.figure.axes[0].collections
    assert (len(small.get_offsets()), large.get_offsets()[:, 0].tolist()) == (6, [58.0])


def test_epochs_that_a_search_did_not_reach_are_no_points():
    short = record(seed=0, status="diverged", archs=[CONVOLUTIONS])
    long = record(seed=1, archs=[CONVOLUTIONS, "unknown", ALL_SKIP])
    plot = by_name(anytime_error, Study.of([short, long], Table(TRUTH)))["anytime-error-cifar10"]
    assert "does not score 1 of 4 points" in plot.note
    assert "1 of 4" in texts(plot.figure)


def test_methods_without_a_supernet_accuracy_are_named_as_absent():
    unmeasured = record("dropnas", columns={"valid_accuracy": np.full(3, np.nan)})
    (plot,) = supernet_correlation.draw(Study.of([record(), unmeasured], Table(TRUTH)))
    assert "Not shown, as no point has both numbers: DropNAS." in plot.note


def test_a_landscape_is_averaged_over_seeds():
    records = [record(seed=0), record(seed=1)]
    tables = {records[0].run: surroundings(90.0), records[1].run: surroundings(80.0)}
    study = Study.of(records, Table({}), landscapes=tables)
    (plane,), (curve,) = landscape.draw(study), radius.draw(study)
    assert float(plane.figure.axes[0].images[0].get_array()[1, 1]) == 85.0
    assert "At the largest radius: DARTS 75 % (n=2)" in curve.alt


def test_what_is_measured_on_training_images_says_so():
    """One-level methods hold no images back."""
    records = [record("darts"), record("dropnas")]
    study = Study.of(records, Table({}), landscapes={each.run: surroundings() for each in records})
    for (plot,) in (landscape.draw(study), radius.draw(study), eigenvalue.draw(study)):
        assert "DropNAS on images that trained the weights" in plot.note
    (alone,) = landscape.draw(Study.of(records[:1], Table({}), landscapes=study.landscapes))
    assert "trained the weights" not in alone.note


def test_a_landscape_without_a_plane_still_gives_its_radii():
    only = surroundings()[lambda table: table["kind"] == "radius"]
    study = Study.of([record()], Table({}), landscapes={record().run: only})
    (plane,), (curve,) = landscape.draw(study), radius.draw(study)
    assert plane.figure is None
    assert curve.figure is not None


def test_the_headline_shows_what_the_cells_of_darts_are_made_of():
    records = [
        record(method, seed, archs=[CONVOLUTIONS, ALL_SKIP]) for method in ("darts", "random") for seed in (0, 1)
    ]
    plot = by_name(headline, Study.of(records, Table(TRUTH)))["headline"]
    assert "cells at the end: none 0.00, skip_connect 1.00, nor_conv_1x1 0.00, nor_conv_3x3 0.00" in plot.alt
    errors, shares = plot.figure.axes
    assert errors.get_ylabel() == "test error, %"
    skips = shares.collections[1].get_paths()[0].vertices  # none is below them
    assert skips[skips[:, 0] == 0, 1].max() == pytest.approx(1 / 6)  # one of six operations
    assert skips[skips[:, 0] == 1, 1].max() == 1  # all of them
    assert "Random search has no trajectory" in plot.note
    alone = by_name(headline, Study.of(records[:2], Table(TRUTH)))["headline"]
    assert "Random search" not in alone.note
    assert alone.note.endswith("All 4 points are scored.")


def test_the_headline_says_what_broken_lines_are_and_counts_what_is_not_scored():
    records = [record(seed=0), record("sdarts-rs", archs=["unknown"] * 3)]
    (plot,) = headline.draw(Study.of(records, Table({CONVOLUTIONS: 94.0})))
    assert "dotted where some seeds are not scored" in plot.note
    assert "broken where none is scored" in plot.note
    assert plot.note.endswith("a table does not score 4 of 6 points.")

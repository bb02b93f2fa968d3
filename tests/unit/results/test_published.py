"""The published values that come with the package."""

from collections import Counter, defaultdict
from typing import get_args

import pytest

from bench.experiments import reading
from bench.retraining.recipes import RECIPES
from reports.study.study import Quantity
from results.claims.claim import load_claims
from results.published import REGRET_ZERO, curves, search_logs
from results.scores.oracle import Chain, TableOracle

ALL_SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CLAIMS = {claim.id: claim for claim in load_claims()}


@pytest.mark.parametrize(
    ("id", "value", "spread"),
    [
        ("nb201-darts-c10-test@paper-nb201-adl", 54.30, 0.0),
        ("nb201-darts-2nd-in16-valid@paper", 16.43, 0.0),
        ("later-darts-2nd-c100-test", 38.97, 0.0),
        ("nb201-rsps-c10-test", 84.07, 3.61),
        ("nb201-bn-rsps-c10-test", 87.66, 1.69),
        ("sdarts-adv-darts-c10", 2.61, 0.02),
        ("sdarts-darts-s4-svhn", 3.05, None),
        ("dropnas-darts-c100", 83.05, 0.41),
        ("darts-1level-3-skip-c10", 96.81, 0.18),
        ("dropnas-grid-1e4-1e4", 97.37, 0.16),
        ("zcpt-darts-test", 6.701, None),
    ],
)
def test_spot_checks(id, value, spread):
    assert (CLAIMS[id].value, CLAIMS[id].spread) == (value, spread)


OF_TABLES = {"paper", "paper-nb201-adl", "reduced", "scaled"}


def test_claims_in_scope_are_judged_on_spaces_and_methods_of_the_suite():
    judged = [claim for claim in CLAIMS.values() if claim.judged and not claim.selection]
    tables = {"nasbench201", *(f"nasbench1shot1-{k}" for k in (1, 2, 3))}
    assert {c.space for c in judged} == tables | {f"darts-s{k}" for k in (1, 2, 3, 4)}
    first = {"darts", "darts-2nd", "sdarts-rs", "sdarts-adv", "dropnas"}
    later = {"beta-darts", "darts-minus", "gdas", "drnas", "dsnas", "darts-hessian", "gaea", "snas", "zero-cost-pt"}
    later |= {"pc-darts", "pc-sdarts-rs", "pc-sdarts-adv"}
    later |= {"darts-pt", "darts-pt-fixed", "setn"}
    variants = {"darts-l2-27", "darts-l2-81", "zero-cost-pt-n1", "darts-pt-in-order"}
    variants |= {f"darts-2nd-l2-{k}" for k in (9, 27, 81, 243)}
    assert {c.method for c in judged} == first | later | variants
    subspaces = {"scaled-s1", "scaled-s2", *(f"paper-s{k}" for k in (1, 2, 3, 4))}
    assert {c.experiment for c in judged} == OF_TABLES | subspaces
    assert not [c.id for c in judged if c.paper == "dnas-bench" and c.kind == "number"]


def test_claims_about_trainings_from_scratch_lie_in_experiments_that_train():
    judged = [claim for claim in CLAIMS.values() if claim.judged and claim.selection]
    assert {c.method for c in judged} == {"darts", "darts-2nd", "sdarts-rs", "sdarts-adv", "dropnas", "darts-1level"}
    for claim in (claim for claim in CLAIMS.values() if claim.selection and claim.experiment):
        experiment = reading.load(claim.experiment)
        retrain = experiment.retrain
        assert retrain.recipe, claim.id
        assert bool(retrain.select) == (claim.selection.cells == "by-validation"), claim.id
        assert RECIPES[retrain.recipe].test_every or claim.selection.epoch == "last", claim.id
        assert claim.space in experiment.spaces, claim.id
        assert claim.method in experiment.methods, claim.id
        assert experiment.arm(claim.space, claim.method).protocol.images.dataset == claim.dataset, claim.id


def test_the_papers_tables_are_complete():
    """Every cell of the tables that are rebuilt: published, judged, or said not to be available."""
    tables = defaultdict(list)
    for claim in CLAIMS.values():
        if claim.rebuilt and claim.metric in ("accuracy", "error"):
            tables[claim.rebuilt].append(claim)
    sizes = {title: len(claims) for title, claims in tables.items()}
    assert sizes == {
        "SmoothDARTS and DARTS, DARTS space on CIFAR-10": 4,
        "SmoothDARTS, S1 to S4 on CIFAR-10": 12,
        "SmoothDARTS, S1 to S4 on CIFAR-100": 12,
        "SmoothDARTS, S1 to S4 on SVHN": 12,
        "SmoothDARTS, ImageNet": 2,
        "DropNAS, DARTS space on CIFAR-10 and CIFAR-100": 2,
        "DropNAS, best of eight cells": 2,
        "DropNAS, search-space variants": 12,
        "DropNAS, ImageNet": 1,
    }
    for claims in tables.values():
        assert all(c.source and (c.value is not None or "not available" in c.text) for c in claims)


def test_the_families_of_scaled_were_fixed_before_its_first_record():
    families = Counter(c.family for c in CLAIMS.values() if c.experiment == "scaled")
    first = {"scaled on NAS-Bench-201": 12, "scaled on NAS-Bench-1Shot1 space 1": 9}
    assert {name: families[name] for name in first} == first
    scaled = [c for c in CLAIMS.values() if c.experiment == "scaled"]
    assert all(c.family and c.comparable == "direction" and c.reason.startswith("provisional") for c in scaled)


def test_every_later_method_is_a_family_of_its_own():
    """So that a method that is added changes no verdict on another."""
    for experiment, methods in (("scaled", 16), ("paper", 17)):
        judged = [c for c in CLAIMS.values() if c.experiment == experiment and c.judged]
        later = [c for c in judged if c.family.startswith(c.method)]
        assert len({c.family for c in later}) == len({c.method for c in later}) == methods
        assert not {c.family for c in later} & {c.family or c.paper for c in judged if c not in later}


def test_the_rules_for_later_methods_are_those_that_were_fixed():
    rules = {c.method: c for c in CLAIMS.values() if c.id.startswith("rule-")}
    assert rules["beta-darts"].test.threshold == 94.0
    assert (rules["darts-minus"].value, rules["darts-minus"].tolerance) == (93.80, 1.0)
    assert {rules[name].kind for name in ("gdas", "drnas", "dsnas", "gaea", "snas", "darts-hessian")} == {"direction"}
    assert {rules[name].kind for name in ("pc-darts", "pc-sdarts-rs", "pc-sdarts-adv")} == {"direction"}
    of_pt = {c.test.threshold for c in CLAIMS.values() if c.id.startswith("rule-darts-pt-") and c.method == "darts-pt"}
    assert of_pt == {80.0, 89.0, 20.0}
    assert "at least 93.3" in rules["zero-cost-pt"].text


def test_cells_of_nasbench_1shot1_need_a_stated_coverage():
    looked_up = [c for c in CLAIMS.values() if c.judged and c.metric in ("accuracy", "error")]
    assert all(c.coverage == (0.9 if c.space.startswith("nasbench1shot1") else 1.0) for c in looked_up)


def test_of_the_darts_spaces_what_the_search_shows_is_judged_and_what_needs_retraining_is_not():
    of_darts = [c for c in CLAIMS.values() if c.space.startswith("darts")]
    assert len(of_darts) > 100
    assert not any(c.judged for c in of_darts if c.metric in ("accuracy", "error") and not c.selection)
    assert sum(c.judged for c in of_darts) > 30
    assert all(c.reason for c in of_darts if not c.judged)


def test_the_families_of_the_scaled_subspaces_were_fixed_before_their_first_records():
    families = Counter(c.family for c in CLAIMS.values() if c.experiment in ("scaled-s1", "scaled-s2"))
    assert families == {"scaled on S1": 8, "scaled on S2": 8}


def logged(quantity, space="darts-s1", decay=""):
    """Return a course of R-DARTS's logs: values by epoch."""
    table = search_logs()
    mine = (table["quantity"] == quantity) & (table["space"] == space)
    return table[mine & (table["method"] == f"DARTS (2nd order){decay}")].set_index("epoch")["value"]


def test_published_courses_have_one_value_per_epoch_of_fifty():
    table = search_logs()
    courses = table.groupby(["space", "method", "quantity"])
    assert len(courses) == 2 + 8 + 2
    assert not table.duplicated(["space", "method", "quantity", "epoch"]).any()
    assert courses["epoch"].max().eq(50).all()
    assert courses["searches"].nunique().eq(1).all()
    assert set(table["quantity"]) <= set(get_args(Quantity))


def test_published_skips_end_where_the_claims_say():
    assert logged("skips").between(0, 8).all()
    ends = [logged("skips", space).iloc[-1] for space in ("darts-s1", "darts-s3")]
    assert ends == [CLAIMS["rdarts-skips-s1-c10"].value, 8.0]


@pytest.mark.parametrize(("decay", "claimed"), [("", "plain"), (", L2 81e-4", "l2-81e4")])
def test_published_eigenvalues_have_the_means_of_the_claims(decay, claimed):
    course = logged("eigenvalue", decay=decay)
    assert len(course) == 26
    for window, epochs in (("first", slice(1, 9)), ("last", slice(43, 50))):
        claim = CLAIMS[f"rdarts-eigenvalue-{window}-s1-c10-{claimed}"]
        assert course.loc[epochs].mean() == pytest.approx(claim.value, abs=0.001)


@pytest.mark.parametrize(("decay", "claimed"), [("", ""), (", L2 81e-4", "-l2-81")])
def test_published_supernet_errors_fall_to_those_of_the_claims(decay, claimed):
    course = logged("supernet error", decay=decay)
    assert course.iloc[-1] == pytest.approx(100 - CLAIMS[f"rdarts-supernet-s1-c10{claimed}"].value, abs=0.1)
    assert course.iloc[0] > 3 * course.iloc[-1]


def test_curves():
    table = curves()
    assert len(table) == 297
    assert set(table["space"]) == set(REGRET_ZERO)
    assert set(table["method"]) == {"PC-DARTS", "GAEA PC-DARTS"}
    assert table.groupby(["space", "method"])["epoch"].max().eq(49).all()
    assert (table["low"] <= table["error"]).all()
    assert (table["error"] <= table["high"]).all()
    first = table.query("space == 'nasbench1shot1-1' and method == 'GAEA PC-DARTS' and epoch == 1")
    assert first["error"].item() == pytest.approx(5.448717 + 1.2513)


@pytest.mark.data
def test_the_published_collapse_is_the_all_skip_cell(data_dir):
    oracle = Chain(TableOracle.find(data_dir))
    numbers = [c for c in CLAIMS.values() if c.judged and not c.selection and c.kind == "number"]
    collapsed = [c for c in numbers if c.space == "nasbench201" and c.family in ("", c.id.partition("@")[0])]
    assert len(collapsed) == 27
    for claim in collapsed:
        score = oracle.score(claim.space, ALL_SKIP, claim.dataset)
        assert score is not None
        value = getattr(score, claim.split)
        assert value is not None
        expected = claim.value if claim.metric == "accuracy" else 100 - claim.value
        assert value == pytest.approx(expected, abs=claim.tolerance)

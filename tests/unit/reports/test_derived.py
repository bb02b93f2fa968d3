"""Methods that follow from the records of others: DARTS-ES, and the best of several weight decays."""

import numpy as np

from reports.study.derived import derive, not_applicable
from reports.study.method_style import methods_of
from reports.study.study import Study
from reports.tabular.tables import summary_table

from .factory import ALL_SKIP, CONVOLUTIONS, TRUTH, Table, record


def long(**options):
    """Return a DARTS record of 40 epochs that collapses late and whose eigenvalue grows before."""
    archs = [CONVOLUTIONS] * 30 + [ALL_SKIP] * 11
    values = 0.1 * 1.2 ** np.arange(41)
    return record(archs=archs, columns={"eigenvalue": values}, **options)


def decayed(decay, accuracy, method="darts", seed=0, arch=CONVOLUTIONS, **training):
    described = {"label": f"DARTS {decay}", "colour": "#0072B2", "order": 1, "levels": 2}
    protocol = {"experiment": {"name": "paper", "base": "paper", "description": ""}}
    return record(
        method,
        seed,
        archs=[ALL_SKIP, arch],
        columns={"valid_accuracy": [10.0, accuracy]},
        manifest={
            "method": described | ({} if method == "darts" else {"base": "darts"}),
            "protocol": protocol | {"training": {"weight_decay": decay, "epochs": 1, **training}},
        },
    )


def test_darts_es_is_a_line_beside_darts():
    found = derive([long()])
    assert [each.run.method for each in found] == ["darts-es"]
    study = Study.of([long()], Table(TRUTH), derived=tuple(found))
    assert [m.id for m in study.methods] == ["darts"]
    darts, stopped = study.compared
    assert stopped.label == "DARTS-ES (from DARTS)"
    ends = {m.id: study.error(m, "cifar10", "test", "a table").last()[0] for m in study.compared}
    assert ends == {"darts": 100 - 54.3, "darts-es": 6.0}
    assert (darts.colour, darts.marker) != (stopped.colour, stopped.marker)


def test_the_summary_holds_it_or_says_why_not():
    records = [long()]
    study = Study.of(records, Table(TRUTH), derived=tuple(derive(records)))
    rows = dict(row[:2] for row in summary_table([study]).rows)
    assert rows == {"DARTS": "54.30 (n=1)", "DARTS-ES (from DARTS)": "94.00 (n=1)"}
    short = [record()]
    assert derive(short) == []
    assert not_applicable(short) == {"DARTS": "the search has fewer than 30 epochs"}
    note = summary_table([Study.of(short, Table(TRUTH))]).note
    assert "DARTS-ES from DARTS: not applicable, the search has fewer than 30 epochs." in note


def test_the_best_of_decays_is_chosen_by_validation_seed_by_seed():
    records = [
        decayed(3e-4, 80, seed=0, arch=ALL_SKIP),
        decayed(27e-4, 85, "darts-l2-27", seed=0),
        decayed(3e-4, 90, seed=1),
        decayed(27e-4, 85, "darts-l2-27", seed=1, arch=ALL_SKIP),
        decayed(3e-4, 99, seed=2),  # has no partner
    ]
    found = derive(records)
    assert [(each.run.method, each.run.seed, each.final_arch) for each in found] == [
        ("darts-l2-best", 0, CONVOLUTIONS),
        ("darts-l2-best", 1, CONVOLUTIONS),
    ]
    assert found[0].manifest.method.label == "R-DARTS(L2), first order: best of 2 decays by validation"


def test_searches_that_differ_in_more_than_the_decay_are_not_compared():
    assert derive([decayed(3e-4, 80), decayed(27e-4, 85, "darts-l2-27", lr=0.1)]) == []
    assert derive([decayed(3e-4, 80)]) == []


def test_variants_of_a_method_have_colours_of_their_own():
    methods = methods_of([decayed(3e-4, 80), decayed(27e-4, 80, "darts-l2-27"), decayed(81e-4, 80, "darts-l2-81")])
    assert methods[0].colour == "#0072B2"
    assert len({m.colour for m in methods}) == len({m.marker for m in methods}) == 3


def test_the_summary_says_where_a_method_makes_no_sense():
    with_it = Study.of([record(), record("sdarts-rs")], Table(TRUTH))
    without = Study.of([record(space="nasbench1shot1-1", archs=["x"])], Table({}), senseless={"sdarts-rs": "it adds"})
    assert "SDARTS-RS on NAS-Bench-1Shot1, space 1: not run, it adds." in summary_table([with_it, without]).note


def test_what_follows_from_both_orders_of_darts_has_a_colour_each():
    records = [long(), long(method="darts-2nd")]
    found = {method.id: method.colour for method in methods_of([*records, *derive(records)])}
    assert {"darts-es", "darts-2nd-es"} < set(found)
    assert len(set(found.values())) == 4


def test_a_declared_colour_is_kept_beside_a_method_that_declares_none():
    plain = record("first", manifest={"method": {"label": "first", "order": -1, "levels": 2}})
    found = {method.id: method.colour for method in methods_of([plain, record("darts")])}
    assert found["darts"] == "#0072B2"
    assert found["first"] != found["darts"]

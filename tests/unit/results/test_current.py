"""Which records count where protocols differ."""

from dataclasses import replace

import pytest

from results.records.current import current
from results.records.record import IMPORTED
from results.records.run import Run

KEY = ("paper", "nasbench201", "darts")


@pytest.fixture
def records(make_record):
    """Return records of one experiment, space and method with the hashes, statuses and dates asked for."""

    def make(*what):
        found = []
        for seed, (config_hash, *rest) in enumerate(what):
            record = make_record(Run(*KEY, seed), status=rest[0] if rest else "complete")
            dates = {"finished": rest[1] if rest[1:] else "2020"}
            found.append(replace(record, manifest=record.manifest.changed(config_hash=config_hash, dates=dates)))
        return found

    return make


def hashes(found):
    return [record.config_hash for record in found]


def test_the_planned_protocol_counts_even_where_it_has_the_fewest_records(records):
    kept, left = current(records(("old",), ("old",), ("new",)), {KEY: "new"})
    assert hashes(kept) == ["new"]
    assert [str(one) for one in left] == [
        f"paper/nasbench201/darts/{seed}: protocol old, but the experiment is new now;"
        " 'dnas run paper --space nasbench201 --method darts --replace' makes it anew"
        for seed in (0, 1)
    ]


def test_nothing_counts_where_every_record_is_of_an_old_protocol(records):
    kept, left = current(records(("old",), ("old",)), {KEY: "new"})
    assert (kept, len(left)) == ([], 2)


def test_what_was_imported_counts_where_nothing_was_run(records):
    assert hashes(current(records((IMPORTED,), ("old",)), {KEY: "new"}, imported=True)[0]) == [IMPORTED]
    assert hashes(current(records((IMPORTED,), ("new",)), {KEY: "new"}, imported=True)[0]) == ["new"]
    assert hashes(current(records((IMPORTED,), ("new", "diverged")), {KEY: "new"}, imported=True)[0]) == ["new"]


@pytest.mark.parametrize("imported", [True, False])
def test_what_was_imported_gives_way_to_what_was_run_in_an_experiment_that_is_elsewhere(records, imported):
    many = [(IMPORTED,)] * 3
    assert hashes(current(records(("own",), *many), {}, imported=imported)[0]) == ["own"]
    assert hashes(current(records(("own", "diverged"), *many), {}, imported=imported)[0]) == ["own"]
    assert hashes(current(records(("own", "failed"), *many), {}, imported=imported)[0]) == [IMPORTED] * 3


def test_what_was_imported_counts_where_all_that_was_run_failed(records):
    kept, left = current(records((IMPORTED,), ("new", "failed"), ("old",)), {KEY: "new"}, imported=True)
    assert hashes(kept) == [IMPORTED]
    anew = "'dnas run paper --space nasbench201 --method darts --replace' makes it anew"
    assert [one.why for one in left] == [
        f"it failed, and those that were imported count instead; {anew}",
        f"protocol old, but the experiment is new now; {anew}",
    ]


@pytest.mark.parametrize(
    ("what", "counts"),
    [
        ([("a",), ("b",), ("b",)], "b"),
        ([("a",), ("b", "failed"), ("b", "failed")], "a"),
        ([("a", "complete", "2021"), ("b", "complete", "2022")], "b"),
        ([("b", "complete", "2021"), ("a", "complete", "2021")], "b"),
    ],
)
def test_of_an_unknown_experiment_the_most_then_the_latest_complete_records_count(records, what, counts):
    for order in (what, what[::-1]):
        kept, left = current(records(*order), {})
        assert set(hashes(kept)) == {counts}
        assert len(kept) + len(left) == len(what)
    assert "the records that count are" in left[0].why


def test_methods_and_spaces_are_each_for_themselves(make_record):
    runs = [Run("paper", space, method, 0) for space in ("s", "t") for method in ("m", "n")]
    made = [make_record(run) for run in runs]
    found = [replace(r, manifest=r.manifest.changed(config_hash=str(number))) for number, r in enumerate(made)]
    assert current(found[::-1], {}) == (found, [])


def test_what_was_imported_decides_nothing_unless_that_is_asked_for(records):
    for others in ((), (("new", "failed"),), (("old",),)):
        kept, left = current(records((IMPORTED,), *others), {KEY: "new"})
        assert IMPORTED not in hashes(kept)
        (foreign,) = (one for one in left if one.imported)
        assert foreign.why == "it was imported from another code, and counts with --imported alone"


def test_what_was_imported_under_a_name_that_nobody_plans_is_shown(records):
    assert hashes(current(records((IMPORTED,)), {})[0]) == [IMPORTED]

"""Records whose alphas are not finite, as earlier versions and other hands wrote them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reports.study.study import Study
from results.errors import InputError
from results.records.run import Run
from results.records.store import Store

NOT_FINITE = (np.nan, np.inf, -np.inf)


def old_record(make_record, *alphas, status="diverged", **method):
    """Return a record as an earlier version of the suite wrote it: a row for a point whose alphas are not finite."""
    record = make_record(Run("paper", "nasbench201", "darts", 0), ["start"] * len(alphas), status=status)
    record.points["alpha"] = [list(alpha) for alpha in alphas]
    return replace(record, manifest=record.manifest.changed(method={"label": "DARTS", "levels": 2} | method))


@pytest.mark.parametrize("value", NOT_FINITE)
def test_what_reads_a_record_ends_it_before_them(tmp_path, make_record, value):
    store, lost = Store(tmp_path), old_record(make_record, [0.0, 1.0], [0.0, value], [0.0, 1.0])
    store.write(lost)
    assert len(store.read(lost.run).points) == len(store.read_file(store.path(lost.run)).points) == 1
    assert [len(record.points) for record in store.records()] == [1]


def test_a_complete_record_of_alphas_that_are_not_finite_cannot_be_read(tmp_path, make_record):
    store, record = Store(tmp_path), old_record(make_record, [0.0], [np.nan], status="complete")
    store.write(record)
    with pytest.raises(InputError, match="not finite from epoch 1 on"):
        store.read(record.run)
    ((path, why),) = store.unreadable()
    assert (path, "not finite" in why) == (store.path(record.run), True)


def test_plain_draws_hold_no_alphas_and_are_read(tmp_path, make_record):
    store, record = Store(tmp_path), old_record(make_record, [np.nan], [np.nan], status="complete", levels=0)
    store.write(record)
    assert len(store.read(record.run).points) == 2


def test_a_report_shows_and_scores_only_what_was_decoded_from_finite_alphas(make_record, fixed_oracle):
    lost = old_record(make_record, [0.0, 1.0], [np.nan, 1.0], [0.0, 1.0])
    lost.points["arch"] = pd.Series(["a", "b", "c"], dtype="string")
    study = Study.of([lost], fixed_oracle({"a": 90.0, "b": 10.0, "c": 80.0}))
    assert [list(record.points["arch"]) for record in study.records] == [["a"]]
    assert {arch for arch, _ in study.scores} == {"a"}

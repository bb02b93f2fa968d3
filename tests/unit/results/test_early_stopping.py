"""DARTS-ES against what the authors' own class does on series with known answers."""

import numpy as np
import pytest

from results.records import early_stopping


def grown(epochs, factor, since=0):
    """Return 0.1 up to the authors' epoch ``since``, then a growth by ``factor`` a value, at epochs 0, 2, 4, ..."""
    return [0.1 * factor ** max(0, (epoch - since) // 2) for epoch in range(0, epochs, 2)]


@pytest.mark.parametrize("epochs", [50, 100])
def test_a_search_stops_where_the_authors_does(epochs):
    stop = early_stopping.early_stop(grown(epochs, 1.1, since=24), epochs)
    assert stop is not None
    assert (stop.epoch, stop.returned) == (34, 22)
    assert (stop.now, stop.before) == pytest.approx((0.1343122, 0.1020), abs=1e-7)


def test_the_first_look_is_at_epoch_22():
    stop = early_stopping.early_stop(grown(50, 1.08), 50)
    assert stop is not None
    assert (stop.epoch, stop.returned) == (22, 10)
    assert (stop.now, stop.before) == pytest.approx((0.2010865, 0.1478046), abs=1e-7)


@pytest.mark.parametrize("factor", [1.0, 1.05])
def test_what_grows_slowly_reaches_its_end(factor):
    assert early_stopping.early_stop(grown(50, factor), 50) is None


def test_nothing_is_looked_at_after_the_last_epoch():
    jump = [0.1] * 16 + [9.0]
    assert early_stopping.early_stop(jump, 33) is None
    stop = early_stopping.early_stop(jump, 34)
    assert stop is not None
    assert stop.epoch == 32


def searched(make_record, epochs, values):
    """Return a record whose point r has the architecture ``cell r`` and the eigenvalue ``values[r]``."""
    record = make_record(archs=[f"cell {r}" for r in range(epochs + 1)])
    record.points["eigenvalue"] = np.asarray(values, dtype=float)
    return record


def eigenvalues(epochs, first, every=2):
    """Return values that stop at the authors' epoch 34, after the points ``first``, ``first + every``, ..."""
    values = np.full(epochs + 1, np.nan)
    places = np.arange(first, epochs + 1, every)
    values[places] = grown(2 * len(places), 1.1, since=24)
    return values


@pytest.mark.parametrize("first", [1, 2])
def test_a_stopped_record_returns_the_architecture_of_twelve_epochs_before(make_record, first):
    record = searched(make_record, 50, eigenvalues(50, first))
    found, stop = early_stopping.stopped(record)
    assert stop.epoch == 34
    assert found.points["arch"].iloc[34 + first] == f"cell {34 + first}"
    assert set(found.points["arch"].iloc[35 + first :]) == {f"cell {22 + first}"}
    assert found.final_arch == f"cell {22 + first}"
    assert found.points["eigenvalue"].iloc[35 + first :].isna().all()
    assert record.final_arch == "cell 50"  # the record itself is left alone


@pytest.mark.parametrize(
    ("epochs", "every", "why"),
    [(29, 2, "fewer than 30 epochs"), (50, 5, "every second epoch"), (50, 60, "second")],
)
def test_it_is_not_applicable_to_short_searches_and_sparse_eigenvalues(make_record, epochs, every, why):
    record = searched(make_record, epochs, eigenvalues(epochs, 1, every))
    assert why in early_stopping.fault(record)
    with pytest.raises(ValueError, match=why):
        early_stopping.stopped(record)


def test_a_search_that_does_not_stop_is_as_it_was(make_record):
    record = searched(make_record, 40, np.full(41, 0.1))
    found, stop = early_stopping.stopped(record)
    assert stop is None
    assert found is record

"""Statistics agree with values worked out by hand or known from elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from results.claims.stats import Interval, bootstrap, compare, half_width, holm, holm_threshold, iqm, mean_p, share_p


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_iqm_ignores_the_outer_quarters():
    assert iqm([-1e9, 1, 2, 3, 4, 5, 6, 1e9]) == pytest.approx(3.5)
    assert iqm([4.0]) == 4.0


def test_half_width_is_students_for_one_sample_and_welchs_for_two():
    sample, other = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.0, 5.0, 5.5])
    one = stats.ttest_1samp(sample, 0).confidence_interval()
    assert half_width(sample.var(ddof=1), 4) == pytest.approx((one.high - one.low) / 2)
    two = stats.ttest_ind(sample, other, equal_var=False).confidence_interval()
    assert half_width(sample.var(ddof=1), 4, other.var(ddof=1), 3) == pytest.approx((two.high - two.low) / 2)
    assert half_width(0.0, 4) == 0.0


def test_the_p_of_a_mean_is_students_and_welchs():
    sample, other = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.0, 5.0, 5.5])
    one = stats.ttest_1samp(sample, 1.5)
    assert mean_p(sample.mean() - 1.5, sample.var(ddof=1), 4) == pytest.approx(one.pvalue)
    two = stats.ttest_ind(sample, other, equal_var=False)
    found = mean_p(sample.mean() - other.mean(), sample.var(ddof=1), 4, other.var(ddof=1), 3)
    assert found == pytest.approx(two.pvalue)
    assert (mean_p(0.5, 0.0, 4), mean_p(0.0, 0.0, 4), mean_p(np.inf, 1.0, 4)) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(("hits", "n"), [(4, 4), (5, 6), (9, 12)])
def test_the_p_of_a_share_is_that_of_the_exact_test(hits, n):
    assert share_p(hits, n) == pytest.approx(stats.binomtest(hits, n, 0.5).pvalue)


def test_five_equal_seeds_do_not_decide_and_six_do():
    assert share_p(6, 6) < 0.05 < share_p(5, 5)
    assert share_p(2, 4) == pytest.approx(1.0)


@pytest.mark.parametrize("n", range(2, 25))
def test_a_share_of_one_half_is_seldom_taken_for_more(n):
    """Also with the correction for as many claims as a family of ours has."""
    for error in (0.05, 0.05 / 12):
        wrong = sum(stats.binom.pmf(hits, n, 0.5) for hits in range(n + 1) if share_p(max(hits, n - hits), n) <= error)
        assert wrong <= error + 1e-12


def test_bootstrap_is_repeatable_and_holds_the_mean():
    values = rng().normal(50, 2, 12)
    first, second = bootstrap(values, rng()), bootstrap(values, rng())
    assert first == second
    assert first is not None
    assert first.low < values.mean() < first.high
    normal = 1.96 * values.std() / np.sqrt(12)  # of a mean, to which the interval of many values comes close
    assert (first.high - first.low) / 2 == pytest.approx(normal, rel=0.1)
    wide = bootstrap(values, rng(), level=0.99)
    assert wide is not None
    assert wide.low < first.low < first.high < wide.high


def test_bootstrap_of_few_or_equal_values():
    assert bootstrap([], rng()) is None
    assert bootstrap([3.0], rng()) is None
    assert bootstrap([3.0, 3.0], rng()) == Interval(3.0, 3.0)
    assert bootstrap([1.0, 2.0], rng()) is not None


def test_compare_counts_every_sign_flip():
    """All six differences positive: two of the 64 sign patterns are as extreme."""
    result = compare([2, 3, 4, 5, 6, 7.5], [1, 1, 1, 1, 1, 1], rng())
    assert result.p == pytest.approx(2 / 64)
    assert result.difference == pytest.approx(3.583, abs=1e-3)
    assert result.interval == bootstrap([1, 2, 3, 4, 5, 6.5], rng())
    assert result.n == 6


def test_one_pair_says_how_far_apart_and_no_more():
    found = compare([3.0], [1.0], rng())
    assert (found.difference, found.interval, found.p, found.n) == (2.0, None, 1.0, 1)


def test_compare_of_equal_samples_and_of_none():
    assert compare([1, 2], [1, 2], rng()).p == 1.0
    with pytest.raises(ValueError, match="no seed has both"):
        compare([], [], rng())


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("others", "threshold"),
    [([], 0.05), ([0.9, 0.9], 0.05 / 3), ([0.9, 0.001], 0.05 / 2), ([0.001, 0.001], 0.05), ([0.02, 0.001], 0.05)],
)
def test_the_threshold_by_hand(others, threshold):
    assert holm_threshold(others, 0.05) == pytest.approx(threshold)


@given(st.lists(st.floats(0, 0.2), max_size=8))
def test_holm_accepts_up_to_the_threshold_and_no_further(others):
    threshold = holm_threshold(others, 0.05)
    assert holm([threshold * 0.999, *others])[0] <= 0.05
    assert holm([threshold * 1.001, *others])[0] > 0.05


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_and_keeps_the_order(p):
    adjusted = holm(p)
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
    assert all(a <= 1 for a in adjusted)
    assert sorted(adjusted) == [a for _, a in sorted(zip(p, adjusted, strict=True))]

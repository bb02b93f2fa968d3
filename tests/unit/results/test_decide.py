"""The rule decides when it can, says how many seeds it lacks, and is seldom wrong."""

from math import inf

import numpy as np
import pytest
from scipy import stats

from results.claims.decide import ERROR, MOST_SEEDS, Question, Side
from results.claims.stats import Interval, mean_p

AROUND_ZERO = Interval(-1.0, 1.0)
POSITIVE = Interval(0.0, inf)


def question(values, region, **options) -> Question:
    """Ask of values that are all known."""
    return Question(tuple(values), tuple(values), region, **options)


def taken(question: Question, threshold: float = ERROR) -> Side:
    """The side, where its p is at most ``threshold``."""
    leaning = question.leaning()
    return leaning.side if leaning.p <= threshold else Side.UNDECIDED


def decide(values, region, **options) -> Side:
    return taken(question(values, region, **options))


@pytest.mark.parametrize(
    ("values", "region", "side"),
    [
        ([0.1, -0.1, 0.2, -0.2], AROUND_ZERO, Side.INSIDE),
        ([2.1, 2.0, 2.2, 1.9], AROUND_ZERO, Side.ABOVE),
        ([-2.1, -2.0, -2.2, -1.9], AROUND_ZERO, Side.BELOW),
        ([0.0, 2.0, -2.0, 1.0], AROUND_ZERO, Side.UNDECIDED),
        ([1.0, 2.0, 1.5, 1.2], POSITIVE, Side.INSIDE),
        ([-1.0, -2.0, -1.5, -1.2], POSITIVE, Side.BELOW),
    ],
)
def test_sides(values, region, side):
    assert decide(values, region) is side


def test_p_is_the_least_error_at_which_the_interval_takes_the_side():
    values = (0.4, -0.1, 0.7, 0.3, 0.2)
    leaning = question(values, AROUND_ZERO).leaning()
    mean, error = np.mean(values), np.std(values, ddof=1) / np.sqrt(5)
    assert leaning.side is Side.INSIDE
    for sign, at in ((1, leaning.p * 0.99), (-1, leaning.p * 1.01)):
        assert sign * (mean + stats.t.ppf(1 - at / 2, 4) * error - 1.0) > 0
    asked = question(values, AROUND_ZERO)
    assert [taken(asked, leaning.p * factor) for factor in (1, 0.99)] == [Side.INSIDE, Side.UNDECIDED]


def test_equal_values_are_counted_not_averaged():
    assert decide([0.0] * 5, AROUND_ZERO) is Side.UNDECIDED
    assert question([0.0] * 5, AROUND_ZERO).leaning().interval == Interval(0.0, 0.0)
    assert question([0.0] * 5, AROUND_ZERO).seeds_to_decide() == 6
    assert decide([0.0] * 6, AROUND_ZERO) is Side.INSIDE
    assert decide([5.0] * 6, AROUND_ZERO) is Side.ABOVE
    assert decide([0.5], AROUND_ZERO) is Side.UNDECIDED
    assert question([0.5], AROUND_ZERO).leaning().interval is None
    assert question([0.5], AROUND_ZERO).seeds_to_decide() == 6


def test_two_different_numbers_decide_no_sooner_than_one():
    """Three seeds in one cell and one in the next best: their spread says nothing of cells that no seed has found."""
    nearly = question([0.363, 0.363, 0.363, 0.373], POSITIVE)
    assert nearly.leaning().p == question([0.363] * 4, POSITIVE).leaning().p == pytest.approx(0.125)
    assert nearly.seeds_to_decide() == 6
    assert decide([0.363, 0.373], POSITIVE) is Side.UNDECIDED
    assert decide([0.363, 0.373, 0.37, 0.368], POSITIVE) is Side.INSIDE
    apart = question([0.1] * 7 + [9.0], POSITIVE)  # most seeds lie on the side, and the mean may not
    assert apart.leaning().p > question([0.1] * 8, POSITIVE).leaning().p
    other = question([0.1] * 7 + [-9.0], POSITIVE)
    assert (other.leaning().side, other.seeds_to_decide()) == (Side.UNDECIDED, None)


def test_equal_seeds_do_not_hide_that_the_published_number_is_uncertain():
    """Eight seeds at 0.89 and a published mean of four, whose own interval crosses the end at 1."""
    asked = question([0.89] * 8, AROUND_ZERO, spread=0.47, n=4)
    assert taken(question([0.89] * 8, AROUND_ZERO)) is Side.INSIDE
    assert asked.leaning().p == pytest.approx(mean_p(0.11, 0.0, 8, 0.47**2, 4))
    assert taken(asked) is Side.UNDECIDED


def test_a_counted_seed_at_the_end_of_a_tolerance_is_within_it():
    ends = [1.0, -1.0, 1.0, 1.0, 1.0, 1.0]
    assert decide(ends, AROUND_ZERO, constant=True, closed=True) is Side.INSIDE
    assert decide(ends, AROUND_ZERO, constant=True) is Side.UNDECIDED
    assert decide([1.001] * 6, AROUND_ZERO, closed=True) is Side.ABOVE


def test_a_tie_supports_no_direction():
    tie = question([0.0] * 50, POSITIVE)
    assert (tie.leaning().side, tie.leaning().p, tie.seeds_to_decide()) == (Side.UNDECIDED, 1.0, None)


def test_of_a_published_number_without_spread_most_seeds_decide():
    """One seed of nine that escapes the collapse moves the mean far, and leaves what most seeds do."""
    values = [0.0] * 8 + [40.0]
    assert decide(values, AROUND_ZERO, constant=True) is Side.INSIDE
    assert decide(values, AROUND_ZERO) is Side.UNDECIDED
    half = question([0.0, 0.0, 40.0, 40.0], AROUND_ZERO, constant=True)
    assert (taken(half), half.seeds_to_decide()) == (Side.UNDECIDED, None)


def test_one_seed_refutes_what_is_said_of_every_seed():
    refuted = question([0.0] * 19 + [40.0], AROUND_ZERO, every=True)
    assert (refuted.leaning().side, refuted.leaning().p, refuted.seeds_to_decide()) == (Side.ABOVE, 0.0, None)
    assert decide([0.0] * 6, AROUND_ZERO, every=True) is Side.INSIDE
    assert question([0.0, 0.1, 0.2, 0.3], AROUND_ZERO, every=True).seeds_to_decide() == 6
    unknown = Question((0.0,) * 8, (0.0,) * 7 + (40.0,), AROUND_ZERO, every=True)
    assert taken(unknown) is Side.UNDECIDED  # seven of eight, and the last could lie on either side
    assert taken(Question((0.0,) * 9, (0.0,) * 8 + (40.0,), AROUND_ZERO, every=True)) is Side.INSIDE


@pytest.mark.parametrize("threshold", [0.05, 0.05 / 8])
def test_the_seeds_asked_for_decide(threshold):
    rng = np.random.default_rng(0)
    pattern = rng.normal(0, 1, 5)
    pattern = (pattern - pattern.mean()) / pattern.std(ddof=1)

    def like_these(seeds):
        more = np.resize(pattern, seeds)
        return taken(question(0.5 + (more - more.mean()) / more.std(ddof=1), POSITIVE), threshold)

    assert like_these(5) is Side.UNDECIDED
    seeds = question(0.5 + pattern, POSITIVE).seeds_to_decide(threshold)
    assert seeds is not None
    assert like_these(seeds) is Side.INSIDE
    assert like_these(seeds - 1) is Side.UNDECIDED


def test_a_stricter_threshold_asks_for_more_equal_seeds():
    assert taken(question([0.0] * 6, AROUND_ZERO), 0.05 / 7) is Side.UNDECIDED
    assert question([0.0] * 6, AROUND_ZERO).seeds_to_decide(0.05 / 7) == 9
    assert taken(question([0.0] * 9, AROUND_ZERO), 0.05 / 7) is Side.INSIDE


def test_a_few_more_seeds_may_decide_where_very_many_would_not():
    """Of two published seeds: p falls, then rises with the share of the two in the degrees of freedom."""
    values = np.array([-1.0, 1.0, 0.0]) * np.sqrt(0.1)
    asked = Question(*[tuple(0.5 + values)] * 2, POSITIVE, spread=0.1, n=2)
    p = {n: mean_p(0.5, 0.1, n, 0.1**2, 2) for n in (3, 4, MOST_SEEDS)}
    assert p[3] > ERROR
    assert p[4] <= ERROR < p[MOST_SEEDS]
    assert asked.seeds_to_decide() == 4


def test_an_uncertain_published_value_can_make_a_claim_undecidable():
    values = [0.1, -0.1, 0.2, -0.2]
    assert decide(values, AROUND_ZERO, spread=0.2, n=3) is Side.INSIDE
    undecidable = question(values, AROUND_ZERO, spread=5.0, n=3)
    assert taken(undecidable) is Side.UNDECIDED
    assert undecidable.seeds_to_decide() is None


def test_what_is_not_known_widens_the_interval_on_its_side_alone():
    known = (0.1, -0.1, 0.2, -0.2, 0.0)
    low, high = (*known, -30.0), (*known, 0.3)
    bounded = Question(low, high, Interval(-1.0, 1.0))
    interval = bounded.leaning().interval
    assert (taken(bounded), bounded.seeds_to_decide()) == (Side.UNDECIDED, None)
    assert interval is not None
    assert interval.low < -5
    assert interval.high < 0.5
    assert taken(Question(low, high, Interval(2.0, inf))) is Side.BELOW


def test_seeds_that_could_lie_on_either_side_count_for_none():
    def counted(low, high):
        return taken(Question(tuple(low), tuple(high), AROUND_ZERO, constant=True))

    assert counted([0.0] * 6, [0.0] * 6) is Side.INSIDE
    assert counted([0.0] * 6, [0.0] * 5 + [9.0]) is Side.UNDECIDED
    assert counted([0.0] * 9, [0.0] * 8 + [9.0]) is Side.INSIDE


def test_limits_without_spread_say_nothing_even_where_the_others_have_some():
    """All lower limits equal: an interval without width would call three seeds of four decided."""
    question = Question((0.0,) * 4, (0.0, 0.0, 0.0, 9.0), Interval(-1.0, inf))
    assert question.leaning().side is Side.INSIDE
    assert question.leaning().p == pytest.approx(0.125)


def false(side: Side, truth: float, region: Interval) -> bool:
    """Whether a side was taken that the truth is not on."""
    on = Side.ABOVE if truth > region.high else Side.BELOW if truth < region.low else Side.INSIDE
    return side not in (on, Side.UNDECIDED)


def simulate(rng: np.random.Generator, seeds: int) -> np.ndarray:
    """Noise of mean zero: normal, with a long tail, or of two cells of which one is rare."""
    draws = (
        rng.normal(0, 1, seeds),
        1 - rng.exponential(1, seeds),
        np.where(rng.random(seeds) < 0.8, 0.5, -2.0),
    )
    return draws[rng.integers(len(draws))]


@pytest.mark.parametrize("region", [AROUND_ZERO, POSITIVE], ids=["number", "direction"])
def test_fewer_than_one_verdict_in_twenty_is_false(region):
    """Over 1,000 simulated reproductions, with truths on both sides of the ends of the region."""
    rng = np.random.default_rng(20)
    wrong = decided = 0
    for _ in range(1_000):
        truth, scale = rng.uniform(-2.5, 2.5), rng.uniform(0.1, 3.0)
        side = decide(truth + scale * simulate(rng, int(rng.integers(2, 13))), region)
        wrong += false(side, truth, region)
        decided += side is not Side.UNDECIDED
    assert wrong < 50
    assert decided > 200


@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_at_the_end_of_the_region_normal_noise_is_misjudged_as_often_as_the_level_allows(end):
    rng = np.random.default_rng(22)
    sides = [decide(rng.normal(end, 0.3, 6), AROUND_ZERO) for _ in range(1_000)]
    assert sum(side is not Side.UNDECIDED for side in sides) < 75


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
def test_a_collapse_that_most_seeds_escape_is_seldom_confirmed(share):
    rng = np.random.default_rng(21)
    values = np.where(rng.random((1_000, 6)) < share, 0.0, 40.0)
    confirmed = sum(decide(row, AROUND_ZERO, constant=True) is Side.INSIDE for row in values)
    assert confirmed < 50

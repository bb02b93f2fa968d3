"""The rule decides when it can, says how many seeds it lacks, and is seldom wrong."""

from math import inf

import numpy as np
import pytest

from results.decide import Decision, Side
from results.decide import decide as decide_range
from results.stats import Interval

AROUND_ZERO = Interval(-1.0, 1.0)
POSITIVE = Interval(0.0, inf)


def decide(values, region, **options) -> Decision:
    """Decide on values that are all known."""
    return decide_range(values, values, region, **options)


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
    assert decide(values, region).side is side


def test_equal_values_are_counted_not_averaged():
    assert decide([0.0] * 3, AROUND_ZERO) == Decision(Side.UNDECIDED, Interval(0.0, 0.0), 4)
    assert decide([0.0] * 4, AROUND_ZERO).side is Side.INSIDE
    assert decide([5.0] * 4, AROUND_ZERO).side is Side.ABOVE
    assert decide([0.5], AROUND_ZERO) == Decision(Side.UNDECIDED, None, 4)


def test_a_tie_supports_no_direction():
    assert decide([0.0] * 50, POSITIVE) == Decision(Side.UNDECIDED, Interval(0.0, 0.0), None)


def test_each_seed_is_judged_alone():
    """One seed of eight that escapes the collapse moves the mean far, and leaves what most seeds do."""
    values = [0.0] * 7 + [40.0]
    assert decide(values, AROUND_ZERO, each=True).side is Side.INSIDE
    assert decide(values, AROUND_ZERO).side is Side.UNDECIDED
    assert decide([0.0, 0.0, 40.0, 40.0], AROUND_ZERO, each=True) == Decision(
        Side.UNDECIDED, decide([0.0, 0.0, 40.0, 40.0], AROUND_ZERO).interval, None
    )


def test_the_seeds_asked_for_decide():
    rng = np.random.default_rng(0)
    pattern = rng.normal(0, 1, 5)
    pattern = (pattern - pattern.mean()) / pattern.std(ddof=1)
    first = decide(0.5 + pattern, POSITIVE)
    assert first.side is Side.UNDECIDED
    assert first.seeds is not None
    more = np.resize(rng.permutation(pattern), first.seeds)
    more = 0.5 + (more - more.mean()) / more.std(ddof=1)
    assert decide(more, POSITIVE).side is Side.INSIDE
    assert decide(0.5 + (more[:-1] - more[:-1].mean()) / more[:-1].std(ddof=1), POSITIVE).side is Side.UNDECIDED


def test_an_uncertain_published_value_can_make_a_claim_undecidable():
    values = [0.1, -0.1, 0.2, -0.2]
    assert decide(values, AROUND_ZERO, spread=0.2, n=3).side is Side.INSIDE
    undecidable = decide(values, AROUND_ZERO, spread=5.0, n=3)
    assert undecidable.side is Side.UNDECIDED
    assert undecidable.seeds is None


def test_what_is_not_known_widens_the_interval_on_its_side_alone():
    known = [0.1, -0.1, 0.2, -0.2, 0.0]
    low, high = [*known, -30.0], [*known, 0.3]
    decision = decide_range(low, high, Interval(-1.0, 1.0))
    assert decision.side is Side.UNDECIDED
    assert decision.seeds is None
    assert decision.interval is not None
    assert decision.interval.low < -5
    assert decision.interval.high < 0.5
    assert decide_range(low, high, Interval(2.0, inf)).side is Side.BELOW


def test_seeds_that_could_lie_on_either_side_count_for_none():
    assert decide_range([0.0] * 4, [0.0] * 4, AROUND_ZERO, each=True).side is Side.INSIDE
    assert decide_range([0.0] * 4, [0.0, 0.0, 0.0, 9.0], AROUND_ZERO, each=True).side is Side.UNDECIDED
    assert decide_range([0.0] * 8, [0.0] * 7 + [9.0], AROUND_ZERO, each=True).side is Side.INSIDE


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
        side = decide(truth + scale * simulate(rng, int(rng.integers(2, 13))), region).side
        wrong += false(side, truth, region)
        decided += side is not Side.UNDECIDED
    assert wrong < 50
    assert decided > 200


@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_at_the_end_of_the_region_normal_noise_is_misjudged_as_often_as_the_level_allows(end):
    rng = np.random.default_rng(22)
    sides = [decide(rng.normal(end, 0.3, 6), AROUND_ZERO).side for _ in range(1_000)]
    assert sum(side is not Side.UNDECIDED for side in sides) < 75


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
def test_a_collapse_that_most_seeds_escape_is_seldom_confirmed(share):
    rng = np.random.default_rng(21)
    values = np.where(rng.random((1_000, 4)) < share, 0.0, 40.0)
    confirmed = sum(decide(row, AROUND_ZERO, each=True).side is Side.INSIDE for row in values)
    assert confirmed < 50

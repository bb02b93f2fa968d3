"""Whole steps of methods that add a term to DARTS against plain ones, in float64."""

from functools import partial

import pytest

from . import reference_methods as darts
from .pair import Pair, run_two_levels
from .reference_terms import add_auxiliary_skips, beta_darts_step


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 3"])
def test_beta_darts(space):
    run_two_levels(Pair(space), "beta-darts", partial(beta_darts_step, strength=3.0), scalars={"lambda": 3.0})


def test_darts_minus():
    """The suite adds beta to the mix; here every edge has a module more."""
    pair = Pair("nasbench201")
    for network in pair.networks:
        add_auxiliary_skips(network, 0.6)
    run_two_levels(pair, "darts-minus", darts.darts_step, scalars={"beta": 0.6})

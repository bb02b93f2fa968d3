import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench import seeding

seeds, purposes, epochs = st.integers(0, 10**6), st.sampled_from(["a", "b", "a/b"]), st.integers(0, 1000)


@given(st.tuples(seeds, purposes, epochs), st.tuples(seeds, purposes, epochs))
def test_streams_are_equal_exactly_if_their_names_are(one, other):
    assert (seeding.key(*one) == seeding.key(*other)) == (one == other)


@given(seeds, purposes, epochs)
def test_a_key_fits_every_generator(seed, purpose, epoch):
    assert 0 <= seeding.key(seed, purpose, epoch) < 2**63


def test_a_name_gives_the_same_key_in_every_version():
    # whoever changes this number changes every record ever made
    assert seeding.key(0, "weights/init") == 5683086665181962194
    assert seeding.stream(0, "weights/init").initial_seed() == 5683086665181962194


def test_a_stream_repeats_itself():
    first, again = (torch.rand(4, generator=seeding.stream(1, "x", 2)) for _ in range(2))
    assert torch.equal(first, again)
    assert seeding.numpy_stream(1, "x", 2).random() == seeding.numpy_stream(1, "x", 2).random()


def test_no_global_generator_is_touched():
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    seeding.stream(5, "x").initial_seed()
    torch.rand(3, generator=seeding.stream(5, "x"))
    seeding.numpy_stream(5, "x").random(3)
    assert torch.equal(torch.get_rng_state(), states[0])
    name, key, place, *_ = np.random.get_state()  # noqa: NPY002
    assert (name, key.tolist(), place) == (states[1][0], states[1][1].tolist(), states[1][2])
    assert random.getstate() == states[2]

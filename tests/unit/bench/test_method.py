import pytest

from bench.methods import method
from bench.protocol import Training
from bench.steps.schedule import Rate


def test_methods_come_in_the_order_of_figures():
    names = method.names()
    first = ("darts", "darts-2nd", "sdarts-rs", "sdarts-adv", "dropnas", "darts-1level", "random")
    assert names[: len(first)] == first  # records hold these places
    assert [method.find(name).order for name in names] == sorted(method.find(name).order for name in names)


def test_an_unknown_method_is_a_key_error():
    with pytest.raises(KeyError):
        method.find("sdart")


def test_a_method_without_a_rate_of_its_own_has_the_experiments(cut_down):
    training = cut_down("training.lr=0.5", "training.lr_min=0.25").arm("nasbench201", "darts").protocol.training
    assert isinstance(training, Training)
    assert method.find("darts").rate(None, training) == Rate(0.5, 0.25, shifted=True)


def test_a_method_without_draws_draws_nothing():
    assert method.find("darts").draws(None, 3, None, None) == {}
    assert method.find("darts").scalars(None, 0, 3) == {}

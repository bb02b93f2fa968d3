from functools import cache

import pytest
import torch

from bench.machine.setting import Setting
from bench.runs.execution import run_group
from bench.runs.plan import plan
from results.records.store import Store
from tests.pairs import fitting

MINIMAL = """
spaces = ["nasbench201"]
run = ["darts"]
seeds = "0-1"

[images]
dataset = "digits"

[training]
epochs = 2
batch = 8
lr = 0.025
lr_min = 0.001
lr_shifted = true
momentum = 0.9
nesterov = false
weight_decay = 3e-4
clip = 5
clip_mix = false
alpha_lr = 3e-4
alpha_betas = [0.5, 0.999]
alpha_decay = 1e-3
order = "alpha-first"
alpha_batches = "cycle"
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread(one_thread):
    pass


@pytest.fixture(scope="session")
def searched(cut_down, noise_images):
    """Run what is missing of one method on one space, in a folder."""

    def run(folder, *overrides, space="nasbench201", method="darts", progress=lambda *_: None, seeds="0-1", **setting):
        experiment = cut_down(*fitting(method), *overrides, f"seeds={seeds}")
        where = Setting(Store(folder), torch.device("cpu"), **setting)
        for task in plan(experiment.choose((space,), (method,)).arms, where.store):
            run_group(task, noise_images, where, progress)
        return where.store

    return run


@pytest.fixture
def search(searched, tmp_path):
    """Run what is missing of one method on one space, in a store of that name."""
    return lambda store, *overrides, **more: searched(tmp_path / store, *overrides, **more)


@pytest.fixture(scope="session")
def uncut(searched, tmp_path_factory):
    """The store of a search that nothing happened to; made once for all tests, which only look at it."""
    return cache(lambda *overrides, **more: searched(tmp_path_factory.mktemp("uncut"), *overrides, **more))


@pytest.fixture
def minimal():
    """The text of a small experiment file."""
    return MINIMAL


@pytest.fixture
def written(tmp_path):
    """Write an experiment file and return its path."""

    def write(text=MINIMAL, name="own.toml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write

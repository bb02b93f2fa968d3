"""What the JSON of ``tox -e benchmark`` says of where it was measured: nothing that names a host or a path."""

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_machine_info(config):
    import torch

    from bench.speed import timings

    return timings.machine(torch.device("cpu"), "tox -e benchmark")


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_commit_info(config):
    from bench.machine import environment

    return environment.git_state()

"""Options of the benchmarks, and what their JSON says about where it was measured: no name of a host or path."""

import time

import pytest

from bench.cli.options import seconds


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="tiny sizes: shows that everything runs")
    parser.addoption("--budget", default="", help="skip steps that would begin later: 90s, 9m")


def pytest_configure(config):
    config.stash["deadline"] = time.monotonic() + seconds(config.getoption("--budget", ""))


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_machine_info(config):
    import torch

    from bench.machine import environment

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {"device": environment.device_info(device), "versions": environment.versions()}


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_commit_info(config):
    from bench.machine import environment

    return environment.git_state()

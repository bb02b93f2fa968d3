"""Import every module of the packages, and print, a line each, what that did besides."""

import importlib
import logging
import os
import pkgutil
import random
import signal
import sys
import threading
from pathlib import Path

import numpy
import pandas

HEAVY = ("torch", "nasbench_pytorch", "nas_201_api", "sklearn")


def every(package):
    """Return the names of a package's modules."""
    found = importlib.import_module(package)
    yield package
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        if not module.name.endswith("__main__"):
            yield module.name


def loaded(names, by):
    """Print which of some packages are loaded, and by what."""
    for name in names:
        if name in sys.modules:
            print(by, "import", name)


def state():
    """Return what an import may not change."""
    return {
        "the working folder": sorted(str(p) for p in Path.cwd().rglob("*")),
        "the home folder": sorted(str(p) for p in Path.home().rglob("*")),
        "the environment": dict(os.environ),
        "the path": list(sys.path),
        "handlers of signals": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)],
        "logging": (list(logging.root.handlers), logging.root.level),
        "threads": [t.name for t in threading.enumerate()],
        "random": random.getstate(),
        "numpy": str(numpy.random.get_state()),  # noqa: NPY002 - the state that others share
        "numpy's errors": numpy.geterr(),
        "pandas": pandas.describe_option(_print_desc=False),
    }


def state_of_torch():
    """Return what an import may not change in torch."""
    import torch

    return {
        "torch's random state": torch.get_rng_state().tolist(),
        "torch's threads": torch.get_num_threads(),
        "torch's type": torch.get_default_dtype(),
        "torch's determinism": torch.are_deterministic_algorithms_enabled(),
        "cuDNN's benchmark": torch.backends.cudnn.benchmark,
        "torch's gradients": torch.is_grad_enabled(),
        "torch's precision": torch.get_float32_matmul_precision(),
        "TF32": torch.backends.cuda.matmul.allow_tf32,
    }


def light():
    """Import what must do without torch, and use it."""
    importlib.import_module("reports.build")
    loaded(("torch", "matplotlib", "jinja2"), "reports.build does")
    for package in ("results", "reports"):
        for name in every(package):
            importlib.import_module(name)
    for name in ("spaces", "spaces.base", "spaces.graph", *every("spaces.families")):
        importlib.import_module(name)
    import spaces
    from results.data.cellhash import cell_hash

    spaces.find("nasbench1shot1-1").parse("111:conv3x3")
    cell_hash("1:")
    loaded(HEAVY, "results, reports or the families")


def heavy():
    """Import the rest."""
    for package in ("spaces", "bench"):
        for name in every(package):
            importlib.import_module(name)


def report(before, after):
    """Print what changed."""
    for name, value in before.items():
        if after[name] != value:
            print(name, "changed from", value, "to", after[name])


if __name__ == "__main__":
    before = state()
    light()
    import matplotlib

    if matplotlib.rcParams != matplotlib.rcParamsDefault and matplotlib.rcParams != matplotlib.rcParamsOrig:
        print("matplotlib's parameters changed")
    torch_before = state_of_torch()
    heavy()
    report(torch_before, state_of_torch())
    report(before, state())

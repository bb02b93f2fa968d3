"""Where the command line runs while it is fed, and what is counted."""

import shutil
from pathlib import Path

import pytest

from . import guard


@pytest.fixture(scope="session", autouse=True)
def _everything_is_imported(one_thread, tmp_path_factory):
    """Import what commands import when they are used, so that what is watched is what they do themselves."""
    import matplotlib.figure
    import pooch  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import torch  # noqa: F401

    import reports.build
    import reports.plots
    import results.data.convert
    import results.data.fetch  # noqa: F401

    reports.plots.modules()
    matplotlib.figure.Figure()


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """Return the folder of caches, which the tests share: hashing a space takes seconds."""
    return tmp_path_factory.mktemp("caches")


@pytest.fixture
def work(tmp_path):
    """Return an empty working folder; each call empties it again."""
    folder = tmp_path / "work"

    def fresh() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    return fresh


@pytest.fixture
def feed(tally, request, caches):
    """Run a command, hold it to the contract, and count it under the name of the test's file."""
    kind = "fuzz: " + request.path.stem.removeprefix("test_").replace("_", " ")

    def run(*arguments, cwd, **more):
        answer = guard.dnas(*arguments, cwd=cwd, cache=caches, **more)
        tally(kind=kind, cases=1, refused=int(answer.refused))
        return answer

    return run

import re
import subprocess
import sys

import pytest
import torch

from bench.machine import environment


def test_versions_name_what_a_search_needs():
    found = environment.versions()
    assert found["torch"] == torch.__version__
    assert {"python", "numpy", "pandas", "pyarrow", "dnas-bench"} <= found.keys()


def test_the_git_state_is_a_commit_or_nothing():
    found = environment.git_state()
    assert found == {} or (re.fullmatch(r"[0-9a-f]{40}", found["sha"]) and found["dirty"] in (True, False))


@pytest.mark.parametrize("fault", [subprocess.TimeoutExpired("git", 20), OSError("cannot start"), None])
def test_where_git_does_not_say_a_record_does_not_either(monkeypatch, fault):
    """Git fails, as in a checkout of another user, or does not answer."""

    def run(words, **options):
        if fault:
            raise fault
        return ask([sys.executable, "-c", "raise SystemExit(128)"], **options)

    ask = subprocess.run
    monkeypatch.setattr(environment.shutil, "which", lambda _: "git")
    monkeypatch.setattr(environment.Path, "exists", lambda _: True)
    monkeypatch.setattr(subprocess, "run", run)
    assert environment.git_state.__wrapped__() == {}


def test_a_cpu_is_named_with_its_threads():
    found = environment.device_info(torch.device("cpu"))
    assert found["type"] == "cpu"
    assert found["threads"] == torch.get_num_threads()
    assert found["name"]

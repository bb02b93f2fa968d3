import shutil
import subprocess
import sys

import pytest
import torch

from bench.machine import environment


def test_versions_name_what_a_search_needs():
    found = environment.versions()
    assert found["torch"] == torch.__version__
    assert {"python", "numpy", "pandas", "pyarrow", "dnas-bench"} <= found.keys()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_git_state_is_the_commit_of_the_checkout_and_whether_it_was_changed(monkeypatch, tmp_path):
    def git(*words):
        own = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", "-C", tmp_path, *own, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    state = environment.git_state.__wrapped__
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "bench" / "machine" / "environment.py"))
    assert state() == {}  # no checkout
    (tmp_path / "code.py").write_text("one")
    git("init")
    git("add", "code.py")
    git("commit", "--message", "first")
    (tmp_path / "notes.txt").touch()  # git does not track it
    assert state() == {"sha": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "code.py").write_text("two")
    assert state() == {"sha": git("rev-parse", "HEAD"), "dirty": True}


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

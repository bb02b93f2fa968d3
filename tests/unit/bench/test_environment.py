import re

import torch

from bench.machine import environment


def test_versions_name_what_a_search_needs():
    found = environment.versions()
    assert found["torch"] == torch.__version__
    assert {"python", "numpy", "pandas", "pyarrow", "dnas-bench"} <= found.keys()


def test_the_git_state_is_a_commit_or_nothing():
    found = environment.git_state()
    assert found == {} or (re.fullmatch(r"[0-9a-f]{40}", found["sha"]) and found["dirty"] in (True, False))


def test_a_cpu_is_named_with_its_threads():
    found = environment.device_info(torch.device("cpu"))
    assert found["type"] == "cpu"
    assert found["threads"] == torch.get_num_threads()
    assert found["name"]

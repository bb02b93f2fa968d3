"""A new method is one new file, and so is a new space: everything else finds them by their folder."""

import json

import pytest
import torch

import spaces
from bench import methods
from bench.experiments import reading
from bench.machine.setting import Setting
from bench.methods import method
from bench.runs import plan, price
from bench.runs.deviations import rules
from bench.runs.execution import run_group
from results.records.store import Store
from spaces import families

METHOD = """
from dataclasses import dataclass
from bench.methods.method import Method
from bench.steps import bilevel

@dataclass(frozen=True)
class Params:
    factor: float = 0.5

def step(learner, batch, params):
    return bilevel.step(learner, batch, alpha_gradient=lambda l, b: params.factor * bilevel.first_order(l, b))

METHOD = Method(id="halved", label="halved", colour="#000000", order=98, levels=2, step=step, params=Params,
                cite="@misc{halved2020, title = {Halved}, author = {Nobody}, year = {2020}}")
"""
SPACE = """
from spaces.families.nasbench1shot1 import NASBench1Shot1

class Own(NASBench1Shot1):
    family = "own"
    groups = (("conv3x3", "conv1x1", "maxpool3x3"),)

SPACES = (Own(9, parents=(1, 1, 2), output=2),)
"""


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Put a method's and a space's file where the suite looks for them."""
    for package, name, text in ((methods, "halved", METHOD), (families, "own", SPACE)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    for registry in (method, spaces):
        registry._all.cache_clear()
    yield
    monkeypatch.undo()
    for registry in (method, spaces):
        registry._all.cache_clear()


def test_added_files_are_found_run_priced_and_recorded(added, cut_down, noise_images, tmp_path):
    assert method.names()[-1] == "halved"
    assert "nasbench1shot1-9" in spaces.names()
    experiment = cut_down(
        'spaces=["nasbench1shot1-9"]', 'run=["halved", "dropnas"]', "seeds=0", "methods.halved.factor=2.0"
    )
    setting = Setting(Store(tmp_path / "runs"), torch.device("cpu"))
    tasks = list(plan.plan(experiment, setting.store, plan.Filter()))
    assert [str(task) for task in tasks] == ["nasbench1shot1-9/halved/0", "nasbench1shot1-9/dropnas/0"]
    for task in tasks:
        run_group(experiment, task, noise_images, setting, lambda *_: None)
    dropnas, halved = setting.store.records()
    assert halved.manifest.method.label == "halved"
    assert halved.manifest.protocol.params == {"factor": 2.0}
    assert halved.manifest.space.family == "own"
    assert spaces.find("nasbench1shot1-9").parse(halved.final_arch).key == halved.final_arch
    json.dumps(dropnas.manifest.as_dict())
    prices = price.Prices(setting.store, experiment, setting.device)
    assert all(prices.of(task).seconds > 0 for task in tasks)
    assert rules(spaces.find("nasbench1shot1-9"), method.find("halved"))
    with pytest.raises(ValueError, match="did you mean 'halved'"):
        reading.known_method("halve")


def test_they_are_gone_with_their_files():
    assert "halved" not in method.names()
    assert "nasbench1shot1-9" not in spaces.names()

"""A new method is one new file, and so is a new space: everything else finds them by their folder."""

import json
import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

import spaces
from bench import methods, reproduce, scoring
from bench.experiments import reading
from bench.machine.setting import Setting
from bench.methods import method
from bench.retraining.recipes import RECIPES
from bench.runs import plan, price
from bench.runs.deviations import rules
from bench.runs.execution import run_group
from bench.seeding import numpy_stream
from reports import plots
from reports.build import build
from reports.plots import cells
from results.records.store import Store
from spaces import families

METHOD = Path(__file__).with_name("halved.py").read_text()
PAGE = Path(__file__).parents[2] / "docs" / "adding-a-space.md"
SPACE = next(block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "SPACES" in block)

#: The selection of docs/adding-a-method.md as a method.
SELECTING = next(
    block
    for block in re.findall(r"```python\n(.*?)```", PAGE.with_name("adding-a-method.md").read_text(), re.DOTALL)
    if "SELECTION" in block
)
SELECTING = f"""
import numpy as np
import torch

from bench.methods import darts
from bench.methods.method import Method
from bench.seeding import numpy_stream
from bench.steps.selection import Selection

{SELECTING}

METHOD = Method(
    id="best-of-random", label="best of random", colour="#000001", order=99, levels=2, step=darts.step,
    select=SELECTION, cite=darts.CITE,
)
"""


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Put a method's and a space's file where the suite looks for them."""
    with files_added(tmp_path, monkeypatch):
        yield


@contextmanager
def files_added(tmp_path, monkeypatch):
    """Let the suite look into a folder with the new files while the context lasts."""
    files = ((methods, "halved", METHOD), (methods, "best_of_random", SELECTING), (families, "threenodes", SPACE))
    for package, name, text in files:
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
    assert method.names()[-2:] == ("halved", "best-of-random")
    assert "threenodes" in spaces.names()
    experiment = cut_down('spaces=["threenodes"]', 'run=["halved", "dropnas"]', "seeds=0", "methods.halved.factor=2.0")
    setting = Setting(Store(tmp_path / "runs"), torch.device("cpu"))
    tasks = list(plan.plan(experiment.choose().arms, setting.store))
    assert [str(task) for task in tasks] == ["threenodes/halved/0", "threenodes/dropnas/0"]
    for task in tasks:
        run_group(task, noise_images, setting, lambda *_: None)
    dropnas, halved = setting.store.records()
    assert halved.manifest.method.label == "halved"
    assert halved.manifest.protocol.params == {"factor": 2.0}
    assert halved.manifest.space.family == "threenodes"
    assert spaces.find("threenodes").parse(halved.final_arch).key == halved.final_arch
    json.dumps(dropnas.manifest.as_dict())
    prices = price.Prices(setting.store, setting.device)
    assert all(prices.of(task).seconds > 0 for task in tasks)
    assert rules(spaces.find("threenodes"), method.find("halved"))
    with pytest.raises(ValueError, match="did you mean 'halved'"):
        reading.known_method("halve")


def test_the_selection_of_the_documentation_keeps_the_best_of_its_random_cells(added, cut_down, noise_images, tmp_path):
    experiment = cut_down('spaces=["nasbench1shot1-1"]', 'run=["best-of-random"]', "seeds=0", "training.epochs=1")
    setting = Setting(Store(tmp_path / "runs"), torch.device("cpu"))
    for task in plan.plan(experiment.choose().arms, setting.store):
        run_group(task, noise_images, setting, lambda *_: None)
    (record,) = setting.store.records()
    assert list(record.points["stage"]) == ["search", "search", "select"]
    (tried,) = record.selected["tried"]
    space = spaces.find("nasbench1shot1-1")
    drawn = numpy_stream(0, "random-cells", 0)
    cells_drawn = [space.random(drawn) for _ in range(100)]
    assert len(tried) == 100
    assert record.final_arch == cells_drawn[int(np.argmax(tried))].key


def test_the_space_of_the_documentation_is_searched_retrained_and_reported(added, cut_down, tmp_path):
    experiment = cut_down('spaces=["threenodes"]', 'run=["darts"]', "seeds=0", "training.epochs=1")
    setting = Setting(Store(tmp_path / "runs"), torch.device("cpu"), data_dir=tmp_path)
    quick = replace(RECIPES["quick"], epochs=1)
    with mock.patch.dict(RECIPES, quick=quick), mock.patch.object(plots, "modules", return_value=[cells]):
        for task in plan.plan(experiment.choose().arms, setting.store):
            images = task.arm.images(tmp_path)
            run_group(task, images, setting, lambda *_: None)
        scored = reproduce.score(experiment, setting, lambda *_: None)
        oracle = scoring.oracle(setting.store.root, tmp_path)
        built = build(setting.store.root, tmp_path / "reports", oracle, [], asked_for=[experiment.name])
    assert scored.text == "1 of 1 distinct final architectures scored by retraining"
    (record,) = setting.store.records()
    score = oracle.score("threenodes", record.final_arch, "digits")
    assert score
    assert score.test is not None
    page = built.page.read_text()
    assert "three nodes" in page
    assert f"{score.test:.2f}" in page
    assert not built.missing


def test_they_are_gone_with_their_files(tmp_path, monkeypatch):
    with files_added(tmp_path, monkeypatch):
        assert "halved" in method.names()
        assert "threenodes" in spaces.names()
    assert "halved" not in method.names()
    assert "threenodes" not in spaces.names()

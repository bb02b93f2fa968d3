"""Alphas that are not finite: no architecture, score, row or curve of them anywhere."""

from itertools import cycle

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import spaces
from bench import reproduce, scoring
from bench.cli import reports  # noqa: F401 - it adds its commands
from bench.cli.application import app
from bench.experiments import reading
from bench.machine.setting import Setting
from bench.measure import measurements
from bench.runs.recording import rows
from bench.search import Point, search
from bench.steps import optim

NOT_FINITE = (np.nan, np.inf, -np.inf)
FINITE_RATES = ("1e-300", "1e30", "1e300", "0.0")


def table_with(space, value, row, column=0):
    table = np.zeros((2, *space.mask.shape))
    table[1, row, column] = value
    return table


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("name", spaces.names())
def test_no_space_decodes_weights_that_are_not_finite(name, value):
    space = spaces.find(name)
    for row in range(len(space.rows)):
        table = table_with(space, value, row)
        with pytest.raises(ValueError, match="not finite cannot be decoded"):
            space.decode(table)
        with pytest.raises(ValueError, match="not finite cannot be decoded"):
            space.choose(table[1])
        assert space.decode(table[:1])  # the other seed


@pytest.mark.parametrize("name", spaces.names())
def test_padding_may_hold_anything(name):
    space = spaces.find(name)
    table = np.where(space.mask, 0.0, np.nan)
    assert space.decode(table[None]) == space.decode(np.zeros((1, *space.mask.shape)))


@pytest.mark.parametrize(("name", "value"), list(zip(spaces.names(), cycle(NOT_FINITE), strict=False)))
def test_a_point_has_no_architecture_and_no_row_of_a_seed_that_diverged(start, name, value):
    begun = start(name, "darts", "training.epochs=1")
    begun.learner.state.alpha[1, 0, 0] = value
    point = next(search(begun.learner, begun.feed))
    assert [arch is None for arch in point.archs] == [False, True]
    kept, lost = rows(begun.learner.net.space, point)
    assert lost is None
    assert kept["arch"] == point.archs[0].key


@pytest.fixture
def overflowing(monkeypatch):
    """Let the alphas of seed 1 overflow from the second epoch's first step on."""
    original, taken = optim.adam, []

    def adam(alpha, *rest, **options):
        original(alpha, *rest, **options)
        taken.append(len(alpha))
        if len(alpha) == 2 and taken.count(2) > 3:
            alpha[1] = torch.nan

    monkeypatch.setattr(optim, "adam", adam)


@pytest.mark.parametrize("epochs", [2, 4])  # it diverges in the last epoch, and before
def test_a_record_ends_before_the_alphas_are_not_finite(search, overflowing, epochs):
    store = search("store", f"training.epochs={epochs}", "measure.landscape=3", "measure.landscape_images=8")
    healthy, lost = store.records()
    assert (healthy.manifest.status, lost.manifest.status) == ("complete", "diverged")
    assert list(healthy.points["epoch"]) == list(range(epochs + 1))
    assert 1 <= len(lost.points) < len(healthy.points)
    assert np.isfinite(np.stack(lost.points["alpha"].to_list())).all()
    assert store.landscape(healthy.run) is not None
    assert store.landscape(lost.run) is None
    none = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    assert none not in {*lost.points["arch"], *lost.manifest.cells}
    found = CliRunner().invoke(app, ["list", "--runs", str(store.root)], catch_exceptions=False).stdout
    assert f"diverged  none after {len(lost.points) - 1} epochs: weights or alphas are no longer finite" in found


def test_a_supernet_whose_logits_are_no_numbers_has_no_accuracy(start):
    begun = start("nasbench201", "darts")
    begun.learner.state.weights[1] = torch.nan
    loss, accuracy = measurements.evaluate(begun.learner, begun.feed, begun.feed.split.alphas)
    assert loss.isfinite().tolist() == accuracy.isfinite().tolist() == [True, False]


def test_scores_are_kept_of_complete_searches_alone(search, overflowing, cut_down, tmp_path):
    own = ("training.epochs=3", "retrain.recipe=''", "seeds=0-1")
    store = search("store", *own)
    healthy, lost = (set(record.points["arch"]) for record in store.records())
    assert lost - healthy
    scored = reproduce.score(cut_down(*own), Setting(store, torch.device("cpu"), tmp_path), print)
    assert scored.text == f"0 of {len(healthy)} architectures and data sets scored by tables"
    assert len(scoring.finals(store.records(complete_only=True))) == 1


@pytest.mark.parametrize("rate", FINITE_RATES)
def test_any_finite_learning_rate_is_legal(rate):
    protocol = (
        reading.load("quick", [f"training.lr={rate}", "training.lr_min=0.0"]).arm("nasbench201", "darts").protocol
    )
    assert protocol.training.lr == float(rate)
    alphas = reading.load("quick", [f"training.alpha_lr={rate}"]).arm("nasbench201", "darts").protocol
    assert alphas.training.alpha_lr == float(rate)


def test_a_rate_at_which_every_seed_diverges_ends_in_records_and_not_in_an_error(search):
    store = search("store", "training.lr=1e30", "training.clip=0.0")
    assert {record.manifest.status for record in store.records()} == {"diverged"}
    assert all(np.isfinite(np.stack(record.points["alpha"].to_list())).all() for record in store.records())


def test_a_point_of_plain_draws_has_rows():
    space = spaces.find("nasbench201")
    point = Point(0, [space.example], np.full((1, space.alphas), np.nan), {})
    assert rows(space, point)[0]["arch"] == space.example.key

import math
import os
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

import spaces
from bench.runs import checkpoint, shares, standing
from bench.runs.checkpoint import Checkpoint
from bench.runs.head import LARGEST, MOST_WEIGHTS
from bench.search import Position, Sums
from bench.steps.learner import Learner, initial_state
from results.errors import InputError
from results.records.run import Run
from spaces.supernet.network import Supernet

RUN = Run("quick", "nasbench201", "darts", 3)
HASH = "abc"
META = {"config_hash": HASH, "group": [3, 4], "form": "grouped", "dtype": "float32"}


def of(seed=3, epoch=1, *, number=0.0, **meta):
    points = [{"epoch": 0, "arch": "x", "loss": math.nan, "alpha": [0.1, -1e-300]}]
    return Checkpoint(
        Run("quick", "nasbench201", "darts", seed),
        Position(epoch),
        META | meta,
        points,
        {"weights": torch.full((3,), number), "steps": torch.tensor(2.0, dtype=torch.float64)},
    )


def save_group(root, epoch, *seeds, **meta):
    for seed in seeds:
        checkpoint.save(root, of(seed, epoch, **meta))


def latest(root, seed=3, config_hash="abc", done=()):
    return checkpoint.latest(root, replace(RUN, seed=seed), config_hash, lambda run: run.seed in done)


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    checkpoint.save(tmp_path, of(number=0.1))
    found = checkpoint.load(tmp_path, RUN, (1, 0))
    assert (found.run, found.at, found.meta) == (RUN, (1, 0), META)
    assert found.points[0]["alpha"] == [0.1, -1e-300]
    assert math.isnan(found.points[0]["loss"])
    assert torch.equal(found.tensors["weights"], torch.full((3,), 0.1))
    assert found.tensors["steps"].dtype == torch.float64


def test_an_absent_checkpoint_is_none(tmp_path):
    assert checkpoint.load(tmp_path, RUN, (1, 0)) is None
    assert checkpoint.positions(tmp_path, RUN) == []
    assert latest(tmp_path) is None


def damages(data):
    middle = len(data) // 2
    yield "empty", b""
    yield "cut in the head", data[:10]
    yield "cut in the middle", data[:middle]
    yield "cut at the end", data[:-1]
    yield "one bit", data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    yield "another file", b"PAR1" + data[4:]


def test_a_damaged_checkpoint_is_ignored(tmp_path):
    checkpoint.save(tmp_path, of())
    path = checkpoint.path(tmp_path, RUN, (1, 0))
    data = path.read_bytes()
    for name, damaged in damages(data):
        path.write_bytes(damaged)
        assert checkpoint.load(tmp_path, RUN, (1, 0)) is None, name
        assert latest(tmp_path) is None, name
    path.write_bytes(data)
    assert checkpoint.load(tmp_path, RUN, (1, 0)) is not None


def test_nothing_in_a_file_is_executed(tmp_path):
    class Touch:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "touched"),)

    checkpoint.save(tmp_path, Checkpoint(RUN, Position(1), META, [], {"weights": Touch()}))
    assert checkpoint.load(tmp_path, RUN, (1, 0)) is None
    assert not (tmp_path / "touched").exists()


def test_the_newest_epoch_of_a_whole_group_is_found(tmp_path):
    save_group(tmp_path, 1, 3, 4)
    save_group(tmp_path, 2, 3, 4)
    assert latest(tmp_path, 3) == latest(tmp_path, 4) == ((2, 0), (3, 4))


def test_a_kill_between_two_files_leaves_the_epoch_before(tmp_path):
    save_group(tmp_path, 2, 3, 4)
    save_group(tmp_path, 3, 3)  # killed before seed 4
    assert latest(tmp_path, 3) == latest(tmp_path, 4) == ((2, 0), (3, 4))


def test_a_kill_while_the_epoch_before_is_removed_leaves_the_new_one(tmp_path):
    save_group(tmp_path, 2, 3, 4)
    save_group(tmp_path, 3, 3, 4)
    checkpoint.remove(tmp_path, RUN, HASH, keep=(3, 0))  # killed before seed 4's
    assert latest(tmp_path, 3) == latest(tmp_path, 4) == ((3, 0), (3, 4))


def test_a_damaged_file_of_one_seed_sends_the_whole_group_back(tmp_path):
    save_group(tmp_path, 2, 3, 4)
    save_group(tmp_path, 3, 3, 4)
    checkpoint.path(tmp_path, RUN, (3, 0)).write_bytes(b"")
    assert latest(tmp_path, 3) == latest(tmp_path, 4) == ((2, 0), (3, 4))


def test_a_checkpoint_of_another_protocol_is_passed_over(tmp_path):
    save_group(tmp_path, 2, 3, 4, config_hash="other")
    assert latest(tmp_path) is None
    save_group(tmp_path, 1, 3, 4)
    assert latest(tmp_path) == ((1, 0), (3, 4))


@pytest.mark.parametrize("other", [{"config_hash": "other"}, {"group": [4]}, {"form": "loop"}])
def test_files_of_different_groups_are_never_put_together(tmp_path, other):
    # a protocol changed, or seeds run alone, and a kill at the same epoch
    save_group(tmp_path, 2, 3)
    save_group(tmp_path, 2, 4, **other)
    assert latest(tmp_path, 3) is None


def test_only_the_epoch_to_keep_remains(tmp_path):
    for epoch in (1, 2, 12):
        save_group(tmp_path, epoch, 3, 30)
    checkpoint.remove(tmp_path, RUN, HASH, keep=(2, 0))
    assert checkpoint.positions(tmp_path, RUN) == [(2, 0)]
    assert checkpoint.positions(tmp_path, of(30).run) == [(12, 0), (2, 0), (1, 0)]  # another seed's are left alone
    checkpoint.remove(tmp_path, RUN, HASH)
    assert checkpoint.positions(tmp_path, RUN) == []


def test_checkpoints_of_another_protocol_are_named_and_stay(tmp_path):
    save_group(tmp_path, 2, 3, config_hash="other")
    save_group(tmp_path, 1, 3, 4)
    (there,) = standing.other_checkpoints(tmp_path, RUN, HASH)
    assert str(there) == f"{checkpoint.path(tmp_path, RUN, (2, 0))} is a checkpoint of {RUN}, protocol other"
    checkpoint.remove(tmp_path, RUN, HASH)
    assert checkpoint.positions(tmp_path, RUN) == [(2, 0)]
    before = there.path.read_bytes()
    with pytest.raises(InputError, match="protocol other; --replace replaces it"):
        checkpoint.save(tmp_path, of(epoch=2))
    assert there.path.read_bytes() == before
    checkpoint.save(tmp_path, of(epoch=2), replace=True)
    assert standing.other_checkpoints(tmp_path, RUN, HASH) == []
    save_group(tmp_path, 1, 3, config_hash="other")
    checkpoint.remove(tmp_path, RUN, HASH, keep=(2, 0), replace=True)
    assert checkpoint.positions(tmp_path, RUN) == [(2, 0)]


def test_a_damaged_checkpoint_is_neither_removed_nor_replaced(tmp_path):
    checkpoint.save(tmp_path, of())
    path = checkpoint.path(tmp_path, RUN, (1, 0))
    path.write_bytes(b"damaged")
    assert standing.damaged_checkpoints(tmp_path, RUN) == [path]
    checkpoint.remove(tmp_path, RUN, HASH)
    checkpoint.save(tmp_path, of())
    path.write_bytes(b"again")
    checkpoint.save(tmp_path, of())
    assert standing.damaged_checkpoints(tmp_path, RUN) == []
    names = ("seed-003.epoch-0001.ckpt.damaged", "seed-003.epoch-0001.ckpt.damaged-2")
    assert [path.with_name(name).read_bytes() for name in names] == [b"damaged", b"again"]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, of(number=1.0))

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path, of(number=2.0))
    assert checkpoint.load(tmp_path, RUN, (1, 0)).tensors["weights"].tolist() == [1.0] * 3
    assert [p.name for p in checkpoint.folder(tmp_path, RUN).iterdir()] == ["seed-003.epoch-0001.ckpt"]


def test_the_shares_of_a_group_make_its_state_again(start):
    begun = start("nasbench1shot1-1", "darts", seeds=(0, 1, 2))
    begun.step(begun.batches()[0])
    state = begun.learner.state
    joined = shares.join([shares.share(begun.learner, i) for i in range(3)], torch.device("cpu"))
    for name in ("weights", "momentum", "alpha", "first", "second", "steps"):
        assert torch.equal(getattr(joined, name), getattr(state, name)), name
    assert joined.statistics.keys() == state.statistics.keys()
    for name, (mean, variance) in state.statistics.items():
        assert torch.equal(joined.statistics[name][0], mean)
        assert torch.equal(joined.statistics[name][1], variance)


def sums_of(learner, steps=2):
    loss = torch.rand(learner.seeds, dtype=learner.state.alpha.dtype)
    return Sums(loss, loss.round(), images=16, steps=steps, seconds=0.1)


def test_the_sums_of_an_epoch_come_back_bit_for_bit(start):
    begun, other = start("nasbench201", "darts"), start("nasbench201", "darts")
    begun.step(begun.batches()[0])
    sums = sums_of(begun.learner)
    each = [shares.share(begun.learner, i, sums) for i in range(2)]
    found = shares.join_sums(each, other.learner, 2)
    assert torch.equal(found.loss, sums.loss)
    assert torch.equal(found.correct, sums.correct)
    assert (found.images, found.steps, found.seconds) == (16, 2, 0.1)
    assert begun.learner.alpha_squares.any()
    assert torch.equal(other.learner.alpha_squares, begun.learner.alpha_squares)
    assert torch.equal(other.learner.weight_squares, begun.learner.weight_squares)


def test_a_step_inside_an_epoch_is_newer_than_the_epoch_and_older_than_the_next(tmp_path):
    for epoch, step in ((2, 0), (2, 7), (2, 30), (3, 0), (1, 99)):
        checkpoint.save(tmp_path, replace(of(), at=Position(epoch, step)))
    assert checkpoint.positions(tmp_path, RUN) == [(3, 0), (2, 30), (2, 7), (2, 0), (1, 99)]
    assert checkpoint.load(tmp_path, RUN, (2, 7)).at == (2, 7)
    checkpoint.remove(tmp_path, RUN, HASH, keep=(2, 7))
    assert checkpoint.positions(tmp_path, RUN) == [(2, 7)]


def test_a_part_of_a_group_goes_on_alone_and_the_others_from_where_it_left_them(tmp_path):
    save_group(tmp_path, 2, 3, 4, 5, group=[3, 4, 5])
    save_group(tmp_path, 3, 3, group=[3, 4])  # killed before seed 4
    assert latest(tmp_path, 3) == ((2, 0), (3, 4, 5))
    save_group(tmp_path, 3, 4, group=[3, 4])
    assert latest(tmp_path, 3) == latest(tmp_path, 4) == ((3, 0), (3, 4))
    for seed in (3, 4):
        checkpoint.remove(tmp_path, replace(RUN, seed=seed), HASH, keep=(3, 0))
    assert latest(tmp_path, 5) == ((2, 0), (5,))
    for seed in (3, 4):
        checkpoint.remove(tmp_path, replace(RUN, seed=seed), HASH)
    assert latest(tmp_path, 5) is None
    assert latest(tmp_path, 5, done=(3, 4)) == ((2, 0), (5,))


def test_a_seed_without_a_later_file_of_this_protocol_has_not_gone_on(tmp_path):
    save_group(tmp_path, 2, 3)
    save_group(tmp_path, 3, 4, config_hash="other")
    assert latest(tmp_path, 3) is None
    save_group(tmp_path, 1, 4, group=[4])
    assert latest(tmp_path, 3) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": Position("1")},
        {"at": Position(-1)},
        {"at": Position(1.5)},
        {"at": Position(1, None)},
        {"meta": []},
        {"meta": {"group": "all"}},
        {"meta": {"group": [3, -4]}},
        {"meta": {"group": [3, 3]}},
        {"meta": {"before": 1}},
        {"points": {}},
        {"tensors": []},
        {"tensors": {"weights": 1}},
    ],
    ids=str,
)
def test_a_whole_file_that_holds_something_else_is_none(tmp_path, wrong):
    path = tmp_path / "file.ckpt"
    with monkeypatched_path(path):
        checkpoint.save(tmp_path, replace(of(), **wrong))
    assert path.exists()
    assert checkpoint.read(path) is None


@contextmanager
def monkeypatched_path(path):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checkpoint, "path", lambda *_: path)
        yield


def test_a_file_larger_than_any_checkpoint_is_not_read(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, of())
    monkeypatch.setattr(checkpoint, "LARGEST", 100)
    assert checkpoint.load(tmp_path, RUN, (1, 0)) is None


def test_a_checkpoint_of_the_largest_supernet_is_read_in_every_precision():
    bytes_of_float64 = 2 * MOST_WEIGHTS * torch.finfo(torch.float64).bits // 8  # weights and momentum
    assert 2 * bytes_of_float64 <= LARGEST


def test_a_share_is_a_copy(start):
    begun = start("nasbench201", "darts")
    share = shares.share(begun.learner, 0)
    before = {name: tensor.clone() for name, tensor in share.items()}
    begun.step(begun.batches()[0])
    assert all(torch.equal(share[name], before[name]) for name in share)


@pytest.mark.parametrize("name", ["nasbench1shot1-3", "nasbench201"])
def test_a_file_of_the_full_size_is_under_16_mebibytes(start, name, tmp_path):
    space = spaces.find(name)
    net = Supernet(space, space.supernet)
    learner = start(name, "darts").learner  # for its settings alone
    full = Learner(net, initial_state(net, (3,), torch.float32, "cpu"), learner.training)
    checkpoint.save(tmp_path, Checkpoint(RUN, Position(1), META, [], shares.share(full, 0, sums_of(full))))
    assert 4 * 2 * net.size < checkpoint.path(tmp_path, RUN, (1, 0)).stat().st_size < 16 * 2**20

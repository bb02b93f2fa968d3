from concurrent.futures import Future
from threading import get_ident

import pytest
import torch

from bench.images.split import Split, split, weight_batches
from bench.protocol import ImagesConfig
from bench.steps.schedule import cosine
from tests.pairs import PAIRS

PLAIN = ("images.crop_padding=0", "images.flip=false", "training.batch=8")
HALVES = ImagesConfig("digits")
INTERLEAVED = ImagesConfig("digits", split="interleaved")


def shown(feed, samples):
    """Which images each seed sees, ``(S, B)``, told by their pixels; only where nothing is augmented."""
    names = {image.numpy().tobytes(): index for index, image in enumerate(feed.images)}
    pixels = (samples.images * feed.std[0] + feed.mean[0]).mul(255).round().to(torch.uint8)
    return [
        [names[image.squeeze(-1)[None].numpy().tobytes()] for image in pixels[:, :, :, s]]
        for s in range(pixels.shape[3])
    ]


def of_seed(batch, index):
    """All tensors of one seed of a batch."""
    parts = [(batch.train.images[:, :, :, index], batch.train.labels[index])]
    if batch.valid is not None:
        parts.append((batch.valid.images[:, :, :, index], batch.valid.labels[index]))
    return [tensor for part in parts for tensor in part] + [batch.draws[name][index] for name in sorted(batch.draws)]


@pytest.mark.parametrize(
    ("images", "levels", "config", "weights", "alphas"),
    [
        (6, 2, HALVES, [0, 1, 2], [3, 4, 5]),
        (5, 2, HALVES, [0, 1], [2, 3, 4]),
        (5, 2, INTERLEAVED, [0, 2, 4], [1, 3]),
        (3, 1, HALVES, [0, 1, 2], []),
        (3, 1, INTERLEAVED, [0, 1, 2], []),
    ],
)
def test_images_are_divided_by_their_place(images, levels, config, weights, alphas):
    found = split(images, levels, config.split)
    assert found.weights.tolist() == weights
    assert found.alphas.tolist() == alphas


@pytest.mark.parametrize(("images", "steps"), [(8, 1), (9, 2), (16, 2), (17, 3)])
def test_a_short_last_batch_is_a_step(images, steps):
    assert weight_batches(Split(torch.arange(images), torch.arange(0)), 8) == steps


@pytest.mark.parametrize(("space", "method"), PAIRS)
def test_a_seeds_batches_do_not_depend_on_its_companions(start, space, method):
    more = ("images.cutout=2", "images.flip=true")
    together, alone = start(space, method, *more, seeds=(4, 1, 0)), start(space, method, *more, seeds=(1,))
    for epoch in (0, 3):
        for ours, own in zip(together.batches(epoch), alone.batches(epoch), strict=True):
            for mine, theirs in zip(of_seed(ours, 1), of_seed(own, 0), strict=True):
                assert torch.equal(mine, theirs)
            assert ours.lr == own.lr
            assert ours.scalars == own.scalars


def test_an_epochs_batches_do_not_depend_on_the_epochs_before(start):
    fresh, used = start("nasbench201", "sdarts-rs"), start("nasbench201", "sdarts-rs")
    used.batches(0), used.batches(1)
    for one, other in zip(fresh.batches(2), used.batches(2), strict=True):
        for mine, theirs in zip(of_seed(one, 0), of_seed(other, 0), strict=True):
            assert torch.equal(mine, theirs)


def test_seeds_and_epochs_see_their_own_order(start):
    feed = start("nasbench201", "darts", *PLAIN, seeds=(0, 1)).feed
    orders = [
        tuple(i for batch in map(feed.batch, feed.drawn(epoch)) for i in shown(feed, batch.train)[seed])
        for seed in (0, 1)
        for epoch in (0, 1)
    ]
    assert len(set(orders)) == 4


def test_weights_see_each_image_of_the_first_half_once_an_epoch(start):
    feed = start("nasbench201", "darts", *PLAIN).feed
    batches = [shown(feed, batch.train) for batch in map(feed.batch, feed.drawn(0))]
    assert [len(batch[0]) for batch in batches] == [8, 8, 4]
    for seed in (0, 1):
        assert sorted(i for batch in batches for i in batch[seed]) == list(range(20))


def test_one_level_trains_on_all_images(start):
    feed = start("nasbench201", "dropnas", *PLAIN).feed
    batches = list(map(feed.batch, feed.drawn(0)))
    assert all(batch.valid is None for batch in batches)
    for seed in (0, 1):
        assert sorted(i for batch in batches for i in shown(feed, batch.train)[seed]) == list(range(40))


def test_labels_are_those_of_the_images(start, noise_images):
    feed = start("nasbench201", "darts", *PLAIN).feed
    for batch in map(feed.batch, feed.drawn(0)):
        for samples in (batch.train, batch.valid):
            index = torch.tensor(shown(feed, samples))
            assert torch.equal(samples.labels, noise_images.train_labels[index])


def alphas_of(start, policy, *more, epoch=0):
    feed = start("nasbench201", "darts", *PLAIN, f"training.alpha_batches={policy}", *more).feed
    return [shown(feed, batch.valid) for batch in map(feed.batch, feed.drawn(epoch))]


def test_cycling_shows_the_alphas_each_image_once_an_epoch(start):
    batches = alphas_of(start, "cycle")
    assert [len(batch[0]) for batch in batches] == [8, 8, 4]
    for seed in (0, 1):
        assert sorted(i for batch in batches for i in batch[seed]) == list(range(20, 40))


def test_cycling_starts_again_where_the_alphas_have_fewer_images(start):
    # 39 images, interleaved: 20 for the weights, 19 for the alphas; batches of 19 make two steps of the weights
    batches = alphas_of(start, "cycle", "images.split=interleaved", "training.batch=19")
    assert [len(batch[0]) for batch in batches] == [19, 1]
    odd = set(range(1, 40, 2))
    assert set(batches[0][0]) <= odd
    assert set(batches[1][0]) <= odd


def test_fresh_batches_repeat_images_within_an_epoch_but_not_within_a_batch(start):
    batches = alphas_of(start, "fresh")
    assert [len(batch[0]) for batch in batches] == [8, 8, 8]  # 24 of 20 images
    for seed in (0, 1):
        assert all(len(set(batch[seed])) == 8 for batch in batches)
        assert all(set(batch[seed]) <= set(range(20, 40)) for batch in batches)


def test_replacement_repeats_images_within_a_batch(start):
    batches = [batch for epoch in range(3) for batch in alphas_of(start, "replacement", epoch=epoch)]
    assert [len(batch[0]) for batch in batches] == [8, 8, 4] * 3  # as long as the weights' batches
    assert all(set(batch[0]) <= set(range(20, 40)) for batch in batches)
    assert any(len(set(batch[0])) < len(batch[0]) for batch in batches)


@pytest.mark.parametrize("policy", ["cycle", "fresh", "replacement"])
def test_a_batch_larger_than_the_half_is_the_half(start, policy):
    batches = alphas_of(start, policy, "training.batch=64")
    assert [len(batch[0]) for batch in batches] == [20]


BLACK = (0 - 0.5) / 0.25


@pytest.mark.parametrize(
    ("augmentation", "trace"),
    [
        ("images.flip=true", lambda before, after: before != after),
        ("images.crop_padding=2", lambda before, after: after == BLACK),
        ("images.cutout=4", lambda before, after: after == 0),
    ],
)
def test_each_seed_epoch_and_half_is_augmented_with_draws_of_its_own(start, augmentation, trace):
    plain = start("nasbench201", "darts", *PLAIN).feed
    feed = start("nasbench201", "darts", *PLAIN, augmentation).feed
    traces = {}
    for epoch in (0, 1):
        for one, other in zip(map(plain.batch, plain.drawn(epoch)), map(feed.batch, feed.drawn(epoch)), strict=True):
            for half in ("train", "valid"):
                here, there = getattr(one, half), getattr(other, half)
                assert torch.equal(here.labels, there.labels)  # the same images in the same order
                left = trace(here.images, there.images)
                for seed in (0, 1):
                    traces.setdefault((epoch, half, seed), []).append(left[:, :, :, seed])
    found = {key: torch.cat(batches) for key, batches in traces.items()}
    assert all(float(left.flatten(1).any(1).double().mean()) > 0.3 for left in found.values())
    assert len({left[:20].numpy().tobytes() for left in found.values()}) == len(found) == 8


def test_clean_images_are_not_augmented_and_the_same_for_every_seed(start, noise_images):
    feed = start("nasbench201", "darts", "images.flip=true", "images.cutout=4").feed
    index = torch.tensor([3, 39, 0])
    samples = feed.clean(index)
    assert shown(feed, samples) == [[3, 39, 0]] * 2
    assert samples.labels.tolist() == [noise_images.train_labels[index].tolist()] * 2


def test_an_epoch_has_the_rate_of_its_experiment(start):
    for epoch in (0, 1):
        rates = {float(batch.lr) for batch in start("nasbench201", "darts").batches(epoch)}
        assert rates == {cosine(epoch, 2, 0.025, 0.001, shifted=True)}


def test_one_level_scales_its_own_rate_with_the_batch(start):
    (batch, *_) = start("nasbench201", "dropnas", "training.batch=32").batches(0)
    assert float(batch.lr) == 0.0125
    (batch, *_) = start("nasbench201", "dropnas", "training.batch=32", "methods.dropnas.lr=0.1").batches(0)
    assert float(batch.lr) == 0.05


def test_the_radius_is_that_of_the_epoch(start):
    feed = start("nasbench201", "sdarts-adv", "training.epochs=4").feed
    assert [float(next(map(feed.batch, feed.drawn(e))).scalars["epsilon"]) for e in range(4)] == pytest.approx(
        [0.03, 0.0975, 0.165, 0.2325]
    )
    for epoch in range(4):  # once an epoch, not once a step
        assert len({float(batch.scalars["epsilon"]) for batch in map(feed.batch, feed.drawn(epoch))}) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_has_the_asked_for_type(start, dtype):
    (batch, *_) = start("nasbench201", "sdarts-rs", dtype=dtype).batches(0)
    assert {batch.train.images.dtype, batch.valid.images.dtype, batch.lr.dtype, batch.draws["noise"].dtype} == {dtype}
    assert batch.train.labels.dtype == torch.int64
    assert batch.draws["noise"].shape == (2, 6, 5)


@pytest.mark.parametrize("method", ["sdarts-rs", "dropnas"])
def test_an_epoch_that_a_thread_drew_before_is_the_same(start, method, monkeypatch):
    plain, ahead = (start("nasbench201", method, "training.epochs=3") for _ in range(2))
    ahead.feed.ahead = True
    threads, draw = [], type(ahead.feed)._draw
    monkeypatch.setattr(
        type(ahead.feed),
        "_draw",
        lambda feed, epoch: threads.append((feed.ahead, epoch, get_ident())) or draw(feed, epoch),
    )
    for epoch in (0, 1, 2, 1):  # the last one as after a resumption: nothing was drawn for it
        for one, other in zip(plain.feed.drawn(epoch), ahead.feed.drawn(epoch), strict=True):
            assert one.keys() == other.keys()
            assert all(torch.equal(one[name], other[name]) for name in one)
    main = get_ident()
    drawn = [(epoch, where == main) for early, epoch, where in threads if early]
    assert drawn == [(0, True), (1, False), (2, False), (1, True), (2, False)]


def test_a_thread_that_draws_touches_no_device(start):
    begun = start("nasbench201", "sdarts-rs")
    begun.feed.device = None  # what is drawn needs none
    found = begun.feed._draw(0)
    assert {tensor.device.type for tensor in (*found.images.values(), *found.draws.values())} == {"cpu"}
    assert not start("nasbench201", "darts").feed.ahead  # on a CPU, which has nothing to do meanwhile


def test_an_error_in_the_thread_is_the_searchs(start):
    begun = start("nasbench201", "darts", "training.epochs=3")
    begun.feed.ahead = True
    list(begun.feed.drawn(0))
    begun.feed._next.result()
    begun.feed._next = Future()
    begun.feed._next.set_exception(MemoryError("too little"))
    with pytest.raises(MemoryError, match="too little"):
        list(begun.feed.drawn(1))

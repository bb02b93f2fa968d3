import pytest
import torch

from bench.images.augment import Draws, augment, draw_augmentation

MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
SEEDS, BATCH, SIZE = 3, 5, 8


@pytest.fixture
def pixels():
    return torch.randint(256, (20, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def index():
    return torch.randint(20, (SEEDS, BATCH), generator=torch.Generator().manual_seed(1))


def draw(pad=0, flip=False, cutout=0):
    """Draws of several seeds, each from a generator of its own: crop (S, B, 2), flip (S, B), centre (S, B, 2)."""
    seeds = [
        draw_augmentation(torch.Generator().manual_seed(s), BATCH, size=SIZE, pad=pad, flip=flip, cutout=cutout)
        for s in range(SEEDS)
    ]
    return Draws(*(None if parts[0] is None else torch.stack(parts) for parts in zip(*seeds, strict=True)))


def plain(pixels, index, crop, flip, centre, pad, cutout):
    """The same, image by image, as torchvision and the DARTS code do it."""
    batches = []
    for s in range(index.shape[0]):
        for b in range(index.shape[1]):
            image = pixels[index[s, b]].double()
            if crop is not None:
                top, left = crop[s, b].tolist()
                padded = torch.zeros(3, SIZE + 2 * pad, SIZE + 2 * pad, dtype=torch.float64)
                padded[:, pad : pad + SIZE, pad : pad + SIZE] = image
                image = padded[:, top : top + SIZE, left : left + SIZE]
            if flip is not None and flip[s, b]:
                image = image.flip(-1)
            image = torch.stack([(image[c] / 255 - MEAN[c]) / STD[c] for c in range(3)])
            if centre is not None:
                y, x = centre[s, b].tolist()
                y1, y2 = max(y - cutout // 2, 0), min(y + cutout // 2, SIZE)
                x1, x2 = max(x - cutout // 2, 0), min(x + cutout // 2, SIZE)
                image[:, y1:y2, x1:x2] = 0
            batches.append(image)
    return torch.stack(batches).view(*index.shape, 3, SIZE, SIZE).transpose(0, 1).flatten(1, 2)


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"pad": 4},
        {"flip": True},
        {"cutout": 4},
        {"cutout": 5},
        {"pad": 2, "flip": True},
        {"pad": 4, "flip": True, "cutout": 6},
    ],
)
def test_equals_a_loop_over_images(pixels, index, switches):
    draws = draw(**switches)
    pad, cutout = switches.get("pad", 0), switches.get("cutout", 0)
    x = augment(pixels, index, *draws, pad=pad, cutout=cutout, mean=MEAN, std=STD, dtype=torch.float64)
    assert x.shape == (BATCH, SEEDS * 3, SIZE, SIZE)
    assert torch.equal(x, plain(pixels, index, *draws, pad, cutout))


def test_every_crop_and_centre(pixels):
    """All offsets of a crop and all centres of a hole, the corners included."""
    offsets = torch.cartesian_prod(torch.arange(9), torch.arange(9))
    centres = torch.cartesian_prod(torch.arange(SIZE), torch.arange(SIZE))
    for crop, centre in [(offsets[None], None), (None, centres[None])]:
        count = len(offsets if centre is None else centres)
        index = torch.zeros(1, count, dtype=torch.int64)
        x = augment(pixels, index, crop, None, centre, pad=4, cutout=4, mean=MEAN, std=STD, dtype=torch.float64)
        assert torch.equal(x, plain(pixels, index, crop, None, centre, 4, 4))


def test_seeds_do_not_mix(pixels, index):
    draws = draw(pad=4, flip=True, cutout=4)
    options = {"pad": 4, "cutout": 4, "mean": MEAN, "std": STD}
    together = augment(pixels, index, *draws, **options)
    for seed in range(SEEDS):
        alone = augment(pixels, index[seed : seed + 1], *(d[seed : seed + 1] for d in draws), **options)
        assert torch.equal(together[:, 3 * seed : 3 * seed + 3], alone)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_and_precision(pixels, index, dtype):
    draws = draw(pad=4, flip=True)
    x = augment(pixels, index, *draws, pad=4, mean=MEAN, std=STD, dtype=dtype)
    exact = augment(pixels, index, *draws, pad=4, mean=MEAN, std=STD, dtype=torch.float64)
    assert x.dtype == dtype
    assert x.is_contiguous(memory_format=torch.channels_last)
    # Low precision rounds once, at the end.
    torch.testing.assert_close(x, exact.float().to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-6)


def test_one_channel(index):
    grey = torch.arange(20 * 64, dtype=torch.int64).remainder(256).to(torch.uint8).view(20, 1, SIZE, SIZE)
    x = augment(grey, index, mean=(0.5,), std=(0.5,), dtype=torch.float64)
    assert torch.equal(x, ((grey[index][:, :, 0].double() / 255 - 0.5) / 0.5).transpose(0, 1))


def test_no_value_is_read_back_from_the_device(pixels, index):
    """Tensors of the meta device have no values: a host synchronisation would raise."""
    draws = [d.to("meta") for d in draw(pad=4, flip=True, cutout=4)]
    x = augment(pixels.to("meta"), index.to("meta"), *draws, pad=4, cutout=4, mean=MEAN, std=STD)
    assert x.shape == (BATCH, SEEDS * 3, SIZE, SIZE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_graph_replays_it(pixels, index):
    draws = draw(pad=4, flip=True, cutout=4)
    options = {"pad": 4, "cutout": 4, "mean": MEAN, "std": STD}
    arguments = [t.cuda() for t in (pixels, index, *draws)]
    augment(*arguments, **options)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = augment(*arguments, **options)
    arguments[1].copy_(index.flip(1))
    graph.replay()
    torch.testing.assert_close(captured.cpu(), augment(pixels, index.flip(1), *draws, **options))


def test_draws_cover_their_range():
    draws = draw_augmentation(torch.Generator().manual_seed(0), 2_000, size=SIZE, pad=4, flip=True, cutout=4)
    assert draws.crop.shape == (2_000, 2)
    assert draws.crop.unique().tolist() == list(range(9))
    assert draws.flip.dtype == torch.bool
    assert 0.45 < draws.flip.double().mean() < 0.55
    assert draws.cutout_centre.unique().tolist() == list(range(SIZE))


def test_draws_come_from_their_generator_alone():
    before = torch.get_rng_state()
    first, again, other = (
        draw_augmentation(torch.Generator().manual_seed(s), 100, size=SIZE, pad=4, flip=True) for s in (7, 7, 8)
    )
    assert torch.equal(first.crop, again.crop)
    assert torch.equal(first.flip, again.flip)
    assert not torch.equal(first.crop, other.crop)
    assert first.cutout_centre is None
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_drawn_for_what_is_off():
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    assert draw_augmentation(generator, 10, size=SIZE) == (None, None, None)
    assert torch.equal(generator.get_state(), state)

"""Fixtures that every kind of test uses."""

import gc
import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None)  # a busy machine is not a failure
settings.load_profile("suite")

ROOT = Path(__file__).parents[1]
BESIDE_THE_CHECKOUT = ROOT.parent / "shared" / "data"

#: What makes ``quick`` a search of less than a second: 40 images, 2 channels, 2 epochs of 2 steps (12 and 8 images).
CUT = (
    "images.limit=40",
    "supernet.channels=2",
    "training.epochs=2",
    "training.batch=12",
    "measure.eigenvalue_every=0",
    "measure.landscape=0",
)


@pytest.fixture
def tally(record_property):
    """Count something of a kind, as in ``tally(kind="SIGKILL", kills=1)``; the sums end the test run's output."""

    def count(*, kind: str, **counts: int) -> None:
        for name, number in counts.items():
            record_property(f"tally/{kind}/{name}", number)

    return count


def pytest_collection_finish() -> None:
    """Set aside what collecting made, so that looking for garbage does not go through all tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the tests counted, a line of JSON a kind; ``$DNAS_TALLY`` names a file that gets it too."""
    sums: dict[str, Counter[str]] = {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, number in getattr(report, "user_properties", ()):
            if name.startswith("tally/") and report.when == "call":
                _, kind, what = name.split("/", 2)
                sums.setdefault(kind, Counter())[what] += number
    if not sums:
        return
    terminalreporter.section("counted")
    lines = [json.dumps({"kind": kind, **counts}) for kind, counts in sorted(sums.items())]
    terminalreporter.write_line("\n".join(lines))
    if file := os.environ.get("DNAS_TALLY"):
        Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def _the_signals_are_ours_again():
    """Put back the handlers of signals that a command sets where a test calls it in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        if handler is not None:  # one that was not set from Python cannot be set again
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """``$DNAS_DATA``, or the data directory beside the checkout; without either the test is skipped."""
    folder = Path(os.environ.get("DNAS_DATA") or BESIDE_THE_CHECKOUT)
    if not folder.is_dir():
        pytest.skip(f"no data directory: set DNAS_DATA ({folder} does not exist)")
    return folder


@pytest.fixture(scope="session")
def one_thread() -> None:
    """Compute on one thread: the sizes of these tests gain nothing from a second."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cut() -> tuple[str, ...]:
    """The overrides that cut ``quick`` down."""
    return CUT


@pytest.fixture(scope="session")
def cut_down():
    """Load ``quick``, cut down, with more overrides."""
    from bench.experiments import reading

    return cache(lambda *overrides: reading.load("quick", (*CUT, *overrides)))


@pytest.fixture(scope="session")
def noise_images():
    """40 search images and 8 test images of 8 x 8 grey noise, every class present."""
    import torch

    from bench.images.datasets import Images

    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (48, 1, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.arange(48) % 10
    return Images(
        name="digits",
        train=pixels[:40],
        train_labels=labels[:40],
        test=pixels[40:],
        test_labels=labels[40:],
        classes=10,
        mean=(0.5,),
        std=(0.25,),
        checksum="of-noise",
    )


@dataclass
class Start:
    """All that a search needs, before its first step."""

    learner: Any
    feed: Any
    method: Any
    protocol: Any

    def batches(self, epoch: int = 0) -> list[Any]:
        return list(map(self.feed.batch, self.feed.drawn(epoch)))

    def step(self, batch: Any) -> Any:
        return self.method.step(self.learner, batch, self.protocol.params)


@pytest.fixture(scope="session")
def start(cut_down, noise_images, one_thread):
    """Make what a search of the images of noise starts from."""
    import torch

    from bench import feed
    from bench.steps.learner import Learner, initial_state
    from spaces.supernet.network import Supernet
    from tests.pairs import fitting

    def make(space, method, *overrides, seeds=(0, 1), dtype=torch.float64, device="cpu"):
        arm = cut_down(*fitting(method), *overrides).arm(space, method)
        protocol, found = arm.protocol, arm.method
        net = Supernet(arm.space, protocol.supernet, image_channels=1)
        where = {"dtype": dtype, "device": torch.device(device)}
        return Start(
            Learner(net, initial_state(net, seeds, **where), protocol.training),
            feed.Feed(noise_images, arm, seeds, **where),
            found,
            protocol,
        )

    return make


@pytest.fixture(scope="session")
def child_environment(tmp_path_factory):
    """The environment of a user who has nothing: no data, no cache but that of fonts, an empty home; one thread."""
    import matplotlib

    home = tmp_path_factory.mktemp("home")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DNAS_", "PYTEST_", "XDG_"))
    }
    return environment | {
        "HOME": str(home),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # to make it anew takes seconds
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "120",
    }


@pytest.fixture(scope="session")
def child(child_environment):
    """Run Python with some arguments in a process of its own, and wait for it."""

    def run(arguments, *, cwd, timeout=300, **environment):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=child_environment | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def cifar_folder(tmp_path_factory):
    """A data directory with 16 and 4 images of noise in CIFAR-10's layout, and the checksum to ask of them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    from bench.images.decoded import sha256

    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("data")
    pixels = rng.integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, 20, dtype=np.uint8)
    (folder / "cifar10").mkdir()
    for name, part in {"train-00000-of-00001": slice(0, 16), "test-00000-of-00001": slice(16, 20)}.items():
        rows = []
        for image, label in zip(pixels[part], labels[part], strict=True):
            file = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).save(file, "WEBP", lossless=True)
            rows.append({"img": {"bytes": file.getvalue(), "path": None}, "label": int(label)})
        pq.write_table(pa.Table.from_pylist(rows), folder / "cifar10" / f"{name}.parquet")
    return folder, sha256(pixels, labels)

"""What may be captured as a CUDA graph, shown on a CPU: a recording of one step, replayed on other inputs.

``make_fx`` records the calls of a step on tensors that it then holds on to, as a graph does: a number read back, a
tensor made anew or a draw taken during the recording would be frozen in it, and the replay would go astray.
"""

from contextlib import contextmanager
from functools import partial

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from bench.machine import capture
from bench.search import step_of as step_of_search
from bench.steps.learner import Outcome
from tests.pairs import PAIRS, TRAINED

#: Calls that read from the device, copy from the host, or draw.
FORBIDDEN = (
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "lift_fresh",
    "rand",
    "bernoulli",
    "normal",
    "multinomial",
)


class Watch(TorchDispatchMode):
    """Refuses what a graph cannot hold."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket._qualified_op_name.removeprefix("aten::")
        if name == "index" and any(i is not None and i.dtype == torch.bool for i in args[1]):
            name = "masked_select"
        assert not name.startswith(FORBIDDEN), f"{name} cannot be captured"
        assert "device" not in (kwargs or {}) or name != "_to_copy", "a copy from one device to another"
        return func(*args, **(kwargs or {}))


def step_of(begun):
    return partial(step_of_search, begun.learner, begun.feed)


def state_of(begun):
    state = begun.learner.state
    running = [tensor for pair in state.statistics.values() for tensor in pair]
    own = [state.weights, state.momentum, state.alpha, state.first, state.second, state.steps]
    return [*own, begun.learner.alpha_squares, begun.learner.weight_squares, *running]


SMALL = ("training.batch=16", "methods.sdarts-adv.steps=2")


@pytest.mark.parametrize(
    ("space", "name"),
    [
        ("nasbench201", "dropnas"),
        # to record takes seconds; what would freeze in a recording, the next test finds in every method
        pytest.param("nasbench1shot1-2", "darts", marks=pytest.mark.slow),
        *(pytest.param("nasbench201", name, marks=pytest.mark.slow) for name in TRAINED if name != "dropnas"),
    ],
)
def test_a_recorded_step_replayed_is_the_step(start, name, space):
    plain, recorded = start(space, name, *SMALL), start(space, name, *SMALL)
    drawn = (each for epoch in range(3) for each in recorded.feed.drawn(epoch))
    inputs = [each for each in drawn if each["train/index"].shape[1] == 16][:3]
    step_of(recorded)(inputs[0])  # makes the constant tensors
    before = [tensor.clone() for tensor in state_of(recorded)]

    def flat(drawn):
        outcome = step_of(recorded)(drawn)
        return outcome.loss, outcome.correct

    replay = make_fx(flat)(dict(inputs[0]))
    for tensor, kept in zip(state_of(recorded), before, strict=True):
        tensor.copy_(kept)

    step_of(plain)(inputs[0])
    for drawn in inputs[1:]:
        expected, (loss, correct) = step_of(plain)(drawn), replay(drawn)
        assert torch.equal(correct, expected.correct)
        torch.testing.assert_close(loss, expected.loss, rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(state_of(recorded), state_of(plain), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_a_step_reads_nothing_back_and_copies_nothing_from_the_host(start, name, space):
    begun = start(space, name, *SMALL, "training.batch=4", dtype=torch.float32)
    drawn = next(iter(begun.feed.drawn(0)))
    step_of(begun)(drawn)
    with Watch():
        step_of(begun)(drawn)


@pytest.mark.parametrize("name", ["darts", "dropnas"])  # tests/contracts holds every method to it
def test_state_is_changed_in_place(start, name):
    begun = start("nasbench201", name, *SMALL)
    addresses = [tensor.data_ptr() for tensor in state_of(begun)]
    values = [tensor.clone() for tensor in state_of(begun)[:3]]
    for drawn in begun.feed.drawn(0):
        step_of(begun)(drawn)
    assert [tensor.data_ptr() for tensor in state_of(begun)] == addresses
    assert not any(torch.equal(now, then) for now, then in zip(state_of(begun)[:3], values, strict=True))


class Cuda:
    """Stands in for a GPU: a capture undoes what the step did on the host, a replay takes the step again."""

    def __init__(self, monkeypatch, *, error=None):
        self.total, self.error, self.eager = torch.zeros(()), error, 0
        self.capturing = False
        monkeypatch.setattr(capture.Captured, "_aside", lambda captured, inputs: captured._step(inputs))
        monkeypatch.setattr(capture.Captured, "_capture", self.capture)
        self.warnings = []
        monkeypatch.setattr(capture, "_warn", self.warnings.append)
        self.captured = capture.Captured(self.step, torch.device("cuda"))

    def step(self, inputs):
        self.eager += not self.capturing
        self.total += inputs["x"].sum()
        return Outcome(self.total.clone(), inputs["x"] + 1)

    def capture(self, inputs):
        if self.error:
            raise RuntimeError(self.error)
        kept, outcome = {"x": inputs["x"].clone()}, Outcome(torch.zeros(()), torch.zeros_like(inputs["x"]))

        class Graph:
            def replay(graph):
                self.capturing = True
                fresh = self.step(kept)
                self.capturing = False
                outcome.loss.copy_(fresh.loss)
                outcome.correct.copy_(fresh.correct)

        return capture._Graph(Graph(), kept, outcome)


def test_the_watch_sees_what_a_graph_cannot_hold():
    x = torch.rand(3)
    for forbidden in (lambda: float(x.sum()), lambda: x[x > 0.5], lambda: x[[0, 2]], lambda: x * torch.tensor([1.0])):
        with pytest.raises(AssertionError, match="cannot be captured"), Watch():
            forbidden()


def test_the_first_steps_of_a_shape_are_plain_and_the_others_replayed(monkeypatch):
    cuda = Cuda(monkeypatch)
    outcomes = [cuda.captured({"x": torch.full((2,), float(i))}) for i in range(6)]
    assert cuda.eager == capture.WARM_UP
    assert [float(o.loss) for o in outcomes] == [0, 2, 6, 12, 20, 30]
    assert [float(o.correct[0]) for o in outcomes] == [1, 2, 3, 4, 5, 6]  # none overwritten by a later one


def test_a_short_last_batch_has_a_graph_of_its_own(monkeypatch):
    cuda = Cuda(monkeypatch)
    for _ in range(5):
        for size in (4, 4, 1):
            cuda.captured({"x": torch.ones(size)})
    assert cuda.captured.replays == 2
    assert cuda.eager == 2 * capture.WARM_UP
    assert float(cuda.total) == 5 * 9


def test_a_step_that_cannot_be_captured_is_taken_plainly_after_one_line(monkeypatch):
    cuda = Cuda(monkeypatch, error="operation not permitted when stream is capturing\nat some line")
    for _ in range(6):
        cuda.captured({"x": torch.ones(2)})
    assert cuda.eager == 6
    assert float(cuda.total) == 12
    assert cuda.warnings == [
        "the step could not be captured and runs more slowly: operation not permitted when stream is capturing"
    ]


def test_a_cpu_takes_every_step_plainly():
    taken = []

    def step(inputs):
        taken.append(inputs)
        return Outcome(torch.zeros(1), torch.zeros(1))

    captured = capture.Captured(step, torch.device("cpu"))
    for _ in range(5):
        captured({"x": torch.ones(1)})
    assert len(taken) == 5
    assert captured.replays == 0


class Event:
    """Stands in for an event of a GPU; notes which were waited for."""

    recorded, waited = 0, ()

    def record(self):
        Event.recorded += 1
        self.number = Event.recorded

    def synchronize(self):
        Event.waited = (*Event.waited, self.number)


def test_the_host_waits_for_the_step_of_a_few_steps_before(monkeypatch):
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(Event, "recorded", 0)
    monkeypatch.setattr(Event, "waited", ())
    ahead = capture.Ahead(torch.device("cuda"))
    for taken in range(1, 8):
        ahead.step()
        assert Event.recorded == taken
        assert Event.waited == tuple(range(1, taken - capture.AHEAD + 1))


def test_on_a_cpu_nothing_is_ahead(monkeypatch):
    monkeypatch.setattr(torch.cuda, "Event", None)
    ahead = capture.Ahead(torch.device("cpu"))
    for _ in range(10):
        ahead.step()


class Streams:
    """Stands in for the streams and captures of a GPU, and writes down what is done on which stream."""

    def __init__(self, monkeypatch):
        self.current, self.log, self.made = "main", [], 0
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 7)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream(self, self.current))
        monkeypatch.setattr(torch.cuda, "Stream", self.stream)
        monkeypatch.setattr(torch.cuda, "stream", self.on)
        monkeypatch.setattr(torch.cuda, "graph", self.capture)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
        capture._stream.cache_clear()

    def stream(self, device):
        self.made += 1
        return Stream(self, "side")

    @contextmanager
    def on(self, stream):
        before, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def capture(self, graph, *, pool, stream):
        self.current = stream.name
        self.log.append(f"capture on {stream.name}")
        yield  # as PyTorch's, it does not give the stream back where the capture fails
        self.current = "side"


class Stream:
    def __init__(self, streams, name):
        self.streams, self.name = streams, name

    def wait_stream(self, other):
        self.streams.log.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def streams(monkeypatch):
    yield Streams(monkeypatch)
    capture._stream.cache_clear()


def test_warm_ups_and_captures_share_one_stream(streams):
    work = lambda: streams.log.append(f"work on {streams.current}")  # noqa: E731
    for _ in range(2):
        with capture.aside():
            work()
    graph, _ = capture.record(work)
    assert graph is not None
    assert streams.made == 1
    assert streams.current == "main"
    around = ["side waits for main", "work on side", "main waits for side"]
    assert streams.log == [*around, *around, "capture on side", "work on side"]


def test_a_failed_capture_gives_the_stream_back(streams):
    def work():
        raise RuntimeError("operation not permitted")

    with pytest.raises(RuntimeError, match="not permitted"):
        capture.record(work)
    assert streams.current == "main"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-1"])
def test_on_a_gpu_a_captured_search_is_the_uncaptured_one(start, name, space, monkeypatch):
    monkeypatch.setattr(capture, "_warn", pytest.fail)
    outcomes = []
    for enabled in (False, True):
        begun = start(space, name, *SMALL, device="cuda")
        step = capture.Captured(step_of(begun), torch.device("cuda"), enabled=enabled)
        for epoch in range(6):
            for drawn in begun.feed.drawn(epoch):
                step(drawn)
        assert step.replays == (2 if enabled else 0)
        outcomes.append(state_of(begun))
    for plain, captured in zip(*outcomes, strict=True):
        torch.testing.assert_close(captured, plain, rtol=1e-9, atol=1e-11)

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from bench.measure import measurements
from bench.steps.simplex import project, softmax
from spaces.supernet import conv

#: One batch is the whole alpha half: its order is all that is drawn.
WHOLE = ("training.batch=20",)


@pytest.fixture
def trained(start):
    """A search after an epoch, alphas far enough apart to matter."""

    def make(space="nasbench201", method="darts", *more):
        begun = start(space, method, *more)
        for batch in begun.batches():
            begun.step(batch)
        state, mask = begun.learner.state, begun.learner.mask
        noise = torch.randn(state.alpha.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        state.alpha.add_(torch.where(mask, 0.3 * noise, 0))
        return begun

    return make


def snapshot(learner):
    state = learner.state
    tensors = [state.weights, state.momentum, state.alpha, state.first, state.second, state.steps]
    tensors += [t for pair in state.statistics.values() for t in pair]
    return [tensor.clone() for tensor in tensors]


def alphas_of(feed):
    return feed.split.alphas if len(feed.split.alphas) else feed.split.weights


def hessian(learner, samples, step=1e-5):
    """The alpha Hessian of each seed by central differences of the gradient."""
    mask, alpha = learner.mask, learner.state.alpha.clone()
    columns = []
    for row, choice in mask.nonzero().tolist():
        sides = []
        for sign in (1, -1):
            learner.state.alpha = alpha.clone()
            learner.state.alpha[:, row, choice] += sign * step
            sides.append(learner.alpha_gradient(learner.state.weights, samples, update=False)[:, mask])
        columns.append((sides[0] - sides[1]) / (2 * step))
    learner.state.alpha = alpha
    return torch.stack(columns, dim=2).numpy()


@pytest.mark.parametrize(
    ("space", "method"),
    # tests/parity holds the eigenvalue on NAS-Bench-201 to another Hessian
    [pytest.param("nasbench201", "darts", marks=pytest.mark.slow), ("nasbench1shot1-1", "dropnas")],
)
def test_the_eigenvalue_is_that_of_a_finite_difference_hessian(trained, space, method):
    whole = WHOLE if method == "darts" else ("training.batch=40",)
    begun = trained(space, method, *whole)
    samples = begun.feed.clean(alphas_of(begun.feed))
    matrices = hessian(begun.learner, samples)
    assert np.abs(matrices - matrices.swapaxes(1, 2)).max() < 1e-6
    damped = matrices + 1e-3 * np.eye(matrices.shape[1])
    expected = np.abs(np.linalg.eigvalsh(damped)[:, -1])
    np.testing.assert_allclose(measurements.eigenvalue(begun.learner, begun.feed, 0), expected, rtol=1e-5)


class Convolutions(TorchDispatchMode):
    """Counts convolutions, forward and backward."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket._qualified_op_name
        self.count += name in ("aten::convolution", "aten::convolution_backward")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("space", "form"),
    [
        ("nasbench201", "grouped"),
        pytest.param("nasbench201", "dense", marks=pytest.mark.slow),
        *(pytest.param("nasbench1shot1-2", form, marks=pytest.mark.slow) for form in ("bmm", "loop")),
    ],
)
def test_the_eigenvalue_is_that_of_plain_convolutions_and_computes_no_gradients_of_kernels(
    trained, monkeypatch, space, form
):
    begun = trained(space)
    learner = begun.learner
    learner.net.form = form
    with monkeypatch.context() as plainly:
        plainly.setattr(conv, "_conv2d", lambda x, k, b, s, g=1: F.conv2d(x, k, b, s, k.shape[-1] // 2, groups=g))
        with Convolutions() as theirs:
            plain = measurements.eigenvalue(begun.learner, begun.feed, 0)
    with Convolutions() as ours:
        np.testing.assert_allclose(measurements.eigenvalue(begun.learner, begun.feed, 0), plain, rtol=1e-12)
    with Convolutions() as forward, conv.differentiated_twice():
        learner.loss(learner.state.weights, learner.mix(), begun.feed.clean(torch.arange(8)), update=False)
    assert 0 < ours.count <= 2 * forward.count * (1 + int(learner.mask.sum()))  # each row: forwards and backwards
    assert theirs.count > 1.3 * ours.count


def test_the_eigenvalue_of_a_broken_seed_is_missing_and_the_others_are_not(trained):
    begun = trained()
    begun.learner.state.weights[0, 0] = torch.nan
    first, second = measurements.eigenvalue(begun.learner, begun.feed, 0)
    assert np.isnan(first)
    assert np.isfinite(second)


def test_each_epoch_measures_the_eigenvalue_on_a_batch_of_its_own(trained):
    begun = trained()
    zero, one = (measurements.eigenvalue(begun.learner, begun.feed, epoch) for epoch in (0, 1))
    assert (zero != one).all()


@pytest.mark.parametrize(
    "measured",
    [
        lambda b: measurements.eigenvalue(b.learner, b.feed, 0),
        lambda b: measurements.evaluate(b.learner, b.feed, alphas_of(b.feed)),
        lambda b: measurements.landscape(b.learner, b.feed, 3, 8),
        lambda b: measurements.describe(b.learner),
    ],
    ids=["eigenvalue", "evaluate", "landscape", "describe"],
)
def test_measuring_changes_nothing(trained, measured):
    begun = trained()
    before = snapshot(begun.learner)
    generator = torch.get_rng_state()
    measured(begun)
    assert all(torch.equal(a, b) for a, b in zip(before, snapshot(begun.learner), strict=True))
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize("chunk", [7, 500])
def test_evaluation_is_the_mean_over_clean_images_in_evaluation_mode(trained, monkeypatch, chunk):
    begun = trained("nasbench1shot1-1")
    monkeypatch.setattr(measurements, "CHUNK", chunk)
    images = torch.tensor([5, 0, 39, 8, 9, 10, 11, 12, 13, 20])
    loss, accuracy = measurements.evaluate(begun.learner, begun.feed, images)
    learner, samples = begun.learner, begun.feed.clean(images)
    logits = learner.net.forward(
        learner.state.weights, learner.state.statistics, samples.images, learner.mix(), training=False
    )
    for seed in (0, 1):
        assert float(loss[seed]) == pytest.approx(float(F.cross_entropy(logits[seed], samples.labels[seed])), rel=1e-9)
        correct = (logits[seed].argmax(1) == samples.labels[seed]).sum()
        assert float(accuracy[seed]) == pytest.approx(10.0 * float(correct))


def test_evaluation_at_another_mix_is_that_mixs(trained):
    begun = trained()
    images, uniform = alphas_of(begun.feed), torch.full_like(begun.learner.state.alpha, 0.2)
    there, _ = measurements.evaluate(begun.learner, begun.feed, images, uniform)
    here, _ = measurements.evaluate(begun.learner, begun.feed, images)
    assert not torch.equal(there, here)
    begun.learner.state.alpha.zero_()
    torch.testing.assert_close(measurements.evaluate(begun.learner, begun.feed, images)[0], there)


@pytest.mark.parametrize(("space", "method"), [("nasbench201", "dropnas"), ("nasbench1shot1-3", "darts")])
def test_the_centre_of_the_landscape_is_the_accuracy_at_alpha(trained, space, method):
    begun = trained(space, method)
    _, accuracy = measurements.evaluate(begun.learner, begun.feed, alphas_of(begun.feed))
    tables = measurements.landscape(begun.learner, begun.feed, 3, 1000)
    assert len(tables) == 2
    for seed, table in enumerate(tables):
        plane, radius = table[table["kind"] == "plane"], table[table["kind"] == "radius"]
        assert sorted(zip(plane["x"], plane["y"], strict=True)) == [
            (x, y) for x in (-1.5, 0, 1.5) for y in (-1.5, 0, 1.5)
        ]
        (centre,) = plane["valid_accuracy"][(plane["x"] == 0) & (plane["y"] == 0)]
        assert centre == pytest.approx(float(accuracy[seed]))
        assert radius["x"].tolist() == pytest.approx([0.05 * i for i in range(11)])
        assert radius["valid_accuracy"].iloc[0] == pytest.approx(float(accuracy[seed]))
        assert table["valid_accuracy"].between(0, 100).all()


def test_the_landscape_goes_along_the_gradient_and_a_direction_orthogonal_to_it(trained, monkeypatch):
    begun = trained("nasbench1shot1-1", "darts", *WHOLE)
    learner, seen = begun.learner, []
    evaluate = measurements.evaluate

    def watched(learner, feed, images, mix=None):
        seen.append(mix)
        return evaluate(learner, feed, images, mix)

    monkeypatch.setattr(measurements, "evaluate", watched)
    measurements.landscape(learner, begun.feed, 3, 1000)

    def moved(x, y):
        """How far the plane's point lies from the centre, in logits, each row's mean taken off."""
        ratio = torch.where(learner.mask, (seen[3 * x + y] / seen[4]).log(), 0)
        mean = ratio.sum(-1, keepdim=True) / learner.mask.sum(-1, keepdim=True)
        return torch.where(learner.mask, ratio - mean, 0)

    torch.testing.assert_close(seen[4], learner.mix())
    along, across = moved(2, 1) / 1.5, moved(1, 2) / 1.5
    gradient = learner.alpha_gradient(learner.state.weights, begun.feed.clean(alphas_of(begun.feed)), update=False)
    torch.testing.assert_close(along, gradient / gradient.norm(dim=-1, keepdim=True), rtol=1e-6, atol=1e-8)
    orthogonal = (along * across).sum(-1)
    torch.testing.assert_close(orthogonal, torch.zeros_like(orthogonal))
    assert (across.abs().sum(-1) > 0).all()
    torch.testing.assert_close(moved(0, 1), -moved(2, 1))


@pytest.fixture
def around(trained, monkeypatch):
    """A search, what its landscape gives to softmax, project and evaluate, and seed 0's table; mix k has accuracy k."""
    begun, logits, moved, mixes = trained("nasbench1shot1-1", "darts", *WHOLE), [], [], []
    numbered = lambda learner, feed, images, mix: mixes.append(mix) or (None, torch.full((2,), len(mixes) - 1.0))  # noqa: E731
    monkeypatch.setattr(measurements, "softmax", lambda alpha, mask: logits.append(alpha) or softmax(alpha, mask))
    monkeypatch.setattr(measurements, "project", lambda mix, mask: moved.append(mix) or project(mix, mask))
    monkeypatch.setattr(measurements, "evaluate", numbered)
    return begun, logits, moved, mixes, measurements.landscape(begun.learner, begun.feed, 3, 8)[0]


def test_every_row_of_either_direction_has_length_one_and_a_seed_its_own(around):
    begun, logits, *_ = around
    mask = begun.learner.mask
    for point in (7, 5):  # (1.5, 0) and (0, 1.5)
        direction = (logits[point] - logits[4]) / 1.5
        torch.testing.assert_close(direction.norm(dim=-1), torch.ones(2, len(mask), dtype=torch.float64))
        assert not direction[:, ~mask].any()
        assert not torch.isclose(direction[0], direction[1])[mask].any()


def test_a_radius_is_the_mean_over_four_mixes_with_noise_of_that_size_on_the_simplex(around):
    begun, _, moved, mixes, table = around
    learner, radii = begun.learner, torch.tensor(measurements.RADII, dtype=torch.float64)
    assert table["valid_accuracy"].tolist() == [*range(9), *(10.5 + 4 * place for place in range(11))]
    for given, mix in zip(moved, mixes[9:], strict=True):
        assert torch.equal(project(given, learner.mask), mix)
    noise = (torch.stack(moved) - learner.mix())[..., learner.mask].unflatten(0, (11, 4))
    assert not noise[0].any()
    noise = noise[1:] / radii[1:, None, None, None]
    assert 0.99 < noise.abs().max() <= 1 + 1e-12
    assert noise.mean().abs() < 0.06
    assert noise.var() == pytest.approx(1 / 3, rel=0.1)
    assert len(noise.flatten(0, 2).unique(dim=0)) == 10 * 4 * 2  # each radius, draw and seed has its own


def test_a_landscape_is_measured_on_as_many_images_as_asked(trained, monkeypatch):
    begun, counts = trained(), set()
    evaluate = measurements.evaluate

    def counted(learner, feed, images, mix=None):
        counts.add(len(images))
        assert set(images.tolist()) <= set(range(20, 40))
        return evaluate(learner, feed, images, mix)

    monkeypatch.setattr(measurements, "evaluate", counted)
    measurements.landscape(begun.learner, begun.feed, 1, 6)
    assert counts == {6}


def test_entropy_and_shares_are_those_of_the_operations(start):
    learner = start("nasbench1shot1-1", "darts").learner
    learner.state.alpha.zero_()
    learner.state.alpha[1, :4, 0] = 100.0  # the second seed has decided for pooling everywhere
    learner.state.alpha[1, 4:, 0] = 100.0
    described = measurements.describe(learner)
    rows = [3, 3, 3, 3, 5, 3, 4]
    assert described["arch_entropy"] == pytest.approx([np.mean(np.log(rows)), 0.0])
    assert described["mix_maxpool3x3"] == pytest.approx([1 / 3, 1.0])
    assert described["mix_conv3x3"] == pytest.approx([1 / 3, 0.0])


def test_gradient_norms_are_root_mean_squares_over_the_steps(start):
    learner = start("nasbench201", "darts").learner
    first, second = torch.zeros_like(learner.state.alpha), torch.zeros_like(learner.state.alpha)
    first[0, :, 1], second[0, 0, 1] = 2.0, 4.0  # over six rows: squares 24 and 16
    for gradient in (first, second):
        learner.alpha_step(gradient)
    values = measurements.gradients(learner, 2)
    assert values["alpha_grad_skip_connect"] == pytest.approx([20**0.5, 0])
    assert values["alpha_grad_none"] == pytest.approx([0, 0])
    assert measurements.gradients(learner, 2)["alpha_grad_skip_connect"] == pytest.approx([0, 0])  # new sums


def test_a_skip_connection_of_stride_two_has_weights_and_their_gradient_is_noted(start):
    learner = start("darts-s2", "darts").learner
    learner.note_weight_gradient(torch.ones(2, learner.net.size, dtype=torch.float64))
    assert (measurements.gradients(learner, 1)["weight_grad_skip_connect"] > 0).all()


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-1"])
def test_weight_gradients_are_counted_by_the_operation_that_owns_the_weight(start, space):
    learner = start(space, "darts").learner
    net = learner.net
    learner.note_weight_gradient(torch.ones(2, net.size, dtype=torch.float64))
    values, empty = measurements.gradients(learner, 1), measurements.gradients(learner, 1)
    for name in net.space.operations:
        owned = sum(piece.size for piece in net.layout.pieces if f".{name}" in piece.name)
        found = values[f"weight_grad_{name}"]
        if name in net.space.parameter_free:
            assert np.isnan(found).all()
            assert owned == 0
        else:
            assert owned > 0
            assert found == pytest.approx([owned**0.5] * 2)
            assert empty[f"weight_grad_{name}"].tolist() == [0, 0]  # new sums


def test_the_alpha_gradient_of_an_epoch_is_that_of_its_steps(start):
    begun, other = start("nasbench201", "darts"), start("nasbench201", "darts")
    squares = torch.zeros_like(begun.learner.state.alpha)
    for batch in begun.batches():
        squares += begun.learner.alpha_gradient(begun.learner.state.weights, batch.valid, update=False).square()
        begun.step(batch)
        other.step(batch)
    values = measurements.gradients(other.learner, 3)
    for column, name in enumerate(other.learner.net.space.operations):
        expected = (squares[:, :, column].sum(1) / 3).sqrt()
        np.testing.assert_allclose(values[f"alpha_grad_{name}"], expected, rtol=1e-9)


def test_the_mix_of_a_learner_is_the_softmax_of_its_alphas(start):
    learner = start("nasbench1shot1-3", "darts").learner
    assert torch.equal(learner.mix(), softmax(learner.state.alpha, learner.mask))
    assert not learner.mix().requires_grad

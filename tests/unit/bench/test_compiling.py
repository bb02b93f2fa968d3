"""Compiled cells, mostly by a backend that traces them and differentiates the trace but writes no machine code."""

import ast
import os
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import pytest
import torch

from bench.machine import compiling
from bench.runs import checkpoint
from results.errors import InputError
from results.files import cache
from spaces import find
from spaces.supernet import network as network_module
from spaces.supernet.network import Supernet

pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # by PyTorch's own tracing
SEEDS, CELLS = 2, 3
CPU = torch.device("cpu")


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    """Compile from nothing, as ``bench.machine.compiling`` sets it, and leave PyTorch as it was."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiling.prepare.cache_clear()
    with torch._dynamo.config.patch(recompile_limit=compiling.KINDS, accumulated_recompile_limit=compiling.KINDS):
        yield torch._dynamo.utils.counters
    torch._dynamo.reset()


@pytest.fixture
def traced(compiler, monkeypatch):
    """Let searches compile by tracing alone; return the counters."""
    monkeypatch.setattr(Supernet, "compiled", partialmethod(Supernet.compiled, backend="aot_eager"))
    monkeypatch.setattr(compiling, "prepare", lambda device, fix: None)
    return compiler


def network(space):
    found = find(space)
    return Supernet(found, replace(found.supernet, channels=2, cells=CELLS))


def outcome(net, work):
    """Return logits, a gradient and the running statistics: what a step or an attack takes from a pass."""
    weights = torch.stack([net.layout.initial(torch.Generator().manual_seed(seed)) for seed in range(SEEDS)])
    draw = torch.Generator().manual_seed(7)
    x = torch.randn(3, 8, 8, SEEDS, 3, generator=draw, dtype=torch.float64)
    mix = torch.rand(SEEDS, *net.space.mask.shape, generator=draw, dtype=torch.float64)
    mix[:, 0, 0] = 0  # as a projection makes it
    statistics = net.statistics(SEEDS, dtype=torch.float64, device="cpu")
    wanted = weights if work == "weights" else mix
    wanted.requires_grad_()
    logits = net.forward(weights, statistics, x, mix, training=work != "frozen")
    gradient = torch.autograd.grad(logits.square().sum(), wanted)[0]
    return [logits.detach(), gradient, *(each for pair in statistics.values() for each in pair)]


@pytest.mark.parametrize(
    ("space", "kinds", "work"),
    [
        ("nasbench201", 3, "weights"),
        pytest.param("nasbench201", 3, "mix", marks=pytest.mark.slow),
        pytest.param("nasbench1shot1-1", 6, "frozen", marks=pytest.mark.slow),
    ],
)
def test_compiled_cells_compute_the_same_and_cells_of_a_kind_are_compiled_once(space, kinds, work, compiler):
    net = network(space)
    plain, compiled = outcome(net, work), outcome(net.compiled(backend="aot_eager"), work)
    for ours, theirs in zip(compiled, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
    # a stack's first cell of NAS-Bench-1Shot1 has other inputs; the network's first one may get no gradient back
    assert kinds <= compiler["stats"]["unique_graphs"] <= kinds + 1
    assert not compiler["graph_break"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own code
def test_a_cell_runs_as_machine_code(compiler):
    compiling.prepare(CPU, fix="")
    net, seen = network("nasbench201"), []
    forward = net._cell
    net._cell = lambda *arguments: seen.append(arguments) or forward(*arguments)
    outcome(net, "mix")
    shares = seen[0][1]
    ours, theirs = net.compiled()._cell(*seen[0]), forward(*seen[0])
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
    gradients = [torch.autograd.grad(y.square().sum(), shares.skip + shares.pool) for y in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-12)
    assert list(Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).rglob("*.so"))


def test_no_comprehension_of_a_supernet_assigns_a_name_outside_of_itself():
    """PyTorch 2.11 cannot compile that ("Read uninitialized cell")."""
    folder = Path(network_module.__file__).parent
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")}
    comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    found = [
        f"{path.name}:{inner.lineno}"
        for path, tree in trees.items()
        for outer in ast.walk(tree)
        if isinstance(outer, comprehensions)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.NamedExpr)
    ]
    assert not found


class Killed(Exception):
    """The end of a process, as far as a search can see it."""


@pytest.mark.slow
def test_a_compiled_search_is_the_plain_one_to_rounding_and_stays_compiled(search, traced):
    def kill(task, epoch, rows):
        if epoch == 1:
            raise Killed

    settings = ("measure.eigenvalue_every=1", "measure.landscape=3")
    plain = search("plain", *settings, precision="float64").records()
    assert not traced["stats"]["unique_graphs"]
    with pytest.raises(Killed):
        search("compiled", *settings, precision="float64", compiled=True, progress=kill)
    first = traced["stats"].pop("unique_graphs")
    torch._dynamo.reset()
    compiled = search("compiled", *settings).records()
    assert traced["stats"]["unique_graphs"] == first > 0
    for ours, theirs in zip(compiled, plain, strict=True):
        assert (ours.manifest.group.compiled, theirs.manifest.group.compiled) == (True, False)
        for column in ("train_loss", "valid_accuracy", "eigenvalue"):
            assert ours.points[column].tolist() == pytest.approx(theirs.points[column].tolist(), rel=1e-9, nan_ok=True)


def test_a_machine_that_cannot_compile_says_so(compiler, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no C++ compiler\nand much more")

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(InputError, match=r"cannot be compiled here \(no C\+\+ compiler\); leave out --compile"):
        compiling.prepare(CPU, fix="leave out --compile")


def test_without_a_home_directory_the_compiler_takes_a_folder_of_its_own(compiler, monkeypatch):
    def none():
        raise cache.NoHome("no home directory")

    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setattr(compiling.cache, "folder", none)
    monkeypatch.setattr(torch, "compile", lambda work, **_: work)
    compiling.prepare(torch.device("cpu"), fix="leave out --compile")
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ


def test_a_group_that_began_plain_stays_so(search, traced, monkeypatch):
    def kill(task, epoch, rows):
        if epoch == 1:
            raise Killed

    def before(root, kept, **options):  # a checkpoint of a version that could not compile
        kept.meta.pop("compiled", None)
        save(root, kept, **options)

    save = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", before)
    with pytest.raises(Killed):
        search("plain", progress=kill)
    monkeypatch.undo()
    (record, _) = search("plain", compiled=True).records()
    assert record.manifest.group.compiled is False

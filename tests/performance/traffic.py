"""Counts the kernels that a step launches, and the bytes that these read and write, by ATen operation.

Shapes decide both. So a step is counted at full size on tensors without data (PyTorch's device ``meta``), in seconds
and without a GPU, and computes as on a GPU: the forms for a CPU ask for a CPU. All convolutions are grouped.
``python -m tests.performance.traffic docs/performance/traffic.json`` counts the steps of that file anew, and keeps what
stands there of a commit before.

An operation reads each tensor that it is given and writes each that it returns, once; one that changes a tensor in
place reads and writes it, one that fills it writes it. An axis of stride 0 is read once. Views, metadata and memory
that is allocated cost nothing. Known operations that need less than they are given are counted by what they need.

This is a count, and no measurement. It does not know caches: a map that an operation finds in one costs as much as any.
It does not know what a kernel does inside: a batch norm in training reads its input twice, a convolution may need a
workspace or another memory order, and a compiler may fuse operations.
"""

import json
import sys
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

import spaces
from bench.experiments.reading import load
from bench.methods import method as methods
from bench.steps.learner import Batch, Learner, Samples, initial_state
from spaces.supernet.network import Supernet

META, SIDE, SEEDS = torch.device("meta"), 32, 4

#: Calls that touch no element: they allocate without filling, or change metadata alone.
_FREE = frozenset(
    {"_unsafe_view", "detach", "empty", "empty_like", "empty_strided", "lift_fresh", "new_empty", "new_empty_strided"}
)
#: Calls that write what they are given, whatever stood there.
_FILLING = frozenset({"copy_", "fill_", "zero_"})
#: Of what these are given they read as much as they return.
_PICKING = frozenset({"embedding", "gather", "index", "index_select"})
#: Their last argument says which of what they return is wanted; the others are not made.
_MASKED = frozenset({"convolution_backward", "native_batch_norm_backward"})
#: What these are given for its shape alone, by its name.
_FOR_ITS_SHAPE = {"avg_pool2d_backward": "self", "max_pool2d_with_indices_backward": "self"}


class Traffic(TorchDispatchMode):
    """Counts ``calls`` and ``bytes`` by name while it is active, those on a device if one is given.

    Foreach calls count once.
    """

    def __init__(self, device=None):
        super().__init__()
        self.device, self.calls, self.bytes = device, Counter(), Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        name = func.overloadpacket._qualified_op_name.removeprefix("aten::")
        if name.startswith("convolution"):
            made = _channels_last(made)
        here = self.device is None or any(one.device == self.device for one in _tensors((args, kwargs, made)))
        if here and func.namespace == "aten" and not _is_view(func) and name not in _FREE:
            self.calls[name] += 1
            self.bytes[name] += _moved(func, name, args, kwargs or {}, made)
        return made

    @property
    def launches(self):
        return self.calls.total()

    @property
    def moved(self):
        return self.bytes.total()


def of_step(space, method, *overrides, seeds=SEEDS, **params):
    """Return the traffic of one step, without the augmentation of its images, at the sizes of ``paper``.

    ``params`` of the method may differ from those of the experiment.
    """
    protocol = load("paper", overrides).arm(space, method).protocol
    found, searcher, batch = spaces.find(space), methods.find(method), protocol.training.batch
    learner, samples = learner_of(found, protocol.supernet, protocol.training, seeds), samples_of(batch, seeds)
    drawn = searcher.draws(torch.Generator(), 1, found, protocol.params)
    draws = {name: torch.stack([one[0]] * seeds).to(META, torch.float32) for name, one in drawn.items()}
    scalars = searcher.scalars(protocol.params, 0, protocol.training.epochs)
    values = {name: torch.tensor(value, device=META) for name, value in scalars.items()}
    step = Batch(samples, samples if searcher.levels == 2 else None, torch.tensor(0.025, device=META), draws, values)
    with Traffic(META) as counted:
        searcher.step(learner, step, replace(protocol.params, **params))
    return counted


def learner_of(space, config, training, seeds):
    """Return a learner without data, with grouped convolutions."""
    net = Supernet(space, config, form="grouped")
    learner = Learner(net, initial_state(net, tuple(range(seeds)), torch.float32, "cpu"), training)
    _without_data(learner.state, [field.name for field in fields(learner.state)])
    _without_data(learner, [name for name in vars(learner) if name not in ("net", "state", "training")])
    return learner


def samples_of(batch, seeds):
    """Return a batch of images and labels without data."""
    images = torch.empty(batch, SIDE, SIDE, seeds, 3, device=META)
    return Samples(images, torch.empty(seeds, batch, dtype=torch.int64, device=META))


def _without_data(owner, names):
    for name in names:
        value = getattr(owner, name)
        setattr(owner, name, tree_map(lambda one: one.to(META) if isinstance(one, torch.Tensor) else one, value))


def _channels_last(made):
    """Return what a convolution makes as a GPU lays it out for channels-last maps; without data, PyTorch does not."""

    def laid_out(one):
        known = isinstance(one, torch.Tensor) and one.device == META and one.ndim == 4
        return one.to(memory_format=torch.channels_last) if known else one

    return tree_map(laid_out, made)


def _is_view(func):
    """Whether an operation returns an alias of its input and writes nothing."""
    returns = func._schema.returns if isinstance(func, OpOverload) else ()
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)


def _moved(func, name, args, kwargs, made):
    """Return the bytes that one call reads and writes."""
    if name in _MASKED:
        made = [one for one, wanted in zip(made, args[-1], strict=True) if wanted]
    read, written = {}, {_place(one): _size(one) for one in _tensors(made)}
    unread = _unread(name, args)
    for index, argument in enumerate(func._schema.arguments):
        given = args[index] if index < len(args) else kwargs.get(argument.name)
        changed = argument.alias_info is not None and argument.alias_info.is_write
        for one in _tensors(given):
            if changed:
                written[_place(one)] = _size(one)
            if not (changed and (argument.is_out or name in _FILLING)) and argument.name not in unread:
                read[_place(one)] = _size(one)
    if name in _PICKING:
        read[_place(args[0])] = min(_size(args[0]), sum(map(_size, _tensors(made))))
    return sum(read.values()) + sum(written.values())


def _unread(name, args):
    """Return the names of the arguments of a call that it does not read."""
    if name == "convolution_backward":  # the map for the kernel's gradient, and the other way round
        of_map, of_kernel, _ = args[-1]
        return {argument for argument, needed in (("input", of_kernel), ("weight", of_map)) if not needed}
    return {_FOR_ITS_SHAPE.get(name)}


def _tensors(value):
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def _size(tensor):
    """Return the bytes of the different elements of a tensor."""
    elements = 1
    for length, stride in zip(tensor.shape, tensor.stride(), strict=True):
        elements *= length if stride or not length else 1
    return elements * tensor.element_size()


def _place(tensor):
    return tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.shape, tensor.stride()


def as_document(counted):
    """Return what a file keeps of a count; bytes of less than a thousandth of all are put together."""
    large = {name: moved for name, moved in counted.bytes.most_common() if moved >= counted.moved / 1000}
    rest = counted.moved - sum(large.values())
    return {"launches": counted.launches, "bytes": large | {"others": rest}}


def main(paths):
    for path in map(Path, paths):
        document = json.loads(path.read_text(encoding="utf-8"))
        for step in document["traffic"]:
            step["now"] = as_document(of_step(step["space"], step["method"], *step["overrides"], **step["params"]))
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

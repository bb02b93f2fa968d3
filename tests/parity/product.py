"""The suite's supernet and methods, given the weights of reference networks by an explicit mapping.

The suite holds S seeds in one flat matrix and joins convolutions that read the same map; the reference has a
module for everything. `pieces` and `statistics` say which module is which piece. `pieces` serves weights and
gradients alike, so that a gradient is compared weight by weight.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bench.protocol import Training
from bench.steps.learner import Learner, State
from spaces import find
from spaces.base import SupernetConfig
from spaces.supernet.network import Supernet

from . import reference_nasbench1shot1 as oneshot
from . import reference_nasbench201 as nasbench201

# The authors' settings on NAS-Bench-1Shot1, but for the length.
TRAINING = Training(
    epochs=10,
    batch=6,
    lr=0.025,
    lr_min=0.001,
    lr_shifted=True,
    momentum=0.9,
    nesterov=False,
    weight_decay=3e-4,
    clip=5.0,
    clip_mix=False,
    alpha_lr=3e-4,
    alpha_betas=(0.5, 0.999),
    alpha_decay=1e-3,
    order="alpha-first",
    alpha_batches="cycle",
)

Take = Callable[[nn.Parameter], Tensor]


def data(weight: nn.Parameter) -> Tensor:
    """Take a weight's value."""
    return weight.detach()


def gradient(weight: nn.Parameter) -> Tensor:
    """Take a weight's gradient, zero where it has none."""
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def space_of(network: Any) -> Any:
    """Return the suite's space that a reference network belongs to."""
    return find(f"nasbench1shot1-{network.space}" if isinstance(network, oneshot.Network) else "nasbench201")


def joined(found: dict[str, Tensor], name: str, modules: list[Any], take: Take) -> None:
    """Add the pieces of convolutions with a batch norm each that are one in the suite, in this order."""
    found[name] = torch.cat([take(module.conv.weight) for module in modules])
    if modules[0].conv.bias is not None:
        found[f"{name}.bias"] = torch.cat([take(module.conv.bias) for module in modules])
    if modules[0].norm.affine:
        found[f"{name}.bn.scale"] = torch.cat([take(module.norm.weight) for module in modules])
        found[f"{name}.bn.shift"] = torch.cat([take(module.norm.bias) for module in modules])


def groups_nasbench201(network: nasbench201.Network) -> dict[str, list[Any]]:
    """Return which convolutions and batch norms of the reference are one in the suite."""
    groups: dict[str, list[Any]] = {}
    stack = index = 0
    for layer in network.layers:
        if isinstance(layer, nasbench201.ResidualBlock):
            stack, index = stack + 1, 0
            groups[f"reduce{stack}.a"] = [layer.first]
            groups[f"reduce{stack}.b"] = [layer.second]
            continue
        assert isinstance(layer, nasbench201.Cell)
        for source in range(3):
            rows = [row for row, edge in enumerate(nasbench201.EDGES) if edge[1] == source]
            for column in (2, 3):
                name = f"cell{stack}.{index}.{source}.{nasbench201.OPERATIONS[column]}"
                edges: list[Any] = [layer.edges[row] for row in rows]
                groups[name] = [edge.operations[column] for edge in edges]
        index += 1
    return groups


def groups_oneshot(network: oneshot.Network) -> dict[str, list[Any]]:
    """Return which convolutions and batch norms of the reference are one in the suite."""
    groups: dict[str, list[Any]] = {"stem": [network.stem]}
    stacks: list[Any] = list(network.stacks)
    for stack, cells in enumerate(stacks):
        for index, cell in enumerate(cells):
            groups[f"cell{stack}.{index}.project"] = [*cell.projections, cell.output_projection]
            for number, block in enumerate(cell.blocks):
                groups[f"cell{stack}.{index}.{number}.conv3x3"] = [block.operations[1]]
                groups[f"cell{stack}.{index}.{number}.conv1x1"] = [block.operations[2]]
    return groups


def projection_last(weight: Tensor, parts: int) -> Tensor:
    """Reorder the inputs of a convolution: the suite concatenates a published cell's projection last."""
    first, *blocks = weight.chunk(parts, dim=1)
    return torch.cat([*blocks, first], dim=1)


def pieces(network: Any, take: Take = data) -> dict[str, Tensor]:
    """Return what `take` takes of every weight, as the suite's named pieces of one seed."""
    found: dict[str, Tensor] = {}
    if isinstance(network, oneshot.Network):
        for name, modules in groups_oneshot(network).items():
            joined(found, name, modules, take)
        found["head"] = take(network.last_conv.weight)
        if network.stacks[0][0].published:
            parts = oneshot.block_count(network.space) + 1
            first = "cell0.0.project"
            for name in [each for each in found if each.endswith(".project") and each != first] + ["head"]:
                found[name] = projection_last(found[name], parts)
    else:
        found["stem"] = take(network.stem_conv.weight)
        found["stem.bn.scale"] = take(network.stem_norm.weight)
        found["stem.bn.shift"] = take(network.stem_norm.bias)
        for name, modules in groups_nasbench201(network).items():
            joined(found, name, modules, take)
        blocks = [layer for layer in network.layers if isinstance(layer, nasbench201.ResidualBlock)]
        for stack, block in enumerate(blocks, start=1):
            found[f"reduce{stack}.shortcut"] = take(block.shortcut.weight)
        if network.last_norm.affine:
            found["head.bn.scale"] = take(network.last_norm.weight)
            found["head.bn.shift"] = take(network.last_norm.bias)
    found["classify"] = take(network.classifier.weight)
    found["classify.bias"] = take(network.classifier.bias)
    return found


def statistics(network: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the tracked running means and variances by the suite's names of the batch norms."""
    if isinstance(network, oneshot.Network):
        norms = {name: [each.norm for each in group] for name, group in groups_oneshot(network).items()}
    else:
        norms = {name: [each.norm for each in group] for name, group in groups_nasbench201(network).items()}
        norms["stem"] = [network.stem_norm]
    norms["head"] = [network.last_norm]
    return {
        f"{name}.bn": (
            torch.cat([each.running_mean for each in group]),
            torch.cat([each.running_var for each in group]),
        )
        for name, group in norms.items()
        if group[0].track_running_stats
    }


def flat(net: Supernet, networks: list[Any], take: Take = data) -> Tensor:
    """Return what `take` takes of the weights of S reference networks as the suite's ``(S, P)``."""
    rows = []
    for network in networks:
        found = pieces(network, take)
        assert {each.name for each in net.layout.pieces} == set(found)
        for each in net.layout.pieces:
            assert each.shape == tuple(found[each.name].shape), each.name
        rows.append(torch.cat([found[each.name].flatten() for each in net.layout.pieces]))
    return torch.stack(rows)


def table(networks: list[Any], values: list[list[Tensor]]) -> Tensor:
    """Return values shaped as the reference's architecture parameters as the suite's padded ``(S, R, M)``."""
    mask = space_of(networks[0]).mask
    out = torch.zeros(len(values), *mask.shape, dtype=values[0][0].dtype)
    for seed, tensors in enumerate(values):
        rows = [row for each in tensors for row in each]
        assert len(rows) == len(mask)
        for place, row in enumerate(rows):
            assert int(mask[place].sum()) == len(row)
            out[seed, place, : len(row)] = row.detach()
    return out


def read_table(network: Any, values: Tensor) -> list[Tensor]:
    """Return the suite's ``(R, M)`` of one seed shaped as the reference's architecture parameters."""
    out, place = [], 0
    for each in network.arch_parameters():
        out.append(values[place : place + len(each), : each.shape[1]].clone())
        place += len(each)
    return out


def supernet(networks: list[Any], *, form: Any = "grouped") -> Supernet:
    """Return the suite's supernet with the width, depth and switches of the reference networks."""
    network = networks[0]
    if isinstance(network, oneshot.Network):
        config = SupernetConfig(
            channels=network.stem.conv.out_channels,
            cells=len(network.stacks[0]),
            bn_momentum=network.stem.norm.momentum,
            bn_affine=True,
            cell="published" if network.stacks[0][0].published else "current",
            partial=network.partial,
        )
    else:
        cells = [layer for layer in network.layers if isinstance(layer, nasbench201.Cell)]
        operation: Any = cells[0].edges[0].operations[3]
        config = SupernetConfig(
            channels=network.stem_conv.out_channels,
            cells=len(cells) // 3,
            bn_affine=operation.norm.affine,
            bn_tracked=operation.norm.track_running_stats,
            conv_bias=operation.conv.bias is not None,
            head_norm="own" if network.last_norm.affine else "as-cells",
            partial=network.partial,
        )
    return Supernet(space_of(network), config, form=form)


def fresh_statistics(net: Supernet, networks: list[Any]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the running statistics of S reference networks as the suite's."""
    found = net.statistics(len(networks), dtype=torch.float64, device="cpu")
    for seed, network in enumerate(networks):
        for name, (mean, variance) in statistics(network).items():
            found[name][0][seed] = mean
            found[name][1][seed] = variance
    return found


def images(batches: list[Tensor]) -> Tensor:
    """Return S batches ``(B, C, H, W)`` as the suite's ``(B, H, W, S, C)``."""
    return torch.stack(batches).permute(1, 3, 4, 0, 2).contiguous()


def learner(networks: list[Any], training: Training, *, form: Any = "grouped") -> Learner:
    """Return the suite's learner at the start of a search from the reference networks' weights."""
    net = supernet(networks, form=form)
    weights = flat(net, networks)
    alpha = table(networks, [network.arch_parameters() for network in networks])
    state = State(
        weights=weights,
        momentum=torch.zeros_like(weights),
        statistics=fresh_statistics(net, networks),
        alpha=alpha,
        first=torch.zeros_like(alpha),
        second=torch.zeros_like(alpha),
        steps=torch.zeros((), dtype=alpha.dtype),
    )
    return Learner(net, state, training)

"""The supernet of the DARTS spaces against one module per operation: outputs, gradients and statistics, in float64."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

import spaces
from spaces.edge_weights import searched
from spaces.supernet import ops
from spaces.supernet.network import Supernet
from spaces.supernet.noise import Noise

from . import reference_darts as reference
from .small import batch_of

SEEDS = 2


def network_of(space, channels=2, partial=1):
    names = [list(row.choices) for row in space.rows]
    network = reference.Network(names[:14], names[14:28], channels, 3, partial)
    for each in network.parameters():
        each.data.add_(0.1 * torch.randn_like(each))
    network.train()
    mix = torch.from_numpy(space.mask / space.mask.sum(1, keepdims=True))
    with torch.no_grad():
        give_noise(network, space, None, (4, 3, 8, 8), partial)
        network(torch.randn(4, 3, 8, 8, dtype=torch.float64), mix)
    return network


def modules(space, network):
    """Return the reference's convolutions and batch norms by the suite's names, in the order that joins them."""
    convs, norms = {"stem": [network.stem]}, {"stem.bn": [network.stem_norm]}
    for index, cell in enumerate(network.cells):
        for number, each in enumerate((cell.older, cell.newer)):
            name = f"cell{index}.0.input{number}"
            if isinstance(each, reference.FactorizedReduce):
                convs[f"{name}.even"], convs[f"{name}.odd"] = [each.even], [each.odd]
            else:
                convs[name] = [each.point]
            norms[f"{name}.bn"] = [each.norm]
        for level in range(4):
            add_level(space, cell, level, f"cell{index}.0.{level}", convs, norms)
    return convs, norms


def add_level(space, cell, level, name, convs, norms):
    sources, first = ((0, 1) if level == 0 else (level + 1,)), 14 * cell.reduction
    last, pools = [], {}
    for row, (source, target) in enumerate(reference.EDGES):
        for column, operation in enumerate(space.rows[first + row].choices) if source in sources else ():
            each = cell.edges[row].operations[column]
            own = f"{name}.{operation}"
            if isinstance(each, reference.FactorizedReduce):
                convs.setdefault(f"{own}.even", []).append(each.even)
                convs.setdefault(f"{own}.odd", []).append(each.odd)
                norms.setdefault(f"{own}.bn", []).append(each.norm)
            elif "pool" in operation:
                pools.setdefault(f"{own}.bn", {})[source] = each[1]
            elif "conv" in operation:
                turns = list(each) if operation.startswith("sep") else [each]
                for turn, part in zip(("first", "second"), turns, strict=False):
                    convs.setdefault(f"{own}.{turn}", []).append(part.depth)
                last.append((target, space.operations.index(operation), turns))
    order = {operation: place for place, operation in enumerate(dict.fromkeys(of for _, of, _ in last))}
    for _, _, turns in sorted(last, key=lambda each: order[each[1]]):
        if len(turns) == 2:
            convs.setdefault(f"{name}.first", []).append(turns[0].point)
            norms.setdefault(f"{name}.first.bn", []).append(turns[0].norm)
    for _, _, turns in sorted(last, key=lambda each: (each[0], order[each[1]])):
        convs.setdefault(f"{name}.last", []).append(turns[-1].point)
        norms.setdefault(f"{name}.last.bn", []).append(turns[-1].norm)
    for own, by_source in pools.items():  # all edges of a node have the same; where none has, nobody looks
        norms[own] = [by_source.get(source) for source in sources]


def flat(net, space, networks, take=lambda weight: weight.detach()):
    rows = []
    for network in networks:
        convs, _ = modules(space, network)
        found = {name: torch.cat([take(each.weight) for each in group]) for name, group in convs.items()}
        found |= {"stem.bn.scale": take(network.stem_norm.weight), "stem.bn.shift": take(network.stem_norm.bias)}
        found |= {"classify": take(network.classifier.weight), "classify.bias": take(network.classifier.bias)}
        assert {piece.name for piece in net.layout.pieces} == set(found)
        rows.append(torch.cat([found[piece.name].flatten() for piece in net.layout.pieces]))
    return torch.stack(rows)


def statistics(net, space, networks):
    found = net.statistics(len(networks), dtype=torch.float64, device="cpu")
    for seed, network in enumerate(networks):
        for name, group in modules(space, network)[1].items():
            width = len(found[name][0][seed]) // len(group)
            for place, norm in enumerate(group):
                if norm is not None:
                    part = slice(place * width, (place + 1) * width)
                    found[name][0][seed, part], found[name][1][seed, part] = norm.running_mean, norm.running_var
    return found


def give_noise(network, space, key, shape, partial=1):
    """Put what the suite draws with a key into the reference's operations; noise of another kind without one."""
    if not space.noisy:
        return
    side = shape[2]
    for index, cell in enumerate(network.cells):
        inner, width = side // 2 if cell.reduction else side, cell.newer.point.out_channels // partial
        for level in range(4):
            sources = (0, 1) if level == 0 else (level + 1,)
            targets = range(level + 2, 6)
            like = torch.zeros(shape[0], inner, inner, 1, len(targets) * width, dtype=torch.float64)
            for source in sources:
                drawn = Noise(None if key is None else key[None]).of_cell(f"cell{index}.0").like(like, source)
                parts = drawn.squeeze(3).unflatten(-1, (len(targets), -1)).permute(3, 0, 4, 1, 2)
                for target, part in zip(targets, parts, strict=True):
                    cell.edges[reference.EDGES.index((source, target))].operations[0].value = part
        side = inner


#: Space, channels, one in how many of them operations see, and whether edges have weights.
CASES = [(name, 2, 1, False) for name in ("darts", "darts-s1", "darts-s4", "darts-3skip")]
CASES += [("darts", 8, 4, True), ("darts-s1", 4, 2, True), ("darts-s4", 8, 2, False), ("darts-no-none", 4, 1, True)]


@pytest.mark.parametrize("training", [True, False], ids=["training", "frozen"])
@pytest.mark.parametrize(("name", "channels", "partial", "weighed"), CASES)
def test_one_pass(name, channels, partial, weighed, training):
    torch.manual_seed(0)
    plain = spaces.find(name)
    config = replace(plain.supernet, channels=channels, layers=3, partial=partial, edge_weights=weighed)
    space = searched(plain, config)
    networks = [network_of(space, channels, partial) for _ in range(SEEDS)]
    net = Supernet(space, config)
    mix = torch.rand(SEEDS, *space.mask.shape, dtype=torch.float64) + 0.05
    mix = (mix * (torch.rand_like(mix) > 0.3) * torch.from_numpy(space.mask)).requires_grad_()
    batches = [batch_of(seed, 3, 8) for seed in range(SEEDS)]
    keys = torch.tensor([7, 11])
    weights, own = flat(net, space, networks).requires_grad_(), statistics(net, space, networks)

    x = torch.stack([x for x, _ in batches]).permute(1, 3, 4, 0, 2).contiguous()
    logits = net.forward(weights, own, x, mix, training=training, noise=keys)
    losses = sum(cross_entropy(logits[s], batches[s][1]) for s in range(SEEDS))
    weight_gradient, mix_gradient = torch.autograd.grad(losses, (weights, mix))

    limit = {"rtol": 1e-12, "atol": 1e-12} if weighed or partial > 1 else {"rtol": 1e-9, "atol": 1e-10}
    for seed, (network, (image, labels)) in enumerate(zip(networks, batches, strict=True)):
        network.train(training)
        give_noise(network, space, keys[seed], image.shape, partial)
        values = mix[seed].detach().requires_grad_()
        expected = network(image, values)
        cross_entropy(expected, labels).backward()
        torch.testing.assert_close(logits[seed], expected, **limit)
        torch.testing.assert_close(mix_gradient[seed], values.grad, **limit)
    expected = flat(net, space, networks, lambda w: torch.zeros_like(w) if w.grad is None else w.grad)
    torch.testing.assert_close(weight_gradient, expected, **limit)
    for found, there in zip(own.values(), statistics(net, space, networks).values(), strict=True):
        torch.testing.assert_close(found, there, **limit)


@pytest.mark.parametrize("training", [True, False], ids=["training", "frozen"])
@pytest.mark.parametrize("form", ["grouped", "loop", "dense", "bmm"])
@pytest.mark.parametrize(("name", "channels", "partial", "weighed"), [("darts-s1", 2, 1, False), ("darts", 8, 4, True)])
def test_a_gpu_computes_the_same_in_every_form(name, channels, partial, weighed, form, training, monkeypatch):
    config = replace(spaces.find(name).supernet, channels=channels, layers=3, partial=partial, edge_weights=weighed)
    space = searched(spaces.find(name), config)
    generator = torch.Generator().manual_seed(0)
    weights = 0.3 * torch.randn(SEEDS, Supernet(space, config).size, generator=generator, dtype=torch.float64)
    mix = torch.rand(SEEDS, *space.mask.shape, generator=generator, dtype=torch.float64) * torch.from_numpy(space.mask)
    x = torch.randn(3, 8, 8, SEEDS, 3, generator=generator, dtype=torch.float64)

    def computed(form):
        net = Supernet(space, config, form=form)
        weights.requires_grad_(), mix.requires_grad_()
        running = net.statistics(SEEDS, dtype=torch.float64, device="cpu")
        logits = net.forward(weights, running, x, mix, training=training)
        return logits, *torch.autograd.grad(logits.square().sum(), (weights, mix))

    expected = computed("grouped")
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    for one, other in zip(computed(form), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_noise_of_a_lower_precision_is_the_same_noise_rounded():
    like = torch.zeros(8, 16, 16, 1, 8)
    exact, rounded = (Noise(torch.tensor([5])).like(like.to(dtype), 1) for dtype in (torch.float32, torch.bfloat16))
    assert torch.equal(exact.bfloat16(), rounded)


def test_noise_is_normal_and_a_seed_draws_the_same_in_any_company():
    like = torch.zeros(8, 16, 16, 3, 8, dtype=torch.float64)
    drawn = Noise(torch.tensor([5, 6, 7])).of_cell("cell0.0").like(like, 1)
    alone = Noise(torch.tensor([6])).of_cell("cell0.0").like(like[:, :, :, :1], 1)
    assert torch.equal(drawn[:, :, :, 1:2], alone)
    assert drawn.mean().abs() < 0.02
    assert (drawn.std() - 1).abs() < 0.02
    assert ((drawn.abs() < 1).double().mean() - 0.6827).abs() < 0.01
    others = [drawn[:, :, :, 0], Noise(torch.tensor([6])).of_cell("cell0.1").like(like[:, :, :, :1], 1)]
    others.append(Noise(torch.tensor([6])).of_cell("cell0.0").like(like[:, :, :, :1], 2))
    for key in (4, 5, 7, 8):  # the passes before and after, from each of three sources
        others += [Noise(torch.tensor([key])).of_cell("cell0.0").like(like[:, :, :, :1], source) for source in range(3)]
    for other in others:
        assert torch.corrcoef(torch.stack([alone.flatten(), other.flatten()]))[0, 1].abs() < 0.03

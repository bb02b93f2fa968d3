"""Zero-Cost-PT: what an operation is worth, asked of a supernet that was never trained.

Not measured yet: no record of it on NAS-Bench-201 is committed.

The score of a network is log |det K| of which ReLUs fire for the images of a batch (``bench.steps.patterns``). A
proposal visits the rows one after the other. On each it takes one choice away after the other, and keeps the one whose
removal lowers the score most; the row is then fixed. After N proposals, each with alphas of its own, the distinct cells
are built as networks of their own, and the one with the highest score, summed over V batches, is the result.

Point n of a search is proposal n, and the point after the last is the choice among them. With one proposal there is
nothing to choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from bench.methods.method import Method, Rule
from bench.seeding import key, stream
from bench.steps.learner import Learner, Samples
from bench.steps.patterns import agreement, network_kernel, score
from bench.steps.rows import Order, fault, order_of, settled, without
from bench.steps.simplex import softmax
from bench.steps.untrained import Untrained
from results.errors import InputError
from spaces.base import Arch
from spaces.supernet.frozen import FrozenWeights

CITE = """@inproceedings{xiang2023zero,
  title     = {Zero-Cost Operation Scoring in Differentiable Architecture Search},
  author    = {Xiang, Lichuan and Dudziak, {\\L}ukasz and Abdelfattah, Mohamed S. and Chau, Thomas and Lane, Nicholas D.
               and Wen, Hongkai},
  booktitle = {AAAI Conference on Artificial Intelligence},
  year      = {2023}
}"""

_SOURCE = "zerocostptnas/zerocost_operation_score at 48f48c9"


@dataclass(frozen=True)
class Params:
    """``proposals`` (N), images in a ``batch`` (B), and ``batches`` (V) by which the proposals are compared.

    ``order`` says in which order a proposal visits the rows; "fixed" is that of the space.
    """

    proposals: Annotated[int, Ge(1), Le(10_000)] = 10
    batch: Annotated[int, Ge(2), Le(4096)] = 256
    batches: Annotated[int, Ge(1), Le(100_000)] = 100
    order: Order = "random"


def propose(untrained: Untrained, number: int, earlier: Sequence[Sequence[Arch]]) -> list[Arch]:
    """Return what each seed has at a point: its initial alphas decoded, a proposal, or the choice among proposals."""
    if number == 0:
        return untrained.space.decode(untrained.learner().state.alpha.cpu().numpy())
    if number <= untrained.params.proposals:
        return proposal(untrained, number)
    return choice(untrained, earlier[1:])


@torch.no_grad()
def proposal(untrained: Untrained, number: int) -> list[Arch]:
    """Fix row after row where the score falls most when a choice is taken away."""
    space, seeds, params = untrained.space, untrained.seeds, untrained.params
    learner = untrained.learner()
    mix = softmax(_alphas(learner, seeds, number), learner.mask)
    frozen = learner.freeze()
    orders = [order_of(space, params.order, stream(seed, "zero-cost-pt/rows", number)) for seed in seeds]
    batches = untrained.samples("zero-cost-pt", number, params.batch, len(space.rows))
    for rows, samples in zip(zip(*orders, strict=True), batches, strict=True):
        scores = torch.stack(
            [supernet_score(learner, frozen, without(mix, rows, c), samples) for c in range(mix.shape[-1])], dim=1
        )
        mix = settled(mix, space, rows, _finite(scores))
    return space.decode(mix.cpu().numpy())


@torch.no_grad()
def choice(untrained: Untrained, proposals: Sequence[Sequence[Arch]]) -> list[Arch]:
    """Return each seed's proposal with the highest score as a network of its own; the first of equals."""
    params, found = untrained.params, []
    each = [list(dict.fromkeys(archs)) for archs in zip(*proposals, strict=True)]
    networks = [
        [untrained.network(arch, key(seed, f"zero-cost-pt/network/{arch.key}")) for arch in archs]
        for seed, archs in zip(untrained.seeds, each, strict=True)
    ]
    totals = [torch.zeros(len(archs), dtype=torch.float64) for archs in each]
    for samples in untrained.samples("zero-cost-pt/choice", 0, params.batch, params.batches):
        for index, own in enumerate(networks):
            images = samples.images[:, :, :, index].permute(0, 3, 1, 2)
            totals[index] += torch.stack([score(network_kernel(network, images)).cpu() for network in own])
    for archs, total in zip(each, totals, strict=True):
        found.append(archs[int(_finite(total).argmax())])
    return found


def supernet_score(learner: Learner, frozen: FrozenWeights, mix: Tensor, samples: Samples) -> Tensor:
    """Return the score of each seed's supernet at a mix, ``(S,)``.

    A ReLU counts once for each operation that reads it, as each has its own in the authors' network.
    """
    images, seeds = samples.images.shape[0], learner.seeds
    kernel = torch.zeros(seeds, images, images, dtype=torch.float64, device=samples.images.device)

    def seen(x: Tensor, readers: int) -> None:
        kernel.add_(agreement(x.permute(3, 0, 1, 2, 4).flatten(2)), alpha=readers)

    learner.net.observe(frozen, samples.images, mix, seen)
    return score(kernel)


def _alphas(learner: Learner, seeds: tuple[int, ...], number: int) -> Tensor:
    shape, alpha = learner.mask.shape, learner.state.alpha
    drawn = [torch.randn(shape, generator=stream(s, "zero-cost-pt/alpha", number), dtype=torch.float64) for s in seeds]
    return 1e-3 * torch.stack(drawn).to(alpha)


def _finite(scores: Tensor) -> Tensor:
    if not scores.isfinite().all():
        raise InputError(
            "two images of a batch look the same to the untrained network, so its score is not finite;"
            " lower params.batch or raise supernet.channels"
        )
    return scores


DEVIATIONS = (
    Rule(
        id="zero-cost-pt-batches",
        what="All proposals of a seed are compared on the same V batches, each a part of a pass over the images.",
        why="Differences between cells are then not those between batches; the code draws batches for each cell.",
        effect="Less noise in the choice.",
        source=f"{_SOURCE}, zerocostnas/post_validate.py:183-234",
    ),
    Rule(
        id="zero-cost-pt-1shot1",
        what="On NAS-Bench-1Shot1, operations are kept by block, as many parents as the block has, and weights of one"
        " stand for what is kept.",
        why="The code appends operations in shuffled order, takes the number of parents from the shuffled position,"
        " and sends fixed rows through a softmax again; it keeps them for later proposals.",
        effect="The cells differ from those of the code; they are those that its text describes.",
        source=f"{_SOURCE}, nasbench1shot1/optimizers/darts/networks_proposal.py:160-262",
        holds=lambda arm: arm.space.family == "nasbench1shot1",
    ),
    Rule(
        id="zero-cost-pt-batch",
        what="On NAS-Bench-1Shot1, a batch has 256 images.",
        why="As in the code for NAS-Bench-201; the code for this benchmark takes 128.",
        effect="Unknown; scores of larger batches vary less.",
        switch="methods.zero-cost-pt.batch=128",
        source=f"{_SOURCE}, nasbench1shot1/optimizers/darts/networks_proposal.py:160-262",
        holds=lambda arm: arm.space.family == "nasbench1shot1" and arm.protocol.params.batch == 256,
    ),
)


METHOD = Method(
    id="zero-cost-pt",
    label="Zero-Cost-PT",
    colour="#6699CC",
    order=16,
    levels=0,
    cite=CITE,
    params=Params,
    propose=propose,
    spaces=fault,
    last=lambda params, training: params.proposals + (params.proposals > 1),
    deviations=DEVIATIONS,
)

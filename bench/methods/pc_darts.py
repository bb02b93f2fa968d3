"""PC-DARTS: DARTS whose operations see one in K channels, with weights for the edges that compete for a node.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Xu et al., PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search, ICLR 2020, equations 1 to 3;
yuhuixu1993/PC-DARTS at b74702f, model_search.py:9-53 and 134-166, train_search.py:24-45 and 156. An edge carries

    beta * shuffle(sum over operations of softmax(alpha)_o * o(first C / K channels of x), the other channels of x),

where beta is a softmax over the edges that enter the same node; of these survive those with the largest product of beta
and a share. In the first epochs the weights step alone. The supernet does the rest (``spaces.supernet.partial``,
``spaces.edge_weights``): a step is that of DARTS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le

from bench.methods.method import Method, Rule
from bench.protocol import Share
from spaces.base import Space, SupernetConfig
from spaces.edge_weights import competes

from . import darts

CITE = """@inproceedings{xu2020pcdarts,
  title     = {{PC-DARTS}: Partial Channel Connections for Memory-Efficient Architecture Search},
  author    = {Xu, Yuhui and Xie, Lingxi and Zhang, Xiaopeng and Chen, Xin and Qi, Guo-Jun and Tian, Qi
               and Xiong, Hongkai},
  booktitle = {International Conference on Learning Representations},
  year      = {2020}
}"""


@dataclass(frozen=True)
class Params:
    """What is partial, and for how long the alphas wait.

    Attributes
    ----------
    k : operations see one in so many channels; it takes the place of ``supernet.partial``.
    warmup : the share of the epochs in which the weights step alone: 15 of the authors' 50.
    edge_weights : whether edges that compete have weights; it takes the place of ``supernet.edge_weights``.
    """

    k: Annotated[int, Ge(1), Le(256)] = 4
    warmup: Share = 0.3
    edge_weights: bool = True


def partial(config: SupernetConfig, space: Space, params: Params) -> SupernetConfig:
    """Return the experiment's supernet with partial channels, and with weights of edges where edges compete."""
    return replace(config, partial=params.k, edge_weights=params.edge_weights and competes(space))


def warm_up(params: Params, epochs: int) -> int:
    """Return the number of the epochs in which the weights step alone."""
    return int(round(params.warmup * epochs, 9))


def deviations(name: str) -> tuple[Rule, ...]:
    """Return the deviations of a method of this kind, whose id its switches name."""
    return (
        Rule(
            id="partial-edges",
            what="On each edge the operations see the first channels of the edge's source.",
            why="The paper and the code of DrNAS do the same on this space; another code divides the input of a whole"
            " cell. Which one made the published numbers is not known.",
            effect="Unknown.",
            source="xiangning-chen/DrNAS 201-space/search_cells.py; AI-Tech-Research-Lab/AsquaredM"
            " nasbench201/model.py",
            holds=lambda arm: arm.space.family == "nasbench201" and arm.protocol.params.k > 1,
        ),
        Rule(
            id="edges-without-weights",
            what="Edges have no weights of their own.",
            why="None compete: all of them stay on NAS-Bench-201, and NAS-Bench-1Shot1 has rows of parents."
            " The codes for these spaces have none either.",
            effect="None on how a cell is decoded.",
            source="xiangning-chen/DrNAS 201-space/search_cells.py; automl/nasbench-1shot1"
            " optimizers/pc_darts/model_search.py:26-52",
            holds=lambda arm: not competes(arm.space),
        ),
        Rule(
            id="competing-edges-without-weights",
            what="Edges that compete have no weights of their own.",
            why="The setting says so; in the paper each has one.",
            effect="Unknown; the paper has them because operations that see few channels make an edge's share noisy.",
            switch=f"methods.{name}.edge_weights=true",
            source="yuhuixu1993/PC-DARTS model_search.py:134-166",
            holds=lambda arm: competes(arm.space) and not arm.protocol.supernet.edge_weights,
        ),
        Rule(
            id="all-channels",
            what="The operations see all channels.",
            why="The setting k = 1 says so; in the paper they see a quarter.",
            effect="Without partial channels the method is DARTS, with weights of edges where edges compete.",
            source="yuhuixu1993/PC-DARTS model_search.py:9-53",
            holds=lambda arm: arm.protocol.params.k == 1,
        ),
        Rule(
            id="share-of-warm-up",
            what="The alphas step after a share of the epochs, by default 0.3.",
            why="The authors wait for 15 epochs of 50; a shorter search would have few steps left, or none.",
            effect="None in 50 epochs. The codes for NAS-Bench-201 and NAS-Bench-1Shot1 do not wait.",
            switch=f"methods.{name}.warmup=0",
            source="yuhuixu1993/PC-DARTS train_search.py:156",
            holds=lambda arm: (
                arm.protocol.params.warmup > 0 and (arm.protocol.training.epochs != 50 or not competes(arm.space))
            ),
        ),
        Rule(
            id="no-warm-up",
            what="The alphas step from the first epoch on.",
            why="The codes for NAS-Bench-201 and NAS-Bench-1Shot1 do the same. In the paper the alphas wait for 15"
            " epochs of 50.",
            effect="Unknown; the paper waits to keep operations without weights from an early lead.",
            source="xiangning-chen/DrNAS 201-space/train_search.py:55; automl/nasbench-1shot1 optimizers/pc_darts",
            holds=lambda arm: arm.protocol.params.warmup == 0,
        ),
        Rule(
            id="partial-settings",
            what="Batch and learning rates are the experiment's.",
            why="All methods on a space share one protocol, where the experiment says nothing else. The authors take"
            " batches of 256, a rate from 0.1 to 0 and 6e-4 for the alphas.",
            effect="Unknown; a smaller batch takes away what the method saves memory for.",
            source="yuhuixu1993/PC-DARTS train_search.py:24-45",
            holds=lambda arm: competes(arm.space) and arm.protocol.training.batch != 256,
        ),
    )


METHOD = Method(
    id="pc-darts",
    label="PC-DARTS",
    colour="#CC6677",
    order=17,
    levels=2,
    cite=CITE,
    step=darts.step,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    supernet=partial,
    warm_up=warm_up,
    deviations=deviations("pc-darts"),
)

"""The supernet: one network for all spaces, holding S seeds at once.

It is a pure function of plain tensors. Weights are one matrix ``(S, P)``, a mix is ``(S, R, M)`` and an argument of
``forward``: nothing is written into the architecture parameters and restored. Only a training pass changes
anything, the running statistics of the batch norms, and only where asked to.
"""

from __future__ import annotations

from copy import copy

import torch
from torch import Tensor

from spaces.base import Space, SupernetConfig
from spaces.edge_weights import searched

from .cells import kind_of
from .constants import Constants
from .conv import Forms, seed_conv
from .declare import declare, places
from .forward import Pass, Statistics, TrainingPass
from .frozen import Frozen, FrozenWeights, freeze
from .noise import Noise
from .observed import Observed, Seen
from .ops import avg_pool, max_pool
from .partial import EdgeWeights
from .unpack import Unpack


class Supernet:
    """The network that a space's sites, cell and skeleton describe.

    Parameters
    ----------
    space : what is searched; with weights of its edges where ``config`` says so.
    config : width, depth and the switches of batch norm and cell.
    image_channels, classes : of the data.
    form : how convolutions keep seeds apart.
    maps : precision of the feature maps between the image and the last mean; that of the weights by default. Batch
        norms keep their statistics, and weights and losses stay, in that of the weights.
    """

    def __init__(
        self,
        space: Space,
        config: SupernetConfig,
        *,
        image_channels: int = 3,
        classes: int = 10,
        form: Forms = "grouped",
        maps: torch.dtype | None = None,
    ) -> None:
        self.space = space = searched(space, config)
        self.config = config
        self.form: Forms = form
        self.maps = maps
        self.layout = declare(space, config, image_channels=image_channels, classes=classes)
        self._kind = kind_of(space, config)
        self._places = places(space, config)
        self._unpack = Unpack(self.layout, *space.mask.shape, maps=maps)
        self._edges = EdgeWeights(space)
        self._weighing = Constants(self._make_weighing)
        self._cell = self._kind.forward

    @property
    def size(self) -> int:
        """P, the number of weights of one seed, alphas not among them."""
        return self.layout.size

    def compiled(self, *, backend: str = "inductor") -> Supernet:
        """Return the same network with cells that ``torch.compile`` compiles, each kind of cell once.

        What it computes cannot be differentiated twice, and compiling takes long: it is for the steps of a search.
        """
        twin = copy(self)
        twin._cell = torch.compile(self._kind.forward, fullgraph=True, dynamic=False, backend=backend)
        return twin

    def unrounded(self) -> Supernet:
        """Return the same network with maps in the precision of the weights."""
        twin = copy(self)
        twin.maps, twin._unpack = None, Unpack(self.layout, *self.space.mask.shape)
        return twin

    def statistics(self, seeds: int, *, dtype: torch.dtype, device: torch.device | str) -> Statistics:
        """Return fresh running statistics: mean 0, variance 1."""
        return {
            name: (
                torch.zeros(seeds, norm.channels, dtype=dtype, device=device),
                torch.ones(seeds, norm.channels, dtype=dtype, device=device),
            )
            for name, norm in self.layout.norms.items()
        }

    def forward(
        self,
        weights: Tensor,
        statistics: Statistics,
        x: Tensor,
        mix: Tensor,
        *,
        training: bool,
        update: bool = True,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Classify a batch for each seed.

        Parameters
        ----------
        weights : ``(S, P)``.
        statistics : running statistics; a ``training`` pass moves them in place unless ``update`` is False.
        x : normalised images ``(B, H, W, S, image channels)``, one batch per seed.
        mix : ``(S, R, M)``, the weight of each choice; padding is ignored.
        training : batch statistics in the batch norms, else the running ones where tracked.
        noise : int64 ``(S,)``, the key of this pass's noise for each seed; see ``spaces.supernet.noise``.

        Returns
        -------
        Logits ``(S, B, classes)``.
        """
        if not training:
            return self.forward_frozen(self.freeze(weights, statistics), x, mix, noise=noise)
        mix = self._edges.of(mix)
        layout, pieces = self.layout, self._unpack.mixed(weights, mix)
        pass_ = TrainingPass(layout.norms, pieces, statistics, update, self.form, layout.gathered, Noise(noise))
        return self._run(pass_, x, mix)

    def pieces(self, weights: Tensor) -> dict[str, Tensor]:
        """Return the named weights ``(S, *shape)`` of flat ones."""
        return self._unpack.plain(weights)

    def freeze(self, weights: Tensor, statistics: Statistics) -> FrozenWeights:
        """Fold the running statistics into the weights, once for many evaluations of the same weights."""
        return freeze(self.layout, self.pieces(weights), statistics, self.maps)

    def forward_frozen(self, frozen: FrozenWeights, x: Tensor, mix: Tensor, *, noise: Tensor | None = None) -> Tensor:
        """Classify in evaluation mode; arguments and result as in ``forward``."""
        mix = self._edges.of(mix)
        factors = self._unpack.factors(mix)
        return self._run(Frozen.at(self.layout, frozen, factors, self.form, Noise(noise)), x, mix)

    def observe(self, frozen: FrozenWeights, x: Tensor, mix: Tensor, seen: Seen) -> Tensor:
        """Classify as ``forward_frozen`` does, and show ``seen`` the input of every ReLU."""
        mix = self._edges.of(mix)
        return self._run(
            Observed.of(Frozen.at(self.layout, frozen, self._unpack.factors(mix), self.form, Noise()), seen), x, mix
        )

    def _run(self, pass_: Pass, x: Tensor, mix: Tensor) -> Tensor:
        x = pass_.conv_bn(x.to(self.maps or x.dtype), "stem")
        if self.space.skeleton.stem_relu:
            x = pass_.relu(x)
        cells = pass_.cells()
        entries = mix.flatten(1).index_select(1, self._weighing.of(mix.device))
        maps = (x,) * self._kind.inputs
        for stack, row in enumerate(self._places):
            if stack and self.space.skeleton.reduction != "cell":
                maps = (self._reduce(pass_, f"reduce{stack}", maps[-1]),)
            for place, shares in zip(row, self._kind.shares(entries, row), strict=True):
                maps = (*maps, self._cell(cells[place.name], shares, *maps))[-self._kind.inputs :]
        x = maps[-1]
        if self.space.skeleton.head == "bn-relu":
            x = pass_.relu(pass_.norm(x, "head.bn"))
        elif self.space.skeleton.head == "relu-conv-bn":
            x = pass_.conv_bn(pass_.relu(x), "head")
        bias, kernel = pass_.pieces["classify.bias"], pass_.pieces["classify"]
        features = x.mean(dim=(1, 2), dtype=kernel.dtype).transpose(0, 1)  # (S, B, C)
        return torch.baddbmm(bias.unsqueeze(1), features, kernel.transpose(1, 2))

    def _make_weighing(self, device: torch.device) -> Tensor:
        """Return the flat positions in the mix of what cells weigh whole maps by."""
        columns = self.space.mask.shape[1]
        return torch.tensor([row * columns + column for row, column in self._kind.weighing()], device=device)

    def _reduce(self, pass_: Pass, name: str, x: Tensor) -> Tensor:
        if self.space.skeleton.reduction == "padded-maxpool":
            return max_pool(x, kernel=2, stride=2, padding=1)
        y = pass_.conv_bn(pass_.relu(x), f"{name}.a", stride=2)
        y = pass_.conv_bn(pass_.relu(y), f"{name}.b")
        pooled = avg_pool(x, kernel=2, stride=2, padding=0)
        return y + seed_conv(pooled, pass_.pieces[f"{name}.shortcut"], form=self.form)

"""Methods that add a term to DARTS, the plain way: a term in the loss of the alphas, or a module on every edge."""

from torch import nn

from . import reference_nasbench201 as nasbench201
from .reference_methods import Batch, Losses, Search, weight_step


def beta_darts_step(search: Search, train: Batch, valid: Batch, *, strength: float) -> Losses:
    """β-DARTS: the alphas descend their loss plus the mean log-sum-exp of all rows."""
    search.clear()
    rows = [row for alpha in search.alphas for row in alpha]
    loss = search.loss(valid) + strength * sum(row.exp().sum().log() for row in rows) / len(rows)
    loss.backward()
    search.adam.step()
    search.clear()
    return {"train": weight_step(search, train)}


def add_auxiliary_skips(network: nn.Module, beta: float) -> None:
    """DARTS-: every edge of the cells also adds beta times its input, in every pass from now on."""
    for module in network.modules():
        if isinstance(module, nasbench201.Edge):
            module.register_forward_hook(lambda _, inputs, output: output + beta * inputs[0])

"""A seed's share of the state of its group, as a checkpoint holds it, and the state that shares make again."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.search import Sums
from bench.steps.learner import Learner, State

from .checkpoint import Checkpoint


def share(learner: Learner, index: int, sums: Sums | None = None) -> dict[str, Tensor]:
    """Return one seed's share of a learner's state, and inside an epoch of its sums, on the CPU."""
    state = learner.state
    tensors = {
        "weights": state.weights[index],
        "momentum": state.momentum[index],
        "alpha": state.alpha[index],
        "first": state.first[index],
        "second": state.second[index],
        "steps": state.steps,
    }
    if state.fixed is not None:
        tensors["fixed"] = state.fixed[index]
    for name, (mean, variance) in state.statistics.items():
        tensors[f"mean/{name}"], tensors[f"variance/{name}"] = mean[index], variance[index]
    if sums is not None and sums.tried is not None:
        tensors["sums/tried"] = sums.tried[index]
    if sums is not None:
        tensors |= {
            "sums/loss": sums.loss[index],
            "sums/correct": sums.correct[index],
            "sums/alpha_squares": learner.alpha_squares[index],
            "sums/weight_squares": learner.weight_squares[index],
            "sums/images": torch.tensor(sums.images),
            "sums/seconds": torch.tensor(sums.seconds, dtype=torch.float64),
        }
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def fits(checkpoint: Checkpoint, state: State, *, selecting: bool = False) -> bool:
    """Whether a checkpoint holds one seed's share of such a state: its checksum says nothing of that.

    ``selecting`` says whether a round of a selection has begun: there are fixed rows then.
    """
    expected = {name: getattr(state, name)[0] for name in ("weights", "momentum", "alpha", "first", "second")}
    for name, (mean, variance) in state.statistics.items():
        expected |= {f"mean/{name}": mean[0], f"variance/{name}": variance[0]}
    expected["steps"] = state.steps
    if selecting:
        expected["fixed"] = state.alpha[0]
    there = dict(checkpoint.tensors)
    tried = there.pop("sums/tried", None) if selecting and checkpoint.at.step else None
    if tried is not None and (tried.ndim, tried.dtype) != (1, state.alpha.dtype):
        return False
    sums = {f"sums/{name}" for name in ("loss", "correct", "alpha_squares", "weight_squares", "images", "seconds")}
    return (expected.keys() | (sums if checkpoint.at.step else set())) == there.keys() and all(
        there[name].shape == tensor.shape and (there[name].dtype, there[name].layout) == (tensor.dtype, tensor.layout)
        for name, tensor in expected.items()
    )


def join(shares: list[dict[str, Tensor]], device: torch.device) -> State:
    """Put the shares of a group together again."""
    norms = [name.removeprefix("mean/") for name in shares[0] if name.startswith("mean/")]
    means, variances = ({n: _stacked(shares, f"{kind}/{n}", device) for n in norms} for kind in ("mean", "variance"))
    return State(
        **{name: _stacked(shares, name, device) for name in ("weights", "momentum", "alpha", "first", "second")},
        statistics={name: (means[name], variances[name]) for name in norms},
        steps=shares[0]["steps"].clone().to(device),
        fixed=_stacked(shares, "fixed", device) if "fixed" in shares[0] else None,
    )


def join_sums(shares: list[dict[str, Tensor]], learner: Learner, step: int) -> Sums:
    """Return the sums of an epoch after ``step`` steps, and give the learner those of its gradients back."""
    device = learner.state.alpha.device
    learner.alpha_squares.copy_(_stacked(shares, "sums/alpha_squares", device))
    learner.weight_squares.copy_(_stacked(shares, "sums/weight_squares", device))
    return Sums(
        _stacked(shares, "sums/loss", device),
        _stacked(shares, "sums/correct", device),
        images=int(shares[0]["sums/images"]),
        steps=step,
        seconds=float(shares[0]["sums/seconds"]),
        tried=_stacked(shares, "sums/tried", device) if "sums/tried" in shares[0] else None,
    )


def _stacked(shares: list[dict[str, Tensor]], name: str, device: torch.device) -> Tensor:
    return torch.stack([share[name] for share in shares]).to(device)

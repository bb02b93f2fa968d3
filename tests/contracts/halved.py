"""A method: DARTS with a multiple of the alpha gradient."""

from dataclasses import dataclass

from bench.methods.method import Method
from bench.steps import bilevel


@dataclass(frozen=True)
class Params:
    factor: float = 0.5


def step(learner, batch, params):
    return bilevel.step(learner, batch, alpha_gradient=lambda l, b: params.factor * bilevel.first_order(l, b))


METHOD = Method(
    id="halved",
    label="halved",
    colour="#000000",
    order=98,
    levels=2,
    step=step,
    params=Params,
    cite="@misc{halved2020, title = {Halved}, author = {Nobody}, year = {2020}}",
)

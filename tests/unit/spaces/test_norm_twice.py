"""The batch norm of second derivatives against PyTorch's, and against finite differences."""

import pytest
import torch
import torch.nn.functional as F

from spaces.supernet.norm_twice import batch_norm_twice


@pytest.fixture
def parts():
    generator = torch.Generator().manual_seed(0)
    sizes = ((3, 4, 3, 2), (4,), (4,))
    return [torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_() for size in sizes]


def test_first_and_second_derivatives_are_those_of_finite_differences(parts):
    assert torch.autograd.gradcheck(lambda *x: batch_norm_twice(*x, 1e-5), parts)
    assert torch.autograd.gradgradcheck(lambda *x: batch_norm_twice(*x, 1e-5), parts)


@pytest.mark.parametrize("affine", [True, False])
def test_values_are_pytorchs(parts, affine):
    x, *more = parts
    scale, shift = more if affine else (None, None)
    expected = F.batch_norm(x, None, None, scale, shift, training=True, eps=1e-5)
    assert torch.allclose(batch_norm_twice(x, scale, shift, 1e-5), expected, rtol=0, atol=1e-12)

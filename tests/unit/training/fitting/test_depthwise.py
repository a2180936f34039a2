"""The quick gradient is the gradient."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install .[train]")

from training.fitting.depthwise import quicken, restore  # noqa: E402 - needs torch


def block(size: int, stride: int) -> Any:
    """As efficientnet-lite-pytorch has them: the padding is a layer of its own."""
    torch.manual_seed(1)
    convolution = torch.nn.Conv2d(8, 8, size, stride, groups=8, bias=False, dtype=torch.float64)
    convolution.static_padding = torch.nn.ZeroPad2d((0, 1, 0, 1) if stride > 1 else size // 2)
    return SimpleNamespace(_depthwise_conv=convolution)


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [15, 16])
def test_output_and_both_gradients_are_those_of_the_plain_convolution(size: int, stride: int, side: int) -> None:
    network = SimpleNamespace(_blocks=[block(size, stride)])
    convolution = network._blocks[0]._depthwise_conv
    inputs = torch.randn(2, 8, side, side, dtype=torch.float64, requires_grad=True)
    expected = convolution(convolution.static_padding(inputs))
    against = torch.randn_like(expected)
    gradients = torch.autograd.grad(expected, (inputs, convolution.weight), against)
    quicken(network)
    found = convolution(inputs)
    assert torch.allclose(found, expected)
    for one, other in zip(torch.autograd.grad(found, (inputs, convolution.weight), against), gradients, strict=True):
        assert torch.allclose(one, other)
    with torch.no_grad():
        assert torch.allclose(convolution(inputs), expected)
    restore(network)
    assert "forward" not in vars(convolution)

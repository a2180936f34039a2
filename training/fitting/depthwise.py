"""Depthwise convolution whose gradient is quick on a CPU; needs torch.

oneDNN, behind torch 2.13, takes the gradient of a depthwise convolution quickly for 3 x 3 kernels of stride 1 only.
Others take it ten times as long, and most of a training step with it. So they are written in terms of that one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

QUICK = 3  # rows and columns of the kernel whose gradient is quick


class _Depthwise(torch.autograd.Function):  # type: ignore[misc] # torch has no types here
    """`conv2d` without padding, a group for each channel."""

    @staticmethod
    def forward(ctx: Any, inputs: Any, weight: Any, stride: int) -> Any:
        ctx.save_for_backward(inputs, weight)
        ctx.stride = stride
        return functional.conv2d(inputs, weight, stride=stride, groups=inputs.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        inputs, weight = ctx.saved_tensors
        size = weight.shape[2]
        if ctx.stride > 1:  # what a stride left out had no influence: a gradient of zero
            rows, columns = (length - size + 1 for length in inputs.shape[2:])
            spread = inputs.new_zeros((*inputs.shape[:2], rows, columns)).contiguous(memory_format=torch.channels_last)
            spread[:, :, :: ctx.stride, :: ctx.stride] = gradient
            gradient = spread
        to_inputs = None
        if ctx.needs_input_grad[0]:
            to_inputs = functional.conv2d(gradient, weight.flip(2, 3), padding=size - 1, groups=inputs.shape[1])
        return to_inputs, _to_weight(inputs, gradient, weight), None


def _to_weight(inputs: Any, gradient: Any, weight: Any) -> Any:
    """The gradient of the weight, of stride 1: a kernel in parts of 3 x 3, each as a kernel of its own."""
    channels, _, size, _ = weight.shape
    parts = range(0, size, QUICK)
    margin = parts[-1] + QUICK - size
    padded = functional.pad(inputs, (0, margin, 0, margin)) if margin else inputs
    found = weight.new_empty((channels, 1, size + margin, size + margin))
    like = weight.new_empty((channels, 1, QUICK, QUICK)).contiguous(memory_format=torch.channels_last)
    rows, columns = (length + QUICK - 1 for length in gradient.shape[2:])
    for row in parts:
        for column in parts:
            seen = padded[:, :, row : row + rows, column : column + columns]
            seen = seen.contiguous(memory_format=torch.channels_last)
            _, part, _ = torch.ops.aten.convolution_backward(
                gradient, seen, like, None, [1, 1], [0, 0], [1, 1], False, [0, 0], channels, [False, True, False]
            )
            found[:, :, row : row + QUICK, column : column + QUICK] = part
    return found[:, :, :size, :size]


def quicken(network: Any) -> None:
    """Give the depthwise convolutions of an EfficientNet-Lite the quick gradient; what they compute stays the same."""
    for block in network._blocks:
        convolution = block._depthwise_conv
        convolution.forward = _forward(convolution, convolution.static_padding)


def restore(network: Any) -> None:
    """Take the quick gradient away again: a converter sees the convolutions as they were."""
    for block in network._blocks:
        vars(block._depthwise_conv).pop("forward", None)


def _forward(convolution: Any, padding: Any) -> Any:
    def forward(inputs: Any) -> Any:
        if not torch.is_grad_enabled():
            return functional.conv2d(
                padding(inputs), convolution.weight, stride=convolution.stride, groups=convolution.groups
            )
        weight = convolution.weight
        if torch.is_autocast_enabled("cpu"):  # an autograd function is out of its reach
            kind = torch.get_autocast_dtype("cpu")
            inputs, weight = inputs.to(kind), weight.to(kind)
        return _Depthwise.apply(padding(inputs), weight, convolution.stride[0])

    return forward

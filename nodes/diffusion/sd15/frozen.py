"""Layers that are not trained, on a CPU: less memory for their weights, and faster where PyTorch is slow.

Two things, both for a UNet through which gradients flow to small adapters and whose own weights stay as they are.
Weights can lie in bfloat16 while the arithmetic is float32, one layer at a time: a CPU without instructions for
bfloat16 computes in it five to fifteen times slower than in float32. And a convolution with many weights over a small
map is a product of matrices: with 1280 channels, 8x8 and AVX2, 50 ms instead of 141, of which most is PyTorch's asking
for new memory; 52 instead of 69 where the program keeps its memory (GLIBC_TUNABLES in the Makefile).
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Weights and positions from which the product was faster with AVX2, whether or not the program keeps its memory: at 4x4
# both took the same, at 16x16 the product was slower where it does.
_MANY_WEIGHTS, _FEW_POSITIONS = 8_000_000, 64


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type != "cpu" or bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def freeze_layers(module: torch.nn.Module) -> int:
    """Let linear and convolution layers, on a CPU, compute the same in these ways; call it before adapters come.

    Weights in fewer bits stay so, all other parameters become float32, and so must be what goes in.
    Returns how many layers changed.
    """
    import torch

    if next(module.parameters()).device.type != "cpu":
        return 0
    scratch = _Scratch()
    products = "avx512" not in torch.backends.cpu.get_cpu_capability().lower()
    changed = set()
    for layer in module.modules():
        if not _fits(layer):
            continue
        many = products and isinstance(layer, torch.nn.Conv2d) and layer.weight.numel() >= _MANY_WEIGHTS
        if many or layer.weight.dtype != torch.float32:
            # The type stays: adapters are made of the type of what they stand on.
            kind = _linear() if isinstance(layer, torch.nn.Linear) else _convolution()
            layer.forward = partial(_forward, kind, layer, scratch, many)
            changed.add(id(layer.weight))
    for parameter in module.parameters():
        if id(parameter) not in changed:
            parameter.data = parameter.data.float()
    return len(changed)


def _forward(
    kind: type[torch.autograd.Function], layer: torch.nn.Module, scratch: _Scratch, many: bool, x: torch.Tensor
) -> torch.Tensor:
    return kind.apply(x, layer, scratch, many)


def _fits(layer: torch.nn.Module) -> bool:
    import torch

    if isinstance(layer, torch.nn.Conv2d):
        plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
        return plain and not isinstance(layer.padding, str)
    return isinstance(layer, torch.nn.Linear)


class _Scratch:
    """Room for one layer's weights in float32, used again by the next: new memory costs more than the conversion."""

    def __init__(self):
        self._room: torch.Tensor | None = None

    def float(self, weight: torch.Tensor) -> torch.Tensor:
        """The weights in float32, until the next call."""
        import torch

        if weight.dtype == torch.float32:
            return weight
        if self._room is None or self._room.numel() < weight.numel():
            self._room = torch.empty(weight.numel(), dtype=torch.float32)
        return self._room[: weight.numel()].view(weight.shape).copy_(weight)


@cache
def _linear() -> type[torch.autograd.Function]:
    """The function of a linear layer whose weights are converted for each use."""
    import torch

    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, layer: torch.nn.Linear, scratch: _Scratch, many: bool) -> torch.Tensor:
            ctx.layer, ctx.scratch = layer, scratch
            return torch.nn.functional.linear(x, scratch.float(layer.weight), layer.bias)

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor):
            return gradient @ ctx.scratch.float(ctx.layer.weight), None, None, None

    return Linear


@cache
def _convolution() -> type[torch.autograd.Function]:
    """The function of a convolution: by PyTorch, or as a product of matrices where it has many weights."""
    import torch
    from torch.nn import functional

    class Convolution(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, layer: torch.nn.Conv2d, scratch: _Scratch, many: bool) -> torch.Tensor:
            weight = scratch.float(layer.weight)
            ctx.layer, ctx.scratch, ctx.shape = layer, scratch, x.shape
            height, width = _map_size(layer, x)
            ctx.product = many and x.shape[0] * height * width <= _FEW_POSITIONS
            if not ctx.product:
                return functional.conv2d(x, weight, layer.bias, layer.stride, layer.padding)
            columns = functional.unfold(x, layer.kernel_size, padding=layer.padding, stride=layer.stride)
            y = torch.stack([weight.flatten(1) @ one for one in columns])
            if layer.bias is not None:
                y += layer.bias[:, None]
            return y.view(x.shape[0], -1, height, width)

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor):
            layer, shape = ctx.layer, ctx.shape
            weight = ctx.scratch.float(layer.weight)
            if not ctx.product:
                into = torch.nn.grad.conv2d_input(shape, weight, gradient, layer.stride, layer.padding)
                return into, None, None, None
            columns = torch.stack([weight.flatten(1).t() @ one for one in gradient.flatten(2)])
            size = {"padding": layer.padding, "stride": layer.stride}
            return functional.fold(columns, shape[2:], layer.kernel_size, **size), None, None, None

    return Convolution


def _map_size(layer: torch.nn.Conv2d, x: torch.Tensor) -> tuple[int, int]:
    """Height and width of what a convolution gives for x."""
    height, width = (
        (size + 2 * pad - kernel) // step + 1
        for size, pad, kernel, step in zip(x.shape[2:], layer.padding, layer.kernel_size, layer.stride, strict=True)
    )
    return height, width

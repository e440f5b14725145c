"""Backward rules of one's own for any network, without hooks and without a change to its modules.

PyTorch shows a `TorchFunctionMode` every function that a network calls, so a rectifier is found whether it is a
module, shared by several layers, a plain function, or in place. A rule lets the function compute what it always
computes and replaces what goes back through it. A function that works in place works on a copy instead: a network must
use what it returns, as all the usual ones do.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from whyframe.errors import WhyframeError

__all__ = ["BackwardRules", "RelevanceRules", "UnsupportedOperation", "divide", "transpose", "with_rule"]

Call = Callable[..., Any]
Linear = Callable[[Tensor, Tensor | None, Tensor | None], Tensor]
"""A weighted function of (input, weight, bias), its strides and paddings bound."""
Rule = Callable[..., tuple[Tensor | None, ...]]
"""Relevance of the output and the inputs to the relevance of each input."""


class UnsupportedOperation(WhyframeError):
    """A network with a function that has no rule for relevance."""


class BackwardRules(TorchFunctionMode):
    """Inside this mode, functions are called by the methods of their kind; here all as they are.

    Leave the mode before going backward: rules compute with plain functions.
    """

    def __torch_function__(
        self, function: Call, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Finds the kind of a function."""
        method = getattr(self, _KINDS.get(function, "other"))
        return method(function, *args, **(kwargs or {}))

    def other(self, function: Call, *args: Any, **kwargs: Any) -> Any:
        """A function whose own gradient is right: it moves, copies or chooses values."""
        return function(*args, **kwargs)

    rectified = weighted = pooled = added = scaled = gated = other


class RelevanceRules(BackwardRules):
    """Rules that hand out relevance: each output's goes to its inputs, in shares.

    Rectifiers hand it through; views, concatenations and max pooling move it, which is what their gradient does.
    Networks of convolutions, linear layers, rectifiers, batch norms, pooling and sums are covered; one that multiplies
    features with each other or has smooth activations raises `UnsupportedOperation`.
    """

    def rectified(self, function: Call, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Hands relevance through."""
        return with_rule(lambda x: function(x.clone(), *args, **kwargs), _through, x)

    def scaled(self, function: Call, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Batch norms and products with numbers: one input an output, which gets all of it."""
        if not isinstance(x, Tensor) or any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return self.gated(function)
        return with_rule(lambda x: function(x.clone(), *args, **kwargs), _through, x)

    def weighted(
        self, function: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any
    ) -> Tensor:
        """Convolutions and linear layers."""

        def linear(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
            return function(x, weight, bias, *args, **kwargs)

        return with_rule(
            lambda x: linear(x, weight, bias),
            lambda relevance, x: (self.share_weighted(relevance, x, linear, weight, bias),),
            x,
        )

    def pooled(self, function: Call, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Averages."""
        pool = lambda x: function(x, *args, **kwargs)  # noqa: E731 - a name for what is passed twice
        return with_rule(pool, lambda relevance, x: (self.share_pooled(relevance, x, pool),), x)

    def added(self, function: Call, x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        """Sums of two feature maps; a number or a constant that is added is a bias, and gets nothing."""
        both = all(isinstance(part, Tensor) and part.requires_grad for part in (x, y))
        if not both:
            return function(x, y, *args, **kwargs)
        return with_rule(lambda x, y: function(x.clone(), y, *args, **kwargs), self.share_added, x, y)

    def gated(self, function: Call, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Products of features and smooth activations have no rule."""
        raise UnsupportedOperation(
            f"relevance has no rule for {function.__name__}: excitation backprop and LRP explain networks of "
            "convolutions, linear layers, rectifiers, batch norms, pooling and sums; choose another method"
        )

    @abstractmethod
    def share_weighted(
        self, relevance: Tensor, x: Tensor, linear: Linear, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """The relevance of `x` from that of `linear(x, weight, bias)`."""

    @abstractmethod
    def share_pooled(self, relevance: Tensor, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        """The relevance of `x` from that of `pool(x)`."""

    @abstractmethod
    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The relevance of `x` and `y` from that of `x + y`."""


def with_rule(function: Callable[..., Tensor], rule: Rule, *inputs: Tensor) -> Tensor:
    """`function(*inputs)`, with `rule(slopes of the output, *inputs)` in place of its gradient."""
    return _WithRule.apply(function, rule, *inputs)


class _WithRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], rule: Rule, *inputs: Tensor) -> Tensor:
        ctx.rule = rule
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return (None, None, *ctx.rule(slopes[0], *ctx.saved_tensors))


def transpose(linear: Callable[[Tensor], Tensor], x: Tensor, relevance: Tensor) -> Tensor:
    """`W^T relevance` for the `W` of `linear(x) = W x`, shaped as `x`."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(linear(leaf), leaf, relevance)[0]


def divide(relevance: Tensor, total: Tensor) -> Tensor:
    """`relevance / total`, zero where the total is: nobody is there to take it."""
    return torch.where(total.abs() > torch.finfo(total.dtype).tiny, relevance / total, 0)


def _through(relevance: Tensor, _x: Tensor) -> tuple[Tensor]:
    return (relevance,)


_FUNCTIONS_OF: dict[str, tuple[Any, ...]] = {
    "rectified": (
        F.relu, F.relu6, F.hardtanh, F.relu_, F.hardtanh_, torch.relu, torch.relu_, torch.clamp,
        torch.Tensor.relu, torch.Tensor.relu_, torch.Tensor.clamp, torch.Tensor.clamp_,
    ),
    "weighted": (F.conv2d, F.linear),
    "pooled": (
        F.avg_pool2d, F.adaptive_avg_pool2d, torch.mean, torch.Tensor.mean, torch.adaptive_avg_pool1d,
    ),
    "added": (torch.add, torch.Tensor.add, torch.Tensor.add_, torch.Tensor.__add__, torch.Tensor.__radd__),
    "scaled": (
        F.batch_norm, torch.mul, torch.div, torch.Tensor.mul, torch.Tensor.mul_, torch.Tensor.div,
        torch.Tensor.__mul__, torch.Tensor.__rmul__, torch.Tensor.__truediv__,
    ),
    "gated": (
        F.silu, F.gelu, F.hardswish, F.hardsigmoid, F.leaky_relu, F.elu, F.softmax, F.layer_norm, torch.sigmoid,
        torch.Tensor.sigmoid, torch.tanh, torch.matmul, torch.Tensor.matmul, F.scaled_dot_product_attention,
    ),
}  # fmt: skip
_KINDS = {function: kind for kind, functions in _FUNCTIONS_OF.items() for function in functions}

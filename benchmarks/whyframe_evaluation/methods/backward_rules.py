"""Backward rules that replace the gradient of a network's functions, without hooks or changes to its modules.

PyTorch passes every function that a network calls to a `TorchFunctionMode`, so a ReLU is found whether it is a
module, a module that several layers share, a plain function, or a function that works in place. A function computes
its usual output; the rule replaces what is passed back through it. A function that works in place is given a copy, so
a network must use the returned tensor, as is usual.
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

__all__ = [
    "BackwardRules",
    "Function",
    "RelevanceRules",
    "UnsupportedOperation",
    "WeightedFunction",
    "divide",
    "transpose",
    "with_rule",
]

Function = Callable[..., Any]
"""Function of PyTorch that a network calls."""

WeightedFunction = Callable[[Tensor, Tensor | None, Tensor | None], Tensor]
"""Convolution or linear layer of (input, weight, bias) with fixed stride and padding."""

Rule = Callable[..., tuple[Tensor | None, ...]]
"""Function from the gradient of the output and the inputs to a gradient for each input."""


class UnsupportedOperation(WhyframeError):
    """Network with an operation that has no relevance rule."""


class BackwardRules(TorchFunctionMode):
    """Mode in which each function of a network is called through the method of its kind.

    The kinds are `rectified`, `weighted`, `pooled`, `added`, `scaled`, `gated` and `other`. Each calls the function
    unchanged; subclasses override those whose backward rule differs. Leave the mode before going backward, since
    rules call plain functions.
    """

    def __torch_function__(
        self, function: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function through the method of its kind."""
        method = getattr(self, _KINDS.get(function, "other"))
        return method(function, *args, **(kwargs or {}))

    def other(self, function: Function, *args: Any, **kwargs: Any) -> Any:
        """Call a function that keeps its own gradient, for example because it moves, copies or selects values."""
        return function(*args, **kwargs)

    rectified = weighted = pooled = added = scaled = gated = other


class RelevanceRules(BackwardRules):
    """Rules that distribute the relevance of each output among its inputs.

    Supported are networks of convolutions, linear layers, ReLUs, batch norms, pooling and sums. ReLUs pass relevance
    through. Views, concatenations and max pooling move it, as their own gradients do. A network that multiplies
    features with each other or has smooth activations raises `UnsupportedOperation`.
    """

    def rectified(self, function: Function, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Call a ReLU that passes relevance through."""
        return with_rule(lambda x: function(x.clone(), *args, **kwargs), _pass_through, x)

    def scaled(self, function: Function, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a batch norm or a product with a constant, which passes relevance through.

        Raises:
            UnsupportedOperation: Two feature maps are multiplied with each other.
        """
        if not isinstance(x, Tensor) or any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return self.gated(function)
        return with_rule(lambda x: function(x.clone(), *args, **kwargs), _pass_through, x)

    def weighted(
        self,
        function: Function,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        """Call a convolution or a linear layer; `share_weighted` distributes the relevance."""

        def bound(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
            return function(x, weight, bias, *args, **kwargs)

        return with_rule(
            lambda x: bound(x, weight, bias),
            lambda relevance, x: (self.share_weighted(relevance, x, bound, weight, bias),),
            x,
        )

    def pooled(self, function: Function, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Call an average pooling; `share_pooled` distributes the relevance."""

        def pool(x: Tensor) -> Tensor:
            return function(x, *args, **kwargs)

        return with_rule(pool, lambda relevance, x: (self.share_pooled(relevance, x, pool),), x)

    def added(self, function: Function, x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a sum of two feature maps; `share_added` distributes the relevance, and a constant term gets none."""
        both = all(isinstance(term, Tensor) and term.requires_grad for term in (x, y))
        if not both:
            return function(x, y, *args, **kwargs)
        return with_rule(lambda x, y: function(x.clone(), y, *args, **kwargs), self.share_added, x, y)

    def gated(self, function: Function, *args: Any, **kwargs: Any) -> Any:
        """Refuse a product of features or a smooth activation.

        Raises:
            UnsupportedOperation: Always.
        """
        raise UnsupportedOperation(
            f"there is no relevance rule for {function.__name__}: excitation backprop and LRP explain networks of "
            "convolutions, linear layers, ReLUs, batch norms, pooling and sums; choose another method"
        )

    @abstractmethod
    def share_weighted(
        self, relevance: Tensor, x: Tensor, function: WeightedFunction, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Return the relevance of `x`, given that of `function(x, weight, bias)`."""

    @abstractmethod
    def share_pooled(self, relevance: Tensor, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the relevance of `x`, given that of `pool(x)`."""

    @abstractmethod
    def share_added(self, relevance: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the relevance of `x` and of `y`, given that of `x + y`."""


def with_rule(function: Callable[..., Tensor], rule: Rule, *inputs: Tensor) -> Tensor:
    """Return `function(*inputs)`, with `rule` in place of the gradient.

    Args:
        function: Function that computes the output.
        rule: Function from the gradient of the output and the inputs to a tuple of gradients, one for each input.
        *inputs: Tensors to which the gradients are passed.
    """
    return _WithRule.apply(function, rule, *inputs)


class _WithRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], rule: Rule, *inputs: Tensor) -> Tensor:
        ctx.rule = rule
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return (None, None, *ctx.rule(gradients[0], *ctx.saved_tensors))


def transpose(function: Callable[[Tensor], Tensor], x: Tensor, gradient: Tensor) -> Tensor:
    """Return `gradient` multiplied by the transposed Jacobian of `function` at `x`.

    For a linear function `W x` this is `W^T gradient`.

    Args:
        function: Differentiable function of one tensor.
        x: Input of the function.
        gradient: Tensor in the shape of the function's output.

    Returns:
        A tensor in the shape of `x`.
    """
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(function(leaf), leaf, gradient)[0]


def divide(relevance: Tensor, total: Tensor) -> Tensor:
    """Return `relevance / total`, and 0 where `total` is 0."""
    return torch.where(total.abs() > torch.finfo(total.dtype).tiny, relevance / total, 0)


def _pass_through(relevance: Tensor, _x: Tensor) -> tuple[Tensor]:
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

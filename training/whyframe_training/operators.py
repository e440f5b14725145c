"""CUDA kernels as differentiable PyTorch operators: `whyframe::controller` and `whyframe::perturb`.

The modules `predictor.controllers` and `perturb` call them where `supports` returns true. The operators also have CPU
implementations in PyTorch, in float32 and float64, which serve as the reference of the kernels' tests.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe.native.kernels import Kernels, kernels_exist, load_kernels
from whyframe_training.functional import instance_normalise, rectify, skew

TYPES = {torch.float32: Kernels.TYPES["float32"], torch.float16: Kernels.TYPES["float16"]}


def supports(*tensors: Tensor) -> bool:
    """Return whether the kernels were built and the tensors are float32 or float16 on the same CUDA device."""
    return all(t.is_cuda and t.dtype in TYPES and t.device == tensors[0].device for t in tensors) and _built()


@torch.compiler.assume_constant_result
@cache
def _built() -> bool:
    return kernels_exist()


@torch.library.custom_op("whyframe::controller", mutates_args=(), device_types="cuda")
def controller(
    logit_map: Tensor, mode: str, eta: float, h: float, etas: Tensor | None, hs: Tensor | None, epsilon: float
) -> Tensor:
    """Apply instance normalisation and a transformer in a single kernel (Fu et al. 2022, section 3.2.1).

    Args:
        logit_map: N x h x w, float32 or float16; the only argument with a gradient.
        mode: Transformer, ``"ct"`` or ``"bt"``.
        eta: Steepness of CT.
        h: Skewness of CT.
        etas: N x 1 x 1 float32, steepness of each map, which replaces `eta`; or None.
        hs: N x 1 x 1 float32, skewness of each map, which replaces `h`; or None.
        epsilon: Added to the variance.

    Returns:
        N x h x w scores, float32.
    """
    maps = logit_map.contiguous()
    scores = torch.empty_like(maps, dtype=torch.float32)
    run_controller(load_kernels(), maps, scores, mode, eta, h, etas, hs, epsilon, _stream(maps))
    return scores


def run_controller(
    kernels: Kernels, maps: Tensor, scores: Tensor, mode: str, eta: float, h: float,
    etas: Tensor | None, hs: Tensor | None, epsilon: float, stream: int,
) -> None:  # fmt: skip
    """Call the kernel of `controller` on contiguous tensors; the result is written to `scores`."""
    count, size = _maps(maps)
    kernels.controller_forward(
        maps.data_ptr(), TYPES[maps.dtype], size, scores.data_ptr(), TYPES[scores.dtype], count, size,
        Kernels.MODES[mode], eta, h, _pointer(etas), _pointer(hs), epsilon, stream,
    )  # fmt: skip


@torch.library.custom_op("whyframe::controller_backward", mutates_args=(), device_types="cuda")
def controller_backward(
    grad: Tensor, logit_map: Tensor, mode: str, eta: float, h: float, etas: Tensor | None, hs: Tensor | None,
    epsilon: float,
) -> Tensor:  # fmt: skip
    """Return the gradient of the logits of `controller` for a gradient of its scores (N x h x w)."""
    maps = logit_map.contiguous()
    out = torch.empty_like(maps)
    run_controller_backward(
        load_kernels(), grad.contiguous(), maps, out, mode, eta, h, etas, hs, epsilon, _stream(maps)
    )
    return out


def run_controller_backward(
    kernels: Kernels, grad: Tensor, maps: Tensor, out: Tensor, mode: str, eta: float, h: float,
    etas: Tensor | None, hs: Tensor | None, epsilon: float, stream: int,
) -> None:  # fmt: skip
    """Call the kernel of `controller_backward` on contiguous tensors; the result is written to `out`."""
    count, size = _maps(maps)
    kernels.controller_backward(
        maps.data_ptr(), TYPES[maps.dtype], size, grad.data_ptr(), TYPES[grad.dtype], out.data_ptr(),
        TYPES[out.dtype], count, size, Kernels.MODES[mode], eta, h, _pointer(etas), _pointer(hs), epsilon, stream,
    )  # fmt: skip


@controller.register_kernel("cpu")
def _(logit_map, mode, eta, h, etas, hs, epsilon):  # type: ignore[no-untyped-def]
    return controller_formula(logit_map, mode, eta, h, etas, hs, epsilon)


@controller_backward.register_kernel("cpu")
def _(grad, logit_map, mode, eta, h, etas, hs, epsilon):  # type: ignore[no-untyped-def]
    # Autograd does not record the body of an operator, so the derivative is written out, as in the kernel.
    normal = instance_normalise(logit_map, epsilon)
    if mode == "bt":
        slope = _rectify_gradient(grad, normal)
    else:
        slope = _skew_gradient(grad, normal, eta if etas is None else etas, h if hs is None else hs)
    tilt = (slope * normal).mean((-2, -1), keepdim=True)
    scale = torch.rsqrt(logit_map.to(normal).var((-2, -1), correction=0, keepdim=True) + epsilon)
    return (scale * (slope - slope.mean((-2, -1), keepdim=True) - normal * tilt)).to(logit_map.dtype)


def _skew_gradient(grad: Tensor, normal: Tensor, eta: Tensor | float, h: Tensor | float) -> Tensor:
    steep = eta * normal
    return grad * eta * h * torch.exp(h * F.logsigmoid(steep) + F.logsigmoid(-steep))


def _rectify_gradient(grad: Tensor, normal: Tensor) -> Tensor:
    positive = normal.relu().flatten(1)
    peak, place = positive.max(1, keepdim=True)
    peak = peak.clamp_min(torch.finfo(peak.dtype).tiny)
    flat = grad.flatten(1)
    through_peak = (flat * positive).sum(1, keepdim=True) / peak
    slope = torch.where(positive > 0, flat, 0).scatter_add(1, place, -through_peak) / peak
    return slope.view_as(normal)


def controller_formula(
    logit_map: Tensor, mode: str, eta: float, h: float, etas: Tensor | None, hs: Tensor | None, epsilon: float
) -> Tensor:
    """Return the result of `controller` from differentiable PyTorch functions; the reference of the kernel."""
    normal = instance_normalise(logit_map, epsilon)
    if mode == "bt":
        return rectify(normal)
    return skew(normal, eta if etas is None else etas, h if hs is None else hs)


@controller.register_fake
def _(logit_map, mode, eta, h, etas, hs, epsilon):  # type: ignore[no-untyped-def]  # noqa: ARG001
    wide = torch.float64 if logit_map.dtype == torch.float64 else torch.float32
    return torch.empty_like(logit_map, dtype=wide, memory_format=torch.contiguous_format)


@controller_backward.register_fake
def _(grad, logit_map, mode, eta, h, etas, hs, epsilon):  # type: ignore[no-untyped-def]  # noqa: ARG001
    return torch.empty_like(logit_map, memory_format=torch.contiguous_format)


def _save_controller(ctx, inputs, output):  # type: ignore[no-untyped-def]  # noqa: ARG001
    logit_map, ctx.mode, ctx.eta, ctx.h, etas, hs, ctx.epsilon = inputs
    ctx.save_for_backward(logit_map, etas, hs)


def _controller_gradient(ctx, grad):  # type: ignore[no-untyped-def]
    logit_map, etas, hs = ctx.saved_tensors
    grad_logits = controller_backward(grad, logit_map, ctx.mode, ctx.eta, ctx.h, etas, hs, ctx.epsilon)
    return grad_logits, None, None, None, None, None, None


controller.register_autograd(_controller_gradient, setup_context=_save_controller)


@torch.library.custom_op("whyframe::perturb", mutates_args=(), device_types="cuda")
def perturb(images: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Compute Eq. 1 in a single kernel. Only the mask has a gradient.

    Args:
        images: N x C x S x S, float32 or float16.
        mask: N x 1 x S x S.
        background: Background, with the shape and dtype of `images`.

    Returns:
        N x C x S x S, with the dtype of `images`.
    """
    images, background = images.contiguous(), background.contiguous()
    out = torch.empty_like(images)
    run_perturb(load_kernels(), images, mask.float().contiguous(), background, out, _stream(images))
    return out


def run_perturb(
    kernels: Kernels, images: Tensor, mask: Tensor, background: Tensor, out: Tensor, stream: int
) -> None:
    """Call the kernel of `perturb` on contiguous tensors, a float32 mask; the result is written to `out`."""
    kernels.perturb(
        images.data_ptr(), background.data_ptr(), TYPES[images.dtype], Kernels.PLANAR, mask.data_ptr(),
        out.data_ptr(), len(images), 1, images.shape[1], images.shape[2] * images.shape[3], stream,
    )  # fmt: skip


@torch.library.custom_op("whyframe::perturb_backward", mutates_args=(), device_types="cuda")
def perturb_backward(grad: Tensor, images: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Return the gradient of the mask of `perturb` for a gradient of its result (N x C x S x S)."""
    images, background = images.contiguous(), background.contiguous()
    out = torch.empty_like(mask, dtype=torch.float32, memory_format=torch.contiguous_format)
    run_perturb_backward(load_kernels(), grad.contiguous(), images, background, out, _stream(images))
    return out.to(mask.dtype)


def run_perturb_backward(
    kernels: Kernels, grad: Tensor, images: Tensor, background: Tensor, out: Tensor, stream: int
) -> None:
    """Call the kernel of `perturb_backward` on contiguous tensors; the result is written to `out`, float32."""
    kernels.perturb_backward(
        images.data_ptr(), background.data_ptr(), TYPES[images.dtype], Kernels.PLANAR, grad.data_ptr(),
        out.data_ptr(), len(images), 1, images.shape[1], images.shape[2] * images.shape[3], stream,
    )  # fmt: skip


@perturb.register_kernel("cpu")
def _(images, mask, background):  # type: ignore[no-untyped-def]
    return torch.lerp(background, images, mask.to(images.dtype))


@perturb_backward.register_kernel("cpu")
def _(grad, images, mask, background):  # type: ignore[no-untyped-def]
    return (grad * (images - background)).sum(1, keepdim=True).to(mask.dtype)


@perturb.register_fake
def _(images, mask, background):  # type: ignore[no-untyped-def]  # noqa: ARG001
    return torch.empty_like(images, memory_format=torch.contiguous_format)


@perturb_backward.register_fake
def _(grad, images, mask, background):  # type: ignore[no-untyped-def]  # noqa: ARG001
    return torch.empty_like(mask, memory_format=torch.contiguous_format)


def _save_perturb(ctx, inputs, output):  # type: ignore[no-untyped-def]  # noqa: ARG001
    ctx.save_for_backward(*inputs)


def _perturb_gradient(ctx, grad):  # type: ignore[no-untyped-def]
    return None, perturb_backward(grad, *ctx.saved_tensors), None


perturb.register_autograd(_perturb_gradient, setup_context=_save_perturb)


def _maps(maps: Tensor) -> tuple[int, int]:
    """Return the number of maps, and the number of entries of a map."""
    return len(maps), maps.shape[-2] * maps.shape[-1]


def _pointer(parameters: Tensor | None) -> int | None:
    return None if parameters is None else parameters.data_ptr()


def _stream(tensor: Tensor) -> int:
    return torch.cuda.current_stream(tensor.device).cuda_stream

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from whyframe_training import operators
from whyframe_training import perturb as perturbation
from whyframe_training.functional import EPSILON
from whyframe_training.predictor import controllers
from whyframe_training.predictor.controllers import BasicTransformer, CustomizedTransformer

MODES = ["ct", "bt"]
SETTINGS = [(1.5, 2.5, None, None), (0.0, 0.0, (0.5, 1.5, 3.0), (4.0, 1.0, 0.5))]


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def settings(which, dtype, device="cpu"):
    """Return the arguments eta, h, etas, hs and epsilon of the operator."""

    def of_maps(values):
        return None if values is None else torch.tensor(values, dtype=dtype, device=device)[:, None, None]

    eta, h, etas, hs = which
    return eta, h, of_maps(etas), of_maps(hs), EPSILON


def plain(mode, logits, eta, h, etas, hs, epsilon):
    """Return the result of the PyTorch formula, which is the reference of the operator."""
    return operators.controller_formula(logits, mode, eta, h, etas, hs, epsilon)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("which", SETTINGS)
def test_the_controller_is_an_operator_with_a_gradient(mode, which) -> None:
    logits = random(3, 5, 7).requires_grad_()
    arguments = (logits, mode, *settings(which, torch.float64))
    torch.library.opcheck(operators.controller, arguments)
    assert torch.autograd.gradcheck(lambda x: operators.controller(x, *arguments[1:]), logits)
    torch.testing.assert_close(operators.controller(*arguments), plain(mode, logits, *arguments[2:]))


def test_perturb_is_an_operator_with_a_gradient() -> None:
    images, background = random(2, 3, 4, 5), random(2, 3, 4, 5, seed=1)
    mask = random(2, 1, 4, 5, seed=2).sigmoid().requires_grad_()
    torch.library.opcheck(operators.perturb, (images, mask, background))
    assert torch.autograd.gradcheck(lambda m: operators.perturb(images, m, background), mask)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("which", SETTINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_the_controller_calls_is_autograd_in_float64(host_twins, mode, which, dtype) -> None:
    logits, grad = 2 * random(3, 9, 11, dtype=dtype) + 5, random(3, 9, 11, seed=1, dtype=torch.float32)
    scores, out = torch.empty(3, 9, 11), torch.empty_like(logits)
    operators.run_controller(host_twins, logits, scores, mode, *settings(which, torch.float32), 0)
    operators.run_controller_backward(host_twins, grad, logits, out, mode, *settings(which, torch.float32), 0)
    exact = logits.double().requires_grad_()
    expected = plain(mode, exact, *settings(which, torch.float64))
    expected.backward(grad.double())
    torch.testing.assert_close(scores.double(), expected.detach(), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        out.double(), exact.grad, atol=1e-5 if dtype == torch.float32 else 3e-3, rtol=0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_perturb_calls_is_autograd_in_float64(host_twins, dtype) -> None:
    images, background, grad = (random(2, 3, 5, 7, seed=seed, dtype=dtype) for seed in range(3))
    mask = random(2, 1, 5, 7, seed=4, dtype=torch.float32).sigmoid()
    out, grad_mask = torch.empty_like(images), torch.empty(2, 1, 5, 7)
    operators.run_perturb(host_twins, images, mask, background, out, 0)
    operators.run_perturb_backward(host_twins, grad, images, background, grad_mask, 0)
    exact = mask.double().requires_grad_()
    expected = perturbation.perturb(images.double(), exact, background.double())
    expected.backward(grad.double())
    atol = 1e-6 if dtype == torch.float32 else 2e-3
    torch.testing.assert_close(out.double(), expected.detach(), atol=atol, rtol=0)
    torch.testing.assert_close(grad_mask.double(), exact.grad, atol=1e-5, rtol=0)


def test_the_cpu_never_uses_the_kernels(monkeypatch) -> None:
    # private: whether the library is built cannot be chosen otherwise
    monkeypatch.setattr(operators, "_built", lambda: True)
    assert not operators.supports(torch.zeros(1, 2, 2))


def test_the_modules_call_the_operators_where_they_are_supported(monkeypatch) -> None:
    """The modules take the path of CUDA tensors, with the CPU implementations of the operators."""
    logits, rng = random(3, 6, 6), lambda: torch.Generator().manual_seed(0)
    ct, bt = CustomizedTransformer(), BasicTransformer()
    calls = [lambda: ct(logits), lambda: ct.jitter(logits, 4.0, rng()), lambda: bt(logits)]
    images, background, mask = random(3, 3, 6, 6), random(3, 3, 6, 6, seed=1), random(3, 1, 6, 6, seed=2)
    calls.append(lambda: perturbation.perturb(images, mask, background))
    expected = [call() for call in calls]
    used = []
    monkeypatch.setattr(operators, "supports", lambda *tensors: used.append(len(tensors)) or True)
    for call, value in zip(calls, expected, strict=True):
        torch.testing.assert_close(call(), value, atol=1e-6, rtol=0)
    assert used == [1, 1, 1, 3]


def test_what_the_kernel_cannot_perturb_is_left_to_pytorch(monkeypatch) -> None:
    monkeypatch.setattr(operators, "supports", lambda *tensors: True)
    images, mask, background = random(2, 3, 4, 4), random(2, 1, 4, 4), random(2, 3, 4, 4)
    assert perturbation.kernel_supports(images, mask, background)
    assert not perturbation.kernel_supports(images.clone().requires_grad_(), mask, background)
    assert not perturbation.kernel_supports(images, mask[:1], background)
    assert not perturbation.kernel_supports(images, mask, background[:1])
    assert not perturbation.kernel_supports(images, mask, background.float())


@pytest.mark.gpu
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("which", SETTINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_on_a_gpu_the_controller_is_pytorchs(mode, which, dtype) -> None:
    logits = random(3, 56, 56, dtype=dtype).cuda()
    assert operators.supports(logits), "build the kernels first, and set WHYFRAME_KERNELS_LIBRARY"
    arguments = settings(which, torch.float32, "cuda")
    torch.library.opcheck(operators.controller, (logits.requires_grad_(), mode, *arguments))
    scores = operators.controller(logits, mode, *arguments)
    scores.square().sum().backward()
    exact = logits.detach().double().requires_grad_()
    expected = plain(mode, exact, *settings(which, torch.float64, "cuda"))
    expected.square().sum().backward()
    torch.testing.assert_close(scores.double(), expected, atol=2e-6, rtol=0)
    atol = 1e-4 if dtype == torch.float32 else 5e-3
    torch.testing.assert_close(logits.grad.double(), exact.grad, atol=atol, rtol=0)


@pytest.mark.gpu
def test_on_a_gpu_the_modules_use_the_kernels() -> None:
    logits, images, background = (
        random(*shape, dtype=torch.float32) for shape in ((2, 14, 14), (2, 3, 14, 14), (2, 3, 14, 14))
    )
    background = background.flip(0)
    for controller in (CustomizedTransformer(), BasicTransformer()):
        mask = controller(logits)
        ours = controller(logits.cuda())
        torch.testing.assert_close(ours.cpu(), mask, atol=2e-6, rtol=0)
        perturbed = perturbation.perturb(images.cuda(), ours[:, None], background.cuda())
        expected = perturbation.perturb(images, mask[:, None], background)
        torch.testing.assert_close(perturbed.cpu(), expected, atol=1e-5, rtol=0)


@pytest.mark.gpu
def test_on_a_gpu_a_graph_replays_the_operators() -> None:
    logits = random(1, 56, 56).float().cuda()
    controller = CustomizedTransformer()
    controller(logits)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        scores = controller(logits)
    logits.copy_(random(1, 56, 56, seed=3))
    graph.replay()
    expected = controllers.skew(controllers.instance_normalise(logits), 1.5, 2.5)
    torch.testing.assert_close(scores, expected, atol=2e-6, rtol=0)

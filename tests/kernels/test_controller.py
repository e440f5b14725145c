import numpy as np
import pytest
import torch

from whyframe.errors import BackendError
from whyframe_training.predictor.controllers import CustomizedTransformer

MODES = {"ct": 0, "bt": 1, "minmax": 2}
TYPES = {np.float32: 0, np.float16: 1}
EPSILON = 1e-5
ETA, H = 1.5, 2.5


def reference(maps, mode, eta=ETA, h=H):
    """Compute the controllers (Fu et al. 2022, Eq. 5 to 7) in float64."""
    x = np.asarray(maps, np.float64)
    low, high = x.min(1, keepdims=True), x.max(1, keepdims=True)
    if mode == "minmax":
        return (x - low) / np.where(high > low, high - low, 1)
    z = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + EPSILON)
    if mode == "ct":
        return (1 / (1 + np.exp(-eta * z))) ** h
    positive = np.maximum(z, 0)
    peak = positive.max(1, keepdims=True)
    return positive / np.where(peak > 0, peak, 1)


def forward(
    machine, maps, mode, *, dtype=np.float32, out=np.float32, stride=None, offset=0, per_map=(None, None)
):
    n, size = maps.shape
    stride = size if stride is None else stride
    apart = np.full((n, stride), np.nan, dtype)
    apart[:, :size] = maps
    scores = machine.empty(n, size, dtype=out, offset=offset)
    parameters = [
        values if values is None else machine.put(np.asarray(values, np.float32)) for values in per_map
    ]
    machine.run(
        "controller_forward", machine.put(apart, offset), TYPES[dtype], stride, scores, TYPES[out], n, size,
        MODES[mode], ETA, H, *parameters, EPSILON,
    )  # fmt: skip
    return scores.numpy()


# Sizes below and above a group of four, a pass of a block and the limit of the cache.
SIZES = [1, 2, 3, 5, 49, 3136, 2049, 10240, 10241, 224 * 224]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
def test_scores_match_the_formulas_in_float64(machine, rng, mode, size):
    maps = rng.normal(3, 2, (2, size)).astype(np.float32)
    np.testing.assert_allclose(forward(machine, maps, mode), reference(maps, mode), atol=2e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("out", TYPES)
@pytest.mark.parametrize(("stride", "offset"), [(50, 0), (64, 0), (49, 1), (51, 3)])
def test_scores_are_right_for_any_stride_alignment_and_type(machine, rng, mode, dtype, out, stride, offset):
    maps = rng.normal(0, 1, (3, 49)).astype(dtype)
    scores = forward(machine, maps, mode, dtype=dtype, out=out, stride=stride, offset=offset)
    np.testing.assert_allclose(scores, reference(maps, mode), atol=2e-6 if out == np.float32 else 5e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("mean", "deviation"), [(5000, 100), (-5000, 1), (1e6, 1), (0, 1e-2), (0, 1e6)])
def test_a_large_mean_costs_no_precision(machine, rng, mode, mean, deviation):
    maps = rng.normal(mean, deviation, (2, 3136)).astype(np.float32)
    np.testing.assert_allclose(forward(machine, maps, mode), reference(maps, mode), atol=5e-6)


def test_an_outlier_in_front_costs_no_precision(machine, rng):
    """The statistics are relative to the first element."""
    maps = rng.normal(0, 1, (1, 3136)).astype(np.float32)
    maps[0, 0] = 3e4
    np.testing.assert_allclose(forward(machine, maps, "ct"), reference(maps, "ct"), atol=2e-5)


@pytest.mark.parametrize(("mode", "level"), [("ct", 2**-H), ("bt", 0.0), ("minmax", 0.0)])
@pytest.mark.parametrize("value", [0.0, 123.0, -1e6])
def test_a_constant_map_gives_a_constant(machine, mode, level, value):
    scores = forward(machine, np.full((2, 61), value, np.float32), mode)
    np.testing.assert_allclose(scores, level, atol=1e-7)


def test_each_map_has_its_own_distribution(machine, rng):
    maps = rng.normal(0, 1, (3, 49)).astype(np.float32)
    eta, h = [0.5, 1.5, 3.0], [4.0, 1.0, 0.5]
    scores = forward(machine, maps, "ct", per_map=(eta, h))
    for values, scored, slope, power in zip(maps, scores, eta, h, strict=True):
        np.testing.assert_allclose(scored, reference(values[None], "ct", slope, power)[0], atol=1e-6)
    only_eta = forward(machine, maps, "ct", per_map=(eta, None))
    np.testing.assert_allclose(only_eta[0], reference(maps[:1], "ct", 0.5, H)[0], atol=1e-6)


def autograd(maps, mode, grads, eta=ETA, h=H):
    """Compute the gradient with PyTorch in float64."""
    x = torch.from_numpy(np.asarray(maps, np.float64))[:, None].requires_grad_()
    z = (x - x.mean((1, 2), keepdim=True)) * (x.var((1, 2), correction=0, keepdim=True) + EPSILON).rsqrt()
    if mode == "ct":
        scores = torch.exp(h * torch.nn.functional.logsigmoid(eta * z))
    else:
        positive = z.relu()
        scores = positive / positive.amax((1, 2), keepdim=True).clamp_min(1e-30)
    scores.backward(torch.from_numpy(np.asarray(grads, np.float64))[:, None])
    return x.grad[:, 0].numpy()


def backward(machine, maps, mode, grads, *, types=(np.float32,) * 3, stride=None, offset=0):
    n, size = maps.shape
    stride = size if stride is None else stride
    apart = np.full((n, stride), np.nan, types[0])
    apart[:, :size] = maps
    out = machine.empty(n, size, dtype=types[2], offset=offset)
    machine.run(
        "controller_backward", machine.put(apart, offset), TYPES[types[0]], stride,
        machine.put(grads.astype(types[1]), offset), TYPES[types[1]], out, TYPES[types[2]], n, size, MODES[mode],
        ETA, H, None, None, EPSILON,
    )  # fmt: skip
    return out.numpy()


@pytest.mark.parametrize("mode", ["ct", "bt"])
@pytest.mark.parametrize("size", [1, 3, 49, 3136, 5120, 5121, 20000])
def test_the_gradient_matches_autograd_in_float64(machine, rng, mode, size):
    maps = rng.normal(3, 2, (2, size)).astype(np.float32)
    grads = rng.normal(0, 1, (2, size)).astype(np.float32)
    expected = autograd(maps, mode, grads)
    tolerance = 1e-4 * max(np.abs(expected).max(), 1e-2)
    np.testing.assert_allclose(backward(machine, maps, mode, grads), expected, atol=tolerance)


@pytest.mark.parametrize("mode", ["ct", "bt"])
@pytest.mark.parametrize("types", [(a, b, c) for a in TYPES for b in TYPES for c in TYPES])
def test_the_gradient_is_right_for_any_types(machine, rng, mode, types):
    maps = rng.normal(0, 1, (3, 49)).astype(types[0])
    grads = rng.normal(0, 1, (3, 49)).astype(types[1])
    ours = backward(machine, maps, mode, grads, types=types, stride=53, offset=1)
    tolerance = 5e-6 if types[2] == np.float32 else 3e-3
    np.testing.assert_allclose(ours, autograd(maps, mode, grads), atol=tolerance)


def test_a_large_mean_costs_no_gradient(machine, rng):
    maps = rng.normal(5000, 100, (2, 3136)).astype(np.float32)
    grads = rng.normal(0, 1, (2, 3136)).astype(np.float32)
    for mode in ("ct", "bt"):
        expected = autograd(maps, mode, grads)
        error = np.abs(backward(machine, maps, mode, grads) - expected).max()
        assert error < 1e-4 * np.abs(expected).max()


def test_the_first_of_equal_maxima_gets_the_gradient(machine):
    maps = np.array([[0, 2, 1.5, 2, 0, 2, 0]], np.float32)
    grads = np.array([[0, 0, 1, 0, 0, 0, 0]], np.float32)
    ours = backward(machine, maps, "bt", grads)[0]
    assert ours[1] < ours[3] == ours[5]


@pytest.mark.parametrize("mode", ["ct", "bt"])
def test_the_gradient_of_a_constant_map_is_finite(machine, mode):
    grads = np.ones((2, 61), np.float32)
    assert np.abs(backward(machine, np.full((2, 61), 123.0, np.float32), mode, grads)).max() < 1e-3


def test_extreme_logits_keep_finite_gradients(machine):
    maps = np.zeros((1, 64), np.float32)
    maps[0, 0] = -1e6
    assert np.isfinite(backward(machine, maps, "ct", np.ones((1, 64), np.float32))).all()


def test_a_call_without_work_is_no_error(machine):
    for n, size in ((0, 49), (3, 0)):
        machine.run("controller_forward", None, 0, size, None, 0, n, size, 0, ETA, H, None, None, EPSILON)
        machine.run(
            "controller_backward", None, 0, size, None, 0, None, 0, n, size, 0, ETA, H, None, None, EPSILON
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: None}, "null"),
        ({1: 2}, "does not support"),
        ({1: 7}, "unknown"),
        ({2: 3}, "too small"),
        ({4: -1}, "unknown"),
        ({5: -1}, "negative"),
        ({6: -1}, "negative"),
        ({7: 3}, "unknown"),
    ],
)
def test_bad_arguments_are_refused(machine, change, words):
    scores = machine.empty(2, 4)
    arguments = [machine.empty(2, 4), 0, 4, scores, 0, 2, 4, 0, ETA, H, None, None, EPSILON]
    for place, value in change.items():
        arguments[place] = value
    with pytest.raises(BackendError, match=words):
        machine.run("controller_forward", *arguments)
    assert (scores.numpy() == 77).all()


def test_minmax_has_no_gradient(machine):
    buffer = machine.empty(1, 4)
    with pytest.raises(BackendError, match="does not support"):
        machine.run(
            "controller_backward", buffer, 0, 4, buffer, 0, buffer, 0, 1, 4, 2, ETA, H, None, None, EPSILON
        )


def test_the_kernel_matches_the_module_used_in_training(machine, rng):
    maps = rng.normal(1, 3, (4, 56 * 56)).astype(np.float32)
    trained = CustomizedTransformer(ETA, H)(torch.from_numpy(maps).view(4, 56, 56)).flatten(1).numpy()
    np.testing.assert_allclose(forward(machine, maps, "ct"), trained, atol=1e-6)

import numpy as np
import pytest

from whyframe.errors import BackendError
from whyframe.perturb import preserve

TYPES = {np.float32: 0, np.float16: 1, np.uint8: 2}
PLANAR, INTERLEAVED = 0, 1
TOLERANCE = {np.float32: 1e-6, np.float16: 1e-3, np.uint8: 0.5 + 1e-4}


def images(rng, n, channels, pixels, layout, dtype):
    shape = (n, channels, pixels) if layout == PLANAR else (n, pixels, channels)
    return rng.integers(0, 256, shape).astype(dtype) if dtype == np.uint8 else rng.random(shape).astype(dtype)


def eq_1(image, background, masks, layout):
    """Compute the perturbed images (Fu et al. 2022, Eq. 1), groups x masks x ..., in float64."""
    m = masks[:, :, None, :] if layout == PLANAR else masks[..., None]
    m, i, a = (np.asarray(array, np.float64) for array in (m, image[:, None], background[:, None]))
    return i * m + a * (1 - m)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", [PLANAR, INTERLEAVED])
@pytest.mark.parametrize("shape", [(1, 1, 3, 64), (2, 5, 3, 49), (3, 2, 1, 7), (1, 32, 3, 36), (2, 3, 4, 1)])
@pytest.mark.parametrize("offset", [0, 1])
def test_perturb_matches_eq_1(machine, rng, dtype, layout, shape, offset):
    groups, many, channels, pixels = shape
    image, background = (images(rng, groups, channels, pixels, layout, dtype) for _ in range(2))
    masks = rng.random((groups, many, pixels)).astype(np.float32)
    expected = eq_1(image, background, masks, layout)
    out = machine.empty(*expected.shape, dtype=dtype, offset=offset)
    machine.run(
        "perturb", machine.put(image, offset), machine.put(background, offset), TYPES[dtype], layout,
        machine.put(masks, offset), out, groups, many, channels, pixels,
    )  # fmt: skip
    np.testing.assert_allclose(out.numpy().astype(np.float64), expected, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TYPES)
def test_masks_of_1_and_0_copy(machine, rng, dtype):
    image, background = (images(rng, 1, 3, 50, PLANAR, dtype) for _ in range(2))
    masks = np.zeros((1, 2, 50), np.float32)
    masks[:, 0] = 1
    out = machine.empty(1, 2, 3, 50, dtype=dtype)
    machine.run(
        "perturb", machine.put(image), machine.put(background), TYPES[dtype], PLANAR, machine.put(masks), out,
        1, 2, 3, 50,
    )  # fmt: skip
    np.testing.assert_array_equal(out.numpy()[0], np.concatenate([image, background]))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("layout", [PLANAR, INTERLEAVED])
@pytest.mark.parametrize("shape", [(1, 1, 3, 64), (2, 5, 3, 49), (3, 2, 1, 7), (2, 3, 4, 1)])
@pytest.mark.parametrize("offset", [0, 1])
def test_the_gradient_matches_eq_1(machine, rng, dtype, layout, shape, offset):
    groups, many, channels, pixels = shape
    image, background = (images(rng, groups, channels, pixels, layout, dtype) for _ in range(2))
    grad = images(rng, groups * many, channels, pixels, layout, dtype)
    axis = 2 if layout == PLANAR else 3
    difference = image.astype(np.float64) - background.astype(np.float64)
    expected = (grad.reshape(groups, many, *image.shape[1:]) * difference[:, None]).sum(axis)
    out = machine.empty(groups, many, pixels, offset=offset)
    machine.run(
        "perturb_backward", machine.put(image, offset), machine.put(background, offset), TYPES[dtype], layout,
        machine.put(grad, offset), out, groups, many, channels, pixels,
    )  # fmt: skip
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", [PLANAR, INTERLEAVED])
@pytest.mark.parametrize(("side", "channels"), [(16, 3), (7, 3), (5, 1), (1, 3)])
@pytest.mark.parametrize("offset", [0, 1])
def test_ranked_masks_keep_exactly_the_first_pixels(machine, rng, dtype, layout, side, channels, offset):
    pixels = side * side
    image, background = (images(rng, 1, channels, pixels, layout, dtype)[0] for _ in range(2))
    position = rng.permutation(pixels).astype(np.int32)
    counts = np.linspace(0, pixels, 19).astype(np.int32)
    out = machine.empty(len(counts), *image.shape, dtype=dtype, offset=offset)
    machine.run(
        "perturb_ranked", machine.put(image, offset), machine.put(background, offset), TYPES[dtype], layout,
        machine.put(position, offset), machine.put(counts, offset), out, len(counts), channels, pixels,
    )  # fmt: skip
    kept = position < counts[:, None]
    kept = kept[:, None, :] if layout == PLANAR else kept[:, :, None]
    np.testing.assert_array_equal(out.numpy(), np.where(kept, image, background))


def test_ranked_masks_match_the_runtime(machine, rng):
    frame, blurred = rng.integers(0, 256, (2, 24, 24, 3), dtype=np.uint8)
    order = rng.permutation(24 * 24)
    counts = np.arange(32) * 24 * 24 // 32
    out = machine.empty(32, 24, 24, 3, dtype=np.uint8)
    machine.run(
        "perturb_ranked", machine.put(frame), machine.put(blurred), TYPES[np.uint8], INTERLEAVED,
        machine.put(np.argsort(order).astype(np.int32)), machine.put(counts.astype(np.int32)), out, 32, 3, 24 * 24,
    )  # fmt: skip
    np.testing.assert_array_equal(out.numpy(), preserve(frame, blurred, order, counts))


@pytest.mark.parametrize("sizes", [(0, 1, 3, 4), (1, 0, 3, 4), (1, 1, 0, 4), (1, 1, 3, 0)])
def test_a_call_without_work_is_no_error(machine, sizes):
    machine.run("perturb", None, None, 0, 0, None, None, *sizes)
    machine.run("perturb_backward", None, None, 0, 0, None, None, *sizes)


@pytest.mark.parametrize("sizes", [(0, 3, 4), (1, 0, 4), (1, 3, 0)])
def test_a_ranked_call_without_work_is_no_error(machine, sizes):
    machine.run("perturb_ranked", None, None, 0, 0, None, None, None, *sizes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: None}, "null"),
        ({2: 3}, "unknown"),
        ({3: 2}, "unknown"),
        ({6: -1}, "negative"),
        ({9: -1}, "negative"),
    ],
)
@pytest.mark.parametrize("entry", ["perturb", "perturb_backward"])
def test_bad_arguments_are_refused(machine, entry, change, words):
    out = machine.empty(12)
    arguments = [out, out, 0, 0, out, out, 1, 1, 3, 4]
    for place, value in change.items():
        arguments[place] = value
    with pytest.raises(BackendError, match=words):
        machine.run(entry, *arguments)
    assert (out.numpy() == 77).all()


def test_bytes_have_no_gradient(machine):
    buffer = machine.empty(12)
    with pytest.raises(BackendError, match="does not support"):
        machine.run("perturb_backward", buffer, buffer, 2, 0, buffer, buffer, 1, 1, 3, 4)

import numpy as np
import pytest

from helpers.resize_rule import linear_rows
from whyframe.errors import BackendError
from whyframe.perturb import TIE_WEIGHT, blur_matrix, gaussian_kernel, rank_pixels
from whyframe.refine import refinement_weights

TYPES = {np.float32: 0, np.float16: 1, np.uint8: 2}
PLANAR, INTERLEAVED = 0, 1
TOLERANCE = {np.float32: 1e-6, np.float16: 5e-4, np.uint8: 0.5 + 1e-3}


def blurred(machine, image, dtype, layout, sigma, offset=0):
    """Blur images of n x height x width x channels, or of n x channels x height x width."""
    n, *rest = image.shape
    channels, height, width = rest if layout == PLANAR else (rest[2], *rest[:2])
    kernel = gaussian_kernel(sigma).astype(np.float32)
    scratch = machine.empty(machine.kernels.blur_scratch_bytes(n, channels, height, width) // 4)
    out = machine.empty(*image.shape, dtype=dtype, offset=offset)
    machine.run(
        "blur", machine.put(image.astype(dtype), offset), TYPES[dtype], layout, scratch, out, n, channels, height,
        width, machine.put(kernel), len(kernel) // 2,
    )  # fmt: skip
    scratch.numpy()
    return out.numpy()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", [PLANAR, INTERLEAVED])
@pytest.mark.parametrize("size", [(1, 1, 1, 1), (2, 3, 5, 9), (1, 3, 40, 33), (1, 1, 2, 70), (2, 4, 17, 1)])
@pytest.mark.parametrize(("sigma", "offset"), [(0.5, 0), (3.0, 1), (10.0, 0)])
def test_the_blur_matches_its_matrices_in_float64(machine, rng, dtype, layout, size, sigma, offset):
    *_, height, width = size
    planes = rng.integers(0, 256, size) if dtype == np.uint8 else rng.random(size).astype(dtype)
    expected = blur_matrix(height, sigma) @ planes.astype(np.float64) @ blur_matrix(width, sigma).T
    if layout == INTERLEAVED:
        planes, expected = planes.transpose(0, 2, 3, 1), expected.transpose(0, 2, 3, 1)
    ours = blurred(machine, planes, dtype, layout, sigma, offset)
    np.testing.assert_allclose(ours.astype(np.float64), expected, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("mask", [(1, 1), (7, 7), (5, 9), (56, 56)])
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (56, 56), (61, 224), (3, 4)])
def test_upsampling_has_half_pixel_centres(machine, rng, mask, size):
    scores = rng.random(mask).astype(np.float32)
    out = machine.empty(*size)
    machine.run("upsample", machine.put(scores), *mask, out, *size)
    expected = linear_rows(mask[0], size[0]) @ scores @ linear_rows(mask[1], size[1]).T
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-5)


def ranked(machine, scores, around):
    pixels = scores.size
    position, order = (machine.empty(pixels, dtype=np.int32) for _ in range(2))
    scratch = machine.empty(machine.kernels.rank_scratch_bytes(pixels), dtype=np.uint8)
    machine.run(
        "rank", machine.put(scores), machine.put(around), position, order, scratch, scratch.nbytes, *scores.shape
    )  # fmt: skip
    scratch.numpy()
    return position.numpy(), order.numpy()


@pytest.mark.parametrize("side", [1, 2, 16, 33])
@pytest.mark.parametrize("levels", [1, 2, 5, None])
def test_ranks_match_numpys_stable_sort(machine, rng, side, levels):
    """Few levels give many ties, among the scores and among the blurred scores."""
    scores, around = rng.random((2, side, side)).astype(np.float32)
    if levels:
        scores, around = (np.floor(array * levels).astype(np.float32) for array in (scores, around))
    keys = scores.astype(np.float64) + TIE_WEIGHT * around.astype(np.float64)
    position, order = ranked(machine, scores, around)
    np.testing.assert_array_equal(order, np.argsort(-keys.ravel(), kind="stable"))
    np.testing.assert_array_equal(position[order], np.arange(side * side))


def test_ranks_match_the_runtime(machine):
    scores = np.zeros((32, 32), np.float32)
    scores[28:, 28:] = 1
    smooth = blurred(machine, scores[None, None], np.float32, PLANAR, 10.0)[0, 0]
    position, order = ranked(machine, scores, smooth)
    expected = rank_pixels(scores)
    # Rounding of the blurred mask decides between pixels in equivalent places.
    keys = scores.astype(np.float64) + TIE_WEIGHT * smooth
    np.testing.assert_allclose(keys.ravel()[order], keys.ravel()[expected], atol=1e-12)
    assert position.reshape(32, 32)[28:, 28:].max() == 15


def test_signs_and_nan_are_ranked(machine):
    scores = np.array([[-1.0, 0.0, np.nan, -0.0, 2.0, -np.inf, np.inf]], np.float32)
    _, order = ranked(machine, scores, np.zeros_like(scores))
    assert order.tolist() == [6, 4, 1, 3, 0, 5, 2]


def refined(machine, scores, position, curve, counts):
    out = machine.empty(scores.size)
    arrays = (scores, position.astype(np.int32), np.float32(curve), counts.astype(np.int32))
    machine.run("refine", *map(machine.put, arrays), len(counts) - 1, scores.size, out)
    return out.numpy()


@pytest.mark.parametrize("steps", [1, 2, 7, 32, 100])
@pytest.mark.parametrize("pixels", [1, 49, 1024, 1025, 5000])
def test_refinement_matches_the_runtime_in_float64(machine, rng, steps, pixels):
    scores = rng.random(pixels).astype(np.float32)
    order = rng.permutation(pixels)
    curve = rng.random(steps + 1).astype(np.float32)
    curve[-1] = 1.5
    counts = np.append(np.arange(steps) * pixels // steps, pixels)
    expected = scores.copy()
    expected[order] *= refinement_weights(curve, counts)
    np.testing.assert_allclose(
        refined(machine, scores, np.argsort(order), curve, counts), expected, atol=1e-7
    )


@pytest.mark.parametrize("curve", [[0.5, 0.5, 0.5], [0.5, 0.2, 0.1]])
def test_a_curve_that_never_rises_leaves_the_scores(machine, rng, curve):
    scores = rng.random(10).astype(np.float32)
    ours = refined(machine, scores, np.arange(10), np.array(curve), np.array([0, 5, 10]))
    np.testing.assert_array_equal(ours, scores)


def test_refinement_may_be_in_place(machine, rng):
    scores = rng.random(2000).astype(np.float32)
    curve, counts = np.float32([0.1, 0.7, 0.9]), np.int32([0, 1000, 2000])
    rank = np.arange(2000, dtype=np.int32)
    buffer = machine.put(scores)
    machine.run("refine", buffer, *map(machine.put, (rank, curve, counts)), 2, 2000, buffer)
    np.testing.assert_array_equal(buffer.numpy(), refined(machine, scores, rank, curve, counts))


def test_a_call_without_work_is_no_error(machine):
    machine.run("blur", None, 0, 0, None, None, 0, 3, 4, 4, None, 1)
    machine.run("upsample", None, 1, 1, None, 0, 5)
    machine.run("rank", None, None, None, None, None, 0, 0, 5)
    machine.run("refine", None, None, None, None, 1, 0, None)
    assert machine.kernels.blur_scratch_bytes(0, 3, 4, 4) == 0
    assert machine.kernels.rank_scratch_bytes(0) >= 0


@pytest.mark.parametrize(
    ("entry", "arguments", "words"),
    [
        ("blur", (None, 0, 0, None, None, 1, 3, 4, 4, None, 1), "null"),
        ("blur", (1, 0, 0, 1, 1, 1, 3, 4, 4, 1, -1), "negative"),
        ("blur", (1, 0, 2, 1, 1, 1, 3, 4, 4, 1, 1), "unknown"),
        ("upsample", (1, 0, 1, 1, 4, 4), "too small"),
        ("upsample", (None, 1, 1, None, 4, 4), "null"),
        ("rank", (1, 1, 1, 1, 1, 8, 4, 4), "scratch"),
        ("rank", (1, 1, 1, 1, 1, 1 << 50, 1 << 30, 1 << 30), "does not support"),
        ("refine", (1, 1, 1, 1, 0, 4, 1), "too small"),
        ("refine", (1, 1, 1, 1, 4096, 4, 1), "does not support"),
        ("refine", (1, 1, 1, 1, 1, -4, 1), "negative"),
    ],
)
def test_bad_arguments_are_refused(machine, entry, arguments, words):
    with pytest.raises(BackendError, match=words):
        machine.run(entry, *arguments)


def test_invalid_sizes_give_no_scratch_size(machine):
    with pytest.raises(BackendError, match="negative"):
        machine.kernels.blur_scratch_bytes(1, -1, 1, 1)
    with pytest.raises(BackendError, match="does not support"):
        machine.kernels.rank_scratch_bytes(1 << 40)


@pytest.mark.parametrize("weight", [1.0, 0.37, 1.7, 1e-4])
def test_every_half_is_read_and_rounded_as_numpy_does(machine, weight):
    """A blur of radius 0 multiplies twice by its weight. The results include overflow, subnormals and ties."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    out = machine.empty(halves.size, dtype=np.float16)
    scratch, kernel = machine.empty(halves.size), machine.put(np.float32([weight]))
    machine.run("blur", machine.put(halves), 1, PLANAR, scratch, out, 1, 1, 1, halves.size, kernel, 0)
    with np.errstate(over="ignore", under="ignore"):
        expected = (np.float32(weight) * (np.float32(weight) * halves.astype(np.float32))).astype(np.float16)
    np.testing.assert_array_equal(out.numpy(), expected)

import numpy as np
import pytest
from scipy import ndimage

from helpers import toy
from whyframe import ExplainEngine
from whyframe.perturb import blur, rank_pixels, upsample
from whyframe.refine import EPSILON, refine_mask, refinement_weights


@pytest.fixture
def blocks(rng):
    return np.kron(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), np.ones((4, 4, 1), np.uint8))


def reference(classifier, frame, mask, target, steps):
    """Refine a mask pixel by pixel in float64 (Fu et al. 2022, section 3.2.1)."""
    blurred = ndimage.gaussian_filter(
        frame.astype(np.float64), (10, 10, 0), mode="mirror", radius=(30, 30, 0)
    )
    scores = upsample(mask, *frame.shape[:2]).astype(np.float64).ravel()
    around = ndimage.gaussian_filter(scores.reshape(frame.shape[:2]), 10, mode="mirror", radius=30).ravel()
    ranked = sorted(range(scores.size), key=lambda i: -(scores[i] + 1e-6 * around[i]))
    counts = [k * scores.size // steps for k in range(steps)] + [scores.size]
    curve = []
    for count in counts:
        kept = np.rint(blurred).astype(np.uint8).reshape(-1, 3)
        kept[ranked[:count]] = frame.reshape(-1, 3)[ranked[:count]]
        curve.append(classifier.probabilities(kept.reshape(1, *frame.shape))[0, target])
    for k in range(1, len(curve)):
        curve[k] = max(curve[k - 1], curve[k])
    refined = scores.copy()
    for rank, pixel in enumerate(ranked, start=1):
        q = np.interp(rank, counts, curve)
        refined[pixel] *= ((curve[-1] - q) / (curve[-1] - curve[0]) + EPSILON) / (1 + EPSILON)
    return refined.reshape(frame.shape[:2])


def rising_target(classifier, frame):
    """Return the class whose probability rises most from the blurred frame to the frame."""
    blurred, unperturbed = classifier.probabilities(np.stack([blur(frame), frame]))
    return int((unperturbed - blurred).argmax())


@pytest.mark.parametrize("mode", ["ct", "bt"])
@pytest.mark.parametrize("steps", [1, 5, 32])
def test_refinement_equals_the_float64_reference(mode, steps, blocks):
    classifier = toy.Toy(mode=mode, gain=4.0)
    target = rising_target(classifier, blocks)
    probabilities, _, masks = classifier.reference(blocks[None], np.array([target]))
    mask = masks[0].astype(np.float32)
    refined = refine_mask(classifier.probabilities, blocks, mask, target, probabilities[0, target], steps)
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined, reference(classifier, blocks, mask, target, steps), atol=1e-6)
    assert np.abs(refined - upsample(mask, 16, 16)).max() > 0.01


def test_the_engine_refines_like_the_reference(blocks, tmp_path):
    classifier = toy.Toy(gain=4.0)
    target = rising_target(classifier, blocks)
    with ExplainEngine(classifier.write(tmp_path / "toy.onnx"), threads=1) as engine:
        mask = engine.run(blocks, color="rgb", target=target).mask
        result = engine.run(blocks, color="rgb", target=target, refine=32)
    assert result.saliency.shape == result.mask.shape == (16, 16)
    # The graph's float32 probabilities are divided by their small range.
    np.testing.assert_allclose(result.mask, reference(classifier, blocks, mask, target, 32), atol=3e-5)


def test_the_classifier_is_called_once_with_as_many_frames_as_steps(rng):
    calls = []

    def classify(frames):
        calls.append(frames.shape)
        return toy.Toy().probabilities(frames)

    frame = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    refine_mask(classify, frame, rng.random((4, 4), dtype=np.float32), 1, 0.9, 12)
    assert calls == [(12, 16, 16, 3)]


def test_the_ranking_is_unchanged(rng):
    frame = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    mask = rng.random((4, 4), dtype=np.float32)
    refined = refine_mask(toy.Toy().probabilities, frame, mask, 1, 0.9, 8)
    ranked = refined.ravel()[rank_pixels(upsample(mask, 16, 16))]
    assert (np.diff(ranked) <= 2e-6).all()
    assert refined.min() >= 0
    assert refined.max() <= upsample(mask, 16, 16).max()


@pytest.mark.parametrize("after", [0.3, 0.0, float("nan")])
def test_a_curve_that_never_rises_leaves_the_map(after, rng):
    mask = rng.random((4, 4), dtype=np.float32)
    frame = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    refined = refine_mask(lambda frames: np.full((len(frames), 5), 0.3), frame, mask, 0, after, 4)
    np.testing.assert_array_equal(refined, upsample(mask, 16, 16))


def test_weights_in_closed_form():
    counts = np.array([0, 2, 4])
    weights = refinement_weights(
        np.array([0.0, 0.8, 0.5]), counts
    )  # the curve falls at the end; its running maximum stays
    expected = (np.array([0.5, 0.0, 0.0, 0.0]) + EPSILON) / (1 + EPSILON)
    np.testing.assert_allclose(weights, expected, atol=1e-7)
    assert refinement_weights(np.array([0.4, 0.2, 0.4]), counts) is None

import numpy as np

from helpers.finished_evaluation import SLOPE, context, samples, summary
from whyframe.perturb import rank_pixels, upsample
from whyframe_evaluation.report.figures import refined_masks
from whyframe_evaluation.report.figures.refined_masks import refine_sample_mask, section


def left_half(frames: np.ndarray) -> np.ndarray:
    """Sure of class 1 as soon as the left half of the frame is sharp."""
    left = frames[:, :, : frames.shape[2] // 2].astype(float)
    sharp = np.abs(np.diff(left, axis=2)).mean((1, 2, 3))
    q = np.clip(sharp / np.abs(np.diff(samples()[0].frame[:, :32].astype(float), axis=1)).mean(), 0, 1)
    return np.stack([1 - q, q], 1)


def test_scores_of_pixels_that_the_classifier_does_not_need_are_lowered() -> None:
    before = upsample(SLOPE, 64, 64)
    after = refine_sample_mask(left_half, samples()[0], SLOPE)
    assert after.shape == before.shape
    assert (after <= before + 1e-6).all()
    assert after[:, 40:].max() < 0.01 < before[:, 40].max()
    assert after[:, 0].min() > 0.9
    assert (np.diff(after.ravel()[rank_pixels(before)]) <= 1e-6).all()


def test_masks_are_refined_once_for_a_folder(tmp_path, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(refined_masks, "refine_sample_mask", lambda *arguments: calls.append(1) or SLOPE / 2)
    report = context([summary("ct"), summary("mgnet"), summary("cam")], folder=tmp_path)
    bodies = [section(report).body for _ in range(2)]
    assert len(calls) == 2 * 2
    assert bodies[0] == bodies[1]
    assert bodies[0].count("<img") == 2 * (1 + 2 * 2)
    assert (tmp_path / "figures" / "refinement.png").is_file()


def test_without_a_predictor_there_is_no_section() -> None:
    assert section(context([summary("cam")])) is None

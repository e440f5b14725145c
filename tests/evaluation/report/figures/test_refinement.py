import numpy as np
import pytest

from helpers.finished_evaluation import SLOPE, classifier, line, material, pictures
from whyframe.perturb import rank_pixels, upsample
from whyframe_evaluation.report.figures import refinement
from whyframe_evaluation.report.figures.refinement import section, tune


def half_seen(frames: np.ndarray) -> np.ndarray:
    """Sure of class 1 as soon as the left half of the frame is sharp."""
    left = frames[:, :, : frames.shape[2] // 2].astype(float)
    sharp = np.abs(np.diff(left, axis=2)).mean((1, 2, 3))
    q = np.clip(sharp / np.abs(np.diff(pictures()[0].frame[:, :32].astype(float), axis=1)).mean(), 0, 1)
    return np.stack([1 - q, q], 1)


def test_what_the_classifier_does_not_need_fades() -> None:
    before = upsample(SLOPE, 64)
    after = tune(half_seen, pictures()[0], SLOPE)
    assert after.shape == before.shape
    assert (after <= before + 1e-6).all()
    assert after[:, 40:].max() < 0.01 < before[:, 40].max()
    assert after[:, 0].min() > 0.9
    assert (np.diff(after.ravel()[rank_pixels(before)]) <= 1e-6).all()


def test_tuned_masks_are_kept(tmp_path, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(refinement, "tune", lambda *arguments: calls.append(1) or SLOPE / 2)
    study = material([line("ct"), line("mgnet"), line("cam")], classifier=classifier(), folder=tmp_path)
    bodies = [section(study).body for _ in range(2)]
    assert len(calls) == 2 * 2
    assert bodies[0] == bodies[1]
    assert bodies[0].count("<img") == 2 * (1 + 2 * 2)
    assert (tmp_path / "figures" / "tuning.png").is_file()


@pytest.mark.parametrize(("lines", "changes"), [(["cam"], {"classifier": classifier()}), (["ct"], {})])
def test_without_predictor_or_classifier_there_is_no_section(lines, changes) -> None:
    assert section(material([line(name) for name in lines], **changes)) is None

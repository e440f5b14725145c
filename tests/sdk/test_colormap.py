import cv2
import numpy as np

from whyframe.colormap import blend, blend_tables


def test_the_opacity_grows_with_the_score():
    frame = np.full((1, 256, 3), 100, np.uint8)
    scores = np.linspace(0, 1, 256, dtype=np.float32)[None]
    _, keep = blend_tables()
    assert (np.diff(keep[:, 0, 0].astype(int)) <= 0).all()
    blended = blend(frame, scores, *blend_tables())
    np.testing.assert_array_equal(blended[0, 0], [100, 100, 100])  # score 0: the frame
    assert keep[255, 0, 0] >= 50  # score 1: the frame is still visible


def test_the_blend_is_its_float64_formula(rng):
    frame = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    scores = rng.random((30, 40), dtype=np.float32)
    opacity = (0.75 * 0.6 * np.rint(scores.astype(np.float64) * 255) / 255)[..., None]
    colours = cv2.applyColorMap(np.rint(scores * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    expected = frame * (1 - opacity) + colours * opacity
    assert np.abs(blend(frame, scores, *blend_tables(opacity=0.75 * 153 / 255)) - expected).max() <= 2

import numpy as np
import pytest

from whyframe_evaluation.metrics.insertion_deletion import area_under_curve, deletion_curve

SIDE = 32


def brightness(frames: np.ndarray) -> np.ndarray:
    p = frames.astype(float).mean(axis=(1, 2, 3)) / 255
    return np.stack([p, 1 - p], axis=1)


def left_is_bright() -> tuple[np.ndarray, np.ndarray]:
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    frame[:, : SIDE // 2] = 255
    return frame, np.tile(np.linspace(1, 0, SIDE), (SIDE, 1))


def test_pixels_turn_black_in_the_order_of_their_scores() -> None:
    frame, heatmap = left_is_bright()
    curve = deletion_curve(brightness, frame, heatmap, 0, steps=SIDE)
    assert curve == pytest.approx(np.maximum(SIDE / 2 - np.arange(SIDE + 1), 0) / SIDE)
    assert area_under_curve(curve) == pytest.approx(1 / 8)
    late = deletion_curve(brightness, frame, -heatmap, 0, steps=SIDE)
    assert area_under_curve(late) == pytest.approx(3 / 8)


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 100])
def test_no_call_of_the_classifier_has_more_than_32_frames(steps: int) -> None:
    frame, heatmap = left_is_bright()
    sizes = []

    def classify(frames: np.ndarray) -> np.ndarray:
        sizes.append(len(frames))
        return brightness(frames)

    assert len(deletion_curve(classify, frame, heatmap, 0, steps)) == steps + 1
    assert max(sizes) <= 32


def test_the_area_is_that_of_the_trapezoid_rule() -> None:
    assert area_under_curve(np.linspace(0.2, 0.6, 7)) == pytest.approx(0.4)
    assert area_under_curve(np.array([0.0, 1.0, 1.0])) == pytest.approx(0.75)

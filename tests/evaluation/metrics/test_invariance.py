import numpy as np
import pytest

from whyframe_evaluation.metrics.invariance import (
    invariance_error,
    most_informative,
    rotate,
    rotation_errors,
)


def half_and_half(side: int = 33) -> np.ndarray:
    """Return a frame that is bright above and dark below."""
    frame = np.zeros((side, side, 3), np.uint8)
    frame[: side // 2] = 200
    return frame


def lit_from_above(side: int = 33) -> np.ndarray:
    """Return a frame whose light falls evenly with the angle from the upward direction."""
    y, x = np.mgrid[:side, :side] - side // 2
    light = 255 * (1 - np.abs(np.arctan2(x, -y)) / np.pi)
    return np.repeat(light.astype(np.uint8)[..., None], 3, axis=2)


def brightest_edge(frames: np.ndarray) -> np.ndarray:
    """Score four classes, top, left, bottom and right, by the light in the middle of each edge."""
    light = frames.astype(float).mean(axis=-1)
    middle = frames.shape[1] // 2
    return np.stack(
        [light[:, 4, middle], light[:, middle, 4], light[:, -5, middle], light[:, middle, -5]], axis=1
    )


def light_in_a_disc(frames: np.ndarray) -> np.ndarray:
    """Score two classes by the light in a central disc, which no rotation changes."""
    y, x = np.mgrid[: frames.shape[1], : frames.shape[2]] - frames.shape[1] // 2
    inside = y**2 + x**2 < 12**2
    p = frames.mean(axis=-1)[:, inside].mean(axis=1) / 255
    return np.stack([p, 1 - p], axis=1)


def test_rotation_is_counter_clockwise_about_the_centre() -> None:
    frame = half_and_half()
    assert (rotate(frame, 0) == frame).all()
    quarter = rotate(frame, 90)
    assert np.abs(quarter.astype(int) - np.rot90(frame)).max() <= 1
    assert rotate(frame, 45).shape == frame.shape


def test_an_invariant_classifier_has_no_error() -> None:
    errors = rotation_errors(light_in_a_disc, [half_and_half()], (0, 45, 180), draws=16)
    assert set(errors.values()) == {0.0}


def test_the_error_is_the_share_of_the_angles_that_change_the_class() -> None:
    errors = rotation_errors(brightest_edge, [lit_from_above()] * 20, (0, 40, 90, 180), draws=20)
    assert errors[0] == errors[40] == 0
    # beyond 45 degrees another edge is the brightest
    assert errors[90] == pytest.approx(1 / 2, abs=0.08)
    assert errors[180] == pytest.approx(3 / 4, abs=0.08)


def test_the_error_is_the_share_of_related_pairs_that_change() -> None:
    frames = [half_and_half(), 255 - half_and_half()]
    flips = iter([True, False, True, True])

    def sometimes_flipped(frame: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return frame[::-1] if next(flips) else frame

    assert invariance_error(brightest_edge, frames, sometimes_flipped, draws=2) == 0.75


def test_the_error_of_no_frames_is_nan() -> None:
    assert np.isnan(invariance_error(brightest_edge, [], lambda frame, generator: frame, draws=2))


def test_the_same_rotations_are_drawn_in_every_run() -> None:
    frames = [lit_from_above()] * 5
    first, second = (rotation_errors(brightest_edge, frames, [60.0], 10) for _ in range(2))
    assert first == second


def test_the_most_informative_rule_has_the_largest_angle_that_is_worth_its_error() -> None:
    errors = {0.0: 0.0, 10.0: 0.0, 45.0: 0.02, 90.0: 0.4}
    assert most_informative(errors, weight=1e-3) == 45
    assert most_informative(errors, weight=1e-5) == 10
    assert most_informative(errors, weight=1.0) == 90


def test_a_grey_frame_is_rotated_like_each_channel_of_a_colour_frame() -> None:
    colour = lit_from_above()
    np.testing.assert_array_equal(rotate(colour[..., :1], 20), rotate(colour, 20)[..., :1])

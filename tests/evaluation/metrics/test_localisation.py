import numpy as np

from whyframe_evaluation.metrics.box_geometry import iou
from whyframe_evaluation.metrics.localisation import GRIDS, THRESHOLDS, missed, predicted_box, search_alpha


def blob(x1: int, y1: int, x2: int, y2: int, side: int = 20, floor: float = 0.0) -> np.ndarray:
    heatmap = np.full((side, side), floor)
    heatmap[y1:y2, x1:x2] = 1
    return heatmap


def test_the_value_rule_thresholds_the_scaled_heatmap() -> None:
    heatmap = np.array([[10.0, 12.0, 15.0, 20.0]])
    assert THRESHOLDS["value"](heatmap, 0.5).tolist() == [[False, False, True, True]]
    assert THRESHOLDS["value"](heatmap, 0.0).all()


def test_the_energy_rule_takes_the_fewest_pixels_that_reach_the_share() -> None:
    heatmap = np.array([[4.0, 3.0, 2.0, 1.0, -5.0]])
    for alpha, kept in {0.0: 0, 0.35: 1, 0.4: 1, 0.45: 2, 0.7: 2, 0.75: 3, 0.95: 4}.items():
        assert THRESHOLDS["energy"](heatmap, alpha).sum() == kept, alpha


def test_the_mean_rule_is_relative_to_the_mean_score() -> None:
    heatmap = np.array([[1.0, 2.0, 3.0, 6.0]])  # mean 3
    assert THRESHOLDS["mean"](heatmap, 1.0).tolist() == [[False, False, True, True]]
    assert THRESHOLDS["mean"](heatmap, 2.0).tolist() == [[False, False, False, True]]
    assert not THRESHOLDS["mean"](heatmap, 10.0).any()


def test_the_box_surrounds_only_the_largest_component() -> None:
    heatmap = blob(3, 4, 9, 12)
    heatmap[18, 18] = 1
    assert predicted_box(heatmap, "value", 0.5) == (3, 4, 9, 12)


def test_the_box_is_the_image_where_no_pixel_is_above_the_threshold() -> None:
    assert predicted_box(blob(3, 4, 19, 18), "mean", 10.0) == (0, 0, 20, 20)


def test_an_iou_of_one_half_is_an_error() -> None:
    box = predicted_box(blob(0, 0, 10, 10), "value", 0.5)
    assert missed([iou(box, (0, 0, 10, 5)), iou(box, (0, 0, 10, 5.1))]).tolist() == [True, False]


def test_the_grids_are_those_of_the_paper() -> None:
    assert (len(GRIDS["value"]), GRIDS["value"][1], GRIDS["value"][-1]) == (20, 0.05, 0.95)
    assert (len(GRIDS["mean"]), GRIDS["mean"][1], GRIDS["mean"][-1]) == (21, 0.5, 10)


def test_the_smallest_alpha_with_the_fewest_errors_is_chosen() -> None:
    heatmap = np.zeros((20, 20))
    heatmap[2:18, 2:18] = 0.4
    heatmap[6:12, 6:12] = 1

    def overlaps(true: tuple[float, float, float, float]) -> list[float]:
        return [iou(predicted_box(heatmap, "value", alpha), true) for alpha in GRIDS["value"]]

    inner, outer = overlaps((6, 6, 12, 12)), overlaps((2, 2, 18, 18))
    assert GRIDS["value"][search_alpha([inner])] == 0.45
    assert GRIDS["value"][search_alpha([outer])] == 0.0  # the box is the image, which overlaps by 0.64
    assert search_alpha([inner, inner, outer]) == search_alpha([inner])

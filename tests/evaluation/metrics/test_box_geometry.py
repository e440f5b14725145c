import numpy as np
import pytest

from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_evaluation.metrics.box_geometry import box_area, box_mask, input_boxes, iou, tight_box


def test_box_mask_covers_pixels_whose_centres_are_inside() -> None:
    mask = box_mask([(1, 0, 3, 2)], 3, 4)
    assert mask.tolist() == [[False, True, True, False], [False, True, True, False], [False] * 4]
    assert box_mask([(0.4, 0, 1.4, 1)], 1, 3).tolist() == [[True, False, False]]


def test_tight_box_has_pixel_edges() -> None:
    region = np.zeros((5, 6), bool)
    region[1, 2] = region[3, 4] = True
    assert tight_box(region) == (2, 1, 5, 4)


def test_an_empty_region_has_no_tight_box() -> None:
    assert tight_box(np.zeros((2, 2), bool)) is None


def test_iou_of_equal_overlapping_and_separate_boxes() -> None:
    assert iou((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0


def test_an_empty_or_inverted_box_has_no_area_and_no_overlap() -> None:
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0
    assert box_area((3, 0, 1, 5)) == 0


def test_boxes_are_stretched_with_their_file() -> None:
    assert input_boxes([(60, 10, 90, 100)], 100, 200, InputSpec.square(50)) == [(15, 5, 22.5, 50)]
    assert input_boxes([], 100, 200, InputSpec.square(50)) == []


def test_boxes_are_cut_at_the_border_and_left_out_beyond_it() -> None:
    boxes = [(-20, 50, 20, 120), (200, 0, 220, 50)]
    assert input_boxes(boxes, 100, 200, InputSpec.square(50)) == [(0, 25, 5, 50)]


def test_boxes_are_cut_to_what_a_centre_crop_shows() -> None:
    # 100 x 200 pixels become 50 x 100, of which the columns 30 to 69 are shown: the pixels 60 to 139 of the file.
    crop = ResizeRule(mode="crop", shorter_side=50, interpolation="bilinear")
    spec = InputSpec(height=50, width=40, resize=crop)
    boxes = [(80, 20, 120, 40), (0, 0, 100, 100), (0, 0, 60, 100), (140, 0, 200, 100)]
    assert input_boxes(boxes, 100, 200, spec) == [(10, 10, 30, 20), (0, 0, 20, 50)]


def test_boxes_are_moved_beside_the_bars_of_a_letterbox() -> None:
    # 100 x 200 pixels become 20 x 40 with 10 rows above and below.
    spec = InputSpec.square(40, resize=ResizeRule(mode="letterbox", interpolation="bilinear"))
    assert input_boxes([(-10, 0, 100, 100)], 100, 200, spec) == [(0, 10, 20, 30)]

import numpy as np

from whyframe_evaluation.metrics.pointing_game import MARGIN, is_difficult, pointing_hit


def peak_at(y: int, x: int, side: int = 64) -> np.ndarray:
    heatmap = np.zeros((side, side))
    heatmap[y, x] = 1
    return heatmap


def test_the_strict_game_counts_only_pixels_in_the_box() -> None:
    box = [(10, 20, 30, 40)]
    assert pointing_hit(peak_at(20, 10), box)
    assert pointing_hit(peak_at(39, 29), box)
    assert not pointing_hit(peak_at(40, 29), box)
    assert not pointing_hit(peak_at(39, 30), box)


def test_a_hit_is_closer_than_the_margin() -> None:
    box = [(10, 20, 30, 40)]  # last pixel: row 39, column 29
    assert pointing_hit(peak_at(39, 29 + 14), box, MARGIN)
    assert not pointing_hit(peak_at(39, 29 + 15), box, MARGIN)
    assert pointing_hit(peak_at(39 + 10, 29 + 11), box, MARGIN)  # 221 < 225
    assert not pointing_hit(peak_at(39 + 9, 29 + 12), box, MARGIN)  # 225


def test_there_is_no_hit_without_a_box() -> None:
    assert not pointing_hit(peak_at(0, 0), [], MARGIN)


def test_the_first_of_equal_maxima_counts() -> None:
    assert pointing_hit(np.ones((8, 8)), [(0, 0, 1, 1)])
    assert not pointing_hit(np.ones((8, 8)), [(7, 7, 8, 8)])


def test_a_difficult_image_has_a_small_object_and_another_category() -> None:
    small, large = [(0, 0, 4, 4)], [(0, 0, 5, 5)]  # of 8 x 8: a quarter is 16 pixels
    assert not is_difficult(small, ["dog", "cat"], 8, 8)  # exactly a quarter
    assert is_difficult([(0, 0, 3, 5)], ["dog", "cat"], 8, 8)
    assert not is_difficult([(0, 0, 3, 5)], ["dog", "dog"], 8, 8)
    assert not is_difficult(large, ["dog", "cat"], 8, 8)
    assert is_difficult([(0, 0, 3, 5), (0, 0, 3, 5)], ["dog", "cat"], 8, 8)  # the overlap counts once

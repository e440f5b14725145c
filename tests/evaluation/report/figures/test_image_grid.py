import numpy as np
import pytest

from helpers.finished_evaluation import samples
from whyframe_evaluation.report.figures.image_grid import (
    TILE,
    Grid,
    GridColumn,
    GridRow,
    draw_image,
    draw_on_own_scale,
    draw_on_unit_scale,
    grid_figure,
    grid_html,
)


@pytest.fixture
def slope() -> np.ndarray:
    return np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))


def test_scores_of_zero_leave_the_image_unchanged() -> None:
    for sample in samples():
        bare = draw_image(sample).astype(int)
        for zeros in (
            draw_on_unit_scale(sample, np.zeros((8, 8), np.float32)),
            draw_on_own_scale(sample, np.full((8, 8), 3.0, np.float32)),
        ):
            assert np.abs(bare - zeros).max() <= 1


def test_boxes_are_drawn_where_they_are() -> None:
    boxed, without = (draw_image(sample) for sample in samples())
    scale = TILE / samples()[0].image.shape[-1]
    top, left, right = round(8 * scale), round(8 * scale), round(40 * scale) - 1
    assert (boxed[top, left : right + 1] == 255).all()
    assert (boxed[top : top + 20, right] == 255).all()
    assert not (without[top, left : right + 1] == 255).all()


def test_the_own_scale_hides_the_range_and_the_unit_scale_shows_it(slope) -> None:
    sample = samples()[1]
    assert np.array_equal(draw_on_own_scale(sample, 5 * slope), draw_on_own_scale(sample, slope))
    assert not np.array_equal(draw_on_unit_scale(sample, slope / 5), draw_on_unit_scale(sample, slope))


def test_evidence_against_the_class_stays_uncoloured(slope) -> None:
    sample = samples()[1]
    signed = draw_on_own_scale(sample, 2 * slope - 1).astype(int)
    bare = draw_image(sample).astype(int)
    assert np.abs(signed - bare)[:, : TILE // 2 - 4].max() <= 1
    assert np.abs(signed - bare)[:, -8:].max() > 50


def test_a_few_extreme_pixels_are_not_the_scale(slope) -> None:
    spiked = slope.copy()
    spiked[0, 0] = 1000
    assert (
        np.abs(draw_on_own_scale(samples()[1], spiked).astype(int) - draw_on_own_scale(samples()[1], slope))[
            20:
        ].max()
        < 12
    )


def grid() -> Grid:
    tile = np.full((TILE, TILE, 3), 90, np.uint8)
    return Grid(
        [GridColumn("image"), GridColumn("<b>", "MF 7")],
        [GridRow("cat", [tile, None]), GridRow("dog", [tile, tile])],
    )


def test_a_table_has_an_image_for_each_tile_and_a_note_for_a_missing_tile() -> None:
    html = grid_html(grid())
    assert html.count("<img") == 3
    assert html.count("<small>none</small>") == 1
    assert "<b>" not in html
    assert "MF 7" in html
    assert html.count("data:image/jpeg;base64,") == 3
    assert html.count("<td>") == 2 * 3


def test_a_sheet_holds_every_tile_in_its_pixels() -> None:
    figure = grid_figure(grid())
    width, height = figure.get_size_inches() * figure.dpi
    assert width > 2 * TILE
    assert height > 2 * TILE
    sheet = figure.axes[0].images[0].get_array()
    assert (sheet[:TILE, :TILE] == 90).all()
    assert (sheet[:TILE, TILE + 6 :] == 255).all()
    assert (sheet[TILE + 6 : 2 * TILE, TILE + 6 : 2 * TILE] == 90).all()

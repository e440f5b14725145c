from helpers.finished_evaluation import SLOPE, context, samples, summary
from whyframe_evaluation.report.figures.masks import map_grid, section


def test_images_are_rows_and_methods_columns() -> None:
    a, b = samples()
    maps = {("cam", a.file): SLOPE, ("cam", b.file): SLOPE, ("mine", a.file): SLOPE}
    grid = map_grid(context([summary("cam"), summary("mine"), summary("ct-all")], maps))
    assert [column.title for column in grid.columns] == ["image", "CAM", "mine"]
    assert [name for name, _ in grid.rows] == ["class 1", "class 2"]
    assert [tile is None for tile in grid.rows[1][1]] == [False, False, True]


def test_no_image_is_shown_where_none_is_asked_for(tmp_path) -> None:
    assert section(context([summary("cam")], shown=0)) is None
    found = section(context([summary("cam")], shown=1, folder=tmp_path))
    assert found.body.count("<img") == 2
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["masks.png"]

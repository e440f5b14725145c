from helpers.finished_evaluation import SLOPE, line, material, pictures
from whyframe_evaluation.report.figures.masks import masks, section


def test_pictures_are_rows_and_methods_columns() -> None:
    a, b = pictures()
    maps = {("cam", a.file): SLOPE, ("cam", b.file): SLOPE, ("mine", a.file): SLOPE}
    grid = masks(material([line("cam"), line("mine"), line("ct-all")], maps))
    assert [one.title for one in grid.columns] == ["picture", "CAM", "mine"]
    assert [name for name, _ in grid.rows] == ["class 1", "class 2"]
    assert [tile is None for tile in grid.rows[1][1]] == [False, False, True]


def test_no_picture_is_shown_where_none_is_asked_for(tmp_path) -> None:
    assert section(material([line("cam")], shown=0)) is None
    one = section(material([line("cam")], shown=1, folder=tmp_path))
    assert one.body.count("<img") == 2
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["masks.png"]

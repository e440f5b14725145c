from pathlib import Path

import cv2
import numpy as np
import pytest

from whyframe.check.report import Entry, check_report_path, write_report
from whyframe.errors import OutputError

RED = np.zeros((30, 400, 3), np.uint8)
RED[..., 2] = 255
BLUE = np.zeros((16, 16, 3), np.uint8)
BLUE[..., 0] = 255
ENTRY = Entry("a <b>.png", RED, BLUE, {"whyframe": [("cat & dog", 0.75)], "your pipeline": [("Käfer", 0.5)]})


def test_a_picture_shows_the_frame_and_the_input_of_each_image(tmp_path: Path) -> None:
    write_report(tmp_path / "r.png", "FAIL", [], [ENTRY, ENTRY])
    picture = cv2.imread(str(tmp_path / "r.png"))
    assert picture.shape == (44 + 2 * 252, 480 + 12 + 240 + 560, 3)
    for top in (44, 44 + 252):
        assert picture[top + 120, 240].tolist() == [0, 0, 255]
        assert picture[top + 120, 600].tolist() == [255, 0, 0]
        assert picture[top : top + 240, 732:].min() < 128, "the answers"


def test_a_page_holds_everything_and_escapes_text(tmp_path: Path) -> None:
    write_report(
        tmp_path / "r.html", "FAIL <1>", [[["stage", "result"], ["graph", "differs & more"]]], [ENTRY]
    )
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    for text in (
        "FAIL &lt;1&gt;",
        "<th>stage</th>",
        "differs &amp; more",
        "a &lt;b&gt;.png",
        "0.7500 cat &amp; dog",
        "Käfer",
    ):
        assert text in page
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page, "no other file is needed"


@pytest.mark.parametrize(
    ("path", "message"), [("r.pdf", "end it in .html or .png"), ("none/r.png", "create the folder")]
)
def test_a_path_that_cannot_be_written_is_refused_before_the_work(
    path: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=message):
        check_report_path(tmp_path / path)

from pathlib import Path

import numpy as np
import pytest

from whyframe.errors import OutputError
from whyframe.opencv import write_image


def test_an_image_too_large_for_its_format_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutputError, match=r"write it as \.png"):
        write_image(tmp_path / "a.webp", np.zeros((20_000, 1, 3), np.uint8))
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_the_path_written_is_returned(tmp_path: Path) -> None:
    assert write_image(tmp_path / "a.png", np.zeros((2, 3, 3), np.uint8)) == tmp_path / "a.png"
    assert (tmp_path / "a.png").stat().st_size

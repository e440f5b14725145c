from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def test_demo_writes_the_images_beside_their_explanations(whyframe, tmp_path: Path) -> None:
    outcome = whyframe("demo")
    coffee, cat, place = outcome.out.splitlines()
    assert outcome.code == 0
    assert coffee.startswith("coffee.jpg: ")
    assert cat.startswith("cat.jpg: ")
    assert place.endswith(str(tmp_path / "whyframe-demo.png"))
    sheet = cv2.imread("whyframe-demo.png")
    left, right = sheet[16:400, 16:656], sheet[16:400, 672:1312]
    assert np.abs(np.float32(left) - np.float32(right)).mean() > 1, "the map is drawn on the right image"
    assert (sheet[:8] == 255).all()

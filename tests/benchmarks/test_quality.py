import pytest

from benchmarks import quality
from helpers import toy

VALUES = {
    "faithfulness": {"ours": [80.0, float("nan"), 60.0], "cam": [70.0, float("nan"), 60.0]},
    "pr_auc": {"ours": [90.0], "cam": [80.0]},
    "pointing": {"ours": [100.0, 0.0], "cam": [100.0, 100.0]},
}


def test_images_without_a_value_are_left_out_of_means_counts_and_differences() -> None:
    metrics = quality.summarise(VALUES)["metrics"]
    assert metrics["faithfulness"]["count"] == 2
    assert metrics["faithfulness"]["means"] == {"ours": 70.0, "cam": 65.0}
    assert metrics["faithfulness"]["differences"]["cam"]["mean"] == 5.0
    assert metrics["faithfulness"]["values"]["ours"] == [80.0, None, 60.0]
    assert metrics["pointing"]["means"] == {"ours": 50.0, "cam": 100.0}


def test_the_page_names_the_counts_and_every_model() -> None:
    data = {"photos": "3 validation images of photos", "boxed": ["coco128", "kangaroo"]}
    text = quality.table({**quality.summarise(VALUES), "data": data})
    assert "those of 3 validation images of photos" in text
    assert "images of coco128 and kangaroo" in text
    assert "| model | MF (n = 2) | PR-AUC (n = 1) | pointing (n = 2) |" in text
    assert "| ours | 70.00 | 90.00 | 50.00 |" in text
    assert "MF, ours minus cam: +5.00" in text


def test_faithfulness_is_that_of_the_runtimes_own_curve(engine, tmp_path, frame) -> None:
    import cv2
    import numpy as np

    from whyframe.perturb import faithfulness, preserving_curve, upsample
    from whyframe.preprocess import to_input

    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), frame)
    reference = toy.Toy()
    small = to_input(frame, reference.manifest().input)
    _, class_id, mask = reference.reference(small[None], np.array([-1]))
    curve = preserving_curve(reference.probabilities, small, upsample(mask[0], 16, 16), int(class_id[0]))
    assert quality.measure_faithfulness(engine, path) == pytest.approx(
        faithfulness(curve), abs=0.5, nan_ok=True
    )

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from helpers import toy
from whyframe import ExplainEngine
from whyframe.check import pillow
from whyframe.check.preparation import Images
from whyframe.check.self_check import Finding, check_file, compare_with_pillow
from whyframe.resize_rule import ResizeRule

BAR = SimpleNamespace(advance=lambda: None)


def findings(engine: ExplainEngine, photos: list[Path]) -> dict[str, Finding]:
    found = check_file(engine, photos, [engine.run(path) for path in photos], BAR)
    return {finding.name: finding for finding in found}


def test_a_file_that_keeps_its_word_passes_every_check(engine: ExplainEngine, photos: list[Path]) -> None:
    found = findings(engine, photos)
    assert list(found) == [
        "file",
        "probabilities",
        "different answers",
        "batch",
        "explained class",
        "frame sizes",
    ]
    assert {finding.state for finding in found.values()} == {"pass"}
    assert engine.manifest.digest[:12] in found["file"].detail


def test_a_single_image_says_nothing_about_different_answers(
    engine: ExplainEngine, photos: list[Path]
) -> None:
    assert findings(engine, photos[:1])["different answers"].state == "not checked"


def test_an_answer_that_does_not_depend_on_the_image_fails(tmp_path: Path, photos: list[Path]) -> None:
    toy.write(tmp_path / "m.onnx", gain=1e-6)
    with ExplainEngine(tmp_path / "m.onnx", threads=1) as engine:
        found = findings(engine, photos)["different answers"]
    assert found.state == "fail"
    assert "does not depend on the image" in found.detail


def test_probabilities_that_do_not_sum_to_1_fail_unless_the_labels_are_independent(
    engine: ExplainEngine, photos: list[Path]
) -> None:
    def explanation(scale: float) -> SimpleNamespace:
        return SimpleNamespace(probabilities=np.full(5, 0.2 * scale, np.float32), class_id=0)

    def probabilities(scale: float, exclusive: bool) -> Finding:
        manifest = dataclasses.replace(engine.manifest, exclusive=exclusive)
        own = SimpleNamespace(manifest=manifest)
        _, found = (next(checks) for checks in [check_file(own, photos, [explanation(scale)], BAR)] * 2)
        return found

    assert probabilities(1.0, True).state == "pass"
    assert probabilities(1.2, True).state == "fail"
    assert probabilities(1.2, False).state == "pass"
    assert probabilities(6.0, False).state == "fail"


def test_a_batch_that_differs_from_single_images_fails(
    engine: ExplainEngine, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_batch = engine.run_batch
    monkeypatch.setattr(engine, "run_batch", lambda frames: run_batch(list(frames)[::-1]))
    assert findings(engine, photos)["batch"].state == "fail"


def test_the_fast_rule_is_noted_and_an_exact_one_passes(engine: ExplainEngine, photos: list[Path]) -> None:
    spec = engine.manifest.input
    decoding, fast = compare_with_pillow(Images(photos, spec))
    assert (decoding.state, fast.state) == ("pass", "note")
    assert "approximation" in fast.detail
    exact = dataclasses.replace(spec, resize=ResizeRule(interpolation="bicubic"))
    assert compare_with_pillow(Images(photos, exact))[1].state == "pass"
    other = dataclasses.replace(spec, resize=ResizeRule(interpolation="bilinear", antialias=False))
    assert compare_with_pillow(Images(photos, other))[1].state == "note"


def test_a_wrong_resize_fails(
    engine: ExplainEngine, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = dataclasses.replace(engine.manifest.input, resize=ResizeRule(interpolation="bicubic"))
    images = Images(photos, exact)
    own = images.inputs
    monkeypatch.setattr(images, "inputs", lambda preparation: np.roll(own(preparation), 1, axis=2))
    assert compare_with_pillow(images)[1].state == "fail"


def test_a_squashed_input_is_pillows(engine: ExplainEngine, photos: list[Path]) -> None:
    squash = ResizeRule(mode="squash", shorter_side=40, interpolation="bicubic")
    spec = dataclasses.replace(engine.manifest.input, resize=squash)
    assert compare_with_pillow(Images(photos, spec))[1].state == "pass"


def test_without_pillow_the_comparisons_are_said_to_be_missing(
    engine: ExplainEngine, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pillow, "load_pillow", lambda: None)
    found = compare_with_pillow(Images(photos, engine.manifest.input))
    assert [finding.state for finding in found] == ["not checked"] * 2
    assert found[0].detail == "Pillow is not installed (pip install pillow)"


def test_the_file_that_pillow_decodes_otherwise_is_named(engine: ExplainEngine, photos: list[Path]) -> None:
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(photos[2])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photos[3]).save(photos[3], exif=exif)
    decoding, _ = compare_with_pillow(Images(photos, engine.manifest.input))
    assert decoding.state == "note"
    assert decoding.detail.endswith(
        f"levels of 255 on average ({photos[2].name}); EXIF turns 1 of them on their side"
    )

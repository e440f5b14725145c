import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from whyframe import overlay
from whyframe.scores import HostScores


def with_flat(result, flat):
    return dataclasses.replace(result, scores=HostScores(result.mask, flat))


@pytest.fixture
def result(engine, frame):
    frame = np.kron(frame, np.ones((6, 6, 1), np.uint8))  # 288 x 384: room for a caption
    return dataclasses.replace(with_flat(engine.run(frame), False), probability=0.9)


def above_caption(image):
    return image[: image.shape[0] // 2]


def test_the_drawing_is_new_and_of_the_same_size(result):
    before = result.frame.copy()
    image = result.overlay()
    assert image.shape == result.frame.shape
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(result.frame, before)


def test_the_opacity_grows_with_the_score():
    frame = np.full((1, 256, 3), 100, np.uint8)
    scores = np.linspace(0, 1, 256, dtype=np.float32)[None]
    _, keep = overlay._tables(255)
    assert (np.diff(keep[:, 0, 0].astype(int)) <= 0).all()
    np.testing.assert_array_equal(
        overlay.blend(frame, scores, *overlay._tables(255))[0, 0], [100, 100, 100]
    )  # score 0: the frame
    assert keep[255, 0, 0] >= 50  # score 1: the frame still shows


def test_the_blend_is_its_float64_formula(rng):
    import cv2

    frame = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    scores = rng.random((30, 40), dtype=np.float32)
    opacity = (0.75 * 0.6 * np.rint(scores.astype(np.float64) * 255) / 255)[..., None]
    colours = cv2.applyColorMap(np.rint(scores * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    expected = frame * (1 - opacity) + colours * opacity
    assert np.abs(overlay.blend(frame, scores, *overlay._tables(153)) - expected).max() <= 2


def test_an_unsure_map_fades_and_then_is_not_drawn(result):
    def change(probability):
        image = dataclasses.replace(result, probability=probability).overlay()
        return np.abs(above_caption(image).astype(int) - above_caption(result.frame)).mean()

    assert change(0.9) == change(overlay.SURE) > change(0.2) > change(overlay.UNCERTAIN) > 0
    assert change(overlay.UNCERTAIN - 0.01) == 0
    assert change(float("nan")) == 0


def test_a_flat_result_is_drawn_without_its_map_and_says_so(result, monkeypatch):
    said = []
    monkeypatch.setattr(overlay, "_write_caption", lambda image, label, note: said.append(note))
    flat = with_flat(result, True).overlay()
    np.testing.assert_array_equal(flat, result.frame)
    dataclasses.replace(result, probability=0.01).overlay()
    result.overlay()
    assert said == ["90%, no map: nothing to see", "1%, no map: too uncertain", "90%"]


def test_the_caption_is_readable_and_stays_in_its_bar(result):
    image = with_flat(result, True).overlay()
    changed = (image != result.frame).any(axis=(1, 2))
    first = int(changed.argmax())
    assert changed[first:].all()
    assert first > 0.85 * len(image)
    assert image[first:].max() == 255  # white letters


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (12, 12), (27, 64), (40, 30), (1000, 37)])
def test_tiny_frames_are_drawn(engine, rng, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    assert engine.run(frame).overlay().shape == frame.shape


def test_captions_shorten_the_label_first():
    lines = list(overlay._captions("tabby, tabby cat", "87%, no map: nothing to see"))
    assert lines[0] == "tabby, tabby cat  87%, no map: nothing to see"
    assert "tabby...  87%, no map: nothing to see" in lines
    assert lines[-1] == "87%"
    assert all(len(b) <= len(a) + 3 for a, b in pairwise(lines))


@pytest.mark.parametrize(("text", "drawn"), [("café", "cafe"), ("Ωmega", "?mega"), ("plain", "plain")])
def test_text_is_what_the_fonts_have(text, drawn):
    assert overlay._printable(text) == drawn


def test_a_strided_frame_is_drawn_as_its_copy(engine, frame):
    strided = np.kron(frame, np.ones((6, 6, 1), np.uint8))[::-1, ::-1]
    np.testing.assert_array_equal(engine.run(strided).overlay(), engine.run(strided.copy()).overlay())

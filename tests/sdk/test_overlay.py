import dataclasses
from itertools import pairwise

import cv2
import numpy as np
import pytest

from whyframe import overlay
from whyframe.errors import OptionError
from whyframe.scores import HostScores


def with_no_signal(result, no_signal=True):
    scores = HostScores(result.mask, no_signal, result.frame.shape[:2], result.manifest.input)
    return dataclasses.replace(result, scores=scores)


@pytest.fixture
def result(engine, frame):
    frame = np.kron(frame, np.ones((6, 6, 1), np.uint8))  # 288 x 384: room for a caption
    return dataclasses.replace(with_no_signal(engine.run(frame), False), probability=0.9)


def above_caption(image):
    return image[: image.shape[0] // 2]


def test_the_drawing_is_new_and_of_the_same_size(result):
    before = result.frame.copy()
    image = result.overlay()
    assert image.shape == result.frame.shape
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(result.frame, before)


def test_the_map_of_an_uncertain_class_fades_and_then_is_not_drawn(result):
    def change(probability):
        image = dataclasses.replace(result, probability=probability).overlay()
        return np.abs(above_caption(image).astype(int) - above_caption(result.frame)).mean()

    assert change(0.9) == change(overlay.CERTAIN) > change(0.2) > change(overlay.UNCERTAIN) > 0
    assert change(overlay.UNCERTAIN - 0.01) == 0
    assert change(float("nan")) == 0


@pytest.fixture
def captions(monkeypatch):
    """The texts that are written on images from now on."""
    written = []
    monkeypatch.setattr(cv2, "putText", lambda image, text, *arguments: written.append(text))
    return written


def test_a_map_without_signal_is_not_drawn_and_the_caption_gives_the_reason(result, captions):
    image = with_no_signal(result).overlay()
    np.testing.assert_array_equal(above_caption(image), above_caption(result.frame))
    dataclasses.replace(result, probability=0.01).overlay()
    result.overlay()
    notes = ["90%, no map: nothing to see", "1%, no map: too uncertain", "90%"]
    assert captions == [f"{result.label}  {note}" for note in notes]


def test_the_caption_is_the_text_that_was_asked_for(result, captions):
    result.overlay(caption="café\nat noon")
    with_no_signal(result).overlay(caption="as asked")
    assert captions == ["cafe at noon", "as asked  no map: nothing to see"]


@pytest.mark.parametrize("caption", [False, ""])
def test_without_a_caption_only_the_map_is_drawn(result, caption):
    np.testing.assert_array_equal(with_no_signal(result).overlay(caption=caption), result.frame)
    np.testing.assert_array_equal(
        above_caption(result.overlay(caption=caption)), above_caption(result.overlay())
    )


def test_the_defaults_are_turbo_at_three_quarters_with_a_caption(result):
    image = result.overlay(colormap="turbo", opacity=0.75, caption=True)
    np.testing.assert_array_equal(image, result.overlay())


def test_the_opacity_is_that_of_the_map(result):
    def change(opacity):
        image = result.overlay(opacity=opacity, caption=False)
        return np.abs(image.astype(int) - result.frame).mean()

    assert change(0) == 0 < change(0.3) < change(0.75) < change(1)


def test_the_colour_map_is_the_named_one(result):
    images = [result.overlay(colormap=name) for name in ("turbo", "jet", "viridis", "bone")]
    for first, second in pairwise(images):
        assert (above_caption(first) != above_caption(second)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colormap": "rainbows"}, r"colormap is 'rainbows'; give one of .*turbo.*viridis"),
        ({"colormap": "TURBO"}, "give one of"),
        ({"colormap": ["turbo"]}, "give one of"),
        ({"opacity": 1.5}, "opacity is 1.5; give a number from 0 to 1"),
        ({"opacity": -0.1}, "from 0 to 1"),
        ({"opacity": float("nan")}, "from 0 to 1"),
        ({"opacity": "half"}, "from 0 to 1"),
        ({"caption": None}, "caption is None; give True, False or a text"),
    ],
)
@pytest.mark.parametrize("no_signal", [False, True])
def test_a_value_that_is_not_accepted_is_refused_in_one_line(result, options, message, no_signal):
    with pytest.raises(OptionError, match=message) as caught:
        with_no_signal(result, no_signal).overlay(**options)
    assert "\n" not in str(caught.value)


def test_the_caption_is_readable_and_stays_in_its_bar(result):
    image = with_no_signal(result).overlay()
    changed = (image != result.frame).any(axis=(1, 2))
    first = int(changed.argmax())
    assert changed[first:].all()
    assert first > 0.85 * len(image)
    assert image[first:].max() == 255  # white letters


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (12, 12), (27, 64), (40, 30), (1000, 37)])
def test_tiny_frames_are_drawn(engine, rng, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    assert engine.run(frame).overlay().shape == frame.shape


def test_captions_shorten_the_label_first(rng, captions):
    for width in range(500, 20, -5):
        frame = np.zeros((250, width, 3), np.uint8)
        scores = HostScores(rng.random((4, 4), dtype=np.float32), True, (250, width), "stretch")
        overlay.draw(frame, scores, "tabby, tabby cat", 0.87)
    assert captions[0] == "tabby, tabby cat  87%, no map: nothing to see"
    assert "tabby...  87%, no map: nothing to see" in captions
    assert captions[-1] == "87%"
    assert all(len(shorter) <= len(longer) + 3 for longer, shorter in pairwise(captions))


@pytest.mark.parametrize(("text", "drawn"), [("café", "cafe"), ("Ωmega", "?mega"), ("plain", "plain")])
def test_letters_outside_ascii_are_replaced(result, captions, text, drawn):
    result.overlay(caption=text)
    dataclasses.replace(result, label=text).overlay()
    assert captions == [drawn, f"{drawn}  90%"]


def test_a_text_that_does_not_fit_is_cut_off(result, captions):
    result.overlay(caption="a long text " * 20)
    assert captions[0].startswith("a long text a long text")
    assert captions[0].endswith("...")


def test_a_strided_frame_is_drawn_as_its_copy(engine, frame):
    strided = np.kron(frame, np.ones((6, 6, 1), np.uint8))[::-1, ::-1]
    np.testing.assert_array_equal(engine.run(strided).overlay(), engine.run(strided.copy()).overlay())


def multi_label(result, *probabilities, class_id):
    manifest = dataclasses.replace(result.manifest, exclusive=False, activation="sigmoid")
    return dataclasses.replace(
        result,
        manifest=manifest,
        probabilities=np.array(probabilities, np.float32),
        class_id=class_id,
        label=manifest.labels[class_id],
        probability=probabilities[class_id],
    )


@pytest.mark.parametrize(
    ("probabilities", "class_id", "lines"),
    [
        ((0.6, 0.9, 0.1, 0.1, 0.1), 1, ["also red 60%", "green  90%"]),
        ((0.6, 0.9, 0.5, 0.1, 0.1), 0, ["also green 90%, blue 50%", "red  60%"]),
        ((0.6, 0.9, 0.1, 0.1, 0.1), 2, ["below its threshold; above: green 90%, red 60%", "blue  10%"]),
        ((0.4, 0.2, 0.1, 0.1, 0.1), 0, ["no label is above its threshold", "red  40%"]),
        ((0.1, 0.9, 0.1, 0.1, 0.1), 1, ["green  90%"]),
        ((0.8, 0.9, 0.7, 0.6, 0.6), 1, ["also red 80%, blue 70%, white, bright 60%, black, dark 60%", "green  90%"]),
    ],
)  # fmt: skip
def test_the_caption_of_a_multi_label_model_names_every_label_above_its_threshold(
    result, captions, probabilities, class_id, lines
):
    multi_label(result, *probabilities, class_id=class_id).overlay()
    assert captions == lines


def test_labels_for_which_there_is_no_space_are_counted():
    fits = overlay._wrapped(["one", "two", "three"], lambda line: len(line) <= 8, 1)
    assert fits == ["+3 more"]
    assert overlay._wrapped(["one", "two", "three"], lambda line: len(line) <= 8, 2) == ["one, two", "three"]
    assert overlay._wrapped(["one", "two", "three"], lambda line: len(line) <= 12, 1) == ["one, +2 more"]
    assert overlay._wrapped(["one"], lambda line: True, 0) == []


def test_a_caption_of_ones_own_has_no_labels_added(result, captions):
    multi_label(result, 0.6, 0.9, 0.1, 0.1, 0.1, class_id=1).overlay(caption="mine")
    assert captions == ["mine"]


def test_the_bar_of_several_lines_is_darkened_and_written(result):
    image = multi_label(result, 0.8, 0.9, 0.7, 0.6, 0.6, class_id=1).overlay(opacity=0)
    one = multi_label(result, 0.1, 0.9, 0.1, 0.1, 0.1, class_id=1).overlay(opacity=0)
    changed = [(np.asarray(drawn) != result.frame).any(axis=(1, 2)).sum() for drawn in (image, one)]
    assert changed[0] == 2 * changed[1]


@pytest.mark.parametrize("letter", ["x", "\ufdfa", "\n", "\x1b"])
def test_a_giant_caption_does_not_hang(result, letter):
    label = letter * 100_000
    for caption in (True, label):
        assert dataclasses.replace(result, label=label).overlay(caption=caption).shape == result.frame.shape

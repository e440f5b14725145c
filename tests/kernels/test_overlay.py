import numpy as np
import pytest

from helpers.resize_rule import linear_rows
from whyframe import colormap
from whyframe.errors import BackendError
from whyframe.input_spec import InputSpec
from whyframe.postprocess import to_frame
from whyframe.resize_rule import ResizeRule


def tables(fade=200):
    colours, keep = colormap.blend_tables(opacity=0.75 * fade / 255)
    return np.ascontiguousarray(colours[:, 0]), np.ascontiguousarray(keep[:, 0, 0])


def draw(machine, mask, frame, window=None, *, pitch=None, offset=0, luts=None):
    height, width, _ = frame.shape
    pitch = pitch or 3 * width
    padded = np.zeros((height, pitch), np.uint8)
    padded[:, : 3 * width] = frame.reshape(height, -1)
    colours, keep = luts or tables()
    out = machine.empty(height, pitch, dtype=np.uint8, offset=offset)
    machine.run(
        "overlay", machine.put(mask), *mask.shape, machine.put(padded, offset), pitch, height, width,
        *(window or (0, 0, height, width)), machine.put(colours), machine.put(keep), out, pitch,
    )  # fmt: skip
    drawn = out.numpy()
    assert (drawn[:, 3 * width :] == 77).all(), "the padding of the rows was written"
    return drawn[:, : 3 * width].reshape(frame.shape)


def blend(frame, scores, luts):
    """Blend as `whyframe.colormap.blend` does: by the 8-bit score, with the product rounded before the sum."""
    colours, keep = luts
    levels = np.rint(255 * np.clip(scores, 0, 1)).astype(int)
    kept = np.rint(frame * keep[levels][..., None].astype(np.float64) / 255)
    return np.minimum(kept + colours[levels], 255).astype(np.uint8)


def scaled(mask, height, width):
    return linear_rows(mask.shape[0], height) @ mask.astype(np.float64) @ linear_rows(mask.shape[1], width).T


def assert_same_except_near_ties(ours, mask, frame, scores, luts):
    """Require equality, except where the score is so close to the next level that rounding may choose either."""
    far = np.abs(255 * scores % 1 - 0.5) > 1e-3
    np.testing.assert_array_equal(ours[far], blend(frame, scores, luts)[far])
    near = [blend(frame, scores + shift, luts) for shift in (-1e-5, 1e-5)]
    assert ((ours == near[0]) | (ours == near[1])).all()
    assert far.mean() > 0.9


@pytest.mark.parametrize("mask", [(1, 1), (7, 7), (56, 56), (5, 9)])
@pytest.mark.parametrize("size", [(1, 1), (30, 41), (3, 1025), (2, 2048), (60, 5)])
@pytest.mark.parametrize(("padding", "offset"), [(0, 0), (5, 1), (4, 0)])
def test_the_overlay_matches_the_reference_in_float64(machine, rng, mask, size, padding, offset):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    scores = rng.random(mask).astype(np.float32)
    ours = draw(machine, scores, frame, pitch=3 * size[1] + padding, offset=offset)
    far = scaled(scores, *size)
    if size[0] * size[1] > 100 and mask != (1, 1):
        assert_same_except_near_ties(ours, scores, frame, far, tables())
    else:
        assert np.abs(ours.astype(int) - blend(frame, far, tables())).max() <= 2


RULES = [
    ResizeRule(),
    ResizeRule(mode="crop"),
    ResizeRule(mode="crop", shorter_side=37, interpolation="bicubic"),
    ResizeRule(mode="crop", shorter_side=20, interpolation="bilinear"),
    ResizeRule(mode="letterbox", interpolation="bilinear"),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("fade", [0, 90, 255])
@pytest.mark.parametrize("size", [(48, 64), (71, 33)])
def test_the_overlay_matches_the_runtime(machine, rng, rule, fade, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    mask = rng.random((14, 12)).astype(np.float32)
    spec = InputSpec(height=28, width=24, resize=rule)
    ours = draw(machine, mask, frame, rule.placement(*size, 28, 24)[:4], luts=tables(fade))
    theirs = colormap.blend(
        frame, to_frame(mask, *size, spec), *colormap.blend_tables(opacity=0.75 * fade / 255)
    )
    differs = (ours != theirs).any(axis=2)
    assert differs.mean() < 0.01
    assert np.abs(ours.astype(int) - theirs).max() <= 3  # a level of the score


def test_the_score_outside_the_window_is_0(machine, rng):
    frame = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    ours = draw(machine, np.ones((4, 4), np.float32), frame, (3, 7, 10, 12))
    inside = np.zeros((20, 30))
    inside[3:13, 7:19] = 1
    np.testing.assert_array_equal(ours, blend(frame, inside, tables()))


@pytest.mark.parametrize(
    "window", [(2.75, -3.5, 12.5, 40), (-6, 0, 32, 30), (0, 4.5, 20, 20.25), (40, 0, 5, 5)]
)
def test_a_window_may_have_fractions_and_reach_outside_the_frame(machine, rng, window):
    frame = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    mask = rng.random((6, 8)).astype(np.float32)
    ours = draw(machine, mask, frame, window)
    places = []
    for axis in (0, 1):
        share = (np.arange(frame.shape[axis]) + 0.5 - window[axis]) / window[axis + 2]
        at = np.clip(share * mask.shape[axis] - 0.5, 0, mask.shape[axis] - 1)
        rows = np.maximum(1 - np.abs(at[:, None] - np.arange(mask.shape[axis])), 0)
        places.append(rows * ((share >= 0) & (share < 1))[:, None])
    scores = places[0] @ mask.astype(np.float64) @ places[1].T
    assert_same_except_near_ties(ours, mask, frame, scores, tables())


def test_sums_saturate(machine):
    luts = np.full((256, 3), 200, np.uint8), np.full(256, 255, np.uint8)
    frame = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    ours = draw(machine, np.zeros((2, 2), np.float32), frame, luts=luts)
    np.testing.assert_array_equal(ours, np.minimum(frame.astype(int) + 200, 255))


def test_every_product_rounds_to_nearest(machine):
    """Tests each byte with each value of keep."""
    frame = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    for kept in range(256):
        luts = np.zeros((256, 3), np.uint8), np.full(256, kept, np.uint8)
        ours = draw(machine, np.zeros((1, 1), np.float32), frame, luts=luts)
        np.testing.assert_array_equal(ours, np.rint(frame * (kept / 255)).astype(np.uint8))


def test_drawing_in_place(machine, rng):
    frame = rng.integers(0, 256, (20, 31, 3), dtype=np.uint8)
    mask = rng.random((5, 5)).astype(np.float32)
    buffer = machine.put(frame)
    colours, keep = map(machine.put, tables())
    machine.run(
        "overlay", machine.put(mask), 5, 5, buffer, 93, 20, 31, 0, 0, 20, 31, colours, keep, buffer, 93
    )  # fmt: skip
    np.testing.assert_array_equal(buffer.numpy(), draw(machine, mask, frame))


def test_an_empty_frame_is_no_error(machine):
    for size in ((0, 5), (5, 0)):
        machine.run("overlay", None, 1, 1, None, 15, *size, 0, 0, 5, 5, None, None, None, 15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: None}, "null"),
        ({1: 0}, "too small"),
        ({4: 11}, "too small"),
        ({5: -1}, "negative"),
        ({7: float("nan")}, "too small"),
        ({8: float("inf")}, "too small"),
        ({9: 0}, "too small"),
        ({13: None}, "null"),
        ({14: 11}, "too small"),
    ],
)
def test_bad_arguments_are_refused(machine, change, words):
    buffer = machine.empty(256)
    arguments = [buffer, 2, 2, buffer, 12, 4, 4, 0, 0, 4, 4, buffer, buffer, buffer, 12]
    for place, value in change.items():
        arguments[place] = value
    with pytest.raises(BackendError, match=words):
        machine.run("overlay", *arguments)


def test_a_mask_wider_than_shared_memory_is_refused(machine):
    buffer = machine.empty(256)
    frame, tables, out = (buffer, 12, 4, 4, 0, 0, 4, 4), (buffer, buffer), (buffer, 12)
    with pytest.raises(BackendError, match="does not support"):
        machine.run("overlay", buffer, 1, 8193, *frame, *tables, *out)

import numpy as np
import pytest

from helpers.resize_rule import input_rows
from whyframe.errors import BackendError
from whyframe.input_spec import InputSpec
from whyframe.native.resampling import frame_taps, resize_taps
from whyframe.resize_rule import ResizeRule

FORMATS = {"bgr": 0, "rgb": 1, "nv12": 2}


def to_tensor(
    machine, planes, size, form, side, *, taps=None, pitches=None, offset=0, matrix=0, full_range=1
):
    """Run the kernel on planes of (rows, bytes), each row padded to its pitch."""
    height, width = size
    pitches = pitches or [plane.shape[1] for plane in planes]
    padded = [np.pad(p, ((0, 0), (0, pitch - p.shape[1]))) for p, pitch in zip(planes, pitches, strict=True)]
    buffers = [machine.put(plane, offset) for plane in padded]
    second, second_pitch = (buffers[1], pitches[1]) if len(buffers) > 1 else (None, 0)
    rows, columns = taps or frame_taps(height, width, InputSpec.square(side))
    out = machine.empty(side, side, 3, dtype=np.uint8)
    machine.run(
        "frame_to_tensor", buffers[0], pitches[0], second, second_pitch, height, width, FORMATS[form], matrix,
        full_range, machine.put(rows[0]), machine.put(rows[1]), rows[1].shape[1], machine.put(columns[0]),
        machine.put(columns[1]), columns[1].shape[1], out, side,
    )  # fmt: skip
    return out.numpy()


def resampled(rgb, side):
    rows, columns = input_rows(rgb.shape[0], side), input_rows(rgb.shape[1], side)
    return np.einsum("yh,hwc,xw->yxc", rows, rgb.astype(np.float64), columns)


SIZES = [(1, 1, 1), (1, 5, 4), (7, 3, 5), (64, 64, 16), (63, 65, 16), (45, 80, 32), (90, 33, 7), (40, 61, 64)]


@pytest.mark.parametrize("form", ["bgr", "rgb"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("padding", "offset"), [(0, 0), (5, 0), (8, 1)])
def test_the_input_matches_the_resize_rule_in_float64(machine, rng, form, size, padding, offset):
    height, width, side = size
    frame = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    rgb = frame[..., ::-1] if form == "bgr" else frame
    pitch = -(-3 * width // 4) * 4 + padding
    ours = to_tensor(
        machine, [frame.reshape(height, -1)], (height, width), form, side, pitches=[pitch], offset=offset
    )
    assert np.abs(ours - resampled(rgb, side)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("size", [(720, 1280), (1081, 1919)])
def test_frames_of_video_size_match_the_resize_rule(machine, rng, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    ours = to_tensor(machine, [frame.reshape(size[0], -1)], size, "rgb", 224)
    rows, columns = input_rows(size[0], 224), input_rows(size[1], 224).T
    expected = np.stack([rows @ frame[..., c].astype(np.float64) @ columns for c in range(3)], -1)
    assert np.abs(ours - expected).max() <= 0.5 + 1e-3


def test_a_frame_may_have_more_columns_than_shared_memory_holds(machine, rng):
    """The taps of an output span several chunks of 1024 columns: 2 outputs have 1150 taps each."""
    frame = rng.integers(0, 256, (3, 2300, 3), dtype=np.uint8)
    ours = to_tensor(machine, [frame.reshape(3, -1)], (3, 2300), "rgb", 2)
    assert np.abs(ours - resampled(frame, 2)).max() <= 0.5 + 1e-3


def nv12(rng, height, width):
    luma = rng.integers(0, 256, (height, width), dtype=np.uint8)
    chroma = rng.integers(0, 256, (-(-height // 2), -(-width // 2), 2), dtype=np.uint8)
    return luma, chroma


def to_rgb(luma, chroma, matrix, full_range):
    """Convert NV12 planes to RGB in float64, from the luma coefficients of ITU-R BT.601 and BT.709."""
    height, width = luma.shape
    red, blue = ((0.299, 0.114), (0.2126, 0.0722))[matrix]
    black, white, swing = (0, 255, 255) if full_range else (16, 219, 224)
    y = (luma.astype(np.float64) - black) / white
    u, v = (
        np.moveaxis(chroma.repeat(2, 0).repeat(2, 1)[:height, :width].astype(np.float64) - 128, 2, 0) / swing
    )
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(255 * np.stack([r, g, b], -1), 0, 255)


@pytest.mark.parametrize("matrix", [0, 1])
@pytest.mark.parametrize("full_range", [0, 1])
@pytest.mark.parametrize("size", [(64, 64, 16), (63, 65, 16), (5, 7, 12), (1, 1, 3)])
@pytest.mark.parametrize("offset", [0, 1])
def test_nv12_is_converted_before_it_is_averaged(machine, rng, matrix, full_range, size, offset):
    height, width, side = size
    luma, chroma = nv12(rng, height, width)
    planes = [luma, chroma.reshape(len(chroma), -1)]
    pitches = [(plane.shape[1] + 7) // 4 * 4 for plane in planes]
    ours = to_tensor(
        machine, planes, (height, width), "nv12", side,
        pitches=pitches, offset=offset, matrix=matrix, full_range=full_range,
    )  # fmt: skip
    expected = resampled(to_rgb(luma, chroma, matrix, full_range), side)
    assert np.abs(ours - expected).max() <= 0.5 + 2e-3


def test_the_crop_rule_uses_the_window_of_the_frame(machine, rng):
    frame = rng.integers(0, 256, (40, 90, 3), dtype=np.uint8)
    cropped = InputSpec.square(16, resize=ResizeRule(mode="crop"))
    ours = to_tensor(
        machine,
        [frame.reshape(40, -1)],
        (40, 90),
        "rgb",
        16,
        taps=frame_taps(40, 90, cropped),
    )
    assert np.abs(ours - resampled(frame[:, 25:65], 16)).max() <= 0.5 + 1e-3


def test_taps_of_weight_0_may_lie_outside(machine, rng):
    frame = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    start, weight = resize_taps(0, 8, 8)
    padded = start - 3, np.pad(weight, ((0, 0), (3, 4))).astype(np.float32)
    ours = to_tensor(machine, [frame.reshape(8, -1)], (8, 8), "rgb", 8, taps=(padded, padded))
    np.testing.assert_array_equal(ours, frame)


def test_levels_saturate_and_round_to_nearest(machine):
    frame = np.array([[[0, 100, 255]] * 2], np.uint8)
    rows = np.zeros(1, np.int32), np.ones((1, 1), np.float32)
    for weight, expected in ((2.0, [0, 200, 255]), (-1.0, [0, 0, 0]), (0.256, [0, 26, 65])):
        columns = np.zeros(1, np.int32), np.full((1, 1), weight, np.float32)
        ours = to_tensor(machine, [frame.reshape(1, -1)], (1, 2), "rgb", 1, taps=(rows, columns))
        assert ours[0, 0].tolist() == expected


def test_a_side_of_0_is_no_error(machine):
    arguments = [None, 3, None, 0, 1, 1, 0, 0, 0, None, None, 1, None, None, 1, None, 0]
    machine.run("frame_to_tensor", *arguments)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: None}, "null"),
        ({1: 11}, "too small"),
        ({1: -12}, "negative"),
        ({6: 3}, "unknown"),
        ({7: 2}, "unknown"),
        ({4: 0}, "too small"),
        ({11: 0}, "too small"),
        ({16: -1}, "negative"),
        ({6: 2, 3: 4}, "null"),
        ({6: 2, 3: 3}, "too small"),
    ],
)
def test_bad_arguments_are_refused(machine, change, words):
    buffer = machine.empty(64)
    taps = [buffer, buffer, 1]
    arguments = [buffer, 12, None, 0, 4, 4, 0, 0, 0, *taps, *taps, buffer, 1]
    for place, value in change.items():
        arguments[place] = value
    with pytest.raises(BackendError, match=words):
        machine.run("frame_to_tensor", *arguments)

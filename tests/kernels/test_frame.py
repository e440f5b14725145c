import numpy as np
import pytest
from PIL import Image

from helpers.resampling import resampled as filtered
from helpers.resize_rule import input_rows
from whyframe.errors import BackendError
from whyframe.input_spec import InputSpec
from whyframe.native.kernels import Kernels
from whyframe.native.resampling import frame_taps, resize_taps
from whyframe.preprocess import to_input
from whyframe.resize_rule import ResizeRule


def to_tensor(
    machine, planes, size, form, side, *, taps=None, pitches=None, offset=0, matrix=0, full_range=1,
    content=None, channels=3, fill=0, two_passes=False,
):  # fmt: skip
    """Run the kernel on planes of (rows, bytes), each row padded to its pitch; ``side`` may be (height, width)."""
    height, width = size
    pitches = pitches or [plane.shape[1] for plane in planes]
    padded = [np.pad(p, ((0, 0), (0, pitch - p.shape[1]))) for p, pitch in zip(planes, pitches, strict=True)]
    buffers = [machine.put(plane, offset) for plane in padded]
    second, second_pitch = (buffers[1], pitches[1]) if len(buffers) > 1 else (None, 0)
    rows, columns = taps or frame_taps(height, width, InputSpec.square(side))
    out_size = (side, side) if isinstance(side, int) else side
    content = content or (0, 0, *out_size)
    out = machine.empty(*out_size, channels, dtype=np.uint8)
    scratch = None
    if two_passes:
        scratch_bytes = machine.kernels.frame_scratch_bytes(height, content[3], channels)
        scratch = machine.empty(scratch_bytes, dtype=np.uint8)
    machine.run(
        "frame_to_tensor", buffers[0], pitches[0], second, second_pitch, height, width, Kernels.FORMATS[form],
        matrix, full_range, machine.put(rows[0]), machine.put(rows[1]), rows[1].shape[1], machine.put(columns[0]),
        machine.put(columns[1]), columns[1].shape[1], scratch, out, *out_size, channels, *content, fill,
    )  # fmt: skip
    if scratch is not None:
        scratch.numpy()  # checks the guards
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


def prepared(machine, frame, spec, form="bgr", **options):
    """Convert a frame to the model's input, as the runtime does on a GPU."""
    height, width = frame.shape[:2]
    rule, place = spec.resize, spec.resize.placement(height, width, spec.height, spec.width)
    form += "_weighted" if spec.weights_by_alpha(place) else ""
    levels = rule.fill[:1] if spec.channels == 1 else (*rule.fill, 255)[: spec.channels]
    return to_tensor(
        machine, [frame.reshape(height, -1)], (height, width), form, (spec.height, spec.width),
        taps=frame_taps(height, width, spec), channels=spec.channels, content=(
            place.first_row, place.first_column,
            place.end_row - place.first_row, place.end_column - place.first_column,
        ),
        fill=int.from_bytes(bytes(levels), "little"),
        two_passes=rule.antialiased, **options,
    )  # fmt: skip


RULES = [
    ResizeRule(),
    ResizeRule(mode="crop"),
    *(ResizeRule(interpolation=interpolation) for interpolation in ("bilinear", "bicubic", "nearest")),
    *(ResizeRule(interpolation=interpolation, antialias=False) for interpolation in ("bilinear", "bicubic")),
    ResizeRule(mode="crop", shorter_side=20, interpolation="bicubic"),
    ResizeRule(mode="crop", shorter_side=13, interpolation="bilinear", fill=(9, 80, 200)),
    ResizeRule(mode="letterbox", interpolation="bilinear", fill=(114, 115, 116)),
    ResizeRule(mode="letterbox", interpolation="nearest"),
    ResizeRule(interpolation="lanczos"),
    ResizeRule(mode="squash", shorter_side=20, interpolation="bicubic"),
]
FRAMES = [(45, 80), (80, 45), (9, 7), (1, 1), (3, 2300)]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("size", FRAMES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_input_is_that_of_the_runtime(machine, rng, rule, size, channels):
    """The rows of the frame have a pitch of 4 bytes only for some sizes."""
    frame = rng.integers(0, 256, (*size, max(channels, 3)), dtype=np.uint8)
    color = {1: "grey", 3: "rgb", 4: "rgba"}[channels]
    spec = InputSpec(height=16, width=24, channels=channels, color=color, mean=(), std=(), resize=rule)
    ours = prepared(machine, frame, spec, "bgra" if channels == 4 else "bgr")
    expected = to_input(frame, spec)
    error = np.abs(ours.astype(int) - expected)
    if rule.weights_by_alpha(channels):  # the division by alpha enlarges a difference of one level
        error = error * (expected[..., 3:] / 255)
    fast = rule.interpolation == "fast"
    assert error.max() <= (2 if fast or channels == 1 else 1)
    # Luma is rounded after the first resize here, and before it in OpenCV. Without antialiasing, halves are rounded to
    # even numbers.
    assert error.mean() < (0.5 if fast or channels == 1 else 0.01 if rule.antialias else 0.05)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", FRAMES)
def test_the_exact_resize_matches_the_filters_in_float64(machine, rng, interpolation, antialias, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    rule = ResizeRule(interpolation=interpolation, antialias=antialias)
    ours = prepared(machine, frame, InputSpec(height=16, width=24, resize=rule), "rgb")
    error = np.abs(ours - filtered(frame, (0, 0, *size), 16, 24, interpolation, antialias))
    # A tie of the first pass may be rounded either way, which moves the sum by the weight of that tap at most.
    assert error.max() <= (1.5 if antialias else 0.5) + 1e-3
    assert (error <= 0.5 + 1e-3).mean() > 0.99


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos", "nearest"])
@pytest.mark.parametrize("size", FRAMES)
@pytest.mark.parametrize("form", ["bgr", "rgb", "bgra", "rgba"])
def test_the_exact_resize_is_pillows(machine, rng, interpolation, size, form):
    frame = rng.integers(0, 256, (*size, len(form)), dtype=np.uint8)
    rule = ResizeRule(interpolation=interpolation, premultiplied=False)
    spec = InputSpec(
        height=16,
        width=24,
        channels=len(form),
        color="rgb" + "a" * ("a" in form),
        mean=(),
        std=(),
        resize=rule,
    )
    ours = prepared(machine, frame, spec, form)
    rgb = frame[..., [2, 1, 0, 3][: len(form)]] if form.startswith("bgr") else frame
    resample = Image.Resampling[interpolation.upper()]
    planes = [
        Image.fromarray(np.ascontiguousarray(plane)).resize((24, 16), resample)
        for plane in np.moveaxis(rgb, -1, 0)
    ]
    error = np.abs(ours.astype(int) - np.stack(planes, -1))
    # Pillow resizes the rows of some tall frames before their columns, so that other sums are rounded.
    assert error.max() <= (3 if interpolation == "lanczos" else 2)
    assert error.mean() < (0.01 if size[0] <= size[1] else 0.25)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("form", ["bgra", "rgba"])
def test_colours_are_weighted_by_alpha_as_pillow_does(machine, rng, interpolation, form):
    frame = rng.integers(0, 256, (45, 80, 4), dtype=np.uint8)
    rule = ResizeRule(interpolation=interpolation)
    spec = InputSpec(height=16, width=24, channels=4, color="rgba", mean=(), std=(), resize=rule)
    rgba = frame[..., [2, 1, 0, 3]] if form == "bgra" else frame
    theirs = Image.fromarray(rgba).resize((24, 16), Image.Resampling[interpolation.upper()])
    error = np.abs(prepared(machine, frame, spec, form).astype(int) - np.asarray(theirs))
    assert error.mean() < 0.1


@pytest.mark.parametrize("form", ["bgr", "rgb", "nv12"])
def test_a_video_frame_is_resized_and_cropped_as_pillow_does(machine, rng, form):
    if form == "nv12":
        luma, chroma = nv12(rng, 720, 1280)
        planes, frame = [luma, chroma.reshape(len(chroma), -1)], to_rgb(luma, chroma, 1, 0)
    else:
        image = rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
        planes, frame = [image.reshape(720, -1)], image[..., ::-1] if form == "bgr" else image
    rule = ResizeRule(mode="crop", shorter_side=256, interpolation="bicubic")
    taps = frame_taps(720, 1280, InputSpec(resize=rule))
    ours = to_tensor(
        machine, planes, (720, 1280), form, 224, taps=taps, two_passes=True, matrix=1, full_range=0
    )
    whole = Image.fromarray(np.rint(frame).astype(np.uint8)).resize((455, 256), Image.Resampling.BICUBIC)
    theirs = np.asarray(whole)[16:240, 116:340]  # round((455 - 224) / 2) is 116
    error = np.abs(ours.astype(int) - theirs)
    assert error.max() <= (2 if form == "nv12" else 1)
    assert error.mean() < (0.2 if form == "nv12" else 0.01)


@pytest.mark.parametrize("two_passes", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_border_of_a_letterbox_is_filled(machine, rng, two_passes, channels):
    frame = rng.integers(0, 256, (20, 40, 3), dtype=np.uint8)
    content = (4, 1, 8, 13)
    taps = frame_taps(20, 40, InputSpec(height=8, width=13, resize=ResizeRule(interpolation="bilinear")))
    options = {"taps": taps, "two_passes": two_passes, "channels": channels}
    ours = to_tensor(
        machine, [frame.reshape(20, -1)], (20, 40), "rgb", (16, 15), content=content, fill=0x030201, **options
    )
    alone = to_tensor(machine, [frame.reshape(20, -1)], (20, 40), "rgb", (8, 13), **options)
    expected = np.broadcast_to(np.uint8([1, 2, 3][:channels]), ours.shape).copy()
    expected[4:12, 1:14] = alone
    np.testing.assert_array_equal(ours, expected)


def test_a_side_of_0_is_no_error(machine):
    for size in ((0, 0), (0, 5), (5, 0)):
        taps = [None, None, 1, None, None, 1]
        machine.run(
            "frame_to_tensor", None, 3, None, 0, 1, 1, 0, 0, 0, *taps, None, None, *size, 3, 0, 0, *size, 0
        )


def test_an_input_without_content_is_filled(machine):
    out = machine.empty(2, 3, 3, dtype=np.uint8)
    taps = [None, None, 1, None, None, 1]
    machine.run(
        "frame_to_tensor", None, 3, None, 0, 1, 1, 0, 0, 0, *taps, None, out, 2, 3, 3, 0, 0, 0, 0, 0x050505
    )
    assert (out.numpy() == 5).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: None}, "null"),
        ({1: 11}, "too small"),
        ({1: -12}, "negative"),
        ({6: 7}, "unknown"),
        ({7: 2}, "unknown"),
        ({4: 0}, "too small"),
        ({11: 0}, "too small"),
        ({17: -1}, "negative"),
        ({16: None}, "null"),
        ({19: 2}, "does not support"),
        ({19: 4}, "does not support"),
        ({6: 4, 1: 16}, "does not support"),
        ({6: 4, 1: 15, 19: 4}, "too small"),
        ({20: -1}, "negative"),
        ({20: 1}, "too small"),
        ({23: 2}, "too small"),
        ({6: 2, 3: 4}, "null"),
        ({6: 2, 3: 3}, "too small"),
    ],
)
def test_bad_arguments_are_refused(machine, change, words):
    buffer = machine.empty(64)
    taps = [buffer, buffer, 1]
    arguments = [buffer, 12, None, 0, 4, 4, 0, 0, 0, *taps, *taps, None, buffer, 1, 1, 3, 0, 0, 1, 1, 0]
    for place, value in change.items():
        arguments[place] = value
    with pytest.raises(BackendError, match=words):
        machine.run("frame_to_tensor", *arguments)

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.resize_rule import input_rows, linear_rows
from whyframe.errors import FrameError, FrameTypeError, FrameValueError, SourceError
from whyframe.input_spec import InputSpec
from whyframe.postprocess import to_frame
from whyframe.preprocess import as_bgr, to_input
from whyframe.resize_rule import ResizeRule

CROP = ResizeRule(mode="crop")


def resized(image, height, width, rows):
    planes = np.atleast_3d(image).astype(np.float64)
    out = np.einsum("yh,hwc,xw->yxc", rows(image.shape[0], height), planes, rows(image.shape[1], width))
    return out if image.ndim == 3 else out[..., 0]


SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 7, 16, 32]))


@settings(max_examples=60, deadline=None)
@given(SIZES)
def test_the_resize_rule_is_the_float64_reference(sizes):
    height, width, side = sizes
    frame = np.random.default_rng(height * 97 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    error = np.abs(
        to_input(frame, InputSpec.square(side)) - resized(frame[..., ::-1], side, side, input_rows)
    )
    assert error.max() <= 2
    assert side < 16 or error.mean() <= 0.5  # a tiny map has too few pixels for a mean


@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (2160, 3840)])
def test_the_roundings_of_several_halvings_cancel(size):
    height, width = size
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows, columns = input_rows(height, 224), input_rows(width, 224).T
    wanted = np.stack([rows @ frame[..., 2 - c].astype(np.float64) @ columns for c in range(3)], -1)
    error = to_input(frame, InputSpec.square(224)) - wanted
    assert abs(error.mean()) < 0.3
    assert np.abs(error).max() <= 2


def test_no_pixel_of_a_large_frame_is_skipped():
    """Fine stripes become grey; sampling without averaging would keep some of them."""
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[:, ::2] = 200
    assert np.abs(to_input(frame, InputSpec.square(224)).astype(int) - 100).max() <= 1


@settings(max_examples=60, deadline=None)
@given(SIZES)
def test_masks_are_resized_bilinearly_with_half_pixel_centres(sizes):
    height, width, side = sizes
    mask = np.random.default_rng(height + 97 * width).random((side, side), dtype=np.float32)
    expected = resized(mask, height, width, linear_rows)
    np.testing.assert_allclose(to_frame(mask, height, width, InputSpec()), expected, atol=1e-5)


def test_the_tolerance_detects_a_shift_of_half_a_pixel():
    """Aligned corners and shifted centres differ from half-pixel centres by more than the tolerance above."""
    mask = np.eye(8, dtype=np.float32)
    ours = to_frame(mask, 32, 32, InputSpec())
    corners = np.linspace(0, 7, 32)
    aligned = np.array([np.interp(corners, np.arange(8), row) for row in mask])
    assert np.abs(ours[2::4] - aligned).max() > 0.05
    shifted = cv2.warpAffine(ours, np.float32([[1, 0, 0.5], [0, 1, 0]]), (32, 32))
    assert np.abs(ours - shifted).max() > 0.05
    np.testing.assert_allclose(ours, ours[::-1, ::-1], atol=1e-6)


def test_the_input_is_rgb():
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 2] = 200  # BGR
    assert to_input(red, InputSpec.square(4))[0, 0].tolist() == [200, 0, 0]
    assert to_input(as_bgr(red[..., ::-1], "rgb"), InputSpec.square(4))[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize(
    ("height", "width", "window"), [(10, 20, (0, 5, 10, 10)), (21, 10, (5, 0, 10, 10)), (7, 7, (0, 0, 7, 7))]
)
def test_the_crop_is_the_centred_largest_square(height, width, window, rng):
    assert CROP.placement(height, width, 4, 4)[:4] == window
    assert ResizeRule().placement(height, width, 4, 4) == (0, 0, height, width, 0, 0, 4, 4)
    frame = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    top, left, tall, wide = window
    cropped = frame[top : top + tall, left : left + wide]
    np.testing.assert_array_equal(
        to_input(frame, InputSpec.square(4, resize=CROP)), to_input(cropped, InputSpec.square(4))
    )


def test_the_saliency_outside_the_crop_is_0():
    scores = to_frame(np.ones((4, 4), np.float32), 10, 20, InputSpec(resize=CROP))
    assert scores.shape == (10, 20)
    assert (scores[:, 5:15] == 1).all()
    assert scores[:, :5].max() == scores[:, 15:].max() == 0


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2, ::3],
        lambda a: a[::-1, ::-1],
        lambda a: a[..., ::-1],
        lambda a: a.transpose(1, 0, 2),
        lambda a: np.asfortranarray(a),
    ],
)
def test_views_are_converted_like_their_copies(view, frame):
    strided = view(frame)
    np.testing.assert_array_equal(
        to_input(strided, InputSpec.square(8)), to_input(strided.copy(order="C"), InputSpec.square(8))
    )


BAD = {
    "none": (None, FrameTypeError, "NoneType.*numpy.asarray"),
    "list": ([[1, 2, 3]], FrameTypeError, "list.*numpy.asarray"),
    "float": (np.zeros((4, 4, 3)), FrameTypeError, r"float64.*frame \* 255"),
    "float32": (np.zeros((4, 4, 3), np.float32), FrameTypeError, r"float32.*frame \* 255"),
    "16 bits": (np.zeros((4, 4, 3), np.uint16), FrameTypeError, "uint16.*>> 8"),
    "int64": (np.zeros((4, 4, 3), np.int64), FrameTypeError, "int64.*astype"),
    "bool": (np.zeros((4, 4, 3), bool), FrameTypeError, "bool.*astype"),
    "grey": (np.zeros((4, 5), np.uint8), FrameValueError, "grey .4 x 5.*GRAY2BGR"),
    "grey with an axis": (np.zeros((4, 5, 1), np.uint8), FrameValueError, "grey .4 x 5 x 1.*GRAY2BGR"),
    "alpha in 16 bits": (np.zeros((4, 5, 4), np.uint16), FrameTypeError, "uint16.*>> 8"),
    "alpha without rows": (np.zeros((0, 5, 4), np.uint8), FrameValueError, "empty"),
    "two channels": (np.zeros((4, 5, 2), np.uint8), FrameValueError, "height x width x 3"),
    "channels first": (np.zeros((3, 4, 5), np.uint8), FrameValueError, "channels first.*transpose"),
    "batch": (np.zeros((2, 4, 5, 3), np.uint8), FrameValueError, "batch.*run_batch"),
    "scalar": (np.uint8(3), FrameTypeError, "uint8"),
    "no axes": (np.array(3, np.uint8), FrameValueError, "scalar"),
    "empty": (np.empty((0, 0, 3), np.uint8), FrameValueError, "empty .0 x 0 x 3"),
    "no rows": (np.empty((0, 5, 3), np.uint8), FrameValueError, "empty"),
    "empty list": (np.array([], np.uint8), FrameValueError, "empty .0"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame_is_refused_with_the_reason_and_the_fix(name):
    frame, kind, message = BAD[name]
    with pytest.raises(kind, match=message) as caught:
        as_bgr(frame)
    assert isinstance(caught.value, FrameError)
    assert "\n" not in str(caught.value)


def test_the_suggested_fixes_work(rng):
    grey = rng.integers(0, 256, (4, 5), dtype=np.uint8)
    as_bgr(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    as_bgr(rng.integers(0, 256, (4, 5, 4), dtype=np.uint8)[..., :3])
    as_bgr((rng.random((4, 5, 3)) * 255).round().astype(np.uint8))


def test_an_unknown_channel_order_is_refused(frame):
    with pytest.raises(FrameValueError, match="'bgr'"):
        as_bgr(frame, "hsv")


def test_a_bgr_frame_is_not_copied(frame):
    assert as_bgr(frame) is frame


def test_the_channel_order_of_pil_images_and_files_is_known(tmp_path, frame):
    image = pytest.importorskip("PIL.Image").fromarray(np.ascontiguousarray(frame[..., ::-1]))
    np.testing.assert_array_equal(as_bgr(image), frame)
    grey = as_bgr(image.convert("L"))
    assert grey.shape == frame.shape
    image.save(tmp_path / "à.png")
    np.testing.assert_array_equal(as_bgr(tmp_path / "à.png"), frame)
    np.testing.assert_array_equal(as_bgr(str(tmp_path / "à.png"), "rgb"), frame)


def test_bad_files_are_refused(tmp_path):
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name, message in (
        ("absent.jpg", "no file"),
        ("text.jpg", "not an image"),
        ("empty.jpg", "not an image"),
    ):
        with pytest.raises(SourceError, match=f"{message}|{name}"):
            as_bgr(tmp_path / name)
    with pytest.raises(SourceError, match="cannot be read"):
        as_bgr(tmp_path)

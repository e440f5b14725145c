import cv2
import numpy as np
import pytest

from helpers.fake_gpu import CudaArray, nv12_of
from whyframe.cuda.frames import DeviceFrame, NV12Frame, as_device_frame, is_device_frame, nv12_to_bgr
from whyframe.errors import FrameError, FrameTypeError, FrameValueError


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)


def device(frame, driver, color="bgr"):
    return as_device_frame(frame, color, driver, driver.stream())


def test_an_array_is_used_without_a_copy(driver, image):
    frame = device(CudaArray(image), driver)
    assert (frame.pointer, frame.pitch, frame.shape) == (image.ctypes.data, 27, (7, 9, 3))
    np.testing.assert_array_equal(np.asarray(frame), image)


def test_strides_may_be_missing(driver, image):
    assert device(CudaArray(image, strides=False), driver).pitch == 27


def test_rows_may_be_padded(driver, image):
    padded = np.zeros((7, 16, 3), np.uint8)
    padded[:, :9] = image
    frame = device(CudaArray(padded[:, :9]), driver)
    assert frame.pitch == 48
    np.testing.assert_array_equal(np.asarray(frame), image)


def test_rgb_comes_back_as_bgr(driver, image):
    frame = device(CudaArray(np.ascontiguousarray(image[..., ::-1])), driver, "rgb")
    np.testing.assert_array_equal(np.asarray(frame), image)


def test_the_producers_stream_is_waited_for(driver, image):
    frame = device(CudaArray(image, stream=77), driver)
    assert frame.stream == 77
    np.asarray(frame)
    assert "wait for stream 77" in driver.log


@pytest.mark.parametrize(
    ("array", "kind", "words"),
    [
        (np.zeros((4, 4, 3), np.float32), FrameTypeError, "convert it on the device"),
        (np.zeros((4, 4), np.uint8), FrameValueError, "height x width x 3"),
        (np.zeros((3, 4, 4), np.uint8), FrameValueError, "move the channels"),
        (np.zeros((0, 4, 3), np.uint8), FrameValueError, "empty"),
        (np.zeros((4, 3, 4), np.uint8).transpose(0, 2, 1), FrameValueError, "contiguous"),
        (np.zeros((4, 4, 3), np.uint8)[::-1], FrameValueError, "contiguous"),
    ],
)
def test_unsupported_arrays_are_refused(driver, array, kind, words):
    with pytest.raises(kind, match=words):
        device(CudaArray(array), driver)


def test_host_frames_are_not_device_frames(image):
    assert not is_device_frame(image)
    assert is_device_frame(CudaArray(image))
    assert is_device_frame(NV12Frame(luma=1, chroma=2, height=2, width=2, pitch=2))


def test_nv12_is_converted_as_opencv_does(rng):
    bgr = cv2.resize(
        rng.integers(0, 256, (4, 6, 3), dtype=np.uint8), (24, 16), interpolation=cv2.INTER_LINEAR
    )
    luma, chroma = nv12_of(bgr)
    expected = cv2.cvtColorTwoPlane(luma, chroma.reshape(8, 12, 2), cv2.COLOR_YUV2BGR_NV12)
    got = nv12_to_bgr(luma, chroma, "bt601", full_range=False)
    assert np.abs(got.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full", [True, False])
def test_greys_black_and_white_are_exact(matrix, full):
    low, high = (0, 255) if full else (16, 235)
    luma = np.array([[low, low], [high, high]], np.uint8)
    chroma = np.full((1, 2), 128, np.uint8)
    assert nv12_to_bgr(luma, chroma, matrix, full)[..., 0].tolist() == [[0, 0], [255, 255]]


def test_red_is_red_in_both_matrices():
    # Y, Cb, Cr of pure red in full range, from the definitions: Y = Kr, Cr = (R - Y) / (2 (1 - Kr)).
    for matrix, kr, kb in (("bt601", 0.299, 0.114), ("bt709", 0.2126, 0.0722)):
        y, cb, cr = kr, -kr / (2 * (1 - kb)), 0.5
        luma = np.full((2, 2), round(255 * y), np.uint8)
        chroma = np.array([[round(128 + 255 * cb), min(round(128 + 255 * cr), 255)]], np.uint8)
        bgr = nv12_to_bgr(luma, chroma, matrix, full_range=True)
        assert np.abs(bgr[0, 0].astype(int) - [0, 0, 255]).max() <= 3, matrix


def test_nv12_planes_are_read_with_their_pitch(driver, rng):
    luma = rng.integers(16, 236, (5, 32), dtype=np.uint8)
    chroma = rng.integers(16, 240, (3, 32), dtype=np.uint8)
    planes = NV12Frame(
        luma=luma.ctypes.data, chroma=chroma.ctypes.data, height=5, width=7, pitch=32, stream=3
    )
    frame = device(planes, driver)
    assert isinstance(frame, DeviceFrame)
    expected = nv12_to_bgr(luma[:, :7], chroma[:, :8], "bt709", full_range=False)
    np.testing.assert_array_equal(np.asarray(frame), expected)
    assert "wait for stream 3" in driver.log


@pytest.mark.parametrize(
    "changes", [{"luma": 0}, {"height": 0}, {"pitch": 6}, {"matrix": "bt2020"}, {"width": 0}]
)
def test_invalid_planes_are_refused(changes):
    facts = {"luma": 1, "chroma": 2, "height": 4, "width": 7, "pitch": 8, **changes}
    with pytest.raises(FrameError):
        NV12Frame(**facts)

"""Image files and Pillow images: orientation, depth, transparency, damage and the limit of the size."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from helpers.shared_inputs import shared_input
from whyframe import ExplainEngine
from whyframe.errors import FrameValueError, OptionError, SourceError
from whyframe.image_options import ImageOptions
from whyframe.images import read_image
from whyframe.preprocess import as_bgr, as_image

CAT = data.chelsea()[::2, ::2].copy()


def opencv(path: Path) -> np.ndarray:
    return cv2.imread(str(path))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "CMYK"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp", "webp"])
def test_a_file_has_the_pixels_that_opencv_reads(tmp_path: Path, mode: str, suffix: str) -> None:
    image = Image.fromarray(CAT).convert(mode)
    path = tmp_path / f"a.{suffix}"
    try:
        image.save(path)
    except OSError:
        pytest.skip(f"{suffix} holds no {mode}")
    expected = opencv(path)
    tolerance = 1 if (mode, suffix) == ("CMYK", "jpg") else 0  # OpenCV divides by 256 instead of 255
    assert np.abs(read_image(path).astype(int) - expected).max() <= tolerance
    assert np.array_equal(as_bgr(Image.open(path)), read_image(path))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_become_8_in_files_and_in_pillow_images(tmp_path: Path, suffix: str, channels: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, CAT.shape, dtype=np.uint16)
    deep = CAT[..., ::-1].astype(np.uint16) * 256 + noise
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), deep if channels == 3 else deep[..., 0])
    expected = CAT[..., ::-1] if channels == 3 else np.repeat(CAT[..., 2:], 3, axis=2)
    assert np.abs(read_image(path).astype(int) - expected).max() <= (suffix == "tif" and channels == 3)
    assert np.array_equal(as_bgr(Image.open(path)), read_image(path))


def test_integers_and_floats_of_unknown_depth_are_refused() -> None:
    grey = Image.fromarray(CAT[..., 0])
    with pytest.raises(FrameValueError, match=r"integers from \d+ to \d+ of no known depth.*'I;16'"):
        as_bgr(grey.convert("I"))
    with pytest.raises(FrameValueError, match="floating-point"):
        as_bgr(grey.convert("F"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_applied_to_files_and_pillow_images(
    tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for suffix in ("jpg", "png"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(CAT).save(path, exif=exif)
        assert np.array_equal(read_image(path), opencv(path))
        assert np.array_equal(as_bgr(Image.open(path)), opencv(path))
        assert np.array_equal(as_bgr(Image.open(path).convert("RGB")), opencv(path))


def test_exif_data_that_cannot_be_parsed_is_ignored(tmp_path: Path) -> None:
    Image.fromarray(CAT).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert read_image(tmp_path / "a.jpg").shape == CAT.shape


def hidden(matte: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return an RGBA image with half-transparent parts, and what a viewer shows of it."""
    alpha = np.linspace(0, 255, CAT.shape[1]).round().astype(np.uint8)[None, :, None]
    alpha = np.repeat(alpha, len(CAT), axis=0)
    shown = np.round((CAT * alpha.astype(float) + np.array(matte) * (255.0 - alpha)) / 255)
    return np.concatenate([CAT, alpha], axis=2), shown


@pytest.mark.parametrize(("matte", "rgb"), [("white", (255, 255, 255)), ("#102030", (16, 32, 48))])
def test_transparent_pixels_show_the_matte(tmp_path: Path, matte: str, rgb: tuple[int, int, int]) -> None:
    rgba, shown = hidden(rgb)
    options = ImageOptions(matte=matte)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    frames = [
        read_image(tmp_path / "a.png", options=options),
        as_bgr(Image.fromarray(rgba), options=options),
        as_bgr(rgba, "rgb", options),
        as_bgr(rgba[..., [2, 1, 0, 3]], "bgr", options),
        as_image(rgba, "rgb", 1, options),
    ]
    for frame in frames:
        np.testing.assert_array_equal(frame[..., ::-1], shown)


def test_every_kind_of_transparency_shows_white(tmp_path: Path) -> None:
    grey = Image.fromarray(CAT).convert("L")
    alpha = Image.fromarray(np.tile(np.uint8([0, 255]), (len(CAT), CAT.shape[1]))[:, : CAT.shape[1]])
    grey_alpha = Image.merge("LA", (grey, alpha))
    grey_alpha.save(tmp_path / "grey.png")
    palette = Image.fromarray(CAT).quantize(16)
    palette.save(tmp_path / "palette.png", transparency=0)
    palette.save(tmp_path / "palette.gif", transparency=0)
    Image.fromarray(CAT).save(tmp_path / "key.png", transparency=tuple(CAT[0, 0].tolist()))
    deep = np.asarray(grey).astype(np.uint16) * 257
    png_with_key(tmp_path / "deep.png", deep, int(deep[0, 0]))
    hidden_pixels = {
        "grey.png": np.asarray(alpha) == 0,
        "palette.png": np.asarray(palette) == 0,
        "palette.gif": np.asarray(palette) == 0,
        "key.png": (CAT[0, 0] == CAT).all(axis=2),
        "deep.png": deep == deep[0, 0],
    }
    for name, where in hidden_pixels.items():
        assert where.any(), name
        for frame in (read_image(tmp_path / name), as_bgr(Image.open(tmp_path / name))):
            assert (frame[where] == 255).all(), name
            assert (frame[~where] < 255).any(), name


def png_with_key(path: Path, grey: np.ndarray, key: int) -> None:
    """Write a 16-bit grey PNG with a transparent value, which Pillow and OpenCV cannot write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    height, width = grey.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in grey)
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    parts = [
        (b"IHDR", header),
        (b"tRNS", struct.pack(">H", key)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def test_a_model_of_4_channels_keeps_alpha(tmp_path: Path) -> None:
    rgba, _ = hidden((0, 0, 0))
    Image.fromarray(rgba).save(tmp_path / "a.png")
    for frame in (tmp_path / "a.png", Image.fromarray(rgba)):
        np.testing.assert_array_equal(as_image(frame, "bgr", 4), rgba[..., [2, 1, 0, 3]])
    Image.fromarray(CAT).save(tmp_path / "b.png")
    with pytest.raises(SourceError, match=r"b\.png has no alpha channel"):
        as_image(tmp_path / "b.png", "bgr", 4)
    with pytest.raises(FrameValueError, match="the image has no alpha channel"):
        as_image(Image.fromarray(CAT), "bgr", 4)


def bomb(width: int, height: int, suffix: str) -> bytes:
    """Return a small file whose header states a large image."""
    file = io.BytesIO()
    if suffix == "png":
        header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))):
            crc = zlib.crc32(kind + content)
            file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc))
    else:
        Image.new("1" if suffix == "TIFF" else "L", (1, 1)).save(file, suffix)
        content = bytearray(file.getvalue())
        if suffix == "BMP":
            content[18:26] = struct.pack("<ii", width, height)
        elif suffix == "GIF":
            content[6:10] = struct.pack("<HH", width, height)
        elif suffix == "TIFF":
            for tag, value in ((256, width), (257, height)):
                at = (
                    content.index(struct.pack("<HH", tag, 4)) if struct.pack("<HH", tag, 4) in content else -1
                )
                if at < 0:
                    at = content.index(struct.pack("<HH", tag, 3))
                content[at : at + 12] = struct.pack("<HHII", tag, 4, 1, value)
        return bytes(content)
    return file.getvalue()


@pytest.mark.parametrize("suffix", ["png", "BMP", "GIF", "TIFF"])
def test_an_image_is_measured_before_it_is_decoded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(bomb(60_000, 50_000, suffix))
    with pytest.raises(SourceError, match=r"60000 x 50000 pixels, more than the limit of 100 megapixels"):
        read_image(path)
    with pytest.raises(FrameValueError, match="more than the limit"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            as_bgr(Image.open(path))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def test_the_limit_is_set_by_parameter_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(CAT).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match=r"limit of 0\.01 megapixels.*--max-megapixels"):
        read_image(tmp_path / "a.png", options=ImageOptions(max_megapixels=0.01))
    monkeypatch.setenv("WHYFRAME_MAX_MEGAPIXELS", "0.02")
    with pytest.raises(SourceError, match=r"limit of 0\.02 megapixels"):
        read_image(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", options=ImageOptions(max_megapixels=1)).shape == CAT.shape
    monkeypatch.setenv("WHYFRAME_MAX_MEGAPIXELS", "many")
    with pytest.raises(OptionError, match=r"WHYFRAME_MAX_MEGAPIXELS is 'many'"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("options", [{"matte": "whyte"}, {"matte": (0, 0, 256)}, {"max_megapixels": 0}])
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=r"matte|max_megapixels"):
        ImageOptions(**options)


DAMAGE = {
    "cut.jpg": lambda data: data[: len(data) // 2],
    "cut.png": lambda data: data[: len(data) // 2],
    "cut.tif": lambda data: data[: len(data) // 2],
    "cut.webp": lambda data: data[: len(data) // 2],
    "crc.png": lambda data: data[:-2000] + bytes(1000) + data[-1000:],
    "text.png": lambda data: b"not an image",
    "empty.jpg": lambda data: b"",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_named_in_one_line_and_nothing_is_printed(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    file = io.BytesIO()
    Image.fromarray(CAT).save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(name[-3:], name.split(".")[1]))
    path.write_bytes(DAMAGE[name](file.getvalue()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SourceError, match=name) as caught:
            read_image(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_pillow_keeps_its_own_settings_after_a_read(tmp_path: Path) -> None:
    Image.fromarray(CAT).save(tmp_path / "a.png")
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    read_image(tmp_path / "a.png")
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


def test_pillow_is_imported_where_it_is_used() -> None:
    code = "import sys, whyframe; whyframe.ExplainEngine; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0


def test_the_hidden_part_of_an_image_is_never_explained() -> None:
    path, white = shared_input("hidden_cat.png"), shared_input("hidden_cat_white.png")
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    with ExplainEngine(threads=1) as engine:
        expected = engine.run(white)
        assert expected.label == "espresso"
        for frame in (path, Image.open(path), raw):
            result = engine.run(frame)
            np.testing.assert_array_equal(result.frame, expected.frame)
            assert result.label == "espresso"


def test_an_image_on_its_side_is_upright_as_a_path_and_as_a_pillow_image() -> None:
    path = shared_input("exif6.jpg")
    with ExplainEngine(threads=1) as engine:
        results = [engine.run(path), engine.run(Image.open(path))]
    assert [result.frame.shape for result in results] == [(300, 451, 3)] * 2
    np.testing.assert_array_equal(results[0].saliency, results[1].saliency)

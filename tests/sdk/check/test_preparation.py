from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from whyframe.check import pillow
from whyframe.check.preparation import Decoding, Images, Preparation, resize_rules, with_interpolations
from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a JPEG of 60 x 80 pixels, which EXIF turns on its side."""
    small = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    image = Image.fromarray(cv2.resize(small, (80, 60), interpolation=cv2.INTER_CUBIC))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    return tmp_path / "turned.jpg"


@pytest.mark.parametrize("channels", [1, 3])
def test_each_way_of_decoding_is_what_its_name_says(photo: Path, channels: int) -> None:
    images = Images(
        [photo],
        InputSpec.square(16, channels=channels, color="grey" if channels == 1 else "rgb", mean=(), std=()),
    )
    frames = {str(decoding): images.frame(photo, decoding) for decoding in images.decodings()}
    assert {name: frame.shape for name, frame in frames.items()} == {
        "OpenCV, EXIF orientation applied": (80, 60, 3),
        "OpenCV, EXIF orientation ignored": (60, 80, 3),
        "Pillow, EXIF orientation applied": (80, 60, 3),
        "Pillow, EXIF orientation ignored": (60, 80, 3),
    }
    upright, ignored = list(frames.values())[:2]
    np.testing.assert_array_equal(upright, cv2.rotate(ignored, cv2.ROTATE_90_CLOCKWISE))
    np.testing.assert_array_equal(
        frames["Pillow, EXIF orientation ignored"], np.asarray(Image.open(photo))[..., ::-1]
    )


def test_without_pillow_opencv_alone_is_tried(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow, "load_pillow", lambda: None)
    images = Images([photo], InputSpec.square(16))
    assert images.decodings() == [Decoding(), Decoding(upright=False)]


def test_the_inputs_are_those_of_pillow_for_every_antialiased_rule(photo: Path) -> None:
    """Pillow's own resizing and, for crops, torchvision's way to the crop are the reference."""
    tried = 0
    for geometry in resize_rules(24, 24):
        for rule in with_interpolations(geometry):
            if rule.interpolation in ("bilinear", "bicubic") and rule.antialias:
                spec = InputSpec.square(24, resize=rule)
                images = Images([photo], spec)
                own = images.inputs(Preparation(rule))[0].astype(int)
                reference = pillow.resize(images.frame(photo, Decoding()), spec)
                assert np.abs(own - reference).mean() < 0.5, str(rule)
                tried += 1
    assert tried > 20


def test_a_crop_is_the_crop_of_torchvision(photo: Path) -> None:
    image = Image.open(photo).convert("RGB").resize((34, 26), Image.Resampling.BICUBIC)
    expected = np.asarray(image.crop((5, 1, 29, 25)))
    spec = InputSpec.square(24, resize=ResizeRule(mode="crop", shorter_side=26, interpolation="bicubic"))
    frame = pillow.decode(photo, upright=False)
    np.testing.assert_array_equal(pillow.resize(frame, spec), expected)


def test_swapped_inputs_exchange_red_and_blue(photo: Path) -> None:
    images = Images([photo], InputSpec.square(16))
    rule = images.spec.resize
    plain, swapped = images.inputs(Preparation(rule)), images.inputs(Preparation(rule, swapped=True))
    np.testing.assert_array_equal(swapped, plain[..., ::-1])


def test_the_common_crops_of_224_are_tried() -> None:
    sides = {rule.shorter_side for rule in resize_rules(224, 224)}
    assert {None, 224, 232, 235, 248, 256} <= sides
    assert 256 in {rule.shorter_side for rule in resize_rules(224, 320)}

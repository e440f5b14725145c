"""Four channels against Pillow, which weights colours by alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from whyframe.alpha import premultiply, unpremultiply
from whyframe.input_spec import InputSpec
from whyframe.preprocess import to_input
from whyframe.resize_rule import ResizeRule

Array = np.ndarray[Any, np.dtype[np.uint8]]


def rgba_spec(**rule: Any) -> InputSpec:
    return InputSpec(
        height=48, width=64, channels=4, color="rgba", mean=(), std=(), resize=ResizeRule(**rule)
    )


def all_levels() -> Array:
    """Return every pair of a level and an alpha, 256 x 256 x 4."""
    levels = np.arange(256, dtype=np.uint8)
    colour = np.broadcast_to(levels[:, None], (256, 256))
    return np.stack([colour, colour, colour, np.broadcast_to(levels, (256, 256))], -1)


def with_alpha(height: int, width: int) -> Array:
    image = np.tile(data.astronaut(), (1, 2, 1))[:height, :width]
    alpha = np.random.default_rng(0).integers(0, 256, (height, width, 1), dtype=np.uint8)
    return np.concatenate([image, alpha], -1)


def to_rgba(image: Array, spec: InputSpec) -> Any:
    """Convert an RGBA image to the model's input, as integers."""
    return to_input(image[..., [2, 1, 0, 3]], spec).astype(int)


def test_colours_are_weighted_as_in_pillows_mode_rgba_premultiplied() -> None:
    image = all_levels()
    weighted = Image.fromarray(image).convert("RGBa")
    np.testing.assert_array_equal(premultiply(image).tobytes(), weighted.tobytes())
    plain = Image.frombytes("RGBa", (256, 256), image.tobytes()).convert("RGBA")
    np.testing.assert_array_equal(unpremultiply(image), np.asarray(plain))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(300, 400), (97, 200), (20, 30), (48, 64)])
def test_four_channels_are_resized_as_pillow_does(interpolation: str, size: tuple[int, int]) -> None:
    image = with_alpha(*size)
    theirs = Image.fromarray(image).resize((64, 48), Image.Resampling[interpolation.upper()])
    error = np.abs(to_rgba(image, rgba_spec(interpolation=interpolation)) - np.asarray(theirs))
    assert error.mean() < 0.1  # of 255 levels


def test_a_crop_of_four_channels_is_pillows() -> None:
    image = with_alpha(150, 200)
    theirs = np.asarray(Image.fromarray(image).resize((80, 60), Image.Resampling.BILINEAR))[6:54, 8:72]
    spec = rgba_spec(mode="crop", shorter_side=60, interpolation="bilinear")
    assert np.abs(to_rgba(image, spec) - theirs).mean() < 0.1


@pytest.mark.parametrize(
    "rule",
    [
        {"interpolation": "bilinear", "premultiplied": False},
        {"interpolation": "bilinear", "antialias": False},
        {"interpolation": "nearest"},
    ],
)
def test_other_rules_resize_the_channels_alike(rule: dict[str, Any]) -> None:
    image = with_alpha(300, 400)
    colours = InputSpec(height=48, width=64, resize=ResizeRule(**rule))
    spec = rgba_spec(**rule)
    np.testing.assert_array_equal(to_rgba(image, spec)[..., :3], to_input(image[..., 2::-1], colours))


def test_a_rule_without_the_field_resizes_four_channels_alike() -> None:
    values = rgba_spec(interpolation="bilinear").to_dict()
    assert InputSpec.from_dict(values).resize.premultiplied
    del values["resize"]["premultiplied"]
    assert not InputSpec.from_dict(values).resize.premultiplied

"""A classifier's own input, from the options to the runtime: whyframe reports what the user's pipeline does."""

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from helpers import tiny_network, tiny_run
from whyframe import ExplainEngine
from whyframe_export.onnx_export import export
from whyframe_training.input_options import Color, Interpolation, Resize
from whyframe_training.option_values import InputValues
from whyframe_training.training_run import train

HEIGHT, WIDTH, FRAME = 64, 96, (150, 203)
NETWORKS = {
    "bgr": ("build", "RGB", [2, 1, 0]),
    "grey": ("build_grey", "L", [0]),
    "rgba": ("build_alpha", "RGBA", [0, 1, 2, 3]),
}
RULES: dict[str, dict[str, Any]] = {
    "stretch": {"resize": Resize.stretch, "antialias": True},
    "crop": {"shorter_side": 110, "interpolation": Interpolation.bicubic},
    "letterbox": {"resize": Resize.letterbox, "fill": "114,114,114"},
}
MEAN, STD = (0.4, 0.5, 0.3, 0.1), (0.2, 0.25, 0.3, 0.5)


def resized(image: Image.Image, rule: str) -> Image.Image:
    """Resize an image as users do with Pillow, but without the weights that Pillow gives to transparent pixels."""
    if image.mode == "RGBA":
        return Image.merge("RGBA", [resized(band, rule) for band in image.split()])
    if rule == "stretch":
        return image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    if rule == "crop":  # torchvision's Resize(110, BICUBIC) and CenterCrop((64, 96))
        size = (int(110 * image.width / image.height), 110)
        left, top = round((size[0] - WIDTH) / 2), round((size[1] - HEIGHT) / 2)
        whole = image.resize(size, Image.Resampling.BICUBIC)
        return whole.crop((left, top, left + WIDTH, top + HEIGHT))
    scale = min(WIDTH / image.width, HEIGHT / image.height)
    size = round(image.width * scale), round(image.height * scale)
    canvas = Image.new(image.mode, (WIDTH, HEIGHT), 114 if image.mode == "L" else (114,) * 3)
    canvas.paste(
        image.resize(size, Image.Resampling.BILINEAR), ((WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2)
    )
    return canvas


@torch.no_grad()
def own_probabilities(image: Image.Image, color: str, rule: str) -> np.ndarray:
    """Return what the user's own pipeline gives: Pillow, then the untouched module in PyTorch."""
    function, mode, order = NETWORKS[color]
    pixels = np.asarray(resized(image.convert(mode), rule), np.float32) / 255
    frame = torch.from_numpy(pixels).view(HEIGHT, WIDTH, -1).permute(2, 0, 1)
    count = len(frame)
    mean, std = (torch.tensor(values[:count]).view(-1, 1, 1) for values in (MEAN, STD))
    network = getattr(tiny_network, function)()
    return network(((frame - mean) / std)[order][None]).softmax(1)[0].numpy()


def photo(mode: str) -> Image.Image:
    """Return an image of a few large blocks of one colour each, most of whose pixels no rounding touches."""
    blocks = np.random.default_rng(3).integers(0, 256, (3, 4, 4), np.uint8)
    frame = cv2.resize(blocks, FRAME[::-1], interpolation=cv2.INTER_NEAREST)
    return Image.fromarray(frame, "RGBA").convert(mode)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(6):
        cv2.imwrite(str(folder / f"{index}.png"), rng.integers(0, 256, (90, 120, 4), np.uint8))
    return folder


def exported(folder: Path, photos: Path, color: str, rule: str) -> Path:
    """Train for two steps and export, with the values that the options of the command line have."""
    count = {"grey": 1, "rgba": 4}.get(color, 3)
    mean, std = (",".join(map(str, values[:count])) for values in (MEAN, STD))
    values = InputValues(side=f"{HEIGHT}x{WIDTH}", color=Color(color), mean=mean, std=std, **RULES[rule])
    spec = dataclasses.replace(
        tiny_run.spec(folder), name=f"{tiny_network.__file__}:{NETWORKS[color][0]}", **values.fields()
    )
    config = tiny_run.settings(spec, data=str(photos), epochs=1, filter_steps=1, batch=2, validation=2)
    train(config, folder / "run")
    export(folder / "run", folder / "model.onnx")
    return folder / "model.onnx"


@pytest.mark.parametrize(
    ("color", "rule"),
    [
        ("bgr", "crop"),
        pytest.param("grey", "letterbox", marks=pytest.mark.slow),
        pytest.param("rgba", "stretch", marks=pytest.mark.slow),
    ],
)
def test_the_probabilities_are_those_of_the_users_own_pipeline(
    color: str, rule: str, photos: Path, tmp_path: Path
) -> None:
    image = photo("RGBA" if color == "rgba" else "RGB")
    with ExplainEngine(exported(tmp_path, photos, color, rule)) as engine:
        result = engine.run(image)
        top, left, height, width = engine.manifest.input.resize.placement(*FRAME, HEIGHT, WIDTH)[:4]
    np.testing.assert_allclose(result.probabilities, own_probabilities(image, color, rule), rtol=0, atol=1e-5)
    rows, columns = (np.arange(size) + 0.5 for size in FRAME)
    down = (rows >= top) & (rows <= top + height)
    seen = down[:, None] & (columns >= left) & (columns <= left + width)
    assert result.saliency.shape == FRAME
    assert seen.all() == (rule != "crop")
    assert not result.saliency[~seen].any()
    assert result.saliency[seen].max() > 0

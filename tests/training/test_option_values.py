import json
from pathlib import Path
from typing import Any

import pytest

from whyframe.errors import WhyframeError
from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_training.classifiers.networks import ClassifierSpec
from whyframe_training.config import TrainConfig
from whyframe_training.input_options import Channels, Color, CropOffset, Interpolation, Resize
from whyframe_training.option_values import InputValues, classifier_spec
from whyframe_training.options import Activation

PLAIN = InputSpec()
TIMM = InputSpec(resize=ResizeRule(mode="crop", shorter_side=248, interpolation="bicubic", offset="floor"))


def described(own: InputSpec = PLAIN, **values: Any) -> InputSpec:
    """Return the input of a network that states `own`, with options given instead."""
    spec = classifier_spec("my.py:build", "random", None, InputValues(**values), Activation.auto)
    return spec.input_spec(own)


@pytest.mark.parametrize(
    ("text", "size"), [("224", (224, 224)), ("224x320", (224, 320)), ("96X64", (96, 64)), ("32x32", (32, 32))]
)
def test_a_side_is_one_number_or_height_and_width(text: str, size: tuple[int, int]) -> None:
    assert described(side=text).shape[:2] == size


@pytest.mark.parametrize(
    ("values", "channels", "color"),
    [
        ({"color": Color.grey}, 1, "grey"),
        ({"channels": Channels.one}, 1, "grey"),
        ({"channels": Channels.four}, 4, "rgba"),
        ({"color": Color.bgra}, 4, "bgra"),
        ({"color": Color.bgr}, 3, "bgr"),
        ({}, 3, "rgb"),
    ],
)
def test_channels_and_their_order_imply_each_other(values: dict[str, Any], channels: int, color: str) -> None:
    spec = described(**values)
    assert (spec.channels, spec.color) == (channels, color)
    assert len(spec.mean) == len(spec.std) == channels


def test_mean_and_std_have_a_number_for_each_channel() -> None:
    spec = described(color=Color.bgra, mean="0.1,0.2,0.3,0", std="0.4,0.5,0.6,1")
    assert (spec.mean, spec.std) == ((0.1, 0.2, 0.3, 0), (0.4, 0.5, 0.6, 1))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "stretch, fast"),
        ({"resize": Resize.crop}, "crop, fast"),
        ({"shorter_side": 256}, "shorter side 256, centre crop, bilinear, antialiased"),
        (
            {"resize": Resize.crop, "shorter_side": 256, "interpolation": Interpolation.bicubic},
            "shorter side 256, centre crop, bicubic, antialiased",
        ),
        ({"resize": Resize.letterbox}, "letterbox, bilinear, antialiased, fill 0 0 0"),
        (
            {"resize": Resize.letterbox, "fill": "114,114,114", "antialias": False},
            "letterbox, bilinear, not antialiased, fill 114 114 114",
        ),
        ({"antialias": True}, "stretch, bilinear, antialiased"),
        ({"interpolation": Interpolation.nearest}, "stretch, nearest"),
        (
            {"resize": Resize.squash, "shorter_side": 256},
            "squash, shorter side 256, centre crop, bilinear, antialiased",
        ),
        (
            {"shorter_side": 256, "crop_offset": CropOffset.floor},
            "shorter side 256, centre crop rounded down, bilinear, antialiased",
        ),
        (
            {"channels": Channels.four, "premultiplied": False},
            "stretch, bilinear, antialiased, all channels alike",
        ),
        ({"channels": Channels.four, "premultiplied": True}, "stretch, bilinear, antialiased"),
    ],
)
def test_the_options_imply_what_goes_with_them(values: dict[str, Any], words: str) -> None:
    assert str(described(**values).resize) == words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"shorter_side": 256}, "shorter side 256, centre crop rounded down, bicubic, antialiased"),
        ({"resize": Resize.crop}, "shorter side 248, centre crop rounded down, bicubic, antialiased"),
        ({"resize": Resize.stretch}, "stretch, bicubic, antialiased"),
        ({"resize": Resize.letterbox, "fill": "1,2,3"}, "letterbox, bicubic, antialiased, fill 1 2 3"),
        ({"antialias": False}, "shorter side 248, centre crop rounded down, bicubic, not antialiased"),
        (
            {"resize": Resize.stretch, "interpolation": Interpolation.fast},
            "stretch, fast",
        ),
    ],
)
def test_options_replace_parts_of_the_rule_that_the_network_states(
    values: dict[str, Any], words: str
) -> None:
    rule = described(TIMM, **values).resize
    assert str(rule) == words
    assert rule.offset == "floor"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"side": "big"},
            "--side takes 8 to 8192 pixels such as 224, or a height and a width such as 224x320",
        ),
        ({"side": "224x"}, "got '224x'"),
        ({"side": "0"}, "got '0'"),
        ({"side": "-224"}, "got '-224'"),
        ({"side": "224.5"}, "got '224.5'"),
        ({"side": "224x320x3"}, "got '224x320x3'"),
        ({"side": "100000"}, "got '100000'"),
        ({"mean": "1,2"}, "--mean takes 1, 3 or 4 numbers such as 0.485,0.456,0.406, got '1,2'"),
        ({"mean": ""}, "--mean takes 1, 3 or 4 numbers"),
        ({"mean": "a,b,c"}, "got 'a,b,c'"),
        ({"mean": "nan,0,0"}, "got 'nan,0,0'"),
        ({"mean": "0.5", "channels": Channels.three}, "--mean takes 3 numbers such as 0.485"),
        ({"std": "1,1,1", "color": Color.grey}, "--std takes 1 number such as 0.5, got '1,1,1'"),
        ({"std": "1,0,1"}, "--std takes positive numbers, got 1.0,0.0,1.0"),
        ({"mean": "123.7,116.3,103.5"}, "--mean is that of values in [0, 1], got 123.7,116.3,103.5: divide"),
        ({"std": "58.4,57.1,57.4"}, "--std is that of values in [0, 1]"),
        (
            {"fill": "300,0,0"},
            "--fill takes three whole numbers from 0 to 255 such as 114,114,114, got '300,0,0'",
        ),
        ({"fill": "0.5,0.5,0.5"}, "--fill takes three whole numbers"),
        ({"fill": "0"}, "--fill takes three whole numbers"),
        ({"fill": "0,0,0"}, "a fill colour does not go with stretch"),
        ({"resize": Resize.squash}, "give its shorter side"),
        ({"crop_offset": CropOffset.floor}, "a crop offset goes with a shorter side"),
        ({"premultiplied": False}, "premultiplied goes with an input of 4 channels, not 3"),
        (
            {"channels": Channels.four, "premultiplied": True, "antialias": False},
            "premultiplied goes with antialias",
        ),
        (
            {"channels": Channels.four, "premultiplied": True, "interpolation": Interpolation.nearest},
            "premultiplied does not go with nearest",
        ),
        (
            {"color": Color.grey, "channels": Channels.three},
            "--color grey has 1 channel, not 3: leave out --channels, or give --color rgb or bgr",
        ),
        ({"color": Color.rgb, "channels": Channels.four}, "--color rgb has 3 channels, not 4"),
        (
            {"shorter_side": 256, "resize": Resize.letterbox},
            "--shorter-side goes with --resize crop or squash, not letterbox: leave out one of the two",
        ),
        (
            {"shorter_side": 256, "interpolation": Interpolation.fast},
            "the fast interpolation goes with stretch",
        ),
        ({"antialias": True, "interpolation": Interpolation.nearest}, "antialias does not go with nearest"),
        ({"antialias": False, "interpolation": Interpolation.fast}, "antialias does not go with fast"),
    ],
)
def test_a_wrong_value_gets_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(WhyframeError) as caught:
        described(**values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_classifier_whose_channels_differ_from_the_mean_is_refused_in_one_line() -> None:
    with pytest.raises(WhyframeError, match="the mean has 1 numbers and the input 3 channels"):
        described(mean="0.5")


def test_an_unknown_field_of_the_resize_rule_is_refused_in_one_line() -> None:
    with pytest.raises(WhyframeError, match="no such field"):
        ClassifierSpec("my.py:build", resize={"padding": 3}).input_spec(InputSpec())


def test_a_run_records_the_options_and_reads_them_back(tmp_path: Path) -> None:
    values = InputValues(
        side="64x96", color=Color.bgr, mean="0.1,0.2,0.3", resize=Resize.letterbox, fill="114,114,114"
    )
    config = TrainConfig(classifier_spec("my.py:build", "random", None, values, Activation.auto), data="x")
    config.save(tmp_path / "config.json")
    stored = json.loads((tmp_path / "config.json").read_text())["classifier"]
    assert (stored["side"], stored["color"], stored["mean"]) == ([64, 96], "bgr", [0.1, 0.2, 0.3])
    assert stored["resize"] == {"mode": "letterbox", "fill": [114, 114, 114]}
    assert TrainConfig.load(tmp_path / "config.json") == config

"""Options on a classifier's input, shared by `whyframe train`, `whyframe export` and `whyframe evaluate`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

_PANEL = "Classifier's input"


class Channels(str, Enum):
    """Numbers of channels of an input."""

    one = "1"
    three = "3"
    four = "4"


class Color(str, Enum):
    """Orders in which a network takes its channels."""

    rgb = "rgb"
    bgr = "bgr"
    grey = "grey"
    rgba = "rgba"
    bgra = "bgra"


class Resize(str, Enum):
    """Ways to bring a frame to the size of the input."""

    stretch = "stretch"
    crop = "crop"
    letterbox = "letterbox"
    squash = "squash"


class Interpolation(str, Enum):
    """Filters that resize a frame."""

    fast = "fast"
    bilinear = "bilinear"
    bicubic = "bicubic"
    lanczos = "lanczos"
    nearest = "nearest"


class CropOffset(str, Enum):
    """Roundings of the first row and column of a centre crop."""

    round = "round"
    floor = "floor"


SideOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="S|HxW",
        help="Height and width of the input in pixels: 224, or 224x320 for a height of 224 and a width of 320.",
        show_default="that of the network; else 224",
    ),
]
ChannelsOption = Annotated[
    Channels | None,
    typer.Option(
        rich_help_panel=_PANEL,
        help="Number of channels: 1 (grey), 3 (colour) or 4 (colour and alpha).",
        show_default="that of the network; else 3",
    ),
]
ColorOption = Annotated[
    Color | None,
    typer.Option(
        rich_help_panel=_PANEL,
        help="Order in which the network takes its channels; bgr for networks trained on images that OpenCV read.",
        show_default="that of the network; else rgb",
    ),
]
MeanOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="R,G,B",
        help="Mean that the network subtracts from values in [0, 1], a number for each channel. Red comes first, also "
        "with --color bgr.",
        show_default="that of the network; else 0.485,0.456,0.406",
    ),
]
StdOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="R,G,B",
        help="Standard deviation that the network divides by, in the order of --mean.",
        show_default="that of the network; else 0.229,0.224,0.225",
    ),
]
ResizeOption = Annotated[
    Resize | None,
    typer.Option(
        rich_help_panel=_PANEL,
        help="How a frame becomes the input. stretch: squeeze the complete frame. crop: resize the shorter side to "
        "--shorter-side and take the centre; without --shorter-side, take the largest centred part of the input's "
        "aspect. letterbox: fit the complete frame inside, and fill the rest with --fill. squash: squeeze "
        "the complete frame to --shorter-side, and take the centre.",
        show_default="that of the network; else stretch",
    ),
]
ShorterSideOption = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=_PANEL,
        min=1,
        metavar="R",
        help="Size of the frame's shorter side before the centre crop, in pixels, such as 256 for an input of 224. "
        "Implies --resize crop, unless --resize squash is given.",
        show_default="that of the network",
    ),
]
InterpolationOption = Annotated[
    Interpolation | None,
    typer.Option(
        rich_help_panel=_PANEL,
        help="Filter that resizes a frame. fast: repeated halving, then bilinear; only with stretch, or with crop "
        "without --shorter-side. The others equal those of Pillow and torchvision.",
        show_default="that of the network; else bilinear with --shorter-side or letterbox, fast otherwise",
    ),
]
AntialiasOption = Annotated[
    bool | None,
    typer.Option(
        "--antialias/--no-antialias",
        rich_help_panel=_PANEL,
        help="Whether bilinear and bicubic average over all pixels where a frame is reduced. --no-antialias is right "
        "for pipelines that resize with OpenCV, or resize tensors with antialias=False.",
        show_default="that of the network; else antialias",
    ),
]
PremultipliedOption = Annotated[
    bool | None,
    typer.Option(
        "--premultiplied/--no-premultiplied",
        rich_help_panel=_PANEL,
        help="Whether the colours of a four-channel input are weighted by alpha where they are resized, as Pillow "
        "does. --no-premultiplied resizes the four channels alike, as torchvision does with tensors.",
        show_default="premultiplied, with antialias",
    ),
]
CropOffsetOption = Annotated[
    CropOffset | None,
    typer.Option(
        rich_help_panel=_PANEL,
        help="First row and column of the centre crop where as many cannot be cut off on both sides: round, as "
        "torchvision and timm, or floor, as Hugging Face. Goes with --shorter-side.",
        show_default="that of the network; else round",
    ),
]
FillOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_PANEL,
        metavar="R,G,B",
        help="Colour beside the frame with letterbox, or with a crop that is larger than the frame, 0 to 255; "
        "114,114,114 for Ultralytics.",
        show_default="that of the network; else 0,0,0",
    ),
]

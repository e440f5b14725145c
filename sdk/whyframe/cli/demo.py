"""``whyframe demo``: explain the bundled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyframe.cli.options import Backend, Device, Model, Threads, open_engine

if TYPE_CHECKING:
    from whyframe.explanation import Explanation

__all__ = ["demo"]

_WIDTH = 640
_MARGIN = ((8, 8), (8, 8), (0, 0))


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path(
        "whyframe-demo.png"
    ),
    model: Model = None,
    backend: Backend = "auto",
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Explain two bundled pictures: each one beside its explanation, in one picture.

    \b
    whyframe demo
    whyframe demo -o why.png --model my-model.onnx
    """  # noqa: D301 - a real backspace keeps the lines of the examples apart
    from whyframe.cli.demo_images import CAT, COFFEE, read_picture
    from whyframe.video.sinks import check_image_output, write_image

    check_image_output(output)
    with open_engine(model, backend, device, threads) as engine:
        results = {name: engine.run(read_picture(name)) for name in (COFFEE, CAT)}
    write_image(output, _sheet(list(results.values())))
    for name, result in results.items():
        print(f"{name}: {result.label} ({result.probability:.0%})")
    print(f"what the classifier saw in them: {output.resolve()}")


def _sheet(results: list[Explanation]) -> Any:
    """Each frame with its overlay to its right, on white: H x W x 3 uint8 BGR."""
    import cv2
    import numpy as np

    rows = []
    for result in results:
        height = round(_WIDTH * result.frame.shape[0] / result.frame.shape[1])
        pair = [cv2.resize(image, (_WIDTH, height)) for image in (result.frame, result.overlay())]
        rows.append(np.hstack([np.pad(image, _MARGIN, constant_values=255) for image in pair]))
    return np.pad(np.vstack(rows), _MARGIN, constant_values=255)

"""``whyframe demo``: an explanation of the bundled images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whyframe.cli.options import Backend, Device, Model, Threads, open_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from whyframe.explanation import Explanation

__all__ = ["demo"]

_WIDTH = 640
_MARGIN = ((8, 8), (8, 8), (0, 0))


def demo(
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Image file to write: .png, .jpg, .webp, .bmp or .tif."),
    ] = Path("whyframe-demo.png"),
    model: Model = None,
    backend: Backend = "auto",
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Explain two bundled images, and write an image that shows each beside its explanation.

    For each image the predicted class and its probability are printed.

    Examples:
      whyframe demo
      whyframe demo -o why.png --model my-model.onnx
    """
    from whyframe.cli.bundled_images import CAT, COFFEE, read_bundled_image
    from whyframe.opencv import write_image
    from whyframe.video.sinks import check_image_output

    check_image_output(output)
    with open_engine(model, backend, device, threads) as engine:
        results = {name: engine.run(read_bundled_image(name)) for name in (COFFEE, CAT)}
    write_image(output, _side_by_side(list(results.values())))
    for name, result in results.items():
        print(f"{name}: {result.label} ({result.probability:.0%})")
    print(f"explanations written to {output.resolve()}")


def _side_by_side(results: list[Explanation]) -> NDArray[np.uint8]:
    """Return an image with a row for each result: the frame and its overlay. H x W x 3 uint8 BGR."""
    import cv2
    import numpy as np

    rows = []
    for result in results:
        height = round(_WIDTH * result.frame.shape[0] / result.frame.shape[1])
        pair = [cv2.resize(image, (_WIDTH, height)) for image in (result.frame, result.overlay())]
        rows.append(np.hstack([np.pad(image, _MARGIN, constant_values=255) for image in pair]))
    return np.pad(np.vstack(rows), _MARGIN, constant_values=255)

"""HTML from the templates of this package; every value that is not HTML already is escaped."""

from __future__ import annotations

import base64
from functools import cache

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

__all__ = ["read_asset", "render"]

_JPEG_QUALITY = 85


def render(template: str, **values: object) -> Markup:
    """Return the HTML of a template.

    Args:
        template: File name in the folder ``templates``.
        **values: Variables of the template; a variable that the template uses and that is missing is an error.
    """
    return Markup(_environment().get_template(template).render(**values))


def read_asset(name: str) -> Markup:
    """Return a style sheet or a script of the folder ``templates`` as it is, to be put into the page."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("whyframe_evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["jpeg_uri"] = _jpeg_uri
    return environment


def _jpeg_uri(tile: NDArray[np.uint8]) -> str:
    """Return an H x W x 3 BGR image as the address of an embedded JPEG."""
    _, data = cv2.imencode(".jpg", tile, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"

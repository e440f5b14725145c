"""Settings of Pillow that are changed while whyframe reads images, and restored after."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_pillow"]

_NO_MESSAGES = logging.NullHandler()


class _Quiet:
    """State of `quiet_pillow`, which several threads may enter at once."""

    lock = threading.Lock()
    depth = 0
    max_pixels: int | None = None
    warnings: warnings.catch_warnings | None = None


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Suppress Pillow's warnings, messages and limit of the size: whyframe reports and checks these itself.

    The first thread that enters changes the settings of the process, and the last that leaves restores them.
    """
    from PIL import Image as pillow

    with _Quiet.lock:
        _Quiet.depth += 1
        if _Quiet.depth == 1:
            # Without any handler, logging prints errors on stderr.
            logging.getLogger("PIL").addHandler(_NO_MESSAGES)
            _Quiet.max_pixels, pillow.MAX_IMAGE_PIXELS = pillow.MAX_IMAGE_PIXELS, None
            _Quiet.warnings = warnings.catch_warnings()
            _Quiet.warnings.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _Quiet.lock:
            _Quiet.depth -= 1
            if _Quiet.depth == 0 and _Quiet.warnings is not None:
                _Quiet.warnings.__exit__(None, None, None)
                pillow.MAX_IMAGE_PIXELS = _Quiet.max_pixels

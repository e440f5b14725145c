"""The libraries whose methods are used as they are, imported where one runs."""

from __future__ import annotations

import importlib
from typing import Any

from whyframe.errors import WhyframeError

__all__ = ["MissingLibrary", "captum"]


class MissingLibrary(WhyframeError, ImportError):
    """A library that a compared method uses and that is not installed."""


def captum() -> Any:
    """`captum.attr`.

    Raises:
        MissingLibrary: captum is not installed.
    """
    try:
        return importlib.import_module("captum.attr")
    except ImportError as error:
        raise MissingLibrary("captum is not installed: pip install 'whyframe[bench]'") from error

"""Import of packages that may be missing."""

from __future__ import annotations

import importlib
from typing import Any

from whyframe_training.classifiers.errors import ClassifierError

__all__ = ["package"]


def package(name: str, install: str = "'whyframe[train]'") -> Any:
    """Import a module of an optional package.

    Args:
        name: Name of the module.
        install: What `pip install` takes to install it.

    Raises:
        ClassifierError: The module is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ClassifierError(f"{name} is not installed: pip install {install}") from error

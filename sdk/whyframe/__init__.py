"""whyframe: saliency maps for image classifiers, computed with the class in one forward pass per video frame.

Examples:
    >>> from whyframe import ExplainEngine
    >>> engine = ExplainEngine()
    >>> result = engine.run("photo.jpg")
    >>> result.label, result.probability
    >>> result.save("explained.png")
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from whyframe.errors import (
    BackendError,
    FrameError,
    ManifestError,
    ModelError,
    OptionError,
    OutputError,
    SourceError,
    TargetError,
    WhyframeError,
)

if TYPE_CHECKING:
    from whyframe.cuda.frames import NV12Frame
    from whyframe.engine import ExplainEngine
    from whyframe.explanation import ClassScore, Explanation
    from whyframe.manifest import Manifest

__all__ = [
    "BackendError",
    "ClassScore",
    "ExplainEngine",
    "Explanation",
    "FrameError",
    "Manifest",
    "ManifestError",
    "ModelError",
    "NV12Frame",
    "OptionError",
    "OutputError",
    "SourceError",
    "TargetError",
    "WhyframeError",
    "__version__",
]

try:
    __version__ = version("whyframe")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

# Imported at the first access, so that `whyframe --help` loads neither OpenCV nor ONNX Runtime.
_LAZY = {
    "ClassScore": "whyframe.explanation",
    "ExplainEngine": "whyframe.engine",
    "Explanation": "whyframe.explanation",
    "Manifest": "whyframe.manifest",
    "NV12Frame": "whyframe.cuda.frames",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""whyframe: saliency maps for image classifiers, computed with the class in one forward pass per video frame.

Examples:
    >>> from whyframe import ExplainEngine
    >>> engine = ExplainEngine()
    >>> result = engine.run("photo.jpg")
    >>> result.label, result.probability
    >>> result.save("explained.png")
"""

from __future__ import annotations

import os
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
    StreamError,
    TargetError,
    WhyframeError,
)
from whyframe.lazy_exports import lazy_exports

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
    "StreamError",
    "TargetError",
    "WhyframeError",
    "__version__",
]

try:
    __version__ = version("whyframe")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

# ONNX Runtime's telemetry starts when its library is loaded: from then on `disable_telemetry_events()` is too late. It
# writes a device id under the home folder, and looks up the address of its collector after a minute.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Imported at the first access, so that `whyframe --help` loads neither OpenCV nor ONNX Runtime.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ClassScore": "whyframe.explanation",
        "ExplainEngine": "whyframe.engine",
        "Explanation": "whyframe.explanation",
        "Manifest": "whyframe.manifest",
        "NV12Frame": "whyframe.cuda.frames",
    },
)

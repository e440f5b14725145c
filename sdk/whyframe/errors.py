"""The project's own exceptions: each is one line that says what is wrong and ends with the way out."""

from __future__ import annotations

__all__ = [
    "BackendError",
    "FrameError",
    "FrameTypeError",
    "FrameValueError",
    "ManifestError",
    "ModelError",
    "OutputError",
    "SourceError",
    "TargetError",
    "WhyframeError",
    "one_line",
]


class WhyframeError(Exception):
    """Base of every error that whyframe raises on purpose."""


class FrameError(WhyframeError):
    """A frame that cannot be explained as it is."""


class FrameTypeError(FrameError, TypeError):
    """A frame of the wrong Python type or element type."""


class FrameValueError(FrameError, ValueError):
    """A frame of the wrong shape, or with nothing in it."""


class ModelError(WhyframeError):
    """A model file that is missing, damaged, or does not keep the graph contract."""


class ManifestError(ModelError):
    """A model whose manifest is absent, malformed, or of a newer schema than this version reads."""


class TargetError(WhyframeError, ValueError):
    """A target class that the model does not have."""


class BackendError(WhyframeError):
    """A backend or a device that cannot be used here."""


class SourceError(WhyframeError):
    """A video, image, folder, camera or address that cannot be read."""


class OutputError(WhyframeError):
    """A place that cannot be written to."""


def one_line(error: BaseException | str, limit: int = 200) -> str:
    """The first ``limit`` characters of an error's message, folded into one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."

"""Exceptions of whyframe. Each message is one line that says what is wrong and ends with what to do.

The classes and their bases::

    WhyframeError(Exception)
    ├── FrameError
    │   ├── FrameTypeError(TypeError)
    │   └── FrameValueError(ValueError)
    ├── ModelError
    │   └── ManifestError
    ├── TargetError(ValueError)
    ├── OptionError(ValueError)
    ├── BackendError
    ├── CopyError(TypeError)
    ├── SourceError
    │   └── StreamError
    └── OutputError
"""

from __future__ import annotations

from whyframe.passwords import hide_passwords
from whyframe.printable import printable

__all__ = [
    "BackendError",
    "CopyError",
    "FrameError",
    "FrameTypeError",
    "FrameValueError",
    "ManifestError",
    "ModelError",
    "OptionError",
    "OutputError",
    "SourceError",
    "StreamError",
    "TargetError",
    "WhyframeError",
    "one_line",
    "shortened",
]


_LONGEST = 2000
_KEPT_END = 400  # what to do is said at the end


class WhyframeError(Exception):
    """Base class of all exceptions of whyframe.

    Passwords of addresses are left out of the message. As text, it is one line of at most 2,000 characters: control
    characters, which may come from a label or the name of a file, are written as escapes.

    Args:
        message: What is wrong, and what to do.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(hide_passwords(str(message)))

    def __str__(self) -> str:
        return printable(shortened(super().__str__(), _LONGEST, _KEPT_END))


class FrameError(WhyframeError):
    """A frame that cannot be explained."""


class FrameTypeError(FrameError, TypeError):
    """A frame of the wrong Python type or element type."""


class FrameValueError(FrameError, ValueError):
    """A frame of the wrong shape, an empty frame, or a bad value of an option of `ExplainEngine.run`."""


class ModelError(WhyframeError):
    """A model file that is missing or damaged, or that breaks the graph contract."""


class ManifestError(ModelError):
    """A model whose manifest is missing or malformed, or has a newer schema than this version reads."""


class TargetError(WhyframeError, ValueError):
    """A target class that the model does not have."""


class OptionError(WhyframeError, ValueError):
    """A bad value of an option of `Explanation.overlay` or `Explanation.save`."""


class BackendError(WhyframeError):
    """A backend or a device that cannot be used on this machine."""


class CopyError(WhyframeError, TypeError):
    """An object that cannot be copied or pickled."""


class SourceError(WhyframeError):
    """A video, an image, a folder, a camera or a URL that cannot be read."""


class StreamError(SourceError):
    """A live source that ended, broke or stopped delivering frames.

    Args:
        message: What is wrong, and what to do.
        frames: Number of frames that were received before.

    Attributes:
        frames: Number of frames that were received before.
    """

    def __init__(self, message: str, frames: int = 0) -> None:
        super().__init__(message)
        self.frames = frames


class OutputError(WhyframeError):
    """A file or a folder that cannot be written."""


def one_line(error: BaseException | str, limit: int = 200) -> str:
    """Return the message of an error as one line of at most ``limit`` characters, without passwords."""
    text = hide_passwords(" ".join(str(error)[: 10 * limit].split())) or type(error).__name__
    return printable(shortened(text, limit))


def shortened(text: str, limit: int, end: int = 0) -> str:
    """Return a text of at most ``limit`` characters, with dots for what is left out before the last ``end``."""
    if len(text) <= limit:
        return text
    return text[: limit - 3 - end] + "..." + (text[-end:] if end else "")

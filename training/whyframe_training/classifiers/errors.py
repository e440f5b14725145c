"""Error of classifiers, and the conversion of errors in a user's code to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from whyframe.errors import WhyframeError, one_line

__all__ = ["ClassifierError", "as_classifier_error", "listing"]


class ClassifierError(WhyframeError):
    """A classifier that cannot be built or loaded, or that lacks the features that a mask predictor reads."""


@contextmanager
def as_classifier_error(what: str) -> Iterator[None]:
    """Turn any error of a user's code into a ClassifierError of one line; the original error is its cause.

    Args:
        what: Name of the code that runs in the context.
    """
    try:
        yield
    except WhyframeError:
        raise
    except (Exception, SystemExit) as error:
        raise ClassifierError(
            f"{what} failed: {type(error).__name__}: {one_line(error)} (--verbose shows the traceback)"
        ) from error


def listing(names: list[str], shown: int = 4) -> str:
    """Return the first names, and the number of the others."""
    others = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + others

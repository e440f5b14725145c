"""A user's own pipeline: a function in a Python file, from an image to probabilities."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whyframe.check.answer import to_probabilities
from whyframe.check.pillow import load_pillow, open_image
from whyframe.errors import WhyframeError, one_line

__all__ = ["PipelineError", "UserPipeline", "load_pipeline"]

_Argument = Callable[[Path], Any]
_PATH_NAMES = ("path", "file", "filename", "filepath", "fname")
_IMAGE_NAMES = ("image", "img", "picture", "photo", "pil", "frame")


class PipelineError(WhyframeError):
    """A user's pipeline that cannot be loaded, or that raises an error."""


class UserPipeline:
    """A user's function, called with what it takes: a path as text, a Pillow image, or a `pathlib.Path`.

    Which of them it takes is found with the first image: the one that the annotation or the name of its parameter
    suggests is tried first, and the first that gives an answer is kept.

    Args:
        function: The function, from one image to probabilities.
        name: Name of the function in messages.
        labels: Labels of the model's classes.
        verbose: Print the traceback of the user's own errors on stderr.

    Attributes:
        takes: What the function takes, ``"path"``, ``"PIL image"`` or ``"pathlib.Path"``; empty before the first call.
    """

    def __init__(
        self, function: Callable[[Any], Any], name: str, labels: Sequence[str], *, verbose: bool = False
    ) -> None:
        self._function, self._name, self._labels, self._verbose = function, name, labels, verbose
        self._arguments = _arguments_for(function)
        self.takes = ""

    def __call__(self, path: Path) -> NDArray[np.float64]:
        """Return the pipeline's probabilities of an image file.

        Raises:
            PipelineError: The function raises an error.
            AnswerError: The function returns no probabilities.
        """
        if not self.takes:
            self.takes = self._find_argument(path)
        return self._answer(self.takes, path)

    def _find_argument(self, path: Path) -> str:
        """Return the first kind of argument with which the function gives an answer."""
        failures = []
        for takes in self._arguments:
            try:
                self._answer(takes, path)
            except PipelineError as error:  # noqa: PERF203 - each failure leads to the next kind
                failures.append(error)
            else:
                return takes
        raise failures[0]

    def _answer(self, takes: str, path: Path) -> NDArray[np.float64]:
        try:
            # What the function prints must not mix with the command's own output.
            with contextlib.redirect_stdout(sys.stderr):
                answer = self._function(self._arguments[takes](path))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            what = f"{self._name} failed on {path} (given as a {takes})"
            raise _failure(error, what, verbose=self._verbose) from error
        return to_probabilities(answer, self._labels)


def load_pipeline(text: str, labels: Sequence[str], *, verbose: bool = False) -> UserPipeline:
    """Load a user's pipeline.

    Args:
        text: ``FILE.py:FUNCTION``.
        labels: Labels of the model's classes.
        verbose: Print the traceback of the user's own errors on stderr.

    Raises:
        PipelineError: The file or the function is missing, or the file raises an error when it is imported.
    """
    file, _, name = text.rpartition(":")
    path = Path(file)
    if not file.endswith(".py") or not name:
        raise PipelineError(f"--pipeline takes FILE.py:FUNCTION such as my_model.py:predict, got {text!r}.")
    if not path.is_file():
        raise PipelineError(f"there is no file {path}; check the path of --pipeline.")
    function = getattr(_import_file(path, verbose=verbose), name, None)
    if not callable(function):
        raise PipelineError(f"{path} has no function {name}; define it, or name another after the colon.")
    return UserPipeline(function, f"{path.name}:{name}", labels, verbose=verbose)


def _import_file(path: Path, *, verbose: bool) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:  # the file may import the modules beside it, now and when it is called
        sys.path.insert(0, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _failure(error, f"{path} cannot be imported", verbose=verbose) from error
    return module


def _failure(error: BaseException, what: str, *, verbose: bool) -> PipelineError:
    if verbose:
        traceback.print_exception(error, file=sys.stderr)
    advice = "correct it" if verbose else "--verbose shows the traceback"
    return PipelineError(f"{what}: {type(error).__name__}: {one_line(error)}; {advice}.")


def _arguments_for(function: Callable[[Any], Any]) -> dict[str, _Argument]:
    """Return what the function may take, by name, in the order in which to try it."""
    known: dict[str, _Argument] = {"path": str, "PIL image": open_image, "pathlib.Path": Path}
    if load_pillow() is None:
        del known["PIL image"]
    first = _suggested(function)
    return {name: known[name] for name in sorted(known, key=lambda name: name != first)}


def _suggested(function: Callable[[Any], Any]) -> str:
    """Return what the annotation or the name of the first parameter suggests; a path where they say nothing."""
    try:
        parameter = next(iter(inspect.signature(function).parameters.values()))
    except (StopIteration, TypeError, ValueError):
        return "path"
    annotation = "" if parameter.annotation is parameter.empty else str(parameter.annotation)
    for word, takes in (("Image", "PIL image"), ("Path", "pathlib.Path"), ("str", "path")):
        if word in annotation:
            return takes
    words = parameter.name.lower().split("_")
    if any(word in _PATH_NAMES for word in words):
        return "path"
    return "PIL image" if any(word in _IMAGE_NAMES for word in words) else "path"

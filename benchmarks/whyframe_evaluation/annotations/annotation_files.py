"""Checked access to annotation files and to the images that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from whyframe.files import read_bounded
from whyframe.json_reader import LARGEST, JsonError, read_json
from whyframe_training.data import DataError

__all__ = ["AnyPath", "annotated_name", "finite_numbers", "path_within", "read_annotations", "read_text"]

_LONGEST_NAME = 1000
_LARGEST_PIXEL = 1e9

AnyPath = str | Path


def read_text(path: AnyPath, hint: str = "check the path") -> str:
    """Return the content of a UTF-8 text file.

    Args:
        path: File to read.
        hint: What to do where the file cannot be read; it ends the message.

    Raises:
        DataError: The file cannot be read, or is not UTF-8 text.
    """
    try:
        return read_bounded(path, LARGEST).decode("utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): {hint}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8: convert it to UTF-8") from error


def read_annotations(path: AnyPath, form: str) -> Any:
    """Return the value of a JSON file.

    Args:
        path: File to read.
        form: What the file must be, for the message, such as ``"a COCO JSON with boxes"``.

    Raises:
        DataError: The file cannot be read, or `whyframe.json_reader` refuses its content.
    """
    try:
        return read_json(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): give {form}") from error
    except JsonError as error:
        raise DataError(f"{path} is not {form} ({error})") from error


def annotated_name(value: Any) -> str:
    """Return a name in annotations.

    Raises:
        TypeError: It is not text.
        ValueError: It is empty or longer than 1,000 letters.
    """
    if not isinstance(value, str):
        raise TypeError(f"the name {value!r:.80} is not text")
    if not 0 < len(value) <= _LONGEST_NAME:
        raise ValueError(f"a name has {len(value)} letters, not 1 to {_LONGEST_NAME}")
    return value


def finite_numbers(values: Any, count: int) -> tuple[float, ...]:
    """Return the numbers of a list in annotations.

    Args:
        values: The list.
        count: How many numbers it must have.

    Raises:
        TypeError: It is not a list of numbers.
        ValueError: It has another length, or a number is not finite or too large for pixels.
    """
    if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
        raise TypeError(f"{values!r:.80} is not a list of numbers")
    if len(values) != count or not all(-_LARGEST_PIXEL <= value <= _LARGEST_PIXEL for value in values):
        raise ValueError(f"{values!r:.80} is not {count} numbers of pixels")
    return tuple(map(float, values))


def path_within(images: AnyPath, file: str, source: AnyPath) -> str:
    """Return the path of an image relative to the image folder.

    Args:
        images: Image folder.
        file: Path that the annotations give: relative to the folder, or absolute.
        source: Annotation file or folder, named in the message.

    Raises:
        DataError: The image is not in the folder.
    """
    folder = Path(images).absolute()  # not resolved: images may be symbolic links
    path = folder / file
    try:
        found = ".." not in Path(file).parts and path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        found = False
    if not found:
        raise DataError(f"{source} names {file:.200}, which is not in {images}: check the path of the images")
    return path.relative_to(folder).as_posix()

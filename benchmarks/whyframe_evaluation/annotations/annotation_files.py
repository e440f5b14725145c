"""Checked access to annotation files and to the images that they name."""

from __future__ import annotations

from pathlib import Path

from whyframe_training.data import DataError

__all__ = ["AnyPath", "path_within", "read_text"]

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
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): {hint}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8: convert it to UTF-8") from error


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
    if ".." in Path(file).parts or not (path.is_relative_to(folder) and path.is_file()):
        raise DataError(f"{source} names {file}, which is not in {images}: check the path of the images")
    return path.relative_to(folder).as_posix()

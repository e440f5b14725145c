"""Image files and Pillow images as arrays: orientation, depth, transparency and the limit of their size.

Pillow is imported where it is used, because `import whyframe` has to be quick.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from whyframe.alpha import compose
from whyframe.errors import FrameValueError, SourceError, WhyframeError, one_line
from whyframe.image_options import MAX_MEGAPIXELS_VARIABLE, ImageOptions
from whyframe.pillow_settings import quiet_pillow

if TYPE_CHECKING:
    import PIL.Image

__all__ = [
    "READ_SUFFIXES",
    "check_size",
    "decode",
    "from_pillow",
    "image_errors",
    "image_size",
    "is_pillow_image",
    "open_image",
    "read_image",
]

Image = NDArray[np.uint8]

READ_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"),
    *(".apng", ".avif", ".gif", ".heic", ".heif", ".jp2", ".mpo", ".pgm", ".ppm"),
)
"""Suffixes of the image formats that are read; HEIC and HEIF need pillow-heif."""

# Pillow's other readers start programs (EPS), hold no photographs, or are rarely tested.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "HEIF")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_16_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def is_pillow_image(frame: Any) -> bool:
    """Return whether an object is a Pillow image, without an import of Pillow."""
    return not isinstance(frame, np.ndarray) and hasattr(frame, "convert") and hasattr(frame, "getbands")


def read_image(
    path: str | os.PathLike[str], *, channels: int = 3, options: ImageOptions | None = None
) -> Image:
    """Read an image file: upright as its EXIF orientation says, 8 bits, transparency composed on the matte.

    The size is read from the header and checked before anything is decoded. Of an animation the first frame is read.

    Args:
        path: The image file.
        channels: 3, or 4 to keep the alpha channel.
        options: The matte and the limit of the size; None for the defaults.

    Returns:
        H x W x 3 uint8 BGR, or H x W x 4 uint8 BGRA.

    Raises:
        SourceError: The file is missing, is no image that Pillow can read, is damaged, has no alpha channel where
            4 channels are wanted, or has more pixels than the limit.
    """
    options = options or ImageOptions()
    with open_image(path, options) as image:
        skip_default_image(image)
        return decode(image, channels, options, name=str(path))


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return the width and height of an image file in pixels, as stored; only its header is read.

    Raises:
        SourceError: The file is not an image that Pillow can read.
    """
    with image_errors(path), Path(path).open("rb") as file, _open(file, str(path)) as image:
        return image.size


@contextmanager
def open_image(
    path: str | os.PathLike[str], options: ImageOptions, *, quiet: bool = True
) -> Iterator[PIL.Image.Image]:
    """Open an image file, with its header read and its size checked, and nothing decoded.

    Args:
        path: The image file.
        options: The limit of the size.
        quiet: Whether the block, too, is in `image_errors`, which changes settings of the process: False for a block
            that yields, which does this for each of its own steps.

    Yields:
        The open image.

    Raises:
        SourceError: As for `read_image`.
    """
    with contextlib.ExitStack() as stack:
        with image_errors(path):
            file = stack.enter_context(Path(path).open("rb"))
            image = stack.enter_context(_open(file, str(path)))
            check_size(image, options, str(path))
        with image_errors(path) if quiet else contextlib.nullcontext():
            yield image


def _open(file: BinaryIO, name: str) -> PIL.Image.Image:
    from PIL import Image as pillow

    if file.seekable():
        _register_heif(file.read(32), name)
        file.seek(0)
    pillow.init()
    return pillow.open(file, formats=[name for name in _FORMATS if name in pillow.OPEN])


@contextmanager
def image_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise every error of Pillow about a file as a SourceError, and suppress its messages.

    Args:
        path: The image file.

    Raises:
        SourceError: The block failed.
    """
    from PIL import UnidentifiedImageError

    try:
        with quiet_pillow():
            yield
    except WhyframeError:
        raise
    except FileNotFoundError as error:
        raise SourceError(f"there is no file {path}; check the path.") from error
    except UnidentifiedImageError as error:
        raise SourceError(
            f"{path} is not an image that whyframe can read; give a JPEG or PNG file."
        ) from error
    except OSError as error:
        if error.errno is None:
            raise _damaged(path, error) from error
        raise SourceError(
            f"{path} cannot be read ({one_line(error.strerror or '')}); check the path."
        ) from error
    except Exception as error:  # Pillow's readers raise errors of many types for damaged files
        raise _damaged(path, error) from error


def _damaged(path: str | os.PathLike[str], error: Exception) -> SourceError:
    return SourceError(f"{path} is damaged ({one_line(error, 80)}); copy or save it again.")


def check_size(image: PIL.Image.Image, options: ImageOptions, name: str) -> None:
    """Check the size that an image's header states.

    Raises:
        SourceError: The image has more pixels than the limit, or none.
    """
    width, height = image.size
    if width * height > options.pixels:
        raise SourceError(
            f"{name} has {width} x {height} pixels, more than the limit of {options.pixels / 1e6:g} megapixels; "
            f"make it smaller, or set max_megapixels, --max-megapixels or {MAX_MEGAPIXELS_VARIABLE}."
        )
    if width * height == 0:
        raise SourceError(f"{name} has no pixels ({width} x {height}); give another image.")


def from_pillow(image: PIL.Image.Image, channels: int, options: ImageOptions) -> Image:
    """Return an image that the caller opened or made with Pillow as an array.

    Args:
        image: The image, of any mode; an animation at its current frame.
        channels: 3, or 4 to keep the alpha channel.
        options: The matte and the limit of the size.

    Returns:
        H x W x 3 uint8 BGR, or H x W x 4 uint8 BGRA.

    Raises:
        FrameValueError: The image is damaged or too large, its values have no known range, or it has no alpha channel
            where 4 channels are wanted.
    """
    try:
        check_size(image, options, "the image")
        return decode(image, channels, options)
    except SourceError as error:
        raise FrameValueError(str(error)) from error
    except WhyframeError:
        raise
    except Exception as error:  # Pillow's readers raise errors of many types for damaged files
        raise FrameValueError(str(_damaged("the image", error))) from error


def decode(image: PIL.Image.Image, channels: int, options: ImageOptions, name: str = "the image") -> Image:
    """Return a Pillow image as an array: upright, 8 bits, and composed on the matte unless alpha is wanted.

    Args:
        image: The image, of any mode; an animation at its current frame.
        channels: 3, or 4 to keep the alpha channel.
        options: The matte.
        name: Name of the image in messages.

    Returns:
        H x W x 3 uint8 BGR, or H x W x 4 uint8 BGRA.

    Raises:
        FrameValueError: The values of the image have no known range.
        SourceError: 4 channels are wanted and the image has no alpha channel.
    """
    with quiet_pillow():
        image.load()
        plain = _upright(_to_8_bits(image, name))
        transparent = plain.has_transparency_data
        if channels == 4 and not transparent:
            raise SourceError(
                f"{name} has no alpha channel and the model takes 4 channels; give an RGBA image."
            )
        if not transparent:
            return np.ascontiguousarray(np.asarray(plain.convert("RGB"))[..., ::-1])
        pixels = np.asarray(plain.convert("RGBA"))[..., [2, 1, 0, 3]]
    return pixels if channels == 4 else compose(pixels, options)


def _to_8_bits(image: PIL.Image.Image, name: str) -> PIL.Image.Image:
    """Return an image whose mode has 8 bits, with the EXIF orientation and transparency of the original."""
    from PIL import Image as pillow

    if image.mode == "F":
        raise FrameValueError(
            f"{name} holds floating-point values of no known range; scale it to 0..255 first."
        )
    if image.mode not in _16_BITS:
        return image
    values = np.asarray(image)
    least, most = int(values.min()), int(values.max())
    if least < 0 or most > 65535 or (image.mode == "I" and image.format is None and 0 < most <= 255):
        raise FrameValueError(
            f"{name} holds integers from {least} to {most} of no known depth; convert it to mode 'L' or 'I;16'."
        )
    grey = pillow.fromarray((values >> 8).astype(np.uint8))
    key = image.info.get("transparency")
    grey.info = {key: value for key, value in image.info.items() if key != "transparency"}
    if isinstance(key, int):
        grey.putalpha(pillow.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _upright(image: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF data that cannot be parsed states no orientation
        return image


def skip_default_image(image: PIL.Image.Image) -> None:
    """Move from the still image of an APNG, which is not part of the animation, to the first frame."""
    if getattr(image, "default_image", False) and getattr(image, "n_frames", 1) > 1:
        image.seek(1)


def _register_heif(head: bytes, name: str) -> None:
    """Let Pillow read HEIC and HEIF where a file is one and pillow-heif is installed.

    Raises:
        SourceError: The file is one and pillow-heif is not installed.
    """
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIF_BRANDS or b"avif" in head[16:]:
        return
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise SourceError(
            f"{name} is a HEIC image; pip install pillow-heif, or convert it to JPEG or PNG."
        ) from error
    register_heif_opener()

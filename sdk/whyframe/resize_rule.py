"""Rules that turn a frame of any size into the model's input, and the geometry of a frame under such a rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from whyframe.errors import OptionError

__all__ = ["INTERPOLATIONS", "MODES", "Placement", "ResizeRule"]

MODES = ("stretch", "crop", "letterbox", "squash")
INTERPOLATIONS = ("fast", "nearest", "bilinear", "bicubic", "lanczos")
_OFFSETS = ("round", "floor")
_LARGEST = 1 << 14  # pixels of a side
_CENTRED = ("crop", "squash")
"""Modes that take the centre of a resized frame."""

_OF_FILTERS = frozenset({"antialias", "premultiplied"})
"""Fields that only filters have."""

_FILTERS = ("bilinear", "bicubic", "lanczos")


class Placement(NamedTuple):
    """Geometry of one frame: the part of the frame that the input covers, and the part of the input that shows it.

    Row i of the input is centred at row ``top + (i + 0.5) * height / H - 0.5`` of the frame, for an input of H rows;
    columns likewise. The window may reach outside the frame; the input has the rule's fill colour there.

    Attributes:
        top: First row of the window, in pixels of the frame.
        left: First column of the window, in pixels of the frame.
        height: Height of the window, in pixels of the frame.
        width: Width of the window, in pixels of the frame.
        first_row: First row of the input that shows the frame.
        first_column: First column of the input that shows the frame.
        end_row: End of the rows of the input that show the frame, exclusive.
        end_column: End of the columns of the input that show the frame, exclusive.
    """

    top: float
    left: float
    height: float
    width: float
    first_row: int
    first_column: int
    end_row: int
    end_column: int


class _Axis(NamedTuple):
    """Geometry of one axis: start and length of the window in the frame, first and end sample of the input."""

    start: float
    length: float
    first: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ResizeRule:
    """How a frame of any size becomes the H x W input of a model.

    Attributes:
        mode: ``"stretch"`` resizes both axes independently. ``"crop"`` resizes the shorter side to ``shorter_side``
            and takes the centre. ``"letterbox"`` resizes the frame to fit inside the input and fills the rest.
            ``"squash"`` resizes both axes independently to the input's aspect, and takes the centre.
        shorter_side: Size R of the shorter side before the centre is taken, in pixels; needed by ``"squash"``. None
            with a crop takes the largest centred part of the frame that has the input's aspect.
        interpolation: ``"fast"`` (repeated halving, then bilinear), ``"bilinear"``, ``"bicubic"``, ``"lanczos"`` or
            ``"nearest"``.
        antialias: Whether bilinear and bicubic filters are widened where the frame is reduced, as Pillow does.
        fill: Colour where the input shows no part of the frame, R, G, B in 0..255; the first value is used for grey
            input.
        offset: First row of the crop of H out of n rows: ``"round"`` for ``round((n - H) / 2)``, as torchvision, or
            ``"floor"`` for ``(n - H) // 2``, as Hugging Face.
        premultiplied: Whether the colours of a four-channel input are weighted by alpha where an antialiased bilinear
            or bicubic filter resizes them, as Pillow does. False resizes the four channels alike, as torchvision does
            with tensors. Not used with one or three channels, or with another filter.
    """

    mode: str = "stretch"
    shorter_side: int | None = None
    interpolation: str = "fast"
    antialias: bool = True
    fill: tuple[int, ...] = (0, 0, 0)
    offset: str = "round"
    premultiplied: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "fill", tuple(self.fill))
        for name, allowed in (("mode", MODES), ("interpolation", INTERPOLATIONS), ("offset", _OFFSETS)):
            if getattr(self, name) not in allowed:
                raise OptionError(
                    f"the resize rule's {name} is {getattr(self, name)!r}; give {' or '.join(allowed)}."
                )
        if (
            not all(isinstance(value, int) and 0 <= value <= 255 for value in self.fill)
            or len(self.fill) != 3
        ):
            raise OptionError(f"the resize rule's fill is {self.fill}; give three numbers from 0 to 255.")
        self._check_combination()

    def _check_combination(self) -> None:
        if self.mode == "squash" and self.shorter_side is None:
            raise OptionError("squash takes the centre of a larger size; give its shorter side, or stretch.")
        if self.shorter_side is not None and (self.mode not in _CENTRED or not _is_size(self.shorter_side)):
            raise OptionError(
                f"the shorter side {self.shorter_side} does not go with {self.mode}; give pixels, with crop or squash."
            )
        if self.interpolation == "lanczos" and not self.antialias:
            raise OptionError(
                "lanczos is always antialiased; give bilinear or bicubic, or leave out antialias."
            )
        if self.interpolation == "fast" and (self.mode == "letterbox" or self.shorter_side is not None):
            raise OptionError(
                "the fast interpolation goes with stretch, or a crop without shorter side; give bilinear or bicubic."
            )

    @classmethod
    def from_value(cls, value: str | Mapping[str, Any]) -> ResizeRule:
        """Return the rule of a manifest's entry.

        Args:
            value: Fields of the rule; or, in manifests of schema 1, ``"stretch"`` or ``"crop"``, which are always fast.

        Raises:
            OptionError: There is no such rule.
        """
        return cls(mode=value) if isinstance(value, str) else cls(**value)

    def replaced(self, fields: Mapping[str, Any]) -> ResizeRule:
        """Return this rule with some fields replaced, and with the rest made to go with them.

        A shorter side makes the rule a crop, and another mode has no shorter side. The fast interpolation becomes
        bilinear where the fields need an exact one.

        Args:
            fields: Names and values of the fields to replace.

        Raises:
            OptionError: A field is unknown, or the fields do not go together.
        """
        values = dict(fields)
        if values.get("shorter_side") is not None:
            values.setdefault("mode", self.mode if self.mode in _CENTRED else "crop")
        elif values.get("mode", "crop") not in _CENTRED:
            values["shorter_side"] = None
        merged = {**dataclasses.asdict(self), **values}
        exact = merged["mode"] == "letterbox" or merged["shorter_side"] is not None
        exact = exact or not _OF_FILTERS.isdisjoint(values)
        if exact and self.interpolation == "fast" and "interpolation" not in values:
            merged["interpolation"] = "bilinear"
        self._check_given(values, merged)
        try:
            return type(self)(**merged)
        except TypeError as error:
            known = ", ".join(field.name for field in dataclasses.fields(self))
            raise OptionError(f"the resize rule has no such field ({error}); give {known}.") from error

    @staticmethod
    def _check_given(given: Mapping[str, Any], merged: Mapping[str, Any]) -> None:
        """Refuse fields that were given and would have no effect in the complete rule."""
        for name in sorted(_OF_FILTERS & given.keys()):
            if merged["interpolation"] not in _FILTERS:
                raise OptionError(
                    f"{name} does not go with {merged['interpolation']}; give bilinear or bicubic."
                )
        if given.get("premultiplied") and not merged["antialias"]:
            raise OptionError(
                "premultiplied goes with antialias, which Pillow always applies; leave out one of the two."
            )
        if "fill" in given and merged["mode"] == "stretch":
            raise OptionError(
                "a fill colour does not go with stretch, which fills nothing; give letterbox or crop."
            )
        if "offset" in given and merged["shorter_side"] is None:
            raise OptionError("a crop offset goes with a shorter side; give both, or leave it out.")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "fill": list(self.fill)}

    def weights_by_alpha(self, channels: int) -> bool:
        """Return whether the colours of an input of a number of channels are weighted by alpha.

        Args:
            channels: Number of channels of the input.
        """
        return channels == 4 and self.premultiplied and self.antialiased

    @property
    def antialiased(self) -> bool:
        """Whether the frame is resized by Pillow's filters, which take two passes."""
        return self.antialias and self.interpolation in _FILTERS

    def placement(self, frame_height: int, frame_width: int, height: int, width: int) -> Placement:
        """Return the geometry of a frame.

        Args:
            frame_height: Height of the frame, in pixels.
            frame_width: Width of the frame, in pixels.
            height: Height H of the input, in pixels.
            width: Width W of the input, in pixels.
        """
        frame, size = (frame_height, frame_width), (height, width)
        if self.mode == "stretch":
            rows, columns = (_Axis(0.0, float(n), 0, m) for n, m in zip(frame, size, strict=True))
        elif self.mode == "letterbox":
            rows, columns = _letterbox(frame, size)
        elif self.shorter_side is None:
            rows, columns = _largest_centre(frame, size)
        else:
            rows, columns = self._centre(frame, size, self.shorter_side)
        return Placement(
            rows.start,
            columns.start,
            rows.length,
            columns.length,
            rows.first,
            columns.first,
            rows.end,
            columns.end,
        )

    def _centre(self, frame: tuple[int, int], size: tuple[int, int], shorter: int) -> list[_Axis]:
        aspect = size if self.mode == "squash" else frame
        short = min(aspect)
        resized = [shorter if n == short else int(shorter * n / short) for n in aspect]
        offsets = [self._offset(n - m) for n, m in zip(resized, size, strict=True)]
        return [_axis(*values) for values in zip(frame, resized, size, offsets, strict=True)]

    def _offset(self, excess: int) -> int:
        if excess < 0:  # borders are added, the smaller half first
            return -(-excess // 2)
        return round(excess / 2) if self.offset == "round" else excess // 2

    def __str__(self) -> str:
        """Return the rule in words, for example ``crop 224 of shorter side 256, bicubic, antialiased``."""
        crop = "centre crop" if self.offset == "round" else "centre crop rounded down"
        words = [self.mode if self.shorter_side is None else f"shorter side {self.shorter_side}, {crop}"]
        words = [f"squash, {words[0]}"] if self.mode == "squash" else words
        words.append(self.interpolation)
        if self.interpolation in _FILTERS:
            words.append("antialiased" if self.antialias else "not antialiased")
            words += [] if self.premultiplied else ["all channels alike"]
        if self.mode == "letterbox":
            words.append("fill " + " ".join(map(str, self.fill)))
        return ", ".join(words)


def _axis(frame: int, resized: int, size: int, offset: int) -> _Axis:
    """Return the axis of a frame that is resized to ``resized`` samples, of which the input starts at ``offset``."""
    step = frame / resized
    return _Axis(offset * step, size * step, max(-offset, 0), min(size, resized - offset))


def _largest_centre(frame: tuple[int, int], size: tuple[int, int]) -> list[_Axis]:
    scale = min(n / m for n, m in zip(frame, size, strict=True))
    lengths = [min(n, max(1, round(m * scale))) for n, m in zip(frame, size, strict=True)]
    parts = zip(frame, lengths, size, strict=True)
    return [_Axis(float((n - length) // 2), float(length), 0, m) for n, length, m in parts]


def _letterbox(frame: tuple[int, int], size: tuple[int, int]) -> list[_Axis]:
    scale = min(m / n for n, m in zip(frame, size, strict=True))
    resized = [min(m, max(1, round(n * scale))) for n, m in zip(frame, size, strict=True)]
    # The bar of an odd number of rows is thinner above than below, as in Ultralytics' letterbox.
    offsets = [-round((m - n) / 2 - 0.1) for n, m in zip(resized, size, strict=True)]
    return [_axis(*values) for values in zip(frame, resized, size, offsets, strict=True)]


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST

"""The compared methods, by name. Nothing heavy is imported until a method is built."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whyframe.errors import WhyframeError

if TYPE_CHECKING:
    from whyframe_evaluation.methods.method import Method

__all__ = ["GROUPS", "METHODS", "VARIANTS", "UnknownMethod", "build_method"]

# (name, "module:class or function without arguments"), the modules in this package. Add a method here.
_PLACES = (
    ("cam", "cam:Cam"),
    ("grad-cam", "cam:GradCam"),
    ("grad-cam++", "cam:GradCamPlusPlus"),
    ("gradient", "gradients:VanillaGradient"),
    ("gradient-x-input", "gradients:GradientTimesInput"),
    ("smooth-grad", "smooth:SmoothGrad"),
    ("integrated-gradients", "smooth:IntegratedGradients"),
    ("guided-backprop", "guided:GuidedBackprop"),
    ("excitation-backprop", "excitation:ExcitationBackprop"),
    ("contrastive-excitation-backprop", "excitation:ContrastiveExcitationBackprop"),
    ("lrp-epsilon", "lrp:LrpEpsilon"),
    ("lrp-alpha-beta", "lrp:LrpAlphaBeta"),
    ("occlusion", "occlusion:Occlusion"),
    ("blur-occlusion", "occlusion:BlurOcclusion"),
    ("variable-blur-occlusion", "occlusion:VariableBlurOcclusion"),
    ("rise", "rise:Rise"),
    ("meaningful-deletion", "meaningful:MeaningfulDeletion"),
    ("meaningful-preservation", "meaningful:MeaningfulPreservation"),
    ("extremal-perturbation", "extremal:ExtremalPerturbation"),
    ("guided-feature-inversion", "inversion:GuidedFeatureInversion"),
    ("mgnet", "trained:PresetPredictor"),
    ("mgnet-ct", "trained:mgnet_ct"),
    ("bt", "trained:PresetPredictor"),
    ("ct", "trained:PresetPredictor"),
    ("predictor", "trained:FusedPredictor"),
)


class UnknownMethod(WhyframeError, ValueError):
    """A name that no compared method has."""


GROUPS = {
    "controllers": (
        "ct-0.5-2.5", "ct-1.5-2.5", "ct-2.5-2.5", "ct-1.5-1.5", "ct-1.5-0.5", "bt", "square", "mgnet", "mgnet-ct",
    ),
    "mgnet-regularisers": ("mgnet-av8", "mgnet-no-av", "mgnet-no-bg", "mgnet-no-tv", "mgnet-no-bg-tv"),
    "ct-regularisers": ("ct-all", "ct-no-av", "ct-no-av-bg", "ct-no-av-tv", "ct-1.5-2.5"),
    "lambda-av": (
        "mgnet-av2", "mgnet-av4", "mgnet-av8", "mgnet-av12",
        "mgnet-no-bg-av2", "mgnet-no-bg-av4", "mgnet-no-bg", "mgnet-no-bg-av12",
    ),
}  # fmt: skip
"""The figures of section 4.4: the methods, presets among them, that each compares."""


def _build(name: str, place: str) -> Method:
    module, _, builder = place.partition(":")
    made = getattr(importlib.import_module(f"{__name__}.{module}"), builder)
    return made(name) if builder == _PRESET else made()


_PRESET = "PresetPredictor"
METHODS: dict[str, Callable[[], Method]] = {name: partial(_build, name, place) for name, place in _PLACES}
"""What builds each method with the papers' hyper-parameters, in the order of tables."""

VARIANTS: dict[str, Callable[[], Method]] = {
    name: partial(_build, name, f"trained:{_PRESET}")
    for group in GROUPS.values()
    for name in group
    if name not in METHODS
}
"""Other settings of CT and MGnet, by name: those of `GROUPS` that are not in `METHODS`."""


def _own(path: Path) -> Method:
    from whyframe_evaluation.methods.trained import FusedPredictor, RunPredictor

    if path.is_dir():
        return RunPredictor(path)
    method = FusedPredictor(path)
    assert method.engine  # loaded now, so that a wrong file is told before hours of other methods
    return method


def build_method(name: str) -> Method:
    """The method of that name, with the papers' hyper-parameters, or a predictor of one's own.

    Args:
        name: one of `METHODS`, or of `GROUPS`; or the path of a run folder or of a fused ONNX file, whose method is
            called after the folder or the file.

    Raises:
        UnknownMethod: no method has that name; the nearest names are offered.
        WhyframeError: the path is not one of a run or a fused file.
    """
    known_ones = METHODS | VARIANTS
    if name in known_ones:
        return known_ones[name]()
    if name and (Path(name).is_dir() or name.endswith(".onnx")):  # Path("") is this folder
        return _own(Path(name))
    near = difflib.get_close_matches(name.casefold(), known_ones, n=3, cutoff=0.5)
    near += [
        known for known in known_ones if len(name) > 2 and name.casefold() in known and known not in near
    ]
    offer = f"did you mean {' or '.join(near)}?" if near else f"choose {', '.join(METHODS)}"
    raise UnknownMethod(f"there is no method {name!r}: {offer}")

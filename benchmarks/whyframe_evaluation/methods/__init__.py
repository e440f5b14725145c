"""Registry of the compared methods: their names, their groups, and how each is built.

To add a method:

1. Copy `rise.py`, change the name, the title, the paper and the arguments, and implement `_explain`.
2. Add one line to `_REGISTRY` below. `build_method`, `whyframe evaluate --methods` and the reports then use it.

To test what `Method.explain` promises, add the method to the list in
`tests/evaluation/methods/test_every_method.py` as well.

Importing this package imports no method and no PyTorch; a method's module is imported when the method is built.
"""

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

_PRESET = "trained_predictors:PresetPredictor"

# Name, "module:class or function" in this package, and the arguments of the call, if any; in the order of tables.
_REGISTRY = (
    ("cam", "cam:Cam"),
    ("grad-cam", "cam:GradCam"),
    ("grad-cam++", "cam:GradCamPlusPlus"),
    ("gradient", "gradients:VanillaGradient"),
    ("gradient-x-input", "gradients:GradientTimesInput"),
    ("smooth-grad", "gradients:SmoothGrad"),
    ("integrated-gradients", "gradients:IntegratedGradients"),
    ("guided-backprop", "guided_backprop:GuidedBackprop"),
    ("excitation-backprop", "excitation_backprop:ExcitationBackprop"),
    ("contrastive-excitation-backprop", "excitation_backprop:ContrastiveExcitationBackprop"),
    ("lrp-epsilon", "lrp:LrpEpsilon"),
    ("lrp-alpha-beta", "lrp:LrpAlphaBeta"),
    ("occlusion", "occlusion:Occlusion"),
    ("blur-occlusion", "occlusion:BlurOcclusion"),
    ("variable-blur-occlusion", "occlusion:VariableBlurOcclusion"),
    ("rise", "rise:Rise"),
    ("meaningful-deletion", "meaningful_perturbation:MeaningfulDeletion"),
    ("meaningful-preservation", "meaningful_perturbation:MeaningfulPreservation"),
    ("extremal-perturbation", "extremal_perturbation:ExtremalPerturbation"),
    ("guided-feature-inversion", "feature_inversion:GuidedFeatureInversion"),
    ("mgnet", _PRESET, "mgnet"),
    ("mgnet-ct", "trained_predictors:mgnet_ct"),
    ("bt", _PRESET, "bt"),
    ("ct", _PRESET, "ct"),
    ("predictor", "trained_predictors:FusedPredictor"),
)

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
"""Names of the methods and presets that each ablation of Fu et al. 2022, section 4.4, compares."""


class UnknownMethod(WhyframeError, ValueError):
    """Name that no compared method has."""


def _build(place: str, *arguments: str) -> Method:
    module, _, builder = place.partition(":")
    method: Method = getattr(importlib.import_module(f"{__name__}.{module}"), builder)(*arguments)
    return method


METHODS: dict[str, Callable[[], Method]] = {
    name: partial(_build, place, *arguments) for name, place, *arguments in _REGISTRY
}
"""Functions that build each method with the hyper-parameters of its paper, by name, in the order of tables."""

VARIANTS: dict[str, Callable[[], Method]] = {
    name: partial(_build, _PRESET, name) for group in GROUPS.values() for name in group if name not in METHODS
}
"""Functions that build the methods of `GROUPS` that are not in `METHODS`, by name: other settings of CT and MGnet."""


def build_method(name: str) -> Method:
    """Build the method of a name, with the hyper-parameters of its paper.

    Args:
        name: A name of `METHODS` or `VARIANTS`, or the path of a trained predictor: a run's folder, or a fused ONNX
            file. Such a method is named after the folder or the file.

    Raises:
        UnknownMethod: No method has that name. The message offers the closest names.
        WhyframeError: The folder holds no run, or the file is not a fused model.
    """
    builders = METHODS | VARIANTS
    if name in builders:
        return builders[name]()
    if name and (Path(name).is_dir() or name.endswith(".onnx")):  # Path("") is the current folder
        return _build_from_path(Path(name))
    similar = difflib.get_close_matches(name.casefold(), builders, n=3, cutoff=0.5)
    if len(name) > 2:
        similar += [known for known in builders if name.casefold() in known and known not in similar]
    offer = f"did you mean {' or '.join(similar)}?" if similar else f"choose {', '.join(METHODS)}"
    raise UnknownMethod(f"there is no method {name!r}: {offer}")


def _build_from_path(path: Path) -> Method:
    from whyframe_evaluation.methods.trained_predictors import FusedPredictor, RunPredictor

    if path.is_dir():
        return RunPredictor(path)
    method = FusedPredictor(path)
    _ = method.engine  # loaded here, so that a wrong file fails before other methods have run for hours
    return method

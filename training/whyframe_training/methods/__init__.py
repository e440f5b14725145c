"""The compared methods, by name. Nothing heavy is imported until a method is built."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from whyframe.errors import WhyframeError

if TYPE_CHECKING:
    from whyframe_training.methods.base import Method

__all__ = ["METHODS", "UnknownMethod", "build_method"]

# (name, "module:class or function without arguments"), the modules in this package. Add a method here.
_PLACES = (
    ("cam", "activation:Cam"),
    ("grad-cam", "activation:GradCam"),
    ("grad-cam++", "activation:GradCamPlusPlus"),
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
    ("predictor-ct", "predictor:shipped_ct"),
    ("predictor-bt", "predictor:shipped_bt"),
)


class UnknownMethod(WhyframeError, ValueError):
    """A name that no compared method has."""


def _build(place: str) -> Method:
    module, _, builder = place.partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), builder)()


METHODS: dict[str, Callable[[], Method]] = {name: partial(_build, place) for name, place in _PLACES}
"""What builds each method with the papers' hyper-parameters, in the order of tables."""


def build_method(name: str) -> Method:
    """The method of that name, with the papers' hyper-parameters.

    Raises:
        UnknownMethod: no method has that name; the nearest names are offered.
    """
    if name in METHODS:
        return METHODS[name]()
    near = difflib.get_close_matches(name.casefold(), METHODS, n=3, cutoff=0.5)
    near += [known for known in METHODS if len(name) > 2 and name.casefold() in known and known not in near]
    offer = f"did you mean {' or '.join(near)}?" if near else f"choose {', '.join(METHODS)}"
    raise UnknownMethod(f"there is no method {name!r}: {offer}")

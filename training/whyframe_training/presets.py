"""The first paper's trained predictors by name: its own, MGnet, and the ablations of section 4.4."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from whyframe.errors import WhyframeError
from whyframe.files import atomic_write
from whyframe_training.classifiers.classifier import Classifier, ClassifierError, ClassifierSpec
from whyframe_training.config import TrainConfig
from whyframe_training.losses import Objective
from whyframe_training.predictor.mask_predictor import MaskPredictor, build_predictor

CLASSIFIER = "efficientnet_lite0"
WIDTHS = (64, 32, 16)  # small, so that all of them can be committed
EMBEDDING = "generator.filter.embedding"  # the classifier's own last layer: no need to keep it once more
WEIGHTS = "preset_weights"

MGNET = Objective(preserver=0.3, background=1.0, area=8.0, smoothness=0.005, hinge=True)
"""The weights of MGnet's published code."""

CONSTRAINED = Objective(background=1.0, area=8.0, smoothness=0.005)
"""Eq. 8 with all constraints added back, in the same weights."""

SIGMOID: Mapping[str, Any] = {"name": "sigmoid"}


class PresetError(WhyframeError):
    """A preset that is unknown, or whose weights are missing or do not fit."""


@dataclass(frozen=True)
class Preset:
    """One way to train a predictor.

    Attributes:
        title: as figures show it.
        controller: as `build_controller` takes it.
        objective: of stage two.
        epochs: of its committed weights; the ablations are trained for less.
    """

    title: str
    controller: Mapping[str, Any] = field(default_factory=lambda: {"name": "ct", "eta": 1.5, "h": 2.5})
    objective: Objective = field(default_factory=Objective)
    epochs: float = 4 / 3

    def apply(self, config: TrainConfig) -> TrainConfig:
        """A run's settings as this preset has them: the paper's training, with no spread and no anchor."""
        return replace(
            config,
            controller=dict(self.controller),
            objective=self.objective,
            controller_jitter=1.0,
            cam_weight=0.0,
        )


def _ct(eta: float, h: float, epochs: float = 4 / 3) -> Preset:
    return Preset(f"CT ({eta:g}, {h:g})", {"name": "ct", "eta": eta, "h": h}, epochs=epochs)


def _mgnet(without: str, **weights: float) -> Preset:
    return Preset(f"MGnet, {without}", SIGMOID, _changed(MGNET, weights))


def _constrained(without: str, **weights: float) -> Preset:
    return Preset(f"CT, {without}", objective=_changed(CONSTRAINED, weights))


def _changed(objective: Objective, weights: Mapping[str, Any]) -> Objective:
    return replace(objective, **weights)


PRESETS: dict[str, Preset] = {
    "ct": _ct(1.5, 2.5, epochs=4),
    "bt": Preset("BT", {"name": "bt"}, epochs=4),
    "mgnet": Preset("MGnet", SIGMOID, MGNET, epochs=4),
    "ct-0.5-2.5": _ct(0.5, 2.5),
    "ct-1.5-2.5": _ct(1.5, 2.5),
    "ct-2.5-2.5": _ct(2.5, 2.5),
    "ct-1.5-1.5": _ct(1.5, 1.5),
    "ct-1.5-0.5": _ct(1.5, 0.5),
    "square": Preset("non-monotonic", {"name": "square"}),
    "mgnet-no-av": _mgnet("λav = 0", area=0.0),
    "mgnet-no-bg": _mgnet("λbg = 0", background=0.0),
    "mgnet-no-tv": _mgnet("λtv = 0", smoothness=0.0),
    "mgnet-no-bg-tv": _mgnet("λbg = λtv = 0", background=0.0, smoothness=0.0),
    "ct-all": Preset("CT, all constraints", objective=CONSTRAINED),
    "ct-no-av": _constrained("λav = 0", area=0.0),
    "ct-no-av-bg": _constrained("λav = λbg = 0", area=0.0, background=0.0),
    "ct-no-av-tv": _constrained("λav = λtv = 0", area=0.0, smoothness=0.0),
    "mgnet-av2": _mgnet("λav = 2", area=2.0),
    "mgnet-av4": _mgnet("λav = 4", area=4.0),
    "mgnet-av8": _mgnet("λav = 8"),
    "mgnet-av12": _mgnet("λav = 12", area=12.0),
    "mgnet-no-bg-av2": _mgnet("λbg = 0, λav = 2", background=0.0, area=2.0),
    "mgnet-no-bg-av4": _mgnet("λbg = 0, λav = 4", background=0.0, area=4.0),
    "mgnet-no-bg-av12": _mgnet("λbg = 0, λav = 12", background=0.0, area=12.0),
}
"""By name: sections 3.1 and 4.4, Figs. 2 and 6. ``mgnet`` has lambda_av 8, ``ct`` no constraint.

``ct-1.5-2.5`` and ``mgnet-av8`` are the same two, trained for as long as the ablations that they stand beside."""


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        PresetError: there is none.
    """
    if name not in PRESETS:
        raise PresetError(f"there is no preset {name!r}: choose {', '.join(PRESETS)}")
    return PRESETS[name]


def preset_config(name: str, data: str) -> TrainConfig:
    """The settings that made a preset's committed weights."""
    preset, generator = find_preset(name), {"name": "edge", "widths": list(WIDTHS)}
    settings = TrainConfig(ClassifierSpec(CLASSIFIER), generator, data=data, epochs=preset.epochs, batch=16)
    return preset.apply(settings)


def save_decoder(predictor: MaskPredictor, facts: Mapping[str, Any], path: Path) -> None:
    """Writes a predictor's weights in float16, without the class embedding, which is the classifier's last layer.

    Args:
        predictor: to be kept.
        facts: how it was trained, put into the file's header.
        path: of the ``.safetensors`` file.
    """
    from safetensors.torch import save

    kept = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in predictor.state_dict().items()
        if name != EMBEDDING
    }
    atomic_write(path, save(kept, {"training": json.dumps(facts)}))


def load_preset(name: str, classifier: Classifier) -> MaskPredictor:
    """A preset's predictor with its committed weights, in eval mode, on the CPU.

    Raises:
        PresetError: no such preset, or no weights of it.
        ClassifierError: the weights are for another classifier.
    """
    from safetensors.torch import load

    if classifier.name != CLASSIFIER:
        raise ClassifierError(
            f"the weights of preset {name} are for {CLASSIFIER}, not {classifier.name}: train your own with "
            f"`whyframe train --classifier {classifier.name} --preset {name}`, then export it"
        )
    config = preset_config(name, "")
    predictor = build_predictor(classifier, config.generator, config.controller, config.cam_weight)
    state = {
        key: value.to(predictor.state_dict()[key].dtype) for key, value in load(preset_bytes(name)).items()
    }
    state[EMBEDDING] = predictor.state_dict()[EMBEDDING]
    predictor.load_state_dict(state)
    return predictor.eval()


def preset_bytes(name: str) -> bytes:
    """The file of a preset's committed weights.

    Raises:
        PresetError: it is not installed.
    """
    file = resources.files("whyframe_training") / WEIGHTS / f"{name}.safetensors"
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise PresetError(
            f"no weights of preset {name} are installed: `python benchmarks/presets.py DATA -o RUNS` trains them"
        ) from error

"""Mask predictors of the experiments of Fu et al. (2022, section 4.4), by name: CT, BT, MGnet and ablations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from whyframe.errors import WhyframeError
from whyframe.files import atomic_write, json_text
from whyframe_training.classifiers.classifier import Classifier, ClassifierError, ClassifierSpec
from whyframe_training.config import TrainConfig
from whyframe_training.losses import Objective
from whyframe_training.predictor.mask_predictor import MaskPredictor, build_predictor

CLASSIFIER = "efficientnet_lite0"
WIDTHS = (64, 32, 16)  # small, so that the repository can hold the weights of all presets
EMBEDDING = "generator.filter.embedding"  # not stored: it equals the classifier's last layer
WEIGHTS = "preset_weights"

MGNET = Objective(preserver=0.3, background=1.0, area=8.0, smoothness=0.005, hinge=True)
"""Objective of MGnet, with the weights of its published code."""

CONSTRAINED = Objective(background=1.0, area=8.0, smoothness=0.005)
"""Eq. 8 with all constraints of MGnet, in the same weights."""

SIGMOID: Mapping[str, Any] = {"name": "sigmoid"}


class PresetError(WhyframeError):
    """A preset that does not exist, or whose weights are not installed."""


@dataclass(frozen=True)
class Preset:
    """Settings of a mask predictor that depend on the experiment.

    Attributes:
        title: Name in figures and tables.
        controller: Controller and parameters, as `build_controller` takes them.
        objective: Loss of stage two.
        epochs: Number of epochs for which its stored weights were trained; ablations are trained for fewer.
    """

    title: str
    controller: Mapping[str, Any] = field(default_factory=lambda: {"name": "ct", "eta": 1.5, "h": 2.5})
    objective: Objective = field(default_factory=Objective)
    epochs: float = 4 / 3

    def apply(self, config: TrainConfig) -> TrainConfig:
        """Return the settings with the controller and the objective of the preset.

        As in Fu et al. (2022), the controller's parameters are fixed, and the class activation map has no weight.
        """
        return replace(
            config,
            controller=dict(self.controller),
            objective=self.objective,
            controller_jitter=1.0,
            cam_weight=0.0,
        )


def _ct(eta: float, h: float, epochs: float = 4 / 3) -> Preset:
    return Preset(f"CT ({eta:g}, {h:g})", {"name": "ct", "eta": eta, "h": h}, epochs=epochs)


def _mgnet(change: str, **weights: float) -> Preset:
    return Preset(f"MGnet, {change}", SIGMOID, _changed(MGNET, weights))


def _constrained(change: str, **weights: float) -> Preset:
    return Preset(f"CT, {change}", objective=_changed(CONSTRAINED, weights))


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
"""Presets by name (Fu et al. 2022, sections 3.1 and 4.4, Figs. 2 and 6).

``ct`` has no constraint, and ``mgnet`` has lambda_av 8. ``ct-1.5-2.5`` and ``mgnet-av8`` have the same settings as
these two, but are trained for as few epochs as the ablations with which they are compared."""


def find_preset(name: str) -> Preset:
    """Return the preset of a name.

    Raises:
        PresetError: There is no such preset.
    """
    if name not in PRESETS:
        raise PresetError(f"there is no preset {name!r}: choose {', '.join(PRESETS)}")
    return PRESETS[name]


def preset_config(name: str, data: str) -> TrainConfig:
    """Return the settings with which a preset's stored weights were trained.

    Args:
        name: Name of the preset.
        data: Folder of images.

    Raises:
        PresetError: There is no such preset.
    """
    preset, generator = find_preset(name), {"name": "edge", "widths": list(WIDTHS)}
    settings = TrainConfig(ClassifierSpec(CLASSIFIER), generator, data=data, epochs=preset.epochs, batch=16)
    return preset.apply(settings)


def save_decoder(predictor: MaskPredictor, facts: Mapping[str, Any], path: Path) -> None:
    """Write a predictor's weights in float16, without the class embedding, which is the classifier's last layer.

    Args:
        predictor: The predictor.
        facts: Description of its training, as JSON values, for the header of the file.
        path: The ``.safetensors`` file to write.
    """
    from safetensors.torch import save

    stored = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in predictor.state_dict().items()
        if name != EMBEDDING
    }
    atomic_write(path, save(stored, {"training": json_text(facts)}))


def load_preset(name: str, classifier: Classifier) -> MaskPredictor:
    """Load the predictor of a preset with its stored weights, in eval mode, on the CPU.

    Args:
        name: Name of the preset.
        classifier: The classifier to explain.

    Raises:
        PresetError: There is no such preset, or its weights are not installed.
        ClassifierError: The weights are for another classifier.
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
    """Return the content of the file with a preset's weights.

    Raises:
        PresetError: The file is not installed.
    """
    file = resources.files("whyframe_training") / WEIGHTS / f"{name}.safetensors"
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise PresetError(
            f"no weights of preset {name} are installed: `python benchmarks/presets.py DATA -o RUNS` trains them"
        ) from error

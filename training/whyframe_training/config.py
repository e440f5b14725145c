"""Settings of a training run, stored in its folder as `config.json`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whyframe.errors import WhyframeError, one_line
from whyframe.files import atomic_write, json_text
from whyframe.json_reader import read_json
from whyframe_training.classifiers.networks import ClassifierSpec
from whyframe_training.code_trust import SETTINGS, sign_settings
from whyframe_training.config_rules import check_settings, converted
from whyframe_training.losses import Objective
from whyframe_training.predictor.generators import default_generator

CONFIG = SETTINGS
"""Name of the settings file in a run folder."""

_LARGEST = 16 << 20  # bytes

_FORMER_NAMES = {"anchor": "cam_weight", "spread": "controller_jitter"}  # in files of earlier versions


class RunError(WhyframeError):
    """A run folder that cannot be written, read or resumed."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run: everything that decides its result.

    Attributes:
        classifier: The classifier to explain.
        generator: Mask generator and its channels from coarse to fine, `{"name": "edge" | "unet", "widths": [...]}`.
            Empty stands for `default_generator` of the classifier.
        controller: Distribution controller, `{"name": "ct", "eta": 1.5, "h": 2.5}`, or `{"name": NAME}` for the others.
        objective: Loss of stage two.
        data: Folder of images.
        validation: Number of images kept for validation; None stands for 200, or a quarter of fewer than 800 images.
        epochs: Passes over the training images in stage two, with new crops in each; may be a fraction.
        filter_steps: Number of batches in stage one.
        batch: Number of images per step.
        learning_rate: Initial learning rate of Adam; halved every 3/10 of the run.
        predicted_share: Share of samples whose target is the predicted class. The target of the others is drawn from
            the rest of the top five classes.
        cam_weight: Weight of the class activation map in the finished mask, see `MaskPredictor`. Training ignores it.
        controller_jitter: Range over which CT's eta and h are drawn for each sample, see
            `CustomizedTransformer.jitter`. 1 keeps them fixed, as in Fu et al. (2022).
        start_from: Run folder whose mask predictor this run starts from; None starts from random weights.
        seed: Seed of the weights, the crops, the targets and the backgrounds.
        precision: Arithmetic of the classifier and the generator, "bf16" or "fp32".
    """

    classifier: ClassifierSpec
    generator: dict[str, Any] = field(default_factory=dict)
    controller: dict[str, Any] = field(default_factory=lambda: {"name": "ct", "eta": 1.5, "h": 2.5})
    objective: Objective = field(default_factory=Objective)
    data: str = ""
    validation: int | None = None
    epochs: float = 60
    filter_steps: int = 30
    batch: int = 32
    learning_rate: float = 4e-3
    predicted_share: float = 0.8
    cam_weight: float = 0.3
    controller_jitter: float = 4.0
    start_from: str | None = None
    seed: int = 0
    precision: str = "bf16"

    def __post_init__(self) -> None:
        if not self.generator:
            object.__setattr__(self, "generator", default_generator(self.classifier.name))

    def save(self, path: Path) -> None:
        """Write the settings as JSON."""
        atomic_write(path, (json_text(dataclasses.asdict(self), indent=2) + "\n").encode())
        sign_settings(path)

    @classmethod
    def load(cls, path: Path) -> TrainConfig:
        """Read the settings that `save` wrote; files of earlier versions are read too.

        Raises:
            RunError: The file does not exist, or does not hold the settings of a run.
        """
        try:
            return cls._from_json(read_json(path, _LARGEST))
        except FileNotFoundError as error:
            raise RunError(
                f"no run in {path.parent}: start a run with `whyframe train -o {path.parent}`"
            ) from error
        except OSError as error:
            raise RunError(f"{path} cannot be read ({error.strerror}): check the path") from error
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise RunError(
                f"{path} is not a run's settings ({one_line(error)}): train into a new folder"
            ) from error

    @classmethod
    def _from_json(cls, stored: dict[str, Any]) -> TrainConfig:
        values = {_FORMER_NAMES.get(key, key): value for key, value in stored.items()}
        if len(values) != len(stored):
            raise ValueError("a setting is given under its former name too")
        for name, kind in (("classifier", ClassifierSpec), ("objective", Objective)):
            converted(values.get(name, {}), kind)  # checks the types
        spec = ClassifierSpec.from_dict(values.pop("classifier"))
        settings = converted({"classifier": {"name": spec.name}, **values}, cls)
        check_settings(settings)
        return dataclasses.replace(settings, classifier=spec)

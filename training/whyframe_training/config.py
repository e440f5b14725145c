"""What a training run is: everything that decides its result, saved beside it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whyframe.errors import WhyframeError
from whyframe_training.classifiers.classifier import ClassifierSpec
from whyframe_training.losses import Objective


class RunError(WhyframeError):
    """A run folder that cannot be written, read or resumed."""


@dataclass(frozen=True)
class TrainConfig:
    """A run's settings.

    Attributes:
        classifier: what is explained.
        generator: `{"name": "edge" | "unet", "widths": [...]}`, coarse to fine.
        controller: `{"name": "ct", "eta": 1.5, "h": 2.5}`, or one of the others by name alone.
        objective: of stage two.
        data: the image folder.
        validation: images kept for validation.
        epochs: passes over the training images in stage two, a new crop each; a fraction ends within one.
        filter_steps: batches of stage one.
        batch: images a step.
        learning_rate: Adam's, at the start; halved every 3/10 of the run.
        predicted_share: share of samples whose target is the predicted class; the rest take one of the top five.
        anchor: share of the class activation in the finished mask (`MaskPredictor`); training does not see it.
        spread: CT's eta and h are drawn about their values for every sample (`CustomizedTransformer.spread`); 1
            keeps them fixed, as the paper does.
        start_from: the run folder whose predictor this one starts from, or None.
        seed: of everything random.
        precision: of the classifier and the generator's products, "bf16" or "fp32".
    """

    classifier: ClassifierSpec
    generator: dict[str, Any]
    controller: dict[str, Any] = field(default_factory=lambda: {"name": "ct", "eta": 1.5, "h": 2.5})
    objective: Objective = field(default_factory=Objective)
    data: str = ""
    validation: int = 200
    epochs: float = 30
    filter_steps: int = 30
    batch: int = 32
    learning_rate: float = 4e-3
    predicted_share: float = 0.8
    anchor: float = 0.3
    spread: float = 4.0
    start_from: str | None = None
    seed: int = 0
    precision: str = "bf16"

    def save(self, path: Path) -> None:
        """Writes the settings as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> TrainConfig:
        """Reads what `save` wrote.

        Raises:
            RunError: no such file, or one that is not a run's settings.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            spec = values.pop("classifier")
            for key in ("mean", "std"):
                spec[key] = None if spec[key] is None else tuple(spec[key])
            objective = Objective(**values.pop("objective", {}))  # runs before it was there had the default
            return cls(classifier=ClassifierSpec(**spec), objective=objective, **values)
        except FileNotFoundError as error:
            raise RunError(f"no run in {path.parent}: `whyframe train -o {path.parent}` makes one") from error
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"{path} is not a run's settings ({error}): train into a new folder") from error

"""Training of mask predictors: classifiers, generators, controllers, losses and validation (needs PyTorch).

Example:
    >>> from whyframe_training import ClassifierSpec, TrainConfig, train
    >>> config = TrainConfig(ClassifierSpec("resnet50"), data="photos")
    >>> print(train(config, "runs/resnet50", progress=True))

The names below are imported when they are first used, so that importing the package does not import PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whyframe_training.classifiers.networks import ClassifierSpec
    from whyframe_training.config import TrainConfig
    from whyframe_training.joint.joint_run import JointValidation, train_joint
    from whyframe_training.losses import Objective
    from whyframe_training.training_run import train
    from whyframe_training.validate import Validation

__all__ = [
    "ClassifierSpec",
    "JointValidation",
    "Objective",
    "TrainConfig",
    "Validation",
    "train",
    "train_joint",
]

_MODULES = {
    "ClassifierSpec": "classifiers.networks",
    "JointValidation": "joint.joint_run",
    "Objective": "losses",
    "TrainConfig": "config",
    "Validation": "validate",
    "train": "training_run",
    "train_joint": "joint.joint_run",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

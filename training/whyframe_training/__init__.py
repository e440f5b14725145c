"""Training of mask predictors: classifiers, generators, controllers, losses and validation (needs PyTorch).

Examples:
    >>> from whyframe_training import ClassifierSpec, TrainConfig, train
    >>> config = TrainConfig(ClassifierSpec("resnet50"), data="photos")
    >>> print(train(config, "runs/resnet50", progress=True))

The names below are imported when they are first used, so that importing the package does not import PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whyframe.lazy_exports import lazy_exports

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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ClassifierSpec": "whyframe_training.classifiers.networks",
        "JointValidation": "whyframe_training.joint.joint_run",
        "Objective": "whyframe_training.losses",
        "TrainConfig": "whyframe_training.config",
        "Validation": "whyframe_training.validate",
        "train": "whyframe_training.training_run",
        "train_joint": "whyframe_training.joint.joint_run",
    },
)

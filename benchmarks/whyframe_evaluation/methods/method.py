"""Base class of every compared method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Method", "Progress", "preserve_state"]

Progress = Callable[[int, int], None]
"""Function that is called with the number of finished steps and the number of all steps."""


def _ignore_progress(done: int, total: int) -> None:
    pass


class Method(ABC):
    """Explanation method that computes one map for each image.

    A subclass implements `_explain` and sets `name`, `title` and `paper`. The defaults of its arguments are the
    hyper-parameters of its paper.

    Example:
        >>> from whyframe_evaluation.methods import build_method
        >>> maps = build_method("grad-cam").explain(classifier, images, targets)

    Attributes:
        name: Name on the command line, for example ``"grad-cam"``.
        title: Name in tables and figures, for example ``"Grad-CAM"``.
        paper: Authors, title, venue and year of the paper that proposed the method.
        mask: Whether the maps are masks with scores in [0, 1]. The range of other maps has no meaning.
        extra_forward_passes: Forward passes per image through a copy of the classifier, which `count_passes`
            cannot count.
        version: Digest of the method's own weights; empty for a method without weights. A change invalidates stored
            maps.
    """

    name: str
    title: str
    paper: str
    mask: bool = False
    extra_forward_passes: int = 0
    version: str = ""

    def explain(
        self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress = _ignore_progress
    ) -> Tensor:
        """Compute the maps of N images.

        Args:
            classifier: The network to explain, on any device. Its weights, gradients, hooks and modes are the same
                afterwards.
            images: N x 3 x S x S float RGB images in [0, 1], on the device of the classifier.
            targets: The N int64 class ids to explain.
            progress: Function that methods of many steps call after each step or batch of steps.

        Returns:
            N x h x w float32 scores on the same device; larger is more important. Range and resolution depend on
            the method. The map of an image does not depend on the other images.
        """
        with preserve_state(classifier):
            return self._explain(classifier, images, targets, progress).detach().float()

    @abstractmethod
    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        """Compute the maps as `explain` describes, in any floating dtype, with or without a gradient."""


@contextmanager
def preserve_state(classifier: Classifier) -> Iterator[None]:
    """Record gradients inside the block, and restore the classifier afterwards.

    Restored are the hooks and the mode of each module, the gradient of each parameter, and whether each parameter
    takes a gradient.

    Args:
        classifier: The network to restore.
    """
    modules = list(classifier.modules())
    hooks = [(m, *(dict(getattr(m, name)) for name in _HOOKS)) for m in modules]
    modes = [module.training for module in modules]
    parameters = [(p, p.requires_grad, p.grad) for p in classifier.parameters()]
    try:
        with torch.enable_grad():
            yield
    finally:
        for module, *kept in hooks:
            for name, hook in zip(_HOOKS, kept, strict=True):
                registry = getattr(module, name)
                registry.clear()
                registry.update(hook)
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        for parameter, requires_grad, gradient in parameters:
            parameter.requires_grad_(requires_grad)
            parameter.grad = gradient


# PyTorch has no public way to list the hooks of a module.
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

"""What every compared method is: a map a picture, from a classifier that is left exactly as it was."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from whyframe_training.classifiers.classifier import Classifier

__all__ = ["Method", "Progress", "preserve_state"]

Progress = Callable[[int, int], None]
"""Told how many of how many steps are done."""


def silent(done: int, total: int) -> None:
    """A `Progress` that says nothing."""


class Method(ABC):
    """One explanation method, with the papers' hyper-parameters as its defaults.

    Attributes:
        name: as the command line takes it: ``"grad-cam"``.
        title: as tables show it: ``"Grad-CAM"``.
        paper: where the method comes from.
        mask: whether its scores are meant to be a mask's, in [0, 1]; others' ranges say nothing.
        extra_forward_passes: forward passes for an image through a copy of the classifier, which `count_passes`
            does not see.
        version: of the weights that it brings along, by which maps made with others are told apart; "" for none.
    """

    name: str
    title: str
    paper: str
    mask: bool = False
    extra_forward_passes: int = 0
    version: str = ""

    def explain(
        self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress = silent
    ) -> Tensor:
        """Explains N pictures.

        Args:
            classifier: of any device; its weights, gradients, hooks and modes are left as they are.
            images: N x 3 x S x S RGB in [0, 1], on the classifier's device.
            targets: N int64, the classes to explain.
            progress: told of the steps of methods that take many.

        Returns:
            N x h x w float32 on the same device: scores of any range and resolution, larger is more important.
            The same for a picture whether it is given alone or among others.
        """
        with preserve_state(classifier):
            return self._explain(classifier, images, targets, progress).detach().float()

    @abstractmethod
    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        """As `explain`."""


@contextmanager
def preserve_state(classifier: Classifier) -> Iterator[None]:
    """Puts back a classifier's hooks, gradients, modes and flags, and whether gradients are recorded."""
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
        for parameter, wanted, gradient in parameters:
            parameter.requires_grad_(wanted)
            parameter.grad = gradient


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

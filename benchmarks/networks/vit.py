"""A small vision transformer, trained from random weights on twelve superclasses of ImageNet, as a user's own network.

    python benchmarks/networks/vit.py --photos PHOTOS [--more FOLDER] -o vit.pth --minutes 60
    whyframe train --classifier benchmarks/networks/vit.py:build --weights vit.pth --data PHOTOS -o runs/vit

It learns from the labels of PHOTOS (labels.csv, without the 200 images that `whyframe train` keeps for its validation),
and from the superclass probabilities that EfficientNet-Lite2 gives to the images of both folders. The same command
continues an interrupted training.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import timm
import torch
from superclasses import SUPERCLASSES, superclass_ids
from torch import Tensor, nn
from torchvision.transforms import v2

from whyframe.preprocess import read_image, to_input
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.classifiers.specification import ClassifierSpec
from whyframe_training.data import list_images, split

SIDE, SHORTER_SIDE, BATCH = 160, 176, 64
STORED = 192
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build() -> nn.Module:
    """Return the network with random weights: 160 x 160, patches of 16, 6 blocks of 192 channels, 12 classes."""
    network: Any = timm.create_model(
        "vit_tiny_patch16_224", img_size=SIDE, depth=6, num_classes=len(SUPERCLASSES), drop_path_rate=0.05
    )
    stated: dict[str, Any] = {
        "input_size": (3, SIDE, SIDE),
        "crop_pct": SIDE / SHORTER_SIDE,
        "mean": MEAN,
        "std": STD,
        "num_classes": len(SUPERCLASSES),
        "label_names": SUPERCLASSES,
    }
    network.pretrained_cfg = {**network.pretrained_cfg, **stated}
    return network


def main() -> None:
    """Train, with a checkpoint every two minutes, and write the weights at its end."""
    args = _arguments()
    torch.manual_seed(0)
    training, validation = split(list_images(args.photos), 200)
    more = list_images(args.more) if args.more else []
    truth = _labels(Path(args.photos) / "labels.csv")
    frames, targets = _data([*training, *more], truth, args.output.with_suffix(".cache.npz"))
    held = _frames(validation), torch.tensor([truth[path.name] for path in validation])
    _train(build(), frames, targets, held, args)


def _train(
    network: nn.Module, frames: Tensor, targets: Tensor, held: tuple[Tensor, Tensor], args: Any
) -> None:
    steps = args.epochs * (len(frames) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps + 1, pct_start=0.1)
    state_file = args.output.with_suffix(".state.pth")
    step = first = 0
    started = time.monotonic()
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        step = first = state["step"]
    generator = torch.Generator().manual_seed(step)
    written = started
    while step < steps and time.monotonic() - started < args.minutes * 60:
        chosen = torch.randint(len(frames), (BATCH,), generator=generator)
        loss = _step(network.train(), _augment(frames[chosen]), targets[chosen], optimiser)
        schedule.step()
        step += 1
        if step % 50 == 0:
            rate = (step - first) * BATCH / (time.monotonic() - started)
            print(f"step {step} of {steps}, loss {loss:.3f}, {rate:.0f}/s", flush=True)
        if time.monotonic() - written > 120 or step == steps:
            written = time.monotonic()
            _write(
                state_file,
                {
                    "network": network.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                    "step": step,
                },
            )
            print(f"validation accuracy {_accuracy(network, *held):.3f} after step {step}", flush=True)
    _write(args.output, network.state_dict())
    print(f"{args.output}: validation accuracy {_accuracy(network, *held):.3f} on {len(held[0])} photographs")


def _step(network: nn.Module, images: Tensor, targets: Tensor, optimiser: torch.optim.Optimizer) -> float:
    share = torch.distributions.Beta(0.4, 0.4).sample()
    order = torch.randperm(len(images))
    images, targets = images.lerp(images[order], share), targets.lerp(targets[order], share)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(images)
    loss = nn.functional.cross_entropy(logits.float(), targets)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return loss.item()


_AUGMENTATION = v2.Compose(
    [
        v2.RandomResizedCrop(SIDE, (0.4, 1.0), antialias=False),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(0.3, 0.3, 0.3),
    ]
)


def _augment(frames: Tensor) -> Tensor:
    return _normalised(torch.stack([_AUGMENTATION(frame) for frame in frames]))


def _normalised(frames: Tensor) -> Tensor:
    return (frames.float() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@torch.inference_mode()
def _accuracy(network: nn.Module, frames: Tensor, classes: Tensor) -> float:
    offset = (STORED - SIDE) // 2
    centre = _normalised(frames[..., offset : offset + SIDE, offset : offset + SIDE])
    return float((network.eval()(centre).argmax(1) == classes).float().mean())


def _labels(path: Path) -> dict[str, int]:
    with path.open(newline="") as file:
        return {row["file"]: int(superclass_ids()[int(row["class_id"])]) for row in csv.DictReader(file)}


def _data(paths: list[Path], truth: dict[str, int], cache: Path) -> tuple[Tensor, Tensor]:
    if not cache.exists():
        teacher = build_classifier(ClassifierSpec("efficientnet_lite2"))
        targets = torch.cat([_taught(teacher, path) for path in paths])
        part = cache.with_suffix(".part.npz")
        np.savez(part, frames=_frames(paths).numpy(), targets=targets.numpy())
        part.replace(cache)
    stored = np.load(cache)
    targets = torch.from_numpy(stored["targets"])
    known = torch.tensor([truth.get(path.name, -1) for path in paths])
    exact = nn.functional.one_hot(known.clamp_min(0), len(SUPERCLASSES)).float()
    mixed = torch.where((known >= 0)[:, None], 0.7 * exact + 0.3 * targets, targets)
    return torch.from_numpy(stored["frames"]), mixed


@torch.inference_mode()
def _taught(teacher: Classifier, path: Path) -> Tensor:
    frame = torch.from_numpy(to_input(read_image(path), teacher.input)).permute(2, 0, 1)[None] / 255
    probabilities = teacher.to_probabilities(teacher(frame).logits)
    sums = torch.zeros(1, len(SUPERCLASSES))
    return sums.index_add(1, torch.from_numpy(superclass_ids()), probabilities)


def _frames(paths: list[Path]) -> Tensor:
    """Return the centred squares of images, N x 3 x 192 x 192 uint8, RGB."""
    frames = np.empty((len(paths), 3, STORED, STORED), np.uint8)
    for frame, path in zip(frames, paths, strict=True):
        image = read_image(path)
        side = min(image.shape[:2])
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        square = cv2.resize(
            image[top : top + side, left : left + side], (STORED, STORED), interpolation=cv2.INTER_AREA
        )
        frame[:] = square[..., ::-1].transpose(2, 0, 1)
    return torch.from_numpy(frames)


def _write(path: Path, state: Any) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", required=True, help="folder of photographs with labels.csv")
    parser.add_argument("--more", help="folder of further photographs, without labels")
    parser.add_argument("--minutes", type=float, default=60, help="stop after so many minutes (default 60)")
    parser.add_argument("--epochs", type=int, default=25, help="passes over the images (default 25)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights file, .pth")
    return parser.parse_args()


if __name__ == "__main__":
    main()

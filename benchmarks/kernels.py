"""The CUDA kernels on a GPU: how much of its memory's speed they reach, and what they save on one frame.

    python benchmarks/kernels.py -o benchmarks/results/kernels

Bandwidth: batches of more than four times the L2 cache; bytes that must be read and written, once each, over the time,
beside a device-to-device copy. One frame: the kernel beside the same operation written in PyTorch, both replayed as
CUDA graphs. Writes NAME.json (raw samples) and NAME.md. Without a GPU and the built kernels it exits with 2.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe.benchmark import machine_facts
from whyframe.files import atomic_write
from whyframe.native.kernels import Kernels, available, load_kernels
from whyframe.native.resampling import frame_taps
from whyframe_training.functional import EPSILON, instance_normalise, skew

SIDE, MASK_SIDE = 224, 56
HEIGHT, WIDTH = 1080, 1920
FLOAT32 = Kernels.TYPES["float32"]

Work = Callable[[], object]


def main() -> None:
    """Measures, prints the table, writes both files."""
    args = _arguments()
    if not (torch.cuda.is_available() and available()):
        print(
            "This benchmark needs a CUDA GPU and the built kernels (WHYFRAME_KERNELS_LIBRARY).",
            file=sys.stderr,
        )
        sys.exit(2)
    with torch.inference_mode():
        report = measure(load_kernels(), args.rounds)
    atomic_write(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode())
    atomic_write(args.output.with_suffix(".md"), table(report).encode())
    print(table(report))


def measure(kernels: Kernels, rounds: int) -> dict[str, Any]:
    """Both parts, and what they were measured on."""
    properties = torch.cuda.get_device_properties(0)
    batches = _batches(kernels, 4 * properties.L2_cache_size)
    samples = interleave({name: graph(work) for name, (work, _) in batches.items()}, rounds)
    frames = interleave({name: graph(work) for name, work in _one_frame(kernels).items()}, rounds)
    moved = {name: size for name, (_, size) in batches.items()}
    facts = {**machine_facts(), "gpu": properties.name, "torch": torch.__version__}
    return {**summarise(samples, moved, frames), "machine": facts}


def summarise(
    samples: dict[str, list[float]], moved: dict[str, int], frames: dict[str, list[float]]
) -> dict[str, Any]:
    """Bytes a second of each batch against the copy's, and each kernel's median against PyTorch's.

    Args:
        samples: Milliseconds of each batch; "copy" among them.
        moved: Bytes that each reads and writes.
        frames: Milliseconds of one frame, "NAME kernel" and "NAME pytorch".
    """
    speed = {name: moved[name] / np.median(values) / 1e6 for name, values in samples.items()}
    median = {name: float(np.median(values)) for name, values in frames.items()}
    names = [name.removesuffix(" kernel") for name in frames if name.endswith(" kernel")]
    return {
        "gigabytes_per_second": {name: float(value) for name, value in speed.items()},
        "of_copy": {name: float(value / speed["copy"]) for name, value in speed.items()},
        "one_frame_ms": median,
        "times_faster": {name: median[f"{name} pytorch"] / median[f"{name} kernel"] for name in names},
        "samples_ms": {**samples, **frames},
    }


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    facts = report["machine"]
    lines = [f"{facts['gpu']}, torch {facts['torch']}.\n", "| batch | GB/s | of a copy's |", "|---|---|---|"]
    for name, speed in report["gigabytes_per_second"].items():
        lines.append(f"| {name} | {speed:.0f} | {report['of_copy'][name]:.0%} |")
    lines += ["\n| one frame | kernel, us | PyTorch, us | times faster |", "|---|---|---|---|"]
    for name, ratio in report["times_faster"].items():
        kernel, pytorch = (1e3 * report["one_frame_ms"][f"{name} {kind}"] for kind in ("kernel", "pytorch"))
        lines.append(f"| {name} | {kernel:.1f} | {pytorch:.1f} | {ratio:.1f} |")
    return "\n".join([*lines, ""])


def graph(work: Work) -> Work:
    """The work as a CUDA graph's replay, after a run that loads what it needs."""
    work()
    torch.cuda.synchronize()
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        work()
    return captured.replay


def interleave(variants: dict[str, Work], rounds: int, *, repeats: int = 20) -> dict[str, list[float]]:
    """Milliseconds on the device of each, in turns, each round in a fresh random order.

    A sample is the mean over some repeats between two events, after one that does not count.
    """
    samples: dict[str, list[float]] = {name: [] for name in variants}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(variants), len(variants)):
            samples[name].append(_time(variants[name], repeats))
    return samples


def _time(work: Work, repeats: int) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    work()
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / repeats


def _stream() -> int:
    return torch.cuda.current_stream().cuda_stream


def _batches(kernels: Kernels, size: int) -> dict[str, tuple[Work, int]]:
    """Each with the bytes that it moves, of which no part survives in a cache of a quarter of `size`."""
    source = torch.zeros(size, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return {
        "copy": (lambda: target.copy_(source), 2 * size),
        "controller": _controllers(kernels, size // (4 * MASK_SIDE**2) + 1),
        "perturbation": _perturbations(kernels, size // (4 * 3 * SIDE**2) + 1),
        "picture": _pictures(kernels, size // (3 * HEIGHT * WIDTH) + 1),
    }


def _controllers(kernels: Kernels, maps: int) -> tuple[Work, int]:
    logits = torch.randn(maps, MASK_SIDE, MASK_SIDE, device="cuda")
    return _controller(kernels, logits, torch.empty_like(logits)), 2 * logits.nbytes


def _perturbations(kernels: Kernels, images: int) -> tuple[Work, int]:
    image, background = torch.rand(2, images, 3, SIDE, SIDE, device="cuda")
    mask, out = torch.rand(images, 1, SIDE, SIDE, device="cuda"), torch.empty_like(image)
    return _perturb(kernels, image, background, mask, out), 3 * image.nbytes + mask.nbytes


def _pictures(kernels: Kernels, frames: int) -> tuple[Work, int]:
    seen = torch.randint(0, 256, (frames, HEIGHT, WIDTH, 3), dtype=torch.uint8, device="cuda")
    drawn = torch.empty_like(seen)
    draw = [_picture(kernels, *pair) for pair in zip(seen, drawn, strict=True)]
    return lambda: [one() for one in draw], 2 * seen.nbytes


def _controller(kernels: Kernels, logits: Tensor, scores: Tensor) -> Work:
    arguments = (
        logits.data_ptr(),
        FLOAT32,
        MASK_SIDE**2,
        scores.data_ptr(),
        FLOAT32,
        len(logits),
        MASK_SIDE**2,
    )
    keep = (logits, scores)
    return lambda: (
        keep
        and kernels.controller_forward(
            *arguments, Kernels.MODES["ct"], 1.5, 2.5, None, None, EPSILON, _stream()
        )
    )


def _perturb(kernels: Kernels, image: Tensor, background: Tensor, mask: Tensor, out: Tensor) -> Work:
    pointers = (
        image.data_ptr(),
        background.data_ptr(),
        FLOAT32,
        Kernels.PLANAR,
        mask.data_ptr(),
        out.data_ptr(),
    )
    masks, keep = len(mask) // len(image), (image, background, mask, out)
    return lambda: keep and kernels.perturb(*pointers, len(image), masks, 3, SIDE**2, _stream())


def _picture(kernels: Kernels, frame: Tensor, out: Tensor) -> Work:
    mask = torch.rand(MASK_SIDE, MASK_SIDE, device="cuda")
    colours, kept = (
        torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda") for shape in ((256, 3), (256,))
    )
    pitch, keep = 3 * WIDTH, (mask, colours, kept, frame, out)
    mask_of = (mask.data_ptr(), MASK_SIDE, MASK_SIDE)
    frame_of = (frame.data_ptr(), pitch, HEIGHT, WIDTH, 0, 0, HEIGHT, WIDTH)
    tables = (colours.data_ptr(), kept.data_ptr())
    return lambda: (
        keep
        and kernels.overlay(*mask_of, *frame_of, *tables, out.data_ptr(), pitch, None, None, 0.0, _stream())
    )


def _frame_to_tensor(kernels: Kernels, frame: Tensor, out: Tensor) -> Work:
    taps = [
        torch.from_numpy(array).cuda()
        for axis in frame_taps(HEIGHT, WIDTH, SIDE, "stretch")
        for array in axis
    ]
    rows, columns = (
        (start.data_ptr(), weight.data_ptr(), weight.shape[1]) for start, weight in (taps[:2], taps[2:])
    )
    source = (frame.data_ptr(), 3 * WIDTH, None, 0, HEIGHT, WIDTH, Kernels.FORMATS["bgr"], 0, 0)
    keep = (frame, taps, out)
    return lambda: keep and kernels.frame_to_tensor(*source, *rows, *columns, out.data_ptr(), SIDE, _stream())


def _one_frame(kernels: Kernels) -> dict[str, Work]:
    """Each operation on one frame, by the kernel and by PyTorch."""
    frame = torch.randint(0, 256, (HEIGHT, WIDTH, 3), dtype=torch.uint8, device="cuda")
    small = torch.empty(SIDE, SIDE, 3, dtype=torch.uint8, device="cuda")
    logits = torch.randn(1, MASK_SIDE, MASK_SIDE, device="cuda")
    image, background = torch.rand(2, 1, 3, SIDE, SIDE, device="cuda")
    masks, out = torch.rand(32, 1, SIDE, SIDE, device="cuda"), torch.empty(32, 3, SIDE, SIDE, device="cuda")
    return {
        "controller kernel": _controller(kernels, logits, torch.empty_like(logits)),
        "controller pytorch": lambda: skew(instance_normalise(logits), 1.5, 2.5),
        "frame to tensor kernel": _frame_to_tensor(kernels, frame, small),
        "frame to tensor pytorch": _torch_resize(frame),
        "picture kernel": _picture(kernels, frame, torch.empty_like(frame)),
        "picture pytorch": _torch_picture(frame),
        "perturbation kernel": _perturb(kernels, image, background, masks, out),
        "perturbation pytorch": lambda: torch.lerp(background, image, masks),
    }


def _torch_resize(frame: Tensor) -> Work:
    """The resize rule as PyTorch would be asked for it: halved by averages, then bilinear."""
    height, width = HEIGHT, WIDTH
    sizes = []
    while max(height, width) >= 2 * SIDE:
        height, width = (n // 2 if n >= 2 * SIDE else n for n in (height, width))
        sizes.append((height, width))

    def resize() -> Tensor:
        planes = frame.permute(2, 0, 1)[None].flip(1).float()
        for size in sizes:
            planes = F.interpolate(planes, size, mode="area")
        planes = F.interpolate(planes, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return planes[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8)

    return resize


def _torch_picture(frame: Tensor) -> Work:
    mask = torch.rand(1, 1, MASK_SIDE, MASK_SIDE, device="cuda")
    colours, kept = (torch.randint(0, 256, (256, 3), device="cuda").float() for _ in range(2))

    def draw() -> Tensor:
        scores = F.interpolate(mask, (HEIGHT, WIDTH), mode="bilinear", align_corners=False)[0, 0]
        levels = (255 * scores).round().long()
        return ((frame * kept[levels] / 255).round() + colours[levels]).clamp(max=255).to(torch.uint8)

    return draw


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("-o", "--output", type=Path, required=True, help="results without suffix")
    return parser.parse_args()


if __name__ == "__main__":
    main()

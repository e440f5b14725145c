"""Speed of the CUDA kernels: share of the memory bandwidth that they reach, and time for one frame beside PyTorch.

    python benchmarks/kernels.py -o benchmarks/results/kernels

Bandwidth is measured on batches of more than four times the L2 cache: the bytes that must be read and written once,
divided by the time, beside a copy on the device. For one frame, each kernel is compared with the same operation in
PyTorch, both replayed as CUDA graphs. Writes NAME.json, with the raw samples, and NAME.md. Without a GPU or the built
kernels, the script prints one line and exits with 2.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from script_output import argument_parser, markdown_table, write_results
from whyframe.benchmark import machine_facts
from whyframe.files import json_text
from whyframe.input_spec import InputSpec
from whyframe.native.kernels import Kernels, kernels_exist, load_kernels
from whyframe.native.resampling import frame_taps
from whyframe.resize_rule import ResizeRule
from whyframe_training.functional import EPSILON, instance_normalise, skew

SIDE, MASK_SIDE = 224, 56
HEIGHT, WIDTH = 1080, 1920
FLOAT32 = Kernels.TYPES["float32"]

Work = Callable[[], object]


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    if not (torch.cuda.is_available() and kernels_exist()):
        print(
            "This benchmark needs a CUDA GPU and the built kernels (WHYFRAME_KERNELS_LIBRARY).",
            file=sys.stderr,
        )
        sys.exit(2)
    with torch.inference_mode():
        report = measure(load_kernels(), args.rounds)
    write_results(args.output, table(report), json_text(report, indent=1))


def measure(kernels: Kernels, rounds: int) -> dict[str, Any]:
    """Return the bandwidths and the times of one frame, with facts about the machine."""
    properties = torch.cuda.get_device_properties(0)
    batches = _batches(kernels, 4 * properties.L2_cache_size)
    samples = time_on_device({name: graph(work) for name, (work, _) in batches.items()}, rounds)
    frames = time_on_device({name: graph(work) for name, work in _one_frame(kernels).items()}, rounds)
    moved = {name: size for name, (_, size) in batches.items()}
    facts = {**machine_facts(), "gpu": properties.name, "torch": torch.__version__}
    return {**summarise(samples, moved, frames), "machine": facts}


def summarise(
    samples: dict[str, list[float]], moved: dict[str, int], frames: dict[str, list[float]]
) -> dict[str, Any]:
    """Return the bandwidth of each batch beside that of the copy, and each kernel's speed beside PyTorch's.

    Args:
        samples: Milliseconds of each batch, ``"copy"`` included.
        moved: Bytes that each batch reads and writes.
        frames: Milliseconds of one frame, by "NAME kernel" and "NAME pytorch".
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
    """Return the page of a report."""
    facts, milliseconds = report["machine"], report["one_frame_ms"]
    batches = [
        [name, f"{speed:.0f}", f"{report['of_copy'][name]:.0%}"]
        for name, speed in report["gigabytes_per_second"].items()
    ]
    frames = [
        [
            name,
            f"{1e3 * milliseconds[f'{name} kernel']:.1f}",
            f"{1e3 * milliseconds[f'{name} pytorch']:.1f}",
            f"{ratio:.1f}",
        ]
        for name, ratio in report["times_faster"].items()
    ]
    return (
        "`python benchmarks/kernels.py -o benchmarks/results/kernels`. "
        f"{facts['gpu']}, torch {facts['torch']}.\n\n"
        f"{markdown_table(['batch', 'GB/s', 'share of the copy'], batches)}\n\n"
        f"{markdown_table(['one frame', 'kernel (us)', 'PyTorch (us)', 'times faster'], frames)}\n"
    )


def graph(work: Work) -> Work:
    """Return the replay of the work as a CUDA graph, after one run that loads what the work needs."""
    work()
    torch.cuda.synchronize()
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        work()
    return captured.replay


def time_on_device(variants: dict[str, Work], rounds: int, *, repeats: int = 20) -> dict[str, list[float]]:
    """Return the milliseconds of each variant on the device, measured in interleaved rounds of random order.

    Args:
        variants: Work to time, by name.
        rounds: Number of samples of each variant.
        repeats: Number of runs between two events; a sample is their mean. An untimed run comes before them.
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
    """Return work on batches of about `size` bytes, each with the number of bytes that it reads and writes."""
    source = torch.zeros(size, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return {
        "copy": (lambda: target.copy_(source), 2 * size),
        "controller": _controller_batch(kernels, size // (4 * MASK_SIDE**2) + 1),
        "perturbation": _perturbation_batch(kernels, size // (4 * 3 * SIDE**2) + 1),
        "overlay": _overlay_batch(kernels, size // (3 * HEIGHT * WIDTH) + 1),
    }


def _controller_batch(kernels: Kernels, maps: int) -> tuple[Work, int]:
    logits = torch.randn(maps, MASK_SIDE, MASK_SIDE, device="cuda")
    return _controller_call(kernels, logits, torch.empty_like(logits)), 2 * logits.nbytes


def _perturbation_batch(kernels: Kernels, images: int) -> tuple[Work, int]:
    image, background = torch.rand(2, images, 3, SIDE, SIDE, device="cuda")
    mask, out = torch.rand(images, 1, SIDE, SIDE, device="cuda"), torch.empty_like(image)
    return _perturbation_call(kernels, image, background, mask, out), 3 * image.nbytes + mask.nbytes


def _overlay_batch(kernels: Kernels, frames: int) -> tuple[Work, int]:
    images = torch.randint(0, 256, (frames, HEIGHT, WIDTH, 3), dtype=torch.uint8, device="cuda")
    drawn = torch.empty_like(images)
    calls = [_overlay_call(kernels, *pair) for pair in zip(images, drawn, strict=True)]
    return lambda: [call() for call in calls], 2 * images.nbytes


def _controller_call(kernels: Kernels, logits: Tensor, scores: Tensor) -> Work:
    maps = (logits.data_ptr(), FLOAT32, MASK_SIDE**2, scores.data_ptr(), FLOAT32, len(logits), MASK_SIDE**2)
    mode = Kernels.MODES["ct"]
    return _holding(
        (logits, scores),
        lambda: kernels.controller_forward(*maps, mode, 1.5, 2.5, None, None, EPSILON, _stream()),
    )


def _perturbation_call(
    kernels: Kernels, image: Tensor, background: Tensor, mask: Tensor, out: Tensor
) -> Work:
    images = (image.data_ptr(), background.data_ptr(), FLOAT32, Kernels.PLANAR)
    sizes = (len(image), len(mask) // len(image), 3, SIDE**2)
    return _holding(
        (image, background, mask, out),
        lambda: kernels.perturb(*images, mask.data_ptr(), out.data_ptr(), *sizes, _stream()),
    )


def _overlay_call(kernels: Kernels, frame: Tensor, out: Tensor) -> Work:
    mask = torch.rand(MASK_SIDE, MASK_SIDE, device="cuda")
    colours, kept = (
        torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda") for shape in ((256, 3), (256,))
    )
    pitch = 3 * WIDTH
    map_arguments = (mask.data_ptr(), MASK_SIDE, MASK_SIDE)
    frame_arguments = (frame.data_ptr(), pitch, HEIGHT, WIDTH, 0, 0, HEIGHT, WIDTH)
    tables = (colours.data_ptr(), kept.data_ptr())
    return _holding(
        (mask, colours, kept, frame, out),
        lambda: kernels.overlay(*map_arguments, *frame_arguments, *tables, out.data_ptr(), pitch, _stream()),
    )


def _frame_to_tensor_call(kernels: Kernels, frame: Tensor, out: Tensor, rule: ResizeRule) -> Work:
    """Return the resizing of a frame; in two passes for an antialiased rule."""
    spec = InputSpec.square(SIDE, resize=rule)
    taps = [[torch.from_numpy(a).cuda() for a in axis] for axis in frame_taps(HEIGHT, WIDTH, spec)]
    axes = [n for start, weight in taps for n in (start.data_ptr(), weight.data_ptr(), weight.shape[1])]
    source = (frame.data_ptr(), 3 * WIDTH, None, 0, HEIGHT, WIDTH, Kernels.FORMATS["bgr"], 0, 0)
    scratch = torch.empty(kernels.frame_scratch_bytes(HEIGHT, SIDE, 3), dtype=torch.uint8, device="cuda")
    between = None if rule.interpolation == "fast" else scratch.data_ptr()
    target = (between, out.data_ptr(), SIDE, SIDE, 3, 0, 0, SIDE, SIDE, 0)
    tensors = (frame, out, scratch, *taps[0], *taps[1])
    arguments: list[Any] = [*source, *axes, *target]
    return _holding(tensors, lambda: kernels.frame_to_tensor(*[*arguments, _stream()]))


def _holding(tensors: tuple[Tensor, ...], call: Work) -> Work:
    """Return the call with a reference to its tensors: the kernels take addresses, which do not keep them alive."""
    return lambda: (call(), tensors)


def _one_frame(kernels: Kernels) -> dict[str, Work]:
    """Return each operation on one frame, with the kernel and in PyTorch."""
    frame = torch.randint(0, 256, (HEIGHT, WIDTH, 3), dtype=torch.uint8, device="cuda")
    small = torch.empty(SIDE, SIDE, 3, dtype=torch.uint8, device="cuda")
    logits = torch.randn(1, MASK_SIDE, MASK_SIDE, device="cuda")
    image, background = torch.rand(2, 1, 3, SIDE, SIDE, device="cuda")
    masks, out = torch.rand(32, 1, SIDE, SIDE, device="cuda"), torch.empty(32, 3, SIDE, SIDE, device="cuda")
    return {
        "controller kernel": _controller_call(kernels, logits, torch.empty_like(logits)),
        "controller pytorch": lambda: skew(instance_normalise(logits), 1.5, 2.5),
        "frame to tensor kernel": _frame_to_tensor_call(kernels, frame, small, ResizeRule()),
        "exact frame to tensor kernel": _frame_to_tensor_call(
            kernels, frame, small, ResizeRule(interpolation="bicubic")
        ),
        "exact frame to tensor pytorch": lambda: F.interpolate(
            frame.permute(2, 0, 1)[None].float(), (SIDE, SIDE), mode="bicubic", antialias=True
        ),
        "frame to tensor pytorch": _torch_resize_call(frame),
        "overlay kernel": _overlay_call(kernels, frame, torch.empty_like(frame)),
        "overlay pytorch": _torch_overlay_call(frame),
        "perturbation kernel": _perturbation_call(kernels, image, background, masks, out),
        "perturbation pytorch": lambda: torch.lerp(background, image, masks),
    }


def _torch_resize_call(frame: Tensor) -> Work:
    """Return the resize rule in PyTorch: halve by averaging while possible, then resize bilinearly."""
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


def _torch_overlay_call(frame: Tensor) -> Work:
    mask = torch.rand(1, 1, MASK_SIDE, MASK_SIDE, device="cuda")
    colours, kept = (torch.randint(0, 256, (256, 3), device="cuda").float() for _ in range(2))

    def draw() -> Tensor:
        scores = F.interpolate(mask, (HEIGHT, WIDTH), mode="bilinear", align_corners=False)[0, 0]
        levels = (255 * scores).round().long()
        return ((frame * kept[levels] / 255).round() + colours[levels]).clamp(max=255).to(torch.uint8)

    return draw


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--rounds", type=int, default=30, help="number of samples of each (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

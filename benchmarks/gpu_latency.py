"""What one explained frame costs on a GPU: PyTorch, ONNX Runtime's CUDA provider and TensorRT, in one interleaved run.

    python -m benchmarks.gpu_latency RUN -o benchmarks/results/gpu_latency

RUN is a folder that `whyframe train` made. Every variant takes one frame of the classifier's own size from host
memory and brings the answer back to it. What cannot run here is written down as "not measured", with the reason. Then
one 1920 x 1080 frame goes through `ExplainEngine` of the TensorRT backend, split by stage. Writes NAME.json (raw
samples) and NAME.md. Without a GPU: one line, exit code 2.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latency import torch_functions
from whyframe import ExplainEngine, Manifest, WhyframeError
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.cuda.device_pipeline import DevicePipeline
from whyframe.errors import one_line
from whyframe.files import atomic_write
from whyframe.tensorrt.api import load_tensorrt
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.compile import compile_model
from whyframe_export.export_source import ExportSource, trained_source
from whyframe_export.onnx_export import write_fused_model

Variants = dict[str, Callable[[], object]]

KINDS = {
    "eager": "PyTorch eager",
    "compile": "torch.compile",
    "graph": "PyTorch in a CUDA graph",
    "ort": "ONNX Runtime, CUDA provider",
    "tensorrt": "TensorRT",
}
PARTS = ("classifier", "fused")
FRAME = (1080, 1920)


def main() -> None:
    """Measures, prints the table, writes both files."""
    args = _arguments()
    if not torch.cuda.is_available():
        print("gpu_latency needs a CUDA device: none is here; `whyframe doctor` says what is missing.")
        sys.exit(2)
    torch.cuda.set_device(0)
    product = trained_source(args.run, batch=1)
    side = product.manifest.side
    frame = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fused.onnx"
        write_fused_model(product, path)
        variants, missing = collect(
            {
                **{
                    kind: partial(torch_variant, product, frame, kind)
                    for kind in ("eager", "compile", "graph")
                },
                "ort": lambda: engine_variant(path, frame, "onnxruntime"),
                "tensorrt": lambda: engine_variant(path, frame, "tensorrt"),
            }
        )
        samples = time_interleaved(variants, args.rounds)
        stages, validity = split_by_stage(path, args.rounds), portable_validity(path)
    report = {**summarise(samples), "not_measured": missing, "stages": stages, "validity": validity}
    report["machine"] = {**machine_facts(), "torch": torch.__version__, "gpu": torch.cuda.get_device_name(0)}
    atomic_write(args.output.with_suffix(".json"), json.dumps(report, indent=1).encode())
    atomic_write(args.output.with_suffix(".md"), table(report).encode())
    print(table(report))


def collect(makers: dict[str, Callable[[], Variants]]) -> tuple[Variants, dict[str, str]]:
    """The variants that can run here, by "kind part", and for each other kind the reason why not."""
    made = {kind: _try(make) for kind, make in makers.items()}
    missing = {kind: parts for kind, parts in made.items() if isinstance(parts, str)}
    variants = {
        f"{kind} {part}": call
        for kind, parts in made.items()
        if not isinstance(parts, str)
        for part, call in parts.items()
    }
    return variants, missing


def _try(make: Callable[[], Variants]) -> Variants | str:
    try:
        parts = make()
        for call in parts.values():
            call()
    except Exception as error:  # whatever a runtime raises is the reason
        return one_line(error)
    return parts


def torch_variant(
    product: ExportSource, frame: NDArray[np.uint8], kind: str, device: str = "cuda"
) -> Variants:
    """The classifier alone and the fused graph in PyTorch; "eager", "compile" or "graph"."""
    product.classifier.to(device)
    product.explainer.to(device)
    classify, explain = (_on_device(f, kind) for f in torch_functions(product, product.classifier))
    host = torch.from_numpy(frame)
    frames, predicted = host.to(device), torch.tensor([-1], device=device)
    return {
        "classifier": _closed_loop(classify, host, (frames,), kind),
        "fused": _closed_loop(explain, host, (frames, predicted), kind),
    }


def _on_device(function: Callable[..., Any], kind: str) -> Callable[..., Any]:
    return torch.compile(function) if kind == "compile" else function


def _closed_loop(
    function: Callable[..., Any], host: torch.Tensor, inputs: tuple[torch.Tensor, ...], kind: str
) -> Callable[[], Any]:
    """Frame to the device, the function, the outputs to the host."""
    call = torch.inference_mode()(lambda: function(*inputs))
    if kind == "graph":
        call = _captured(call)

    def run() -> tuple[NDArray[Any], ...]:
        inputs[0].copy_(host)
        outputs = call()
        return tuple(one.cpu().numpy() for one in (outputs if isinstance(outputs, tuple) else (outputs,)))

    return run


def _captured(call: Callable[[], Any]) -> Callable[[], Any]:
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = call()

    def replay() -> Any:
        graph.replay()
        return outputs

    return replay


def engine_variant(path: Path, frame: NDArray[np.uint8], backend: str) -> Variants:
    """The classifier alone and the fused graph in one of whyframe's own runtimes."""
    runtime = ExplainEngine(path, backend=backend, device="cuda:0").backend_object
    predicted = np.array([-1])
    return {
        "classifier": lambda: runtime.classify(frame),
        "fused": lambda: runtime.explain(frame, predicted),
    }


def split_by_stage(path: Path, rounds: int) -> dict[str, Any]:
    """Milliseconds of a 1080p frame's stages through the TensorRT backend, or why they were not measured."""
    image = np.random.default_rng(1).integers(0, 256, (*FRAME, 3), dtype=np.uint8)
    try:
        engine = ExplainEngine(path, backend="tensorrt", device="cuda:0")
    except WhyframeError as error:
        return {"not_measured": one_line(error)}
    pipeline = engine.backend_object.pipeline(engine.manifest)
    assert isinstance(pipeline, DevicePipeline)
    samples = [pipeline.profile(image) for _ in range(rounds)]
    whole = time_interleaved(
        {"run": lambda: engine.run(image), "overlay": lambda: engine.run(image).overlay()}, rounds
    )
    stages = {name: float(np.median([one[name] for one in samples])) for name in samples[0]}
    return {**stages, **{name: float(np.median(values)) for name, values in whole.items()}}


def portable_validity(path: Path) -> str:
    """What TensorRT-RTX says here of an engine for compute capability 8.0, on GPUs that it does not list."""
    capability = torch.cuda.get_device_capability(0)
    try:
        trt = load_tensorrt("tensorrt_rtx")
        if capability in trt.targets:
            return f"not asked: {trt} lists this GPU"
        options = BuildOptions(compute_capabilities=((8, 0),))
        file = compile_model(path.read_bytes(), Manifest.read(path), options, trt)
        answer = trt.module.Runtime(trt.logger()).get_engine_validity(file.explainer)
    except WhyframeError as error:
        return f"not measured: {one_line(error)}"
    return f"{trt}, an engine for 8.0 on {capability}: {answer}"


def summarise(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Quartiles of each variant, and each kind's fused median over its classifier's."""
    quartiles = {name: np.percentile(values, (25, 50, 75)).tolist() for name, values in samples.items()}
    kinds = {name.partition(" ")[0] for name in quartiles}
    return {
        "quartiles_ms": quartiles,
        "explanation_overhead": {
            kind: quartiles[f"{kind} fused"][1] / quartiles[f"{kind} classifier"][1] for kind in sorted(kinds)
        },
        "samples_ms": samples,
    }


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    facts, quartiles = report["machine"], report["quartiles_ms"]
    lines = [
        f"{facts['gpu']}, onnxruntime {facts['onnxruntime']}, torch {facts['torch']}; medians in milliseconds.\n",
        "| | classifier alone | fused | explanation overhead |",
        "|---|---|---|---|",
    ]
    for kind, title in KINDS.items():
        if kind in report["explanation_overhead"]:
            alone, fused = (quartiles[f"{kind} {part}"][1] for part in PARTS)
            lines.append(f"| {title} | {alone:.3f} | {fused:.3f} | {fused / alone:.3f} |")
        else:
            lines.append(f"| {title} | not measured: {report['not_measured'].get(kind, 'not tried')} | | |")
    stages = ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, '.3f')}"
        for name, value in report["stages"].items()
    )
    lines.append(f"\nEngine validity: {report['validity']}.")
    return "\n".join([*lines, f"\nA {FRAME[1]} x {FRAME[0]} frame through TensorRT: {stages}.\n"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a folder that `whyframe train` made")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("-o", "--output", type=Path, required=True, help="results without suffix")
    return parser.parse_args()


if __name__ == "__main__":
    main()

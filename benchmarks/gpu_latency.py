"""Latency of one explained frame on a GPU, in PyTorch, ONNX Runtime's CUDA provider and TensorRT.

    python benchmarks/gpu_latency.py RUN -o benchmarks/results/gpu_latency

RUN is a folder that `whyframe train` wrote. Every variant copies one frame of the classifier's input size from host
memory to the GPU and the results back. All variants are interleaved in one process. A variant that cannot run is listed
as "not measured", with the reason. The stages of one 1920 x 1080 frame through the TensorRT backend are measured as
well. Writes NAME.json, with the raw samples, and NAME.md. Without a GPU, the script prints one line and exits with 2.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latency import Variants, explanation_overheads, quartiles_of, torch_functions
from script_output import argument_parser, markdown_table, write_results
from whyframe import ExplainEngine, Manifest, WhyframeError
from whyframe.benchmark import machine_facts, time_interleaved
from whyframe.cuda.device_pipeline import DevicePipeline
from whyframe.errors import one_line
from whyframe.files import json_text
from whyframe.tensorrt.api import load_tensorrt
from whyframe.tensorrt.build import BuildOptions
from whyframe.tensorrt.compile import compile_model
from whyframe_export.export_source import ExportSource, trained_source
from whyframe_export.onnx_export import write_fused_model

TITLES = {
    "eager": "PyTorch eager",
    "compile": "torch.compile",
    "graph": "PyTorch in a CUDA graph",
    "ort": "ONNX Runtime, CUDA provider",
    "tensorrt": "TensorRT",
}
"""By runtime, the title of its row."""

FRAME = (1080, 1920)
"""Height and width of the frame whose stages are measured, in pixels."""


def main() -> None:
    """Measure, and write NAME.json and NAME.md."""
    args = _arguments()
    if not torch.cuda.is_available():
        print("gpu_latency needs a CUDA device and found none; `whyframe doctor` lists what is missing.")
        sys.exit(2)
    torch.cuda.set_device(0)
    source = trained_source(args.run, batch=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fused.onnx"
        write_fused_model(source, path)
        variants, missing = collect(_variants(source, path))
        report = summarise(time_interleaved(variants, args.rounds))
        report["not_measured"] = missing
        report["stages"], report["validity"] = time_stages(path, args.rounds), portable_validity(path)
    report["machine"] = {**machine_facts(), "torch": torch.__version__, "gpu": torch.cuda.get_device_name(0)}
    write_results(args.output, table(report), json_text(report, indent=1))


def _variants(source: ExportSource, path: Path) -> dict[str, Callable[[], Variants]]:
    """Return, by runtime, a function that makes its variants."""
    side = source.manifest.input.height
    frame = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    return {
        **{kind: partial(torch_variants, source, frame, kind) for kind in ("eager", "compile", "graph")},
        "ort": partial(engine_variants, path, frame, "onnxruntime"),
        "tensorrt": partial(engine_variants, path, frame, "tensorrt"),
    }


def collect(makers: dict[str, Callable[[], Variants]]) -> tuple[Variants, dict[str, str]]:
    """Return the variants that run on this machine, and for each other runtime the reason why it does not.

    Args:
        makers: By runtime, a function that returns its calls by part.

    Returns:
        The calls by "RUNTIME PART", and the reasons by runtime.
    """
    made = {runtime: _try(make) for runtime, make in makers.items()}
    missing = {runtime: parts for runtime, parts in made.items() if isinstance(parts, str)}
    variants = {
        f"{runtime} {part}": call
        for runtime, parts in made.items()
        if not isinstance(parts, str)
        for part, call in parts.items()
    }
    return variants, missing


def _try(make: Callable[[], Variants]) -> Variants | str:
    """Return the calls after trying each, or the error's message."""
    try:
        parts = make()
        for call in parts.values():
            call()
    except Exception as error:  # a runtime may raise anything
        return one_line(error)
    return parts


def torch_variants(
    source: ExportSource, frame: NDArray[np.uint8], kind: str, device: str = "cuda"
) -> Variants:
    """Return the classifier alone and the fused graph in PyTorch.

    Args:
        source: Classifier and explainer; they are moved to the device.
        frame: 1 x S x S x 3 uint8 RGB, read at each call.
        kind: ``"eager"``, ``"compile"`` or ``"graph"`` (a CUDA graph).
        device: PyTorch's name of the device.
    """
    source.classifier.to(device)
    source.explainer.to(device)
    functions = torch_functions(source, source.classifier)
    classify, explain = map(torch.compile, functions) if kind == "compile" else functions
    host = torch.from_numpy(frame)
    frames, predicted = host.to(device), torch.tensor([-1], device=device)
    return {
        "classifier": _from_host_to_host(classify, host, (frames,), kind),
        "fused": _from_host_to_host(explain, host, (frames, predicted), kind),
    }


def _from_host_to_host(
    function: Callable[..., Any], host: torch.Tensor, inputs: tuple[torch.Tensor, ...], kind: str
) -> Callable[[], Any]:
    """Return a call that copies the frame to the device, runs the function and copies its outputs back."""
    call = torch.inference_mode()(lambda: function(*inputs))
    if kind == "graph":
        call = _captured(call)

    def run() -> tuple[NDArray[Any], ...]:
        inputs[0].copy_(host)
        outputs = call()
        tensors = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple(tensor.cpu().numpy() for tensor in tensors)

    return run


def _captured(call: Callable[[], Any]) -> Callable[[], Any]:
    """Return a replay of the call as a CUDA graph."""
    side_stream = torch.cuda.Stream()
    with torch.cuda.stream(side_stream):
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


def engine_variants(path: Path, frame: NDArray[np.uint8], backend: str) -> Variants:
    """Return the classifier alone and the fused graph in a backend of whyframe on the first GPU."""
    opened = ExplainEngine(path, backend=backend, device="cuda:0").backend_object
    predicted = np.array([-1])
    return {
        "classifier": lambda: opened.classify(frame),
        "fused": lambda: opened.explain(frame, predicted),
    }


def time_stages(path: Path, rounds: int) -> dict[str, Any]:
    """Return the median milliseconds of each stage of a frame in the TensorRT backend, or why there are none."""
    image = np.random.default_rng(1).integers(0, 256, (*FRAME, 3), dtype=np.uint8)
    try:
        engine = ExplainEngine(path, backend="tensorrt", device="cuda:0")
    except WhyframeError as error:
        return {"not_measured": one_line(error)}
    pipeline = engine.backend_object.pipeline(engine.manifest)
    assert isinstance(pipeline, DevicePipeline)
    profiles = [pipeline.profile(image) for _ in range(rounds)]
    stages = {name: [profile[name] for profile in profiles] for name in profiles[0]}
    stages |= time_interleaved(
        {"run": lambda: engine.run(image), "overlay": lambda: engine.run(image).overlay()}, rounds
    )
    return {name: float(np.median(values)) for name, values in stages.items()}


def portable_validity(path: Path) -> str:
    """Return the answer of TensorRT-RTX about an engine for compute capability 8.0 on a GPU that it does not list."""
    capability = torch.cuda.get_device_capability(0)
    try:
        trt = load_tensorrt("tensorrt_rtx")
        if capability in trt.targets:
            return f"not applicable: {trt} lists this GPU"
        options = BuildOptions(compute_capabilities=((8, 0),))
        file = compile_model(path.read_bytes(), Manifest.read(path), options, trt)
        answer = trt.module.Runtime(trt.logger()).get_engine_validity(file.explainer)
    except WhyframeError as error:
        return f"not measured: {one_line(error)}"
    return f"{trt}, an engine for 8.0 on {capability}: {answer}"


def summarise(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Return the quartiles of each variant, and the explanation overhead of each runtime.

    Args:
        samples: Milliseconds of each variant.
    """
    quartiles = quartiles_of(samples)
    runtimes = sorted({name.partition(" ")[0] for name in quartiles})
    return {
        "quartiles_ms": quartiles,
        "explanation_overhead": explanation_overheads(quartiles, tuple(runtimes)),
        "samples_ms": samples,
    }


def table(report: dict[str, Any]) -> str:
    """Return the page of a report."""
    facts = report["machine"]
    header = ["runtime", "classifier alone", "fused", "explanation overhead"]
    stages = ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, '.3f')}"
        for name, value in report["stages"].items()
    )
    return (
        "`python benchmarks/gpu_latency.py RUN -o benchmarks/results/gpu_latency`. "
        f"{facts['gpu']}, onnxruntime {facts['onnxruntime']}, torch {facts['torch']}; medians in milliseconds.\n\n"
        f"{markdown_table(header, [_row(report, runtime) for runtime in TITLES])}\n\n"
        f"Engine validity: {report['validity']}.\n\n"
        f"A {FRAME[1]} x {FRAME[0]} frame through TensorRT: {stages}.\n"
    )


def _row(report: dict[str, Any], runtime: str) -> list[str]:
    title = TITLES[runtime]
    if runtime not in report["explanation_overhead"]:
        return [title, f"not measured: {report['not_measured'].get(runtime, 'not tried')}", "", ""]
    alone, fused = (report["quartiles_ms"][f"{runtime} {part}"][1] for part in ("classifier", "fused"))
    return [title, f"{alone:.3f}", f"{fused:.3f}", f"{fused / alone:.3f}"]


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder that 'whyframe train' wrote")
    parser.add_argument(
        "--rounds", type=int, default=300, help="number of timed rounds (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

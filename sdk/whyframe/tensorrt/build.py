"""Build of a single TensorRT engine from an ONNX model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from whyframe.errors import BackendError
from whyframe.files import atomic_write
from whyframe.tensorrt import plugin, preflight
from whyframe.tensorrt.api import ComputeCapability, TensorRT
from whyframe.tensorrt.enginefile import Batch

__all__ = ["BuildOptions", "Network", "build_engine", "parse_network"]


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """Options of a build.

    Attributes:
        batch: Smallest, best and largest batch. None: the model's batch if it is fixed, otherwise 1. A single
            size is faster than a range. Only builds for a single size are reproducible to the byte, because
            TensorRT orders the code that it generates for a range by memory addresses.
        compute_capabilities: GPUs to compile for. If empty, TensorRT-RTX compiles for its portable set. Full
            TensorRT compiles for the GPU of this machine, which must be given here.
        workspace: Limit of device memory that a layer may use while it computes, in bytes; None for no limit.
        plugin: Whether the project's CUDA kernel computes the distribution controller, instead of native layers.
        timing_cache: File with kernel timings, which is read and extended; None for no file. TensorRT-RTX ignores
            it, because it does not time kernels.

    Raises:
        BackendError: The batch is not an ascending range from 1 on.
    """

    batch: Batch | None = None
    compute_capabilities: tuple[ComputeCapability, ...] = ()
    workspace: int | None = None
    plugin: bool = False
    timing_cache: Path | None = None

    def __post_init__(self) -> None:
        if self.batch is not None and not 0 < self.batch[0] <= self.batch[1] <= self.batch[2]:
            raise BackendError(
                f"batch {self.batch} is not a range; give smallest <= best <= largest, from 1 on."
            )


class Network(NamedTuple):
    """A parsed model.

    Attributes:
        builder: TensorRT's builder.
        definition: The network that the parser filled.
        parser: The parser, which owns the network's weights and so must be kept.
    """

    builder: Any
    definition: Any
    parser: Any


def build_engine(model: bytes, batch: Batch, options: BuildOptions, trt: TensorRT) -> bytes:
    """Build an engine in this process.

    Args:
        model: Content of an ONNX file.
        batch: Smallest, best and largest batch. It is ignored if the model's batch is fixed.
        options: Options of the build.
        trt: TensorRT that builds the engine.

    Returns:
        The serialised engine.

    Raises:
        BackendError: TensorRT does not support a node of the model, or the build failed; with TensorRT's own
            message.
    """
    logger = trt.logger()
    network = parse_network(model, options.plugin, trt)
    config = _config(network, batch, options, trt)
    plan = network.builder.build_serialized_network(network.definition, config)
    if plan is None:
        raise BackendError(
            f"{trt} cannot build the engine ({trt.messages(logger)}); change the options or the model."
        )
    _keep_timings(config, options, trt)
    return bytes(plan)


def parse_network(model: bytes, with_plugin: bool, trt: TensorRT) -> Network:
    """Parse a model.

    Args:
        model: Content of an ONNX file.
        with_plugin: Whether the project's plugin replaces the body of the controller's function.
        trt: TensorRT that parses the model.

    Raises:
        BackendError: TensorRT does not support a node of the model.
    """
    module, logger = trt.module, trt.logger()
    builder = module.Builder(logger)
    if with_plugin:
        plugin.register(builder.get_plugin_registry(), trt)
    definition = builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = module.OnnxParser(definition, logger)
    preflight.parse(parser, model, trt)
    return Network(builder, definition, parser)


def _config(network: Network, batch: Batch, options: BuildOptions, trt: TensorRT) -> Any:
    module, config = trt.module, network.builder.create_builder_config()
    config.clear_flag(module.BuilderFlag.TF32)  # TF32 would round float32 products; fp16 is the fast choice
    if trt.user_managed:
        config.set_flag(module.BuilderFlag.REQUIRE_USER_ALLOCATION)
    if options.workspace is not None:
        config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, options.workspace)
    _set_targets(config, options, trt)
    _set_profile(config, network, batch)
    _use_timings(config, options, trt)
    return config


def _set_targets(config: Any, options: BuildOptions, trt: TensorRT) -> None:
    if not (trt.targets and options.compute_capabilities):
        return
    config.num_compute_capabilities = len(options.compute_capabilities)
    for index, (major, minor) in enumerate(options.compute_capabilities):
        config.set_compute_capability(getattr(trt.module.ComputeCapability, f"SM{major}{minor}"), index)


def _set_profile(config: Any, network: Network, batch: Batch) -> None:
    profile, dynamic = network.builder.create_optimization_profile(), False
    for index in range(network.definition.num_inputs):
        tensor = network.definition.get_input(index)
        count, *rest = tensor.shape
        if count == -1:
            dynamic = True
            profile.set_shape(tensor.name, *((size, *rest) for size in batch))
    if dynamic:
        config.add_optimization_profile(profile)


def _use_timings(config: Any, options: BuildOptions, trt: TensorRT) -> None:
    if trt.timing_cache and options.timing_cache is not None:
        path = options.timing_cache
        timings = path.read_bytes() if path.exists() else b""
        config.set_timing_cache(config.create_timing_cache(timings), ignore_mismatch=False)


def _keep_timings(config: Any, options: BuildOptions, trt: TensorRT) -> None:
    if trt.timing_cache and options.timing_cache is not None:
        options.timing_cache.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(options.timing_cache, bytes(config.get_timing_cache().serialize()))

"""From a fused ONNX file to an engine file."""

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
    """How an engine is built.

    Attributes:
        batch: smallest, best and largest batch; None for 1, or for the model's where it is fixed. One size is
            faster than a range; and only its builds are the same to the byte, as TensorRT orders what it
            generates for a range by addresses.
        compute_capabilities: the GPUs to compile for. None named: TensorRT-RTX compiles for its portable set.
            Full TensorRT compiles for the GPU that it finds, which is the one to be named here.
        workspace: most bytes of device memory that a layer may take while it computes; None for no limit.
        plugin: run the controller by the project's kernel instead of native layers.
        timing_cache: a file with kernel timings, read and extended; only full TensorRT times kernels.
    """

    batch: Batch | None = None
    compute_capabilities: tuple[ComputeCapability, ...] = ()
    workspace: int | None = None
    plugin: bool = False
    timing_cache: Path | None = None

    def __post_init__(self) -> None:
        if self.batch is not None and not 0 < self.batch[0] <= self.batch[1] <= self.batch[2]:
            raise BackendError(
                f"batch {self.batch} is no range; give smallest <= best <= largest, from 1 on."
            )


class Network(NamedTuple):
    """A parsed model. The network holds weights of the parser, and needs it."""

    builder: Any
    definition: Any
    parser: Any


def build_engine(model: bytes, batch: Batch, options: BuildOptions, trt: TensorRT) -> bytes:
    """Builds one engine.

    Args:
        model: content of an ONNX file.
        batch: smallest, best and largest batch; a model of fixed batch takes no notice.
        options: how to build.
        trt: what builds.

    Returns:
        The serialised engine.

    Raises:
        BackendError: a node that TensorRT cannot take, or a build that failed, in TensorRT's own words.
    """
    logger = trt.logger()
    network = parse_network(model, options.plugin, trt)
    config = _config(network, batch, options, trt)
    plan = network.builder.build_serialized_network(network.definition, config)
    if plan is None:
        raise BackendError(
            f"{trt} cannot build the engine: {trt.messages(logger)}. Change the options, or the model."
        )
    _keep_timings(config, options, trt)
    return bytes(plan)


def parse_network(model: bytes, with_plugin: bool, trt: TensorRT) -> Network:
    """Parses a model.

    Args:
        model: content of an ONNX file.
        with_plugin: put the project's plugin in the place of the controller's function.
        trt: what parses.

    Raises:
        BackendError: a node that TensorRT cannot take.
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
    config.clear_flag(module.BuilderFlag.TF32)  # fp32 means fp32: who wants speed takes fp16
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
        known = path.read_bytes() if path.exists() else b""
        config.set_timing_cache(config.create_timing_cache(known), ignore_mismatch=False)


def _keep_timings(config: Any, options: BuildOptions, trt: TensorRT) -> None:
    if trt.timing_cache and options.timing_cache is not None:
        options.timing_cache.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(options.timing_cache, bytes(config.get_timing_cache().serialize()))

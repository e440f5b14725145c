"""TensorRT plugin of the distribution controller: a single CUDA kernel replaces about ten layers.

The plugin's base classes belong to TensorRT, so the plugin's classes are created after a TensorRT is loaded. The plugin
is registered with a single builder or runtime. A builder without it compiles the body of the controller's function
instead.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whyframe.tensorrt.api import TensorRT

__all__ = ["NAME", "NAMESPACE", "VERSION", "Parameters", "make_plugin_creator", "register"]

NAME, VERSION, NAMESPACE = "DistributionController", "1", "whyframe"


class Parameters(NamedTuple):
    """Parameters of the controller, which are the attributes of its function in the ONNX file.

    Attributes:
        mode: Name of the controller, ``"ct"``, ``"bt"`` or ``"minmax"``.
        eta: Slope of the sigmoid in CT.
        h: Exponent of the sigmoid in CT.
        epsilon: Value added to the variance in the instance normalisation.
    """

    mode: str
    eta: float
    h: float
    epsilon: float

    @classmethod
    def of(cls, fields: Any) -> Parameters:
        """Read the parameters from TensorRT's ``PluginFieldCollection``."""
        values = {field.name: np.asarray(field.data) for field in fields}
        mode = values["mode"].tobytes().decode().rstrip("\0")
        return cls(mode, *(float(values[name].flat[0]) for name in cls._fields[1:]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return an array for each field; the mode as ASCII characters."""
        numbers = {name: np.array([getattr(self, name)], np.float32) for name in self._fields[1:]}
        return {"mode": np.frombuffer(self.mode.encode(), np.int8), **numbers}


def register(registry: Any, trt: TensorRT) -> None:
    """Register the plugin with a builder or a runtime. A repeated call changes nothing.

    Args:
        registry: Result of ``get_plugin_registry()`` of the builder or runtime.
        trt: TensorRT of the builder or runtime.
    """
    registry.register_creator(make_plugin_creator(trt), NAMESPACE)


def make_plugin_creator(trt: TensorRT) -> Any:
    """Return the plugin's creator for a TensorRT. It is kept forever, because registries do not own it."""
    return _creator(trt.module)


@cache
def _creator(module: Any) -> Any:
    class DistributionController(
        _Controller,
        module.IPluginV3,  # type: ignore[misc]
        module.IPluginV3OneCore,  # type: ignore[misc]
        module.IPluginV3OneBuild,  # type: ignore[misc]
        module.IPluginV3OneRuntime,  # type: ignore[misc]
    ):
        pass

    class Creator(module.IPluginCreatorV3One):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IPluginCreatorV3One.__init__(self)
            self.name, self.plugin_version, self.plugin_namespace = NAME, VERSION, NAMESPACE
            nothing = np.empty(0, np.float32)
            self.field_names = module.PluginFieldCollection(
                [module.PluginField(name, nothing, _field_type(module, name)) for name in Parameters._fields]
            )

        def create_plugin(self, _name: str, fields: Any, _phase: Any) -> Any:
            return DistributionController(module, Parameters.of(fields))

    return Creator()


def _field_type(module: Any, name: str) -> Any:
    return module.PluginFieldType.CHAR if name == "mode" else module.PluginFieldType.FLOAT32


class _Controller:
    """Behaviour of the plugin. TensorRT defines the names and arguments of the methods."""

    def __init__(self, module: Any, parameters: Parameters) -> None:
        for base in type(self).__bases__[1:]:
            base.__init__(self)  # type: ignore[misc]
        self.plugin_name, self.plugin_version, self.plugin_namespace = NAME, VERSION, NAMESPACE
        self.num_outputs = 1
        self._module, self._parameters = module, parameters
        self._arrays = parameters.arrays()  # kept alive, because TensorRT holds pointers to them

    def get_capability_interface(self, _capability: Any) -> Any:
        return self

    def clone(self) -> Any:
        return type(self)(self._module, self._parameters)

    def attach_to_context(self, _context: Any) -> Any:
        return self.clone()

    def get_fields_to_serialize(self) -> Any:
        fields = [
            self._module.PluginField(name, array, _field_type(self._module, name))
            for name, array in self._arrays.items()
        ]
        return self._module.PluginFieldCollection(fields)

    def get_output_data_types(self, _inputs: Any) -> list[Any]:
        return [self._module.DataType.FLOAT]

    def get_output_shapes(self, inputs: Any, _shape_inputs: Any, _expressions: Any) -> list[Any]:
        return [inputs[0]]

    def supports_format_combination(self, position: int, tensors: Any, _inputs: int) -> bool:
        """Support logits in float32 or float16 and scores in float32, both dense."""
        types = self._module.DataType
        supported = (types.FLOAT, types.HALF) if position == 0 else (types.FLOAT,)
        desc = tensors[position].desc
        return desc.format == self._module.TensorFormat.LINEAR and desc.type in supported

    def configure_plugin(self, _inputs: Any, _outputs: Any) -> None:
        pass

    def on_shape_change(self, _inputs: Any, _outputs: Any) -> None:
        pass

    def enqueue(
        self, inputs: Any, _output_descs: Any, pointers: Any, outputs: Any, _workspace: int, stream: int
    ) -> None:
        from whyframe.native.kernels import Kernels, load_kernels

        maps, *plane = inputs[0].dims
        half = inputs[0].type == self._module.DataType.HALF
        mode, eta, h, epsilon = self._parameters
        load_kernels().controller_forward(
            logits=pointers[0],
            logits_type=Kernels.TYPES["float16" if half else "float32"],
            logits_stride=prod(plane),
            scores=outputs[0],
            scores_type=Kernels.TYPES["float32"],
            maps=maps,
            size=prod(plane),
            mode=Kernels.MODES[mode],
            eta=eta,
            h=h,
            eta_per_map=None,
            h_per_map=None,
            epsilon=epsilon,
            stream=stream,
        )

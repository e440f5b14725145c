"""The distribution controller as a TensorRT plugin: one kernel in the place of some ten layers.

The base classes are TensorRT's own, so the classes are made once a TensorRT is loaded. A plugin is known to
the registry of the builder or runtime that it is put in and to no other: a builder that was not given it
compiles the body of the controller's function.
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
    """The attributes of the call.

    Attributes:
        mode: ``"ct"``, ``"bt"`` or ``"minmax"``.
        eta: of CT.
        h: of CT.
        epsilon: added to the variance.
    """

    mode: str
    eta: float
    h: float
    epsilon: float

    @classmethod
    def of(cls, fields: Any) -> Parameters:
        """Reads what a creator is given: a ``PluginFieldCollection``."""
        values = {field.name: np.asarray(field.data) for field in fields}
        mode = values["mode"].tobytes().decode().rstrip("\0")
        return cls(mode, *(float(values[name].flat[0]) for name in cls._fields[1:]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """One array a field, the mode as characters."""
        numbers = {name: np.array([getattr(self, name)], np.float32) for name in self._fields[1:]}
        return {"mode": np.frombuffer(self.mode.encode(), np.int8), **numbers}


def register(registry: Any, trt: TensorRT) -> None:
    """Makes the plugin known to a builder or a runtime; a second time changes nothing.

    Args:
        registry: what its ``get_plugin_registry()`` gave.
        trt: its TensorRT.
    """
    registry.register_creator(make_plugin_creator(trt), NAMESPACE)


def make_plugin_creator(trt: TensorRT) -> Any:
    """The creator of the plugin, for one TensorRT; registries do not own it, so it is never let go."""
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
    """What the plugin does, apart from its base classes: their method names and arguments are TensorRT's."""

    def __init__(self, module: Any, parameters: Parameters) -> None:
        for base in type(self).__bases__[1:]:
            base.__init__(self)  # type: ignore[misc]
        self.plugin_name, self.plugin_version, self.plugin_namespace = NAME, VERSION, NAMESPACE
        self.num_outputs = 1
        self._module, self._parameters = module, parameters
        self._arrays = parameters.arrays()  # TensorRT is given pointers to them

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
        """Logits in float32 or float16, scores in float32, both dense."""
        kinds = self._module.DataType
        wanted = (kinds.FLOAT, kinds.HALF) if position == 0 else (kinds.FLOAT,)
        desc = tensors[position].desc
        return desc.format == self._module.TensorFormat.LINEAR and desc.type in wanted

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

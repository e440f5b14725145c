"""Base class of a compiled library's Python interface, and the decorator of its methods."""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeVar, cast, get_args, get_type_hints

from whyframe.errors import BackendError
from whyframe.native import BUILD

__all__ = ["CLibrary", "Float", "Int", "Long", "Pointer", "c_function"]

Pointer = Annotated["int | None", ctypes.c_void_p]
Int = Annotated[int, ctypes.c_int]
Long = Annotated[int, ctypes.c_int64]
Float = Annotated[float, ctypes.c_float]
"""Argument types of C functions: the Python type and the C type."""

Method = TypeVar("Method", bound=Callable[..., Any])


class CLibrary:
    """The functions of a compiled library.

    Subclasses declare each function as a method with the decorator `c_function`.

    Args:
        library: The loaded library.
        abi_version: Version of the C interface that the subclass declares.
        host: Whether the library is a host twin, whose functions have the suffix ``_host`` and no stream.

    Raises:
        BackendError: The library lacks a function, or its interface has another version.
    """

    def __init__(self, library: ctypes.CDLL, abi_version: int, *, host: bool) -> None:
        self._library, self._host = library, host
        self._error_string = self._function("error_string", [ctypes.c_int], ctypes.c_char_p)
        version = self._function("abi_version", [], ctypes.c_int)()
        if version != abi_version:
            raise BackendError(
                f"{library._name} has interface {version}, but this whyframe needs {abi_version}; rebuild it: {BUILD}."
            )
        self._functions = {
            name: self._function(name, *self._declared(method.c_types))
            for name, method in vars(type(self)).items()
            if hasattr(method, "c_types")
        }

    def _declared(self, types: tuple[list[Any], Any]) -> tuple[list[Any], Any]:
        arguments, returned = types
        has_stream = returned is ctypes.c_int
        return (arguments[:-1] if has_stream and self._host else arguments), returned

    def _function(self, name: str, arguments: list[Any], returned: Any) -> Any:
        try:
            function = getattr(self._library, f"whyframe_{name}" + "_host" * self._host)
        except AttributeError as error:
            raise BackendError(
                f"{self._library._name} has no function {name}, so it is not a kernel library of this whyframe; "
                f"build one: {BUILD}."
            ) from error
        function.argtypes, function.restype = arguments, returned
        return function

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Call a C function, and raise a `BackendError` if it returns an error.

        Args:
            name: Name of the function without its prefix ``whyframe_``.
            arguments: Arguments of the C function, in order.
        """
        function = self._functions[name]
        code = function(*arguments[: len(function.argtypes)])  # host twins have no argument for the stream
        if function.restype is ctypes.c_int64 and code >= 0:
            return code
        if code:
            message = self._error_string(code).decode()
            raise BackendError(
                f"{name} failed: {message} ({code}); compare its arguments with whyframe_kernels.h."
            )
        return None


def c_function(method: Method) -> Method:
    """Return a method that calls the C function of its name.

    Args:
        method: Method without a body, whose annotations give the C types. Its class derives from `CLibrary`.
    """
    name, signature, c_types = method.__name__, inspect.signature(method), _c_types(method)
    count = len(c_types[0])

    @wraps(method)
    def call(self: CLibrary, *arguments: Any, **named: Any) -> Any:
        if named or len(arguments) != count:
            arguments = signature.bind(self, *arguments, **named).args[1:]
        return self.call(name, arguments)

    call.__dict__["c_types"] = c_types
    return cast(Method, call)


def _c_types(method: Callable[..., Any]) -> tuple[list[Any], Any]:
    """Return the C types of a function's arguments and of its result, which is a status if Python returns None."""
    hints = get_type_hints(method, include_extras=True)
    returned = hints.pop("return")
    types = [get_args(hint)[1] for hint in hints.values()]
    return types, ctypes.c_int if returned is type(None) else get_args(returned)[1]

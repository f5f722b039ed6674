"""Handle what a reader hands in: tell a stub, call it, make arrays of what it returns.

Tensors of any framework become arrays without a framework being imported: NumPy asks
them for their numbers.
"""

from __future__ import annotations

import contextlib
import dis
import inspect
import io
import linecache
import re
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnteach.exercises.exercise import Case
from bnteach.exercises.result import NOT_ATTEMPTED, Result

# What the code of a stub does not do; one that does has lost its return.
WORK = ("BINARY", "CALL", "STORE_SUBSCR", "FOR_ITER", "UNARY")
# What Python and NumPy say where a number is missing and dots stand in its place.
DOTS = re.compile(r"'ellipsis'|of type ellipsis")
# Files that are not the reader's: this package, Python's own, what is installed.
NOT_THEIRS = (
    str(Path(__file__).resolve().parents[1]),
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
    sysconfig.get_path("platlib"),
)


def is_placeholder(value: Any) -> bool:
    """Tell whether a value stands for an answer that is still to come."""
    if value is None or value is Ellipsis or value is NotImplemented:
        return True
    if value is NotImplementedError or isinstance(value, NotImplementedError):
        return True
    if isinstance(value, (tuple, list, set, frozenset, dict)) and len(value):
        value = value.values() if isinstance(value, dict) else value
        return all(is_placeholder(part) for part in value)
    return False


def not_attempted(stub: str = "") -> Result:
    """Return the result for a stub."""
    tail = f": {stub}" if stub else ": replace the dots, then run the cell again"
    return Result("not attempted", "", NOT_ATTEMPTED + tail)


def works(function: Callable) -> bool:
    """Tell whether a function does anything that a stub does not do."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isfunction(function):
        function = type(function).__call__
    code = getattr(function, "__code__", None)
    if code is None:
        return True
    raises = any(step.opname == "RAISE_VARARGS" for step in dis.get_instructions(code))
    steps = dis.get_instructions(code)
    return not raises and any(step.opname.startswith(WORK) for step in steps)


@dataclass(frozen=True)
class Outcome:
    """What one call gave.

    Attributes:
        case: the input.
        returned: what came back; None if it raised.
        error: the exception, or None.
        where: the reader's line that raised it.
        changed: the arguments that the call changed in place.
        printed: what it printed.
    """

    case: Case
    returned: Any = None
    error: BaseException | None = None
    where: str = ""
    changed: tuple[str, ...] = ()
    printed: str = ""

    @property
    def placeholder(self) -> bool:
        """Tell whether there is no answer here yet, or no more than a part of one."""
        if isinstance(self.error, NotImplementedError) or self.dots_left:
            return True
        return self.error is None and is_placeholder(self.returned)

    @property
    def dots_left(self) -> bool:
        """Tell whether the answer meets dots that are still to be replaced."""
        dotted = isinstance(self.error, (TypeError, AttributeError))
        return dotted and bool(DOTS.search(str(self.error)))

    def failure(self) -> Result | None:
        """Return the result for a stub or an exception; None if something came back."""
        if self.placeholder:
            return self.not_attempted()
        if self.error is None:
            return None
        name = type(self.error).__name__
        text = f"The function raised {name}: {self.error}, {self.where}."
        return Result("error", name, text)

    def not_attempted(self) -> Result:
        """Return the result for a stub, with the place of the dots that are left."""
        return not_attempted(f"dots are left {self.where}" if self.dots_left else "")


def call(function: Callable, case: Case) -> Outcome:
    """Call a reader's function on copies of the inputs; nothing it does escapes."""
    given = {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in case.arguments.items()
    }
    returned, error, where = None, None, ""
    with quiet() as printed:
        try:
            returned = function(*given.values())
        except (Exception, SystemExit) as raised:
            error, where = raised, place(raised)
    changed = tuple(
        name
        for name, value in case.arguments.items()
        if isinstance(value, np.ndarray) and not np.array_equal(given[name], value)
    )
    return Outcome(case, returned, error, where, changed, printed.getvalue())


def verdict(function: Callable, case: Case) -> bool | Result:
    """Call a function that answers with True or False; a `Result` if it does not."""
    outcome = call(function, case)
    if failure := outcome.failure():
        return failure
    try:
        array = np.asarray(outcome.returned)
    except ValueError:
        array = np.empty(0)
    if array.dtype != bool or array.size != 1:
        received = described(outcome.returned)
        return Result("shape", "type", f"expected True or False. Received: {received}.")
    return bool(array)


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Catch what is printed, and drop warnings: a case may well divide by zero."""
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield printed


def place(error: BaseException) -> str:
    """Return the last line of the reader's own code that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith(NOT_THEIRS)]
    if not theirs:
        return ""
    frame = theirs[-1]
    line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    quoted = f": `{line}`" if line else ""
    return f"in {frame.name}, line {frame.lineno}{quoted}"


def callable_of(answer: Any, parameters: Sequence[str]) -> Callable | Result:
    """Return what to call, or the result that says why nothing can be called."""
    expected = f"expected a function of ({', '.join(parameters)})"
    if hasattr(answer, "trainable_variables"):
        received = f"Received: {type(answer).__name__}, a layer or a model"
        return Result("shape", "type", f"{expected}. {received}: call it in one.")
    if inspect.isclass(answer):
        try:
            answer = answer()
        except Exception:
            return Result(
                "shape",
                "type",
                f"{expected}. Received: the class {answer.__name__}; hand in an "
                "object of it, or one of its methods.",
            )
    if not callable(answer):
        return Result("shape", "type", f"{expected}. Received: {described(answer)}.")
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # a built-in without one
        return answer
    try:
        signature.bind(*parameters)
    except TypeError:
        pass
    else:
        return answer
    try:
        signature.bind(**dict.fromkeys(parameters))
    except TypeError as error:
        return Result(
            "error",
            "signature",
            f"{expected}, in this order. Received: {signature} ({error}).",
        )
    return lambda *values: answer(**dict(zip(parameters, values, strict=True)))


def described(value: Any) -> str:
    """Say what a value is, without its numbers."""
    if is_placeholder(value):
        return "nothing (None or ...)"
    if isinstance(value, (tuple, list)):
        parts = ", ".join(described(part) for part in value[:4])
        dots = ", ..." if len(value) > 4 else ""
        return f"a {type(value).__name__} of {len(value)} ({parts}{dots})"
    shape = getattr(value, "shape", None)
    name = type(value).__name__
    return f"{name} of shape {tuple(shape)}" if isinstance(shape, tuple) else name


def to_array(value: Any, integers: bool = False) -> np.ndarray:
    """Return the numbers of an array, a tensor of any framework, or nested lists.

    Args:
        value: what holds them.
        integers: whether whole numbers do.

    Raises:
        ValueError: it holds no real numbers, or too coarse ones.
    """
    if is_placeholder(value):
        raise ValueError(f"expected an array of numbers. Received: {described(value)}")
    if hasattr(value, "detach"):  # a tensor of PyTorch that tracks its gradient
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
        if array.dtype == object:
            if any(is_placeholder(part) for part in array.flat):
                raise ValueError("a part of it is missing")
            array = array.astype(np.float64)
    except Exception as error:
        raise ValueError(
            f"expected an array of numbers. Received: {described(value)}"
        ) from error
    if isinstance(value, int):  # `return 0`: its shape is what is wrong with it
        return np.float64(value)
    if integers and array.dtype.kind in "iu":
        return array
    if array.dtype.kind in "US":
        raise ValueError(f"expected an array of numbers. Received: {described(value)}")
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        raise ValueError(
            f"expected type float32 or float64. Received: type {array.dtype}"
        )
    return np.asarray(array)

"""One training loop for all networks: history, progress, resume, several devices.

Here live the loop on any Keras backend, its fast path on TensorFlow, checkpoints and
strategies. Nothing here may know of an experiment. Importing this folder loads no
framework; a name is imported when it is first asked for.
"""

import importlib
from typing import Any

_MODULES = {
    "Checkpoint": "checkpoints",
    "History": "history",
    "Order": "order",
    "evaluate": "evaluation",
    "make_loop": "loops",
    "no_retracing_advice": "retracing",
    "restart": "reuse",
    "someone_is_watching": "progress",
    "time_rounds": "timing",
    "time_steps": "timing",
    "train": "loop",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    return getattr(module, name)

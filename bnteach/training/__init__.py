"""One training loop for all networks: history, progress, resume, several devices.

Here live the loop on any Keras backend, its fast path on TensorFlow, checkpoints and
strategies. Nothing here may know of an experiment, and importing this folder must not
load TensorFlow: `compiled_loop` and `distribution` are imported when they are used.
"""

from bnteach.training.checkpoints import Checkpoint
from bnteach.training.evaluation import evaluate
from bnteach.training.history import History
from bnteach.training.loop import train
from bnteach.training.order import Order
from bnteach.training.progress import someone_is_watching
from bnteach.training.retracing import no_retracing_advice
from bnteach.training.timing import time_rounds, time_steps

__all__ = [
    "Checkpoint",
    "History",
    "Order",
    "evaluate",
    "no_retracing_advice",
    "someone_is_watching",
    "time_rounds",
    "time_steps",
    "train",
]

"""The processes of a strategy: which one leads, and how they agree."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from bnteach.training.retracing import no_retracing_advice

END = -1  # in place of a task, when there is no more


@contextlib.contextmanager
def worker_errors() -> Iterator[None]:
    """Turn what TensorFlow raises when a worker is gone into a `ConnectionError`."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        raise ConnectionError(
            "another worker of TF_CONFIG has stopped or cannot be reached. Start all "
            "of them again with the same commands: the run goes on"
        ) from error


class Team:
    """The processes of a strategy, of which the chief says what is done next.

    Attributes:
        strategy: what `make` returns.
        chief: whether this process is the one that writes files.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self.chief = is_chief(strategy)

    @worker_errors()
    def check_alike(self, plan: Any) -> None:
        """Compare what the processes are about to do, before one waits for another.

        Args:
            plan: anything that JSON can hold.

        Raises:
            ValueError: the plans differ. All processes raise it.
        """
        text = json.dumps(plan, sort_keys=True)
        own = int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)  # fits int64

        def gather(number):
            replica = tf.distribute.get_replica_context()
            return replica.all_gather(tf.reshape(number, [1]), axis=0)

        found = run_on_all(self.strategy, gather, tf.constant(own, tf.int64)).numpy()
        if (found != own).any():
            raise ValueError(
                "expected all workers to run the same experiment with the same options "
                f"and data. Received: {len(set(found.tolist()))} different ones"
            )

    def lead(self, task: int) -> None:
        """Let the others do a task, which this process is to do as well."""
        from_chief(self.strategy, [np.int64(task)])

    def end(self) -> None:
        """Let the others know that there are no more tasks."""
        self.lead(END)

    def follow(self, do: Callable[[int], Any]) -> None:
        """Do each task that the chief leads, by its number, to the end."""
        while (task := int(from_chief(self.strategy, [np.int64(END)])[0])) != END:
            do(task)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tell whether this process is the first of its strategy, or the only one."""
    resolver = strategy.cluster_resolver
    if not _has_workers(strategy) or resolver.task_type == "chief":
        return True
    return "chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0


@worker_errors()
def from_chief(
    strategy: tf.distribute.Strategy, values: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Return the chief's values, in every process.

    Args:
        strategy: what `make` returns.
        values: arrays, of the same shapes and types in every process.
    """
    if not _has_workers(strategy):
        return list(values)

    # As bytes, because one sum cannot hold several types: the others add zeros.
    text = b"".join(value.tobytes() for value in values)
    own = np.frombuffer(text + bytes(-len(text) % 4), np.int32)

    def add_up(own):
        replica = tf.distribute.get_replica_context()
        first = tf.equal(replica.replica_id_in_sync_group, 0)
        chosen = tf.where(first, own, tf.zeros_like(own))
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, chosen)

    text = run_on_all(strategy, add_up, tf.constant(own)).numpy().tobytes()
    ends = np.cumsum([value.nbytes for value in values])
    return [
        np.frombuffer(text[end - value.nbytes : end], value.dtype).reshape(value.shape)
        for value, end in zip(values, ends, strict=True)
    ]


def run_on_all(strategy, function, *tensors):
    """Run a function on all replicas; return what it returned on the first one here."""
    everywhere = tf.function(lambda *tensors: strategy.run(function, tensors))
    with no_retracing_advice():  # it is for once
        return strategy.experimental_local_results(everywhere(*tensors))[0]


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)

"""One training run on several devices or machines, through `tf.distribute`.

Every replica holds a copy of the network and takes an equal share of each batch. The
gradients are added up over the replicas, and so all copies take the step of one
process on the whole batch, within rounding, if their batch normalization is
`synchronized`: without it each share is normalized by statistics of its own.

With several machines the same program runs on each, as a worker. The workers must do
the same things in the same order, so the first of them, the chief, tells the others.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bnteach.retracing import no_retracing_advice

STRATEGIES = ("mirrored", "multi-worker")
EXAMPLE = {
    "cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]},
    "task": {"type": "worker", "index": 0},
}
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


@worker_errors()
def make(name: str) -> tf.distribute.Strategy:
    """Make a strategy, before TensorFlow has done anything else in this process.

    Args:
        name: "mirrored" for all GPUs of this machine, or its processor if it has
            none; "multi-worker" for this machine and others, as TF_CONFIG says. It
            waits until all of them are there.

    Raises:
        ValueError: unknown name, or TF_CONFIG does not say who the workers are.
        ConnectionError: this worker cannot listen at its address.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f"expected strategy to be one of {', '.join(STRATEGIES)}. "
            f"Received: {name!r}"
        )
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    _check_cluster(os.environ.get("TF_CONFIG"))
    try:
        with _stoppable():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.UnknownError as error:
        raise ConnectionError(
            "expected TF_CONFIG to give this worker an address of this machine with a "
            f"free port. Received: {error.message}"
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

        found = _run(self.strategy, gather, tf.constant(own, tf.int64)).numpy()
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
def replicate(
    model: keras.Model, strategy: tf.distribute.Strategy, batch_size: int
) -> keras.Model:
    """Copy a model to all replicas of a strategy.

    Args:
        model: a Functional model after `compile`. It stays where it is.
        strategy: what `make` returns.
        batch_size: examples of a batch, over all replicas.

    Returns:
        A model with the same weights, and an optimizer that has made no step.

    Raises:
        ValueError: the replicas cannot have equal shares of a batch.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f"expected a batch size that can be divided by the {replicas} replicas. "
            f"Received: batch_size={batch_size}"
        )
    with strategy.scope():
        copy = keras.models.clone_model(model)
        copy.compile_from_config(model.get_compile_config())
    copy.set_weights(model.get_weights())
    return copy


def on_shares(
    strategy: tf.distribute.Strategy, train_step: Callable[[tuple], Any]
) -> Callable[[tuple], Any]:
    """Return a training step that gives each replica its share of the batch.

    Args:
        strategy: what `make` returns.
        train_step: takes a tuple of tensors; scales the loss and adds up gradients
            over the replicas, as Keras's does.

    Returns:
        A function of the tensors of the whole batch, each of shape (batch, ...), for
        use inside a `tf.function`.
    """
    replicas = strategy.num_replicas_in_sync

    def on_own_share(whole):
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        # (batch, ...) -> (replicas, batch / replicas, ...)
        shares = [tf.reshape(v, [replicas, -1, *v.shape[1:]]) for v in whole]
        train_step(tuple(share[number] for share in shares))

    return lambda whole: strategy.run(on_own_share, (whole,))


def start_together(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    drawn: Sequence[keras.Variable],
    step: int,
) -> int:
    """Give all processes the chief's state, which it may have from a file.

    Args:
        strategy: what `make` returns.
        model: what `replicate` returns, with its optimizer. From here on its dropout
            draws other masks on each replica.
        drawn: the seeds of the augmentation.
        step: how many steps this process has behind it.

    Returns:
        How many the chief has.
    """
    seeds = [v for v in model.variables if v.name == "seed_generator_state"]
    state = [*model.weights, *model.optimizer.variables, *seeds, *drawn]
    own = [np.int64(step), *map(keras.ops.convert_to_numpy, state)]
    step, *values = from_chief(strategy, own)
    for variable, value in zip(state, values, strict=True):
        variable.assign(value)

    def draw_apart():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        for seed in seeds:  # (seed, count of draws)
            seed.assign(seed.value + tf.cast([number, 0], seed.dtype))

    _run(strategy, draw_apart)
    return int(step)


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

    text = _run(strategy, add_up, tf.constant(own)).numpy().tobytes()
    ends = np.cumsum([value.nbytes for value in values])
    return [
        np.frombuffer(text[end - value.nbytes : end], value.dtype).reshape(value.shape)
        for value, end in zip(values, ends, strict=True)
    ]


def _run(strategy, function, *tensors):
    """Run a function on all replicas; return what it returned on the first one here."""
    everywhere = tf.function(lambda *tensors: strategy.run(function, tensors))
    with no_retracing_advice():  # it is for once
        return strategy.experimental_local_results(everywhere(*tensors))[0]


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Let signals end this process, now while it waits for others and afterwards.

    Python would see Ctrl-C only when the waiting is over. SIGTERM, with which a
    cluster ends a job, is caught by TensorFlow once it is connected, and ignored.
    """
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _check_cluster(text: str | None) -> None:
    """Check that TF_CONFIG names the workers, this one among them."""
    try:
        config = json.loads(text or "")
        kind, index = config["task"]["type"], config["task"]["index"]
        workers = config["cluster"][kind]
        known = kind in ("chief", "worker") and isinstance(workers, list)
        known = known and 0 <= index < len(workers)
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError(
            "expected the environment variable TF_CONFIG to name the workers and "
            f"which of them this is, for example {json.dumps(EXAMPLE)}. "
            f"Received: {text!r}"
        )

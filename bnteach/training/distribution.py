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
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bnteach.training.cluster import check_cluster
from bnteach.training.workers import from_chief, run_on_all, worker_errors

STRATEGIES = ("mirrored", "multi-worker")


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
    check_cluster(os.environ.get("TF_CONFIG"))
    try:
        with _stoppable():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.UnknownError as error:
        raise ConnectionError(
            "expected TF_CONFIG to give this worker an address of this machine with a "
            f"free port. Received: {error.message}"
        ) from error


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

    run_on_all(strategy, draw_apart)
    return int(step)


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

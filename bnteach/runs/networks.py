"""The networks of a run: compiled once for each variant, where there is room."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

from bnteach.runs.plan import Plan

ROOM = 1_000_000_000  # bytes; each compiled network holds the training images


@dataclass
class Network:
    """A network with all that its training needs."""

    model: Any
    data: Any
    augmentation: Any
    loop: Any = "auto"


class Networks:
    """Builds the networks of a run, and puts compiled ones back to the start.

    A variant's network with the next seed differs from the last one in the values of
    its variables alone, so the compiled one gets those values. Where the training
    images of all variants do not fit into `ROOM`, each part has a network of its own.

    Args:
        plan: what is run.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.kept: dict[str, Network] = {}

    def of(self, variant: str, seed: int, strategy: bool = False) -> Network:
        """Return the network of a variant as a seed has it before its first step.

        Args:
            variant: name of the variant.
            seed: decides its kernels, dropout and augmentation.
            strategy: it will be copied to several devices, and is not kept.
        """
        from bnteach import training

        kept = self.kept.get(variant)
        if kept is None:
            kept = self._first(variant, seed, strategy)
        else:
            model, augmentation = self._build(variant, seed)
            training.restart(kept.model, model)
            if augmentation is not None:
                augmentation(kept.data.x_train[:1], training=False)
                training.restart(kept.augmentation, augmentation)
        return kept

    def _first(self, variant: str, seed: int, strategy: bool) -> Network:
        import keras

        from bnteach import models, training

        if not self.kept:
            keras.utils.clear_session()
            gc.collect()  # networks before hold their data until they are collected
        keras.utils.set_random_seed(seed)
        arguments = self._arguments(variant)
        data = self.plan.experiment.prepare(self.plan.data, arguments)
        model, augmentation = self._build(variant, seed)
        network = Network(model, data, augmentation)
        if strategy:
            for layer in models.batch_norm_layers(network.model):
                layer.synchronized = True
        elif self._has_room(data):
            network.loop = training.make_loop(
                network.model,
                data.x_train,
                data.y_train,
                network.augmentation,
                "auto",
            )
            self.kept[variant] = network
        return network

    def _build(self, variant: str, seed: int):
        experiment = self.plan.experiment
        model = experiment.build(self._arguments(variant), seed)
        augment = self.plan.settings.augment
        return model, experiment.augmentation(seed) if augment else None

    def _arguments(self, variant: str) -> dict[str, Any]:
        arguments = self.plan.experiment.arguments(variant, self.plan.settings)
        arguments.pop("steps", None)  # not for `build`
        return arguments

    def _has_room(self, data: Any) -> bool:
        several = self.plan.seeds > 1
        return several and data.x_train.nbytes * len(self.plan.chosen) <= ROOM

"""Run an experiment over its variants and seeds, keeping what is finished."""

from __future__ import annotations

import functools
import gc
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from bnteach import datasets, experiments
from bnteach.experiments.base import normalization_of
from bnteach.runs import results
from bnteach.runs.description import describe, fixed_settings, weights_sha256
from bnteach.runs.parts import Parts, slug


def run(
    name: str,
    profile: str | None = None,
    *,
    seeds: int | None = None,
    variants: Sequence[str] | None = None,
    directory: str | os.PathLike | None = None,
    progress: bool | None = None,
    strategy: str | None = None,
) -> results.Run | None:
    """Run an experiment and return what was recorded.

    Args:
        name: name of the experiment; see `experiments.EXPERIMENTS`.
        profile: "quick", "full" or, for some, "cpu"; see `experiments.profile_name`.
        seeds: how many seeds, counted from 0; by default the profile's number.
        variants: which variants; by default all.
        directory: keep finished parts and the state of the current one there, so
            that an interrupted run goes on, and write the finished run there (see
            `results.write`). Several processes with the same folder share the parts
            among them. By default nothing is written.
        progress: show bars with the time left. By default where a person looks.
        strategy: train on several devices or machines, with batch normalization
            `synchronized`; see `distribution.make`. Every worker must make the same
            call. Only the chief uses the folder.

    Returns:
        The run; None on a worker that is not the chief.

    Raises:
        ValueError: unknown experiment, profile, variant or strategy, or fewer than
            one seed; or the workers were called differently.
        ConnectionError: another worker has stopped.
        results.ResultsError: the folder holds parts of a run with other settings.
    """
    experiment = experiments.get(name)
    profile = experiments.profile_name(profile)
    settings = experiments.settings(experiment, profile)
    seeds = settings.seeds if seeds is None else seeds
    if seeds < 1:
        raise ValueError(f"expected at least 1 seed. Received: seeds={seeds}")
    chosen = _choose(experiment, variants)
    team = None
    if strategy is not None:
        team, experiment = _team(strategy, experiment)
    for variant in chosen:  # what cannot be built is said now, not after hours
        normalization_of(experiment.arguments(variant, settings))
    data = datasets.load(settings.dataset, validation=settings.validation)
    keeper = _keeper(directory, experiment, profile, settings, data)
    # Seeds outside: after one round all variants can be compared.
    keys = [(variant, seed) for seed in range(seeds) for variant in chosen]
    run_part = functools.partial(_run_part, experiment, settings, data, team)
    if team is not None:
        team.check_alike([keeper.identity, keys])
        if not team.chief:
            team.follow(lambda task: run_part(keys[task], Parts(None, {}), False))
            return None
        run_part = _leading(team, keys, run_part)
    with keeper.present():
        found = _collect(run_part, keeper, keys, experiment.name, progress)
        parts = {v: [found[v, seed] for seed in range(seeds)] for v in chosen}
        finished = describe(experiment, profile, settings, data, parts)
        if directory is not None:
            results.write(finished, directory)
        keeper.forget(parts)
    if team is not None:
        team.end()
    return finished


def _choose(experiment, variants: Sequence[str] | None) -> list[str]:
    chosen = list(experiment.variants) if variants is None else list(variants)
    unknown = [variant for variant in chosen if variant not in experiment.variants]
    if unknown or not chosen:
        raise ValueError(
            f"expected variants of {experiment.name}: "
            f"{', '.join(experiment.variants)}. Received: {unknown or chosen}"
        )
    return chosen


def _keeper(directory, experiment, profile, settings, data) -> Parts:
    folder = None
    if directory is not None:
        folder = Path(directory) / f".{experiment.name}-{profile}"
    fixed = fixed_settings(experiment, settings)
    return Parts(folder, {"settings": fixed, "dataset": data.sha256})


def _team(strategy: str, experiment):
    """Join a strategy; return its team and the experiment with a note of it."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "expected the TensorFlow backend for a strategy. "
            f"Received: {keras.backend.backend()!r}"
        )
    from bnteach.training import distribution, workers

    team = workers.Team(distribution.make(strategy))
    replicas = f"{strategy}, replicas: {team.strategy.num_replicas_in_sync}"
    return team, replace(experiment, note={**experiment.note, "strategy": replicas})


def _leading(team, keys, run_part):
    """Return a function that runs a part here and on all other workers."""

    def together(key, keeper, progress):
        team.lead(keys.index(key))
        return run_part(key, keeper, progress)

    return together


def _collect(run_part, keeper, keys, name, progress) -> dict:
    """Return all parts: kept ones, those run here, those that others run meanwhile."""
    found, told = {}, False
    with _bar(len(keys), name, progress) as bar:
        while waiting := [key for key in keys if key not in found]:
            for key in waiting:
                part = _have(run_part, keeper, key, progress)
                if part is not None:
                    found[key] = part
                    bar.update()
            if len(found) == len(keys) - len(waiting):
                if not told:
                    bar.write("waiting for parts that another process is running")
                told = True
                time.sleep(1)
    return found


def _have(run_part, keeper, key, progress) -> dict | None:
    """Return a part, running it if nobody has; None while another process does."""
    if part := keeper.load(*key):
        return part
    with keeper.claim(*key) as ours:
        if not ours:
            return None
        # It may have been finished between the look and the claim.
        return keeper.load(*key) or run_part(key, keeper, progress)


def _bar(count: int, name: str, progress: bool | None):
    from bnteach import training

    shown = training.someone_is_watching() if progress is None else progress
    return tqdm(total=count, desc=name, unit="part", disable=not shown)


def _run_part(experiment, settings, data, team, key, keeper, progress) -> dict:
    import keras

    from bnteach import models, training

    variant, seed = key
    keras.utils.clear_session()
    gc.collect()  # the networks before hold their data until they are collected
    keras.utils.set_random_seed(seed)
    arguments = experiment.arguments(variant, settings)
    prepared = experiment.prepare(data, arguments)
    model = experiment.build(arguments, seed)
    model.name = slug(variant, seed)  # shown beside the progress bar
    if team is not None:
        for layer in models.batch_norm_layers(model):
            layer.synchronized = True
    augmentation = experiment.augmentation(seed) if settings.augment else None
    history = training.train(
        model,
        prepared,
        steps=settings.steps,
        batch_size=settings.batch_size,
        seed=seed,
        record_every=settings.record_every,
        augmentation=augmentation,
        probes=experiment.probes(model, prepared),
        checkpoint=keeper.checkpoint(variant, seed),
        progress=progress,
        strategy=None if team is None else team.strategy,
    )
    part = {"seed": seed, **history.to_dict()}
    part["weights_sha256"] = weights_sha256(model)
    part["measured"] = experiment.measure(model, prepared)
    keeper.save(variant, part)
    return part

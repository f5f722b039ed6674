"""Run an experiment over its variants and seeds, keeping what is finished."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from bnteach import datasets, experiments
from bnteach.experiments.base import normalization_of
from bnteach.runs import checks, earlier, results
from bnteach.runs.collection import Collection
from bnteach.runs.description import describe, identity, weights_sha256
from bnteach.runs.networks import Networks
from bnteach.runs.parts import Parts, slug
from bnteach.runs.plan import Plan


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
        variants: which variants; by default all. What is finished of the others, in
            the folder or in its run file, stays in the run.
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
        ValueError: unknown experiment, profile, variant or strategy, fewer than one
            seed or more than `checks.MOST_SEEDS`; or the workers were called
            differently.
        ConnectionError: another worker has stopped.
        results.ResultsError: the folder holds parts of a run with other settings.
        RunError: parts failed. The others are finished, and kept in the folder.
    """
    experiment = experiments.get(name)
    profile = experiments.profile_name(profile)
    settings = experiments.settings(experiment, profile)
    seeds = checks.seed_count(seeds, settings)
    chosen = checks.chosen_variants(experiment, settings, variants)
    team = None
    if strategy is not None:
        team, experiment = _team(strategy, experiment)
    for variant in chosen:  # what cannot be built is said now, not after hours
        normalization_of(experiment.arguments(variant, settings))
    data = datasets.load(settings.dataset, validation=settings.validation)
    plan = Plan(experiment, profile, settings, data, chosen, seeds)
    keeper = _keeper(directory, plan)
    before = earlier.recorded_run(directory, plan)
    run_part = functools.partial(_run_part, plan, Networks(plan), team)
    if team is not None:
        team.check_alike([keeper.identity, keeper.arguments, plan.keys])
        if not team.chief:
            team.follow(lambda task: run_part(Parts(None, {}), False, plan.keys[task]))
            return None
        run_part = _leading(team, plan.keys, run_part)
    run_part = functools.partial(run_part, keeper, progress)
    with keeper.present():
        earlier.keep_recorded(before, keeper, plan)
        collection = Collection(plan.keys, keeper, run_part, plan.give_up)
        with _bar(len(plan.keys), experiment.name, progress) as bar:
            collection.collect(bar, keep_going=team is None)
        finished = _finish(plan, before, keeper, collection)
        if directory is not None:
            results.write(finished, directory)
        if len(finished.variants) == len(experiment.chosen(settings)):
            keeper.forget(finished.variants)
    if team is not None:
        team.end()
    return finished


def _finish(plan: Plan, before, keeper: Parts, collection: Collection) -> results.Run:
    """Put the parts that were run together with what is finished of other variants."""
    found, reasons = earlier.other_variants(before, keeper, plan)
    found |= collection.parts()
    ordered = {v: found[v] for v in plan.experiment.variants if v in found}
    facts = earlier.facts(before, plan) if plan.others and before else None
    return describe(plan, ordered, reasons | collection.given_up, facts)


def _keeper(directory, plan: Plan) -> Parts:
    name, settings = plan.experiment.name, plan.settings
    folder = None if directory is None else Path(directory) / f".{name}-{plan.profile}"
    variants = plan.experiment.chosen(settings)
    arguments = {v: plan.experiment.arguments(v, settings) for v in variants}
    return Parts(folder, identity(plan), arguments)


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

    def together(keeper, progress, key):
        team.lead(keys.index(key))
        return run_part(keeper, progress, key)

    return together


def _bar(count: int, name: str, progress: bool | None):
    from bnteach import training

    shown = training.someone_is_watching() if progress is None else progress
    return tqdm(total=count, desc=name, unit="part", disable=not shown)


def _run_part(plan: Plan, networks: Networks, team, keeper, progress, key) -> dict:
    import keras

    from bnteach import training

    experiment, settings = plan.experiment, plan.settings
    variant, seed = key
    keras.utils.set_random_seed(seed)
    arguments = experiment.arguments(variant, settings)
    network = networks.of(variant, seed, strategy=team is not None)
    network.model.name = slug(variant, seed)  # shown beside the progress bar
    history = training.train(
        network.model,
        network.data,
        steps=arguments.get("steps", settings.steps),
        batch_size=settings.batch_size,
        seed=seed,
        record_every=settings.record_every,
        augmentation=network.augmentation,
        probes=experiment.probes(network.model, network.data),
        checkpoint=keeper.checkpoint(variant, seed),
        progress=progress,
        loop=network.loop,
        strategy=None if team is None else team.strategy,
    )
    part = {"seed": seed, **history.to_dict()}
    part["weights_sha256"] = weights_sha256(network.model)
    part["measured"] = experiment.measure(network.model, network.data)
    keeper.save(variant, part)
    return part

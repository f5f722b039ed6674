"""What each experiment is: data, networks, optimizer, steps and seeds, at both sizes.

Importing this package loads no framework: the networks are built by functions that
import Keras when they are called, so that ``bnteach list`` is quick.
"""

from __future__ import annotations

import difflib
import os

from bnteach.experiments import (
    activation_histograms,
    always_normalize,
    batch_of_two,
    cifar_comparison,
    cifar_learning_rates,
    deep_network,
    deep_start,
    digit_learning_rates,
    fashion_placement,
    internal_covariate_shift,
    renorm,
    tanh_digits,
)
from bnteach.experiments.base import Experiment, Settings

__all__ = [
    "EXPERIMENTS",
    "PROFILES",
    "Experiment",
    "Settings",
    "get",
    "profile_name",
    "settings",
]

PROFILES = ("quick", "cpu", "full")  # every experiment has the first and the last
EXPERIMENTS = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        internal_covariate_shift,
        activation_histograms,
        digit_learning_rates,
        batch_of_two,
        deep_network,
        deep_start,
        tanh_digits,
        fashion_placement,
        always_normalize,
        renorm,
        cifar_comparison,
        cifar_learning_rates,
    )
}


def get(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises:
        ValueError: there is none; the message names those that exist.
    """
    if name not in EXPERIMENTS:
        close = difflib.get_close_matches(name, EXPERIMENTS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"expected an experiment: {', '.join(EXPERIMENTS)}. "
            f"Received: {name!r}.{hint}"
        )
    return EXPERIMENTS[name]


def profile_name(profile: str | None = None) -> str:
    """Return the profile asked for: the argument, BNTEACH_PROFILE, or "quick".

    Raises:
        ValueError: there is no such profile.
    """
    chosen = profile or os.environ.get("BNTEACH_PROFILE") or "quick"
    if chosen not in PROFILES:
        raise ValueError(
            f"expected profile to be one of {', '.join(PROFILES)}. Received: {chosen!r}"
        )
    return chosen


def settings(experiment: Experiment, profile: str) -> Settings:
    """Return the size of an experiment in a profile.

    Raises:
        ValueError: the experiment has no such size.
    """
    if profile not in experiment.profiles:
        raise ValueError(
            f"expected a profile of {experiment.name}: "
            f"{', '.join(experiment.profiles)}. Received: {profile!r}"
        )
    return experiment.profiles[profile]

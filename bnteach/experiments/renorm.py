"""Chapter 4: batches of two, without the layer, with it, and with `renorm=True`.

Batch renormalization (Ioffe 2017) has no limits here, Keras's default: in training it
gives what the remembered statistics would give.
"""

from __future__ import annotations

from bnteach.experiments.base import Experiment, Settings, test_metrics
from bnteach.experiments.small_relu import build, prepare, variant

RATES = (3e-4, 1e-3, 3e-3)
NETWORKS = {
    "plain": {"normalization": None},
    "batch norm": {"normalization": "batch"},
    "renorm": {"normalization": "batch", "renorm": True},
}


EXPERIMENT = Experiment(
    name="renorm",
    title="784-32-32-10 ReLU on digits, batches of two: does renorm help?",
    variants={
        variant(network, rate): {**layer, "learning_rate": rate}
        for rate in RATES
        for network, layer in NETWORKS.items()
    },
    profiles={
        "quick": Settings("mnist5k", 1000, 2, 500, 1, 2.0, 500),
        "full": Settings("mnist5k", 2000, 2, 500, 5, 4.0, 500),
    },
    prepare=prepare,
    build=build,
    measure=test_metrics,
    note={"optimizer": "Adam"},
)

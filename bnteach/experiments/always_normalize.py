"""Chapter 4: is "always use batch normalization" true? A small ReLU network."""

from bnteach.experiments.base import Experiment, Settings, test_metrics
from bnteach.experiments.small_relu import build, prepare, variant


def _measure(model, data):
    from bnteach import training

    found = training.evaluate(model, data.x_train, data.y_train)
    train = {f"train_{name}": value for name, value in found.items()}
    return train | test_metrics(model, data)


EXPERIMENT = Experiment(
    name="always_normalize",
    title="784-32-32-10 ReLU on digits: lower loss, higher accuracy?",
    variants={
        variant(name, rate): {"normalization": normalization, "learning_rate": rate}
        for rate in (0.01, 0.001)
        for name, normalization in (("plain", None), ("batch norm", "batch"))
    },
    profiles={
        "quick": Settings("mnist5k", 1250, 32, 125, 1, 3.0, 500),
        "full": Settings("mnist", 17_180, 32, 1718, 5, 5.0, 5000),
    },
    prepare=prepare,
    build=build,
    measure=_measure,
    note={"optimizer": "Adam"},
)

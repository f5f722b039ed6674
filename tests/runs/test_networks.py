"""A compiled network that is used again gives what a new one gives."""

import demo_run
import numpy as np
import pytest

from bnteach import datasets, experiments, training
from bnteach.runs import networks, runner


@pytest.fixture
def demo(monkeypatch):
    """Convolutions with dropout, augmentation and, in one variant, normalization."""
    fields = {**vars(demo_run.EXPERIMENT), "measure": lambda model, data: {}}
    size = experiments.Settings("noise", 6, 20, 3, 2, 1.0, 0, demo_run.SMALL, True)
    fields["profiles"] = {"quick": size}
    monkeypatch.setitem(
        experiments.EXPERIMENTS, "demo", experiments.Experiment(**fields)
    )
    monkeypatch.setattr(datasets, "load", demo_run.load)


def compiled(monkeypatch):
    """Count how often a training loop is made."""
    counted, make = [], training.make_loop

    def counting(*arguments):
        counted.append(1)
        return make(*arguments)

    monkeypatch.setattr(training, "make_loop", counting)
    monkeypatch.setattr("bnteach.training.loop.make_loop", counting)
    return counted


def test_the_next_seed_of_a_compiled_network_is_that_of_a_new_one(demo, monkeypatch):
    counted = compiled(monkeypatch)
    again = runner.run("demo", "quick")
    assert len(counted) == 2  # once a variant
    monkeypatch.setattr(networks, "ROOM", 0)
    counted.clear()
    anew = runner.run("demo", "quick")
    assert len(counted) == 4
    for variant in anew.variants:
        one, two = (run.variants[variant] for run in (again, anew))
        hashes = [[part["weights_sha256"] for part in parts] for parts in (one, two)]
        assert hashes[0] == hashes[1]
        assert len(set(hashes[0])) == 2  # the seeds differ
        np.testing.assert_array_equal(
            again.curve(variant, "val_accuracy"), anew.curve(variant, "val_accuracy")
        )


def test_networks_of_another_form_are_refused():
    one, two = (
        demo_run.build({"normalization": kind, **demo_run.SMALL}, 0)
        for kind in (None, "batch")
    )
    before = [weight.copy() for weight in one.get_weights()]
    with pytest.raises(ValueError, match="expected two networks with the same"):
        training.restart(one, two)
    for weight, was in zip(one.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)

"""Faults that are planted in small networks, each found under its own code."""

import json

import keras
import numpy as np
import pytest
from small_models import (
    ARCHITECTURES,
    L,
    compiled,
    digits,
    fit,
    functional,
    mlp,
    norm,
    norms,
    trained,
)

from bnteach.diagnostics import examine
from bnteach.layers import BatchNormalization as OurBatchNormalization

each_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


def on_digits(model, **options):
    return examine(model, digits(), **{"batch_size": 32, **options})


@each_architecture
def test_a_healthy_network_is_silent(name):
    report = on_digits(trained(name))
    assert not report.findings, str(report)
    assert report.ok
    assert examine(trained(name)).ok


def plant_nan(model):
    norms(model)[0].moving_mean.assign(
        np.full_like(norms(model)[0].moving_mean, np.nan)
    )


def plant_negative(model):
    layer = norms(model)[1]
    layer.moving_variance.assign(-np.asarray(layer.moving_variance))


def plant_start(model):
    for layer in norms(model):
        layer.moving_mean.assign(np.zeros(layer.moving_mean.shape))
        layer.moving_variance.assign(np.ones(layer.moving_mean.shape))


def plant_frozen_start(model):
    plant_start(model)
    for layer in norms(model):
        layer.trainable = False
    compiled(model).optimizer.iterations.assign(100)


def plant_cold(model):
    for layer in norms(model):
        share = 0.6
        mean, variance = (
            np.asarray(layer.moving_mean),
            np.asarray(layer.moving_variance),
        )
        layer.moving_mean.assign((1 - share) * mean)
        layer.moving_variance.assign((1 - share) * variance + share)


def plant_gamma(model):
    layer = norms(model)[0]
    layer.gamma.assign(np.asarray(layer.gamma) * 1e-5)


def plant_scale(model):
    layer = norms(model)[0]
    layer.moving_mean.assign(np.asarray(layer.moving_mean) * 255)
    layer.moving_variance.assign(np.asarray(layer.moving_variance) * 255**2)


def plant_epsilon(model):
    kernel = model.layers[1 if model.name == "mlp" else 0].kernel
    kernel.assign(np.asarray(kernel) * 1e-3)
    layer = norms(model)[0]
    layer.moving_mean.assign(np.asarray(layer.moving_mean) * 1e-3)
    layer.moving_variance.assign(np.asarray(layer.moving_variance) * 1e-6)


def plant_trainable(model):
    norms(model)[0].trainable = False


def plant_momentum(value):
    def plant(model):
        for layer in norms(model):
            layer.momentum = value

    return plant


def plant_frozen_base(model):
    for layer in model.layers[:-1]:
        layer.trainable = hasattr(layer, "moving_mean")
    compiled(model)


PLANTED = {
    "non-finite-statistics": plant_nan,
    "negative-variance": plant_negative,
    "never-updated": plant_start,
    "frozen-at-start": plant_frozen_start,
    "cold-start": plant_cold,
    "gamma-collapsed": plant_gamma,
    "statistics-mismatch": plant_scale,
    "epsilon-dominates": plant_epsilon,
    "not-recompiled": plant_trainable,
    "momentum-convention": plant_momentum(0.1),
    "momentum-out-of-range": plant_momentum(1.0),
    "frozen-base-updates": plant_frozen_base,
}


@each_architecture
@pytest.mark.parametrize("code", PLANTED)
def test_planted_in_the_weights_and_settings(name, code):
    model = trained(name)
    PLANTED[code](model)
    report = on_digits(model)
    assert report.codes == (code,), str(report)
    assert not report.ok


NEED_DATA = {"statistics-mismatch", "cold-start"}


@pytest.mark.parametrize("code", sorted(PLANTED.keys() - NEED_DATA))
def test_found_without_data(code):
    model = trained("mlp")
    PLANTED[code](model)
    assert examine(model).codes == (code,)


def test_cold_start_by_counting_steps():
    keras.utils.set_random_seed(0)
    x, y = digits()
    model = compiled(mlp(lambda: norm(momentum=0.99)))
    fit(model, (x[:640], y[:640]), epochs=2)  # 40 steps: 0.99**40 is 0.67
    assert "cold-start" in examine(model).codes
    assert "cold-start" in on_digits(model).codes
    assert "train-inference-gap" not in on_digits(model).codes


def baked_in(flag):
    def build(x):
        x = L.Dense(16, use_bias=False)(L.Flatten()(x))
        return L.Dense(10)(L.ReLU()(norm(name="bn")(x, training=flag)))

    return functional(build)


def wrong_axis(x):
    x = L.MaxPooling2D()(L.ReLU()(L.Conv2D(6, 3)(x)))
    return L.Dense(10)(L.Flatten()(norm(axis=1, name="bn")(x)))


def with_bias(x):
    x = norm(name="bn")(L.Conv2D(6, 3)(x))
    return L.Dense(10)(L.Flatten()(L.ReLU()(x)))


def after_dropout(x):
    x = L.Dropout(0.5)(L.Flatten()(x))
    x = norm(name="bn")(L.Dense(16, use_bias=False)(x))
    return L.Dense(10)(L.ReLU()(x))


def twice(x):
    return L.Dense(10)(norm(name="bn")(L.LayerNormalization()(L.Flatten()(x))))


def at_output(x):
    return norm(name="bn")(L.Dense(10, use_bias=False)(L.Flatten()(x)))


def shared(x):
    bn = norm(name="bn")
    x = L.Dense(16, use_bias=False)(L.Flatten()(x))
    x = L.Dense(16, use_bias=False)(L.ReLU()(bn(x)))
    return L.Dense(10)(L.ReLU()(bn(x)))


def siamese_by_hand(x):
    dense, bn = L.Dense(16, use_bias=False), norm(name="bn")
    towers = [bn(dense(L.Flatten()(part))) for part in (x, x[:, ::-1])]
    return L.Dense(10)(L.ReLU()(L.Add()(towers)))


def test_layers_that_are_shared_together_are_one_network():
    assert not examine(functional(siamese_by_hand)).findings


STRUCTURES = {
    "training-flag-baked-in": (lambda: baked_in(True), False),
    "training-flag-ignored": (lambda: baked_in(False), False),
    "wrong-axis": (lambda: functional(wrong_axis), False),
    "redundant-bias": (lambda: functional(with_bias), True),
    "dropout-before-norm": (lambda: functional(after_dropout), False),
    "norm-after-norm": (lambda: functional(twice), False),
    "norm-at-output": (lambda: functional(at_output), True),
    "shared-layer": (lambda: functional(shared), False),
}


@pytest.mark.parametrize("code", STRUCTURES)
def test_planted_in_the_structure(code):
    build, ok = STRUCTURES[code]
    report = examine(build())
    assert report.codes == (code,), str(report)
    assert report.ok == ok
    assert report.findings[0].layer == "bn"


def test_averaged_weights():
    x, y = digits()
    keras.utils.set_random_seed(0)
    model = mlp()
    adam = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.98)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(adam, loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=3, verbose=0)
    assert examine(model).codes == ("averaged-weights",)
    report = on_digits(model)
    assert report.codes == ("averaged-weights",)
    from bnteach.diagnostics import recalibrate

    recalibrate(model, digits(), batch_size=32)
    assert on_digits(model).ok


@each_architecture
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_small_batches(name, batch_size):
    report = on_digits(trained(name), batch_size=batch_size)
    assert report.codes == ("small-batch",), str(report)
    (found,) = (one for one in report.findings if one.code == "small-batch")
    assert (found.severity == "error") == (batch_size == 1 and name == "mlp")


@each_architecture
def test_sorted_and_grouped_batches(name):
    x, y = digits()
    order = np.argsort(y, kind="stable")
    data = (x[order], y[order])
    report = examine(trained(name), data, batch_size=32, max_batches=40)
    assert "sorted-labels" in report.codes
    assert "train-inference-gap" not in report.codes


@each_architecture
def test_batches_of_several_domains(name):
    x, y = digits()
    domains = [(0.3 * x + 0.6, y), (x, y), (1 - x, y)]
    batches = [
        (a[i * 32 : i * 32 + 32], b[i * 32 : i * 32 + 32])
        for i in range(6)
        for a, b in domains
    ]
    assert "grouped-batches" in examine(trained(name), batches).codes


@each_architecture
def test_data_that_are_not_finite(name):
    x, y = digits()
    x = x.copy()
    x[5] = np.nan
    report = examine(trained(name), (x, y), batch_size=32)
    assert report.codes == ("non-finite-data",), str(report)


def test_inference_that_depends_on_the_batch():
    class Wrong(keras.Model):
        def __init__(self):
            super().__init__()
            self.body, self.norm = L.Dense(8), norm()

        def call(self, x):
            return self.norm(self.body(x), training=True)

    model = Wrong()
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model(x)
    assert "batch-dependent-inference" in examine(model, x, batch_size=16).codes


def test_paths_and_our_own_layer():
    inner = keras.Sequential(
        [keras.Input((64,)), L.Dense(8), OurBatchNormalization(name="bn")], name="inner"
    )
    inner.get_layer("bn").moving_variance.assign(np.full(8, np.nan))
    model = functional(lambda x: L.Dense(10)(inner(L.Flatten()(x))))
    found = {one.code: one.layer for one in examine(model).findings}
    assert found["non-finite-statistics"] == "inner/bn"


def state(model):
    return (
        [np.array(v.numpy()) for v in model.variables + model.optimizer.variables],
        [np.array(v.numpy()) for v in model.metrics_variables],
        [(v.trainable) for v in model.variables],
        [layer.trainable for layer in model._flatten_layers()],
        (model.train_function, model.test_function, model.predict_function),
        [set(layer.__dict__) for layer in model._flatten_layers()],
    )


def assert_same(before, after):
    for a, b in zip(before[:2], after[:2], strict=True):
        for one, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, other)
    assert before[2:] == after[2:]


def test_the_model_is_left_as_it_was():
    layers = [L.Flatten(), L.Dense(8), norm(), norm(), L.Dropout(0.5, seed=3)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, L.Dense(10)])
    model.layers[3].trainable = False
    model.layers[2].gamma.trainable = False
    fit(compiled(model), epochs=1)
    before = state(model)
    on_digits(model)
    assert_same(before, state(model))

    def stopped():
        yield digits()[0][:32]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(model, stopped())
    assert_same(before, state(model))


def test_ignore_and_forms_of_the_report():
    model = functional(with_bias)
    assert not examine(model, ignore=["redundant-bias"]).findings
    with pytest.raises(ValueError, match=r"redundant-bias.*Received: ..bias"):
        examine(model, ignore=["bias"])
    report = examine(model)
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["layer"] == "bn"
    for text in (report.to_markdown(), str(report), report._repr_html_()):
        assert "redundant-bias" in text


def test_models_without_batch_normalization_and_unbuilt_ones():
    model = keras.Sequential([keras.Input((3,)), L.Dense(2), L.LayerNormalization()])
    report = examine(model)
    assert report.ok
    assert report.codes == ("no-batch-normalization",)
    with pytest.raises(ValueError, match="never been called"):
        examine(keras.Sequential([norm()]))
    with pytest.raises(ValueError, match="batch_size"):
        examine(trained("mlp"), digits())

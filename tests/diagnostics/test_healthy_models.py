"""Healthy models of many kinds, of which `examine` says nothing."""

import keras
import numpy as np
import pytest
from small_models import L, cnn, compiled, digits, fit, functional, mlp, norm, trained

from bnteach.diagnostics import examine, rules_data
from bnteach.diagnostics.facts import Facts
from bnteach.diagnostics.observe import Observation
from bnteach.diagnostics.report import Report
from bnteach.layers import BatchNormalization as OurBatchNormalization


def conv(x, filters, size=3, **options):
    x = L.Conv2D(filters, size, padding="same", use_bias=False, **options)(x)
    return L.ReLU()(norm()(x))


def residual(x):
    x = conv(x, 8)
    y = norm()(L.Conv2D(8, 3, padding="same", use_bias=False)(conv(x, 8)))
    x = L.ReLU()(L.Add()([x, y]))
    return L.Dense(10)(L.GlobalAveragePooling2D()(x))


def pre_activation(x):
    x = L.Conv2D(8, 3, padding="same")(x)
    for _ in range(2):
        y = L.ReLU()(norm()(x))
        x = L.Add()([x, L.Conv2D(8, 3, padding="same")(y)])
    return L.Dense(10)(L.Flatten()(L.ReLU()(norm()(x))))


def dense_net(x):
    x = L.Conv2D(8, 3, padding="same", use_bias=False)(x)
    for _ in range(2):
        y = L.Conv2D(4, 3, padding="same", use_bias=False)(L.ReLU()(norm()(x)))
        x = L.Concatenate()([x, y])
    return L.Dense(10)(L.GlobalAveragePooling2D()(norm()(x)))


def after_activation(x):
    for width in (32, 16):
        x = norm()(L.Dense(width, activation="relu")(L.Flatten()(x)))
    return L.Dense(10)(x)


def siamese(x):
    tower = keras.Sequential(
        [keras.Input((8, 8, 1)), L.Flatten(), L.Dense(16, use_bias=False), norm()]
    )
    y = L.Concatenate()([tower(x), tower(x[:, ::-1])])
    return L.Dense(10)(L.ReLU()(y))


def nested(x):
    inner = keras.Sequential(
        [keras.Input((8, 8, 1)), L.Conv2D(8, 3, use_bias=False), norm(), L.ReLU()]
    )
    return L.Dense(10)(L.Flatten()(inner(x)))


def one_dimensional(x):
    x = L.Conv1D(8, 3, use_bias=False)(L.Reshape((8, 8))(x))
    return L.Dense(10)(L.Flatten()(L.ReLU()(norm()(x))))


def three_dimensional(x):
    x = L.Conv3D(4, (1, 3, 3), use_bias=False)(L.Reshape((2, 4, 8, 1))(x))
    return L.Dense(10)(L.Flatten()(L.ReLU()(norm()(x))))


def sequence(x):
    x = L.Masking()(L.Reshape((8, 8))(x))
    x = L.TimeDistributed(L.Dense(8, use_bias=False))(x)
    return L.Dense(10)(L.LSTM(16)(norm()(x)))


def separable(x):
    x = L.DepthwiseConv2D(3, depth_multiplier=8, use_bias=False)(x)
    x = L.SeparableConv2D(8, 3, use_bias=False)(L.ReLU()(norm()(x)))
    return L.Dense(10)(L.Flatten()(L.ReLU()(norm()(x))))


def without_gamma(x):
    x = norm(scale=False, center=False)(L.Dense(32)(L.Flatten()(x)))
    return L.Dense(10)(L.ReLU()(x))


def on_the_input(x):
    return L.Dense(10)(L.Dense(16, activation="relu")(norm()(L.Flatten()(x))))


def other_norms(x):
    x = L.GroupNormalization(2)(L.Conv2D(8, 3)(x))
    return L.Dense(10)(L.LayerNormalization()(L.Flatten()(L.ReLU()(x))))


def dropout_at_the_end(x):
    x = L.Flatten()(conv(x, 8))
    return L.Dense(10)(L.Dropout(0.5)(x))


def with_our_layer(x):
    x = OurBatchNormalization(momentum=0.9)(L.Dense(32, use_bias=False)(L.Flatten()(x)))
    return L.Dense(10)(L.ReLU()(x))


KINDS = [
    residual, pre_activation, dense_net, after_activation, siamese, nested,
    one_dimensional, three_dimensional, sequence, separable, without_gamma,
    on_the_input, other_norms, dropout_at_the_end, with_our_layer,
]  # fmt: skip


def quiet(model, data=None, batch_size=32):
    for report in (
        examine(model),
        examine(model, data or digits(), batch_size=batch_size),
    ):
        assert report.ok, str(report)


@pytest.mark.parametrize("build", KINDS, ids=lambda build: build.__name__)
def test_untrained_and_trained(build):
    keras.utils.set_random_seed(0)
    model = compiled(functional(build), 0.003)
    quiet(model)
    quiet(fit(model, epochs=2))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat, self.hidden = L.Flatten(), L.Dense(32, use_bias=False)
        self.norm, self.head = norm(), L.Dense(10)

    def call(self, x, training=None):
        x = self.norm(self.hidden(self.flat(x)), training=training)
        return self.head(keras.ops.relu(x))


def test_subclassed():
    quiet(fit(compiled(Subclassed()), epochs=2))


def test_several_inputs():
    a, b = keras.Input((8, 8, 1), name="a"), keras.Input((8, 8, 1), name="b")
    x = L.Concatenate()([L.Flatten()(a), L.Flatten()(b)])
    x = L.ReLU()(norm()(L.Dense(32, use_bias=False)(x)))
    model = compiled(keras.Model({"a": a, "b": b}, L.Dense(10)(x)))
    x, y = digits()
    data = ({"a": x, "b": 1 - x}, y)
    model.fit(*data, batch_size=32, epochs=2, verbose=0)
    quiet(model, data)


def test_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        quiet(fit(compiled(cnn()), epochs=2))
    finally:
        keras.config.set_dtype_policy(before)


def head_on(base):
    return [base, L.Dense(16, activation="relu"), L.Dense(10)]


def base_of(name="cnn"):
    whole = trained(name)
    return keras.Sequential([keras.Input((8, 8, 1)), *whole.layers[:-1]])


def test_frozen_base_with_trainable():
    base = base_of()
    base.trainable = False
    model = keras.Sequential([keras.Input((8, 8, 1)), *head_on(base)])
    quiet(fit(compiled(model), epochs=2))


def test_frozen_base_with_a_normalized_head():
    base = base_of("mlp")
    base.trainable = False
    head = [L.Dense(16, use_bias=False), norm(), L.ReLU(), L.Dense(10)]
    model = keras.Sequential([keras.Input((8, 8, 1)), base, *head])
    quiet(fit(compiled(model), epochs=2))


def test_frozen_base_in_a_call_of_its_own():
    class Tuned(keras.Model):
        def __init__(self):
            super().__init__()
            self.base = base_of()
            self.head = L.Dense(10)

        def call(self, x, training=None):
            return self.head(self.base(x, training=False))

    quiet(fit(compiled(Tuned(), 0.001), epochs=2))


def test_other_targets_and_weights():
    x, y = digits()
    model = mlp()
    model.compile("adam", "mse")
    one_hot = np.eye(10, dtype="float32")[y]
    model.fit(x, one_hot, batch_size=32, epochs=2, verbose=0)
    quiet(model, (x, one_hot, np.ones(len(x))))


def test_saved_and_read_again(tmp_path):
    trained("cnn").save(tmp_path / "model.keras")
    quiet(keras.saving.load_model(tmp_path / "model.keras"))
    quiet(keras.saving.load_model(tmp_path / "model.keras", compile=False))


A = keras.applications
FAMILIES = {
    A.MobileNet: 64, A.MobileNetV2: 64, A.MobileNetV3Small: 64, A.EfficientNetB0: 64,
    A.EfficientNetV2B0: 64, A.DenseNet121: 64, A.NASNetMobile: 64, A.ResNet50: 64,
    A.ResNet50V2: 64, A.Xception: 96, A.InceptionV3: 96, A.InceptionResNetV2: 96,
}  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_families_of_the_applications(family):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    side = FAMILIES[family]
    model = family(
        weights=None,
        input_shape=(side, side, 3),
        classes=10,
        classifier_activation=None,
    )
    for layer in model._flatten_layers():
        if hasattr(layer, "moving_variance"):
            layer.momentum = 0.9
    x, y = digits()
    x = np.repeat(np.repeat(x, side // 8, axis=1), side // 8, axis=2)[:320]
    data = (np.repeat(x, 3, axis=-1), y[:320])
    compiled(model, 0.001)
    quiet(model, data, 16)
    model.fit(*data, batch_size=16, epochs=2, verbose=0)
    quiet(model, data, 16)


def test_layers_that_alter_images():
    alter = [L.RandomFlip(seed=1), L.RandomRotation(0.05, seed=1)]
    body = [L.Conv2D(8, 3, use_bias=False), norm(), L.ReLU(), L.Flatten(), L.Dense(10)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *alter, *body])
    # Keras: with such a layer, model(x) is in training. A note, and no alarm.
    report = examine(model, digits()[0], batch_size=32)
    assert report.ok, str(report)
    (found,) = report.findings
    assert (found.code, found.severity) == ("batch-dependent-inference", "info")


def test_a_frozen_base_of_another_range():
    base = base_of()
    base.trainable = False
    model = compiled(keras.Sequential([keras.Input((8, 8, 1)), base, L.Dense(10)]))
    x, y = digits()
    quiet(fit(model, (3 * x, y), epochs=2), (3 * x, y))


@pytest.mark.parametrize(("steps", "ok"), [(40, True), (400, False)])
def test_statistics_that_lag_early_in_training(steps, ok):
    model = trained("cnn")
    model.optimizer.iterations.assign(steps)
    seen = Observation()
    right = np.arange(500) < 450
    seen.right = {"moving": [right[:300], ~right[300:]], "batch": [right]}
    report = Report(rules_data.train_inference_gap(Facts(model), seen), "", [])
    assert report.codes == ("train-inference-gap",)
    assert report.ok == ok

import keras
import numpy as np
import pytest

from bnteach import models
from bnteach.diagnostics import gradients
from bnteach.normalizations import hidden_statistics


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_parameter_counts_of_the_source_networks():
    tanh = models.mlp(activation="tanh", normalization="batch")
    assert (tanh.count_params(), trainable(tanh)) == (100_910, 100_310)

    fashion = {"input_shape": (28, 28), "units": (300, 100)}
    plain = models.mlp(**fashion, activation=models.leaky_relu)
    assert plain.count_params() == 266_610
    after = models.mlp(
        **fashion, normalization="batch", placement="after", normalize_input=True
    )
    assert (after.count_params(), trainable(after)) == (271_346, 268_978)
    before = models.mlp(
        **fashion, normalization="batch", use_bias=False, normalize_input=True
    )
    assert before.count_params() == 270_946

    assert models.mlp(units=(32, 32)).count_params() == 26_506
    assert models.mlp(units=(32, 32), normalization="batch").count_params() == 26_762

    assert models.deep_cnn().count_params() == 337_826
    deep = models.deep_cnn(normalization="batch")
    assert (deep.count_params(), trainable(deep)) == (340_406, 338_686)

    assert models.conv_blocks(num_classes=100).count_params() == 413_200
    cifar = models.conv_blocks(num_classes=100, normalization="batch")
    assert cifar.count_params() - trainable(cifar) == 1_360
    assert cifar.count_params() == 415_920


def kernels(model):
    return {w.path: w.numpy() for w in model.trainable_weights if "kernel" in w.path}


BUILDERS = [
    lambda **kw: models.mlp((20,), (8, 8, 8), **kw),
    lambda **kw: models.deep_cnn((12, 12, 1), num_conv=4, **kw),
    lambda **kw: models.conv_blocks((8, 8, 3), filters=(4, 5), **kw),
]


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("other", [{"normalization": "batch"}, {"activation": "tanh"}])
def test_networks_that_are_compared_start_from_the_same_kernels(build, other):
    one, two = kernels(build(seed=3)), kernels(build(seed=3, **other))
    assert list(one) == list(two)
    for path in one:
        np.testing.assert_array_equal(one[path], two[path], err_msg=path)


@pytest.mark.parametrize("build", BUILDERS)
def test_another_seed_gives_other_kernels(build):
    one, two = kernels(build(seed=3)), kernels(build(seed=4))
    assert all(not np.array_equal(one[path], two[path]) for path in one)


def test_kernels_of_equal_shape_within_one_network_differ():
    one = kernels(models.mlp((8,), (8, 8, 8), kernel_initializer="orthogonal"))
    assert not np.array_equal(one["dense_1/kernel"], one["dense_2/kernel"])


def test_small_gaussian_has_its_deviation():
    kernel = kernels(models.mlp(kernel_initializer=models.small_gaussian))
    assert kernel["dense_1/kernel"].std() == pytest.approx(0.05, rel=0.02)


def order(model):
    return [layer.name for layer in model.layers]


def test_placement():
    before = order(models.mlp(units=(4,), normalization="batch"))
    after = order(models.mlp(units=(4,), normalization="batch", placement="after"))
    assert before.index("batch_norm_1") < before.index("activation_1")
    assert after.index("batch_norm_1") > after.index("activation_1")


def test_normalization_can_be_any_layer():
    def layer_norm(name):
        return keras.layers.LayerNormalization(name=name)

    model = models.mlp(units=(4,), normalization=layer_norm)
    assert isinstance(model.get_layer("batch_norm_1"), keras.layers.LayerNormalization)


def test_image_sizes_of_the_deep_network():
    model = models.deep_cnn()
    sides = [model.get_layer(f"conv_{i}").output.shape[1] for i in range(1, 20)]
    assert sides == [28, 28] + [14] * 3 + [7] * 3 + [4] * 3 + [2] * 3 + [1] * 5
    assert model.get_layer("flatten").output.shape == (None, 76)


def test_batch_norm_layers_finds_nested_ones():
    inner = models.mlp((4,), (4, 4), normalization="batch", num_classes=4)
    inputs = keras.Input((4,))
    outer = keras.Model(inputs, keras.layers.BatchNormalization()(inner(inputs)))
    assert len(models.batch_norm_layers(outer)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": ()}, r"units=\(\)"),
        ({"placement": "between"}, "'between'"),
        ({"normalization": "bach"}, "'bach'"),
        ({"normalize_input": True}, "normalization=None"),
    ],
)
def test_bad_arguments_of_mlp(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.mlp(**arguments)


def test_bad_arguments_of_the_convolutional_networks():
    with pytest.raises(ValueError, match="num_conv=0"):
        models.deep_cnn(num_conv=0)
    with pytest.raises(ValueError, match=r"filters=\(\)"):
        models.conv_blocks(filters=())
    with pytest.raises(ValueError, match=r"16 x 16 for 5 blocks.*\(28, 8, 1\)"):
        models.conv_blocks((28, 8, 1))
    with pytest.raises(ValueError, match="'mean'"):
        models.conv_blocks(pooling="mean")


def test_global_average_pooling_takes_the_mean_of_each_channel():
    model = models.conv_blocks(
        (8, 8, 3), (4, 5), 2, pooling="global_average", output_activation="softmax"
    )
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")
    last = keras.Model(model.input, model.get_layer("activation_4").output)
    kernel, bias = model.get_layer("logits").get_weights()
    logits = last.predict(x, verbose=0).mean(axis=(1, 2)) @ kernel + bias
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(x, verbose=0), shares, rtol=1e-5)
    flat = models.conv_blocks((8, 8, 3), (4, 5), 2)
    assert flat.count_params() - model.count_params() == (4 * 4 - 1) * 5 * 2


def test_hidden_statistics_change_the_gradient_and_nothing_else():
    x = np.random.default_rng(0).normal(3, 2, (20, 4)).astype("float32")
    layers = hidden_statistics("a"), keras.layers.BatchNormalization(name="b")
    for training in (True, False):
        ours, keras_layers = (np.array(layer(x, training=training)) for layer in layers)
        np.testing.assert_allclose(ours, keras_layers, atol=1e-6)
    for mine, theirs in zip(*(layer.variables for layer in layers), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)

    found = []
    for layer in layers:
        inputs = keras.Input((4,))
        model = keras.Model(inputs, layer(keras.layers.Dense(4, name="dense")(inputs)))
        model.compile("sgd", "mean_squared_error")
        kernel = np.eye(4, dtype="float32")
        model.get_layer("dense").set_weights([kernel, np.zeros(4, "float32")])
        found.append(gradients(model, x, np.ones((20, 4), "float32"))["dense/bias"])
    hidden, seen = found
    # A bias before the layer does nothing: only the whole gradient knows it.
    np.testing.assert_allclose(seen, 0, atol=1e-5)
    assert np.abs(hidden).min() > 0.1

import keras

from bnteach.diagnostics.layer_paths import batch_norms, walk

L = keras.layers


def test_paths_lead_through_models_wrappers_and_attributes():
    class Custom(L.Layer):
        def __init__(self):
            super().__init__(name="custom")
            self.norm = L.BatchNormalization(name="norm")

        def call(self, x):
            return self.norm(x)

    inner = keras.Sequential(
        [keras.Input((3, 4)), L.BatchNormalization(name="bn")], name="inner"
    )
    wrapped = L.TimeDistributed(L.BatchNormalization(name="each"), name="wrapper")
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, Custom()(wrapped(inner(inputs)) + inner(inputs * 2)))
    assert list(batch_norms(model)) == ["inner/bn", "wrapper/each", "custom/norm"]
    paths = [path for path, _ in walk(model)]
    assert len(paths) == len(set(paths))


def test_layers_that_are_not_built_have_no_statistics():
    assert batch_norms(keras.Sequential([L.BatchNormalization()])) == {}

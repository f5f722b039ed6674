"""The playground's engine computes what `bnteach` computes, with either kernels."""

import numpy as np
import playground
import pytest

from bnteach.batch_norm import (
    batch_norm_backward,
    batch_norm_inference,
    batch_norm_train,
    update_moving_average,
)
from bnteach.datasets.embedded import mnist5k

CASES = 320
TOLERANCE = 1e-6  # relative to the largest number of an array
KERNELS = ("wasm", "javascript")
EPSILON = 1e-3
NETWORK = {
    "a": "none",
    "b": "before",
    "depth": 3,
    "width": 100,
    "activation": "sigmoid",
    "lr": 0.1,
    "init": "small",
    "scale": 1,
    "batch": 60,
    "composition": "shuffled",
    "momentum": 0.9,
    "seed": 1,
    "runs": 1,
    "unit": 1,
}


def distance(got, wanted):
    """Largest difference, as a share of the largest wanted number."""
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    return np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-30)


# --- the layer alone -----------------------------------------------------------------


def draw_case(rng):
    """Return the arrays of one case: any size, means up to 100 and small variances."""
    rows, channels = int(rng.integers(2, 80)), int(rng.integers(1, 40))
    spread = 10 ** rng.uniform(-2, 1, channels)
    mean = rng.normal(size=channels) * 10 ** rng.uniform(-1, 2)
    case = {
        "x": mean + spread * rng.normal(size=(rows, channels)),
        "dy": rng.normal(size=(rows, channels)),
        "gamma": rng.normal(size=channels),
        "beta": rng.normal(size=channels),
        "movingMean": rng.normal(size=channels),
        "movingVariance": rng.uniform(0.01, 4, channels),
    }
    return {name: array.astype(np.float32) for name, array in case.items()} | {
        "momentum": float(rng.choice([0, 0.5, 0.9, 0.99, 1]))
    }


RUN_CASE = """(cases) => cases.map((given) => {
  const M = given.x.length, C = given.x[0].length, flat = (rows) => rows.flat();
  const norm = { epsilon: 1e-3, dgamma: new Float32Array(C), dbeta: new Float32Array(C),
    mean: new Float64Array(C), variance: new Float64Array(C) };
  for (const name of ["gamma", "beta"]) norm[name] = Float32Array.from(given[name]);
  for (const name of ["movingMean", "movingVariance"])
    norm[name] = Float64Array.from(given[name]);
  const x = Float32Array.from(flat(given.x)), dy = Float32Array.from(flat(given.dy));
  const [y, inference, dx] = [0, 0, 0].map(() => new Float32Array(M * C));
  batchNormInference(x, inference, norm, M, C);
  batchNormTrain(x, y, norm, M, C);
  batchNormBackward(dy, x, dx, norm, M, C);
  updateMoving(norm, given.momentum);
  const { dgamma, dbeta, movingMean, movingVariance } = norm;
  const got = { y, inference, dx, dgamma, dbeta, movingMean, movingVariance };
  return Object.fromEntries(Object.entries(got).map(([k, v]) => [k, Array.from(v)]));
})"""


def wanted_of(case):
    """Return the same arrays from `bnteach`."""
    # In float64, so that what is measured is the rounding of the engine alone
    x, dy = case["x"].astype(np.float64), case["dy"].astype(np.float64)
    momentum = case["momentum"]
    gamma, beta = case["gamma"], case["beta"]
    moving = case["movingMean"], case["movingVariance"]
    y, cache = batch_norm_train(x, gamma, beta, EPSILON)
    dx, dgamma, dbeta = batch_norm_backward(dy, cache)
    wide = [array.astype(np.float64) for array in moving]
    return {
        "y": y,
        "inference": batch_norm_inference(x, gamma, beta, *moving, EPSILON),
        "dx": dx,
        "dgamma": dgamma,
        "dbeta": dbeta,
        "movingMean": update_moving_average(wide[0], cache.mean, momentum),
        "movingVariance": update_moving_average(wide[1], cache.variance, momentum),
    }


def test_layer_equals_bnteach(engine):
    rng = np.random.default_rng(0)
    cases = [draw_case(rng) for _ in range(CASES)]
    plain = [
        {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in case.items()}
        for case in cases
    ]
    worst = {}
    for case, got in zip(cases, engine.evaluate(RUN_CASE, plain), strict=True):
        for name, wanted in wanted_of(case).items():
            far = distance(got[name], np.ravel(wanted))
            worst[name] = max(worst.get(name, 0), far)
    print({name: f"{far:.1e}" for name, far in worst.items()})
    assert {n: far for n, far in worst.items() if far > TOLERANCE} == {}


def test_layer_norm_gradient_is_the_slope_of_its_output(engine):
    got = engine.evaluate(
        """() => {
          const M = 3, C = 5, random = makeRandom(4), draw = () => random.normal();
          const fill = (n) => Float64Array.from({ length: n }, draw);
          const norm = { epsilon: 1e-3, gamma: fill(C), beta: fill(C),
            dgamma: new Float64Array(C), dbeta: new Float64Array(C) };
          const x = fill(M * C), dy = fill(M * C), dx = new Float64Array(M * C);
          const loss = () => {
            const y = new Float64Array(M * C);
            layerNorm(x, y, norm, M, C);
            return y.reduce((s, v, i) => s + v * dy[i], 0);
          };
          layerNormBackward(dy, x, dx, norm, M, C);
          const slopes = (array) => Array.from(array, (v, i) => {
            array[i] = v + 1e-5; const up = loss(); array[i] = v - 1e-5;
            const down = loss(); array[i] = v; return (up - down) / 2e-5; });
          return [[dx, x], [norm.dgamma, norm.gamma], [norm.dbeta, norm.beta]].map(
            ([found, array]) => [Array.from(found), slopes(array)]);
        }"""
    )
    for found, slope in got:
        np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-8)


# --- a whole network -----------------------------------------------------------------

TRAIN = """([settings, kernels, steps]) => {
  const pair = new Pair(digits, settings, modules[kernels]);
  const weights = () => pair.networks.map((network) => network.layers.map((layer) => ({
    w: Array.from(layer.w), b: Array.from(layer.b),
    movingMean: Array.from(layer.movingMean ?? []) })));
  const start = weights(), batches = [], losses = [];
  for (let i = 0; i < steps; i++) {
    pair.step();
    batches.push(Array.from(pair.batch));
    losses.push([...pair.loss]);
  }
  return { start, batches, losses, end: weights() };
}"""


def activate(kind, z):
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-z))
    return np.tanh(z) if kind == "tanh" else np.maximum(z, 0)


def slope(kind, a):
    if kind == "sigmoid":
        return a * (1 - a)
    return 1 - a * a if kind == "tanh" else a > 0


class Reference:
    """The network in NumPy, normalized by `bnteach.batch_norm`, in float64."""

    def __init__(self, layers, settings, norm):
        self.settings, self.norm = settings, norm
        width = settings["width"]
        self.w = [np.reshape(p["w"], (-1, len(p["b"]))) for p in layers]
        self.b = [np.array(layer["b"]) for layer in layers]
        hidden = range(len(layers) - 1)
        self.gamma, self.beta = [[np.ones(width) * v for _ in hidden] for v in (1, 0)]
        self.moving = [np.zeros(width) for _ in hidden]

    def normalize(self, layer, x):
        if self.norm == "none":
            return x, None
        y, cache = batch_norm_train(x, self.gamma[layer], self.beta[layer], EPSILON)
        self.moving[layer] = update_moving_average(
            self.moving[layer], cache.mean, self.settings["momentum"]
        )
        return y, cache

    def denormalize(self, layer, dy, cache):
        if cache is None:
            return dy
        dx, dgamma, dbeta = batch_norm_backward(dy, cache)
        self.gamma[layer] -= self.settings["lr"] * dgamma
        self.beta[layer] -= self.settings["lr"] * dbeta
        return dx

    def step(self, x, labels):
        """Take one step; return the loss before it."""
        kind, after = self.settings["activation"], self.norm == "after"
        inputs, kept, h = [x], [], x
        for layer in range(len(self.w) - 1):
            z = h @ self.w[layer] + self.b[layer]
            z, before = (z, None) if after else self.normalize(layer, z)
            a = activate(kind, z)
            h, behind = self.normalize(layer, a) if after else (a, None)
            kept.append((a, before, behind))
            inputs.append(h)
        z = h @ self.w[-1] + self.b[-1]
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        rows = np.arange(len(x))
        loss = -np.mean(np.log(p[rows, labels]))
        p[rows, labels] -= 1
        d = p / len(x)
        for layer in reversed(range(len(self.w))):
            if layer < len(self.w) - 1:
                a, before, behind = kept[layer]
                d = self.denormalize(layer, d, behind) * slope(kind, a)
                d = self.denormalize(layer, d, before)
            dw, db, back = inputs[layer].T @ d, d.sum(axis=0), d @ self.w[layer].T
            self.w[layer] = self.w[layer] - self.settings["lr"] * dw
            self.b[layer] = self.b[layer] - self.settings["lr"] * db
            d = back
        return loss


@pytest.fixture(scope="module")
def digits():
    """The training digits as the page has them: 4 bits a pixel, from 0 to 1."""
    arrays = mnist5k()
    x = np.round(arrays.x_train[: playground.TRAIN].reshape(-1, 784) / 17) / 15
    return x.astype(np.float32).astype(np.float64), arrays.y_train


@pytest.mark.parametrize(
    ("kernels", "change"),
    [
        ("wasm", {}),
        ("javascript", {}),
        ("wasm", {"a": "after", "activation": "tanh", "width": 33, "depth": 2}),
        ("wasm", {"activation": "relu", "init": "he", "lr": 0.05, "width": 50}),
    ],
    ids=["wasm", "JavaScript", "after, tanh", "relu, He"],
)
def test_network_equals_numpy_for_100_steps(engine, digits, kernels, change):
    settings = {**NETWORK, **change}
    got = engine.evaluate(TRAIN, [settings, kernels, 100])
    x, y = digits
    for i, norm in enumerate((settings["a"], settings["b"])):
        network = Reference(got["start"][i], settings, norm)
        losses = [network.step(x[batch], y[batch]) for batch in got["batches"]]
        assert losses[-1] < losses[0] + 0.5
        far = {"loss": distance(np.array(got["losses"])[:, i], losses)}
        for layer, end in enumerate(got["end"][i]):
            far[f"w{layer}"] = distance(end["w"], network.w[layer].ravel())
            if end["movingMean"]:
                moving = network.moving[layer]
                far[f"moving{layer}"] = distance(end["movingMean"], moving)
        print(norm, kernels, {name: f"{value:.1e}" for name, value in far.items()})
        assert {name: value for name, value in far.items() if value > TOLERANCE} == {}


@pytest.mark.parametrize("shape", [(3, 5, 1), (7, 13, 3), (60, 784, 100), (2, 9, 47)])
def test_kernels_agree_with_numpy(engine, shape):
    got = engine.evaluate(
        """([M, K, N]) => ["wasm", "javascript"].map((name) => {
          const sizes = [M * K, K * N, N, M * N], random = makeRandom(3);
          const kernels = makeKernels(modules[name], bytesFor(sizes));
          const [A, B, bias, C] = sizes.map((n) => kernels.floats(n));
          for (const array of [A, B, bias])
            array.forEach((_, i) => { array[i] = random.normal(); });
          A.forEach((v, i) => { if (v < 0) A[i] = 0; });
          kernels.gemm(A, K, 1, B, C, bias, M, K, N);
          const product = Array.from(C);
          kernels.gemm(A, 1, M, B, C, null, M, K, N);
          const turned = Array.from(C);
          kernels.descend(B, B, 0.25);
          return [A, B, bias, product, turned].map((array) => Array.from(array));
        })""",
        shape,
    )
    rows, inner, columns = shape
    for a, b, bias, product, turned in got:
        a, b = np.array(a), np.array(b).reshape(inner, columns) / 0.75
        wanted = a.reshape(rows, inner) @ b + bias
        assert distance(product, wanted.ravel()) < TOLERANCE
        wanted = a.reshape(inner, rows).T @ b
        assert distance(turned, wanted.ravel()) < TOLERANCE


@pytest.mark.parametrize("kernels", KERNELS)
def test_same_seed_gives_the_same_history_and_another_does_not(engine, kernels):
    first, again, other = (
        engine.evaluate(TRAIN, [{**NETWORK, "width": 20, "seed": seed}, kernels, 20])
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first["losses"] != other["losses"]


def test_both_networks_start_alike_and_measuring_changes_nothing(engine):
    first, second = engine.evaluate(
        """(settings) => [false, true].map((looking) => {
          const simulation = new Simulation(digits, settings, modules.wasm);
          const losses = [], [a, b] = simulation.pairs[0].networks;
          const differ = (layer, l) => layer.w.some((v, i) => v !== b.layers[l].w[i]);
          if (a.layers.some(differ))
            throw new Error("the initial weights differ");
          for (let i = 0; i < 10; i++) {
            if (looking) simulation.look();
            simulation.step();
            losses.push([...simulation.pairs[0].loss]);
          }
          return losses;
        })""",
        NETWORK,
    )
    assert first == second


def test_sorted_batches_hold_neighbouring_classes(engine):
    classes = engine.evaluate(
        """(settings) => {
          const pair = new Pair(digits, settings, modules.wasm), seen = [];
          for (let i = 0; i < 33; i++) { pair.step(); seen.push([...pair.labels]); }
          return seen;
        }""",
        {**NETWORK, "composition": "sorted", "width": 4},
    )
    order = np.concatenate(classes)
    assert (np.diff(order) >= 0).all()
    assert set(order) == set(range(10))

"""Right answers to every exercise, each written in another way."""

import answers_covariate_shift
import numpy as np

from bnteach import batch_norm


def axes_of(x):
    return tuple(range(np.ndim(x) - 1))


def forward_axes(x, gamma, beta, epsilon):
    mean, variance = x.mean(axes_of(x)), x.var(axes_of(x))
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def forward_loop(x, gamma, beta, eps):
    y = np.empty(x.shape)
    for c in range(x.shape[-1]):
        values = [float(v) for v in x[..., c].ravel()]
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / len(values)
        y[..., c] = gamma[c] * (x[..., c] - mean) / (variance + eps) ** 0.5 + beta[c]
    return y


def forward_einsum(inputs, scale, offset, eps=1e-3, name=None):
    rows = inputs.reshape(-1, inputs.shape[-1])
    centred = rows - np.einsum("nc->c", rows) / len(rows)
    variance = np.einsum("nc,nc->c", centred, centred) / len(rows)
    x_hat = np.einsum("nc,c->nc", centred, 1 / np.sqrt(variance + eps))
    return (x_hat * scale + offset).reshape(inputs.shape)


def forward_affine(x, gamma, beta, epsilon):
    mean = x.mean(axes_of(x))
    a = gamma / np.sqrt(((x - mean) ** 2).mean(axes_of(x)) + epsilon)
    return (x - mean) * a + beta


def forward_float32(x, gamma, beta, epsilon):
    return forward_axes(*(np.float32(v) for v in (x, gamma, beta, epsilon)))


def forward_float32_inside(x, gamma, beta, epsilon):
    return forward_axes(x.astype(np.float32), gamma, beta, epsilon)


def forward_lists(x, gamma, beta, epsilon):
    return forward_axes(x, gamma, beta, epsilon).tolist()


def forward_package(x, gamma, beta, epsilon):
    return batch_norm.batch_norm_train(x, gamma, beta, epsilon)[0]


def forward_one_pass_float64(x, gamma, beta, epsilon):
    x = x.astype(np.float64)
    mean = x.mean(axes_of(x))
    variance = (x**2).mean(axes_of(x)) - mean**2
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def forward_noisy(x, gamma, beta, epsilon):
    print("mean", x.mean())
    return forward_axes(x, gamma, beta, epsilon)


class Forward:
    def __call__(self, x, gamma, beta, epsilon):
        return forward_axes(x, gamma, beta, epsilon)

    def method(self, x, gamma, beta, epsilon, *rest, **more):
        return forward_axes(x, gamma, beta, epsilon)


def backward_closed(dy, x, gamma, epsilon):
    m = x.size // x.shape[-1]
    std = np.sqrt(x.var(axes_of(x)) + epsilon)
    x_hat = (x - x.mean(axes_of(x))) / std
    dgamma, dbeta = (dy * x_hat).sum(axes_of(x)), dy.sum(axes_of(x))
    return gamma / std * (dy - dbeta / m - x_hat * dgamma / m), dgamma, dbeta


def backward_graph(dy, x, gamma, epsilon):
    _, cache = batch_norm.batch_norm_train(x, gamma, gamma, epsilon)
    return batch_norm.batch_norm_backward_graph(dy, cache)


def backward_package(dy, x, gamma, epsilon):
    _, cache = batch_norm.batch_norm_train(x, gamma, gamma, epsilon)
    return list(batch_norm.batch_norm_backward(dy, cache))


def backward_paper(dout, x, gamma, eps):
    """The six equations of section 3, with powers in place of roots."""
    axes, m = axes_of(x), x.size / x.shape[-1]
    mu, var = x.mean(axes), x.var(axes)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=axes)
    dmu = np.sum(dxhat * -((var + eps) ** -0.5), axis=axes)
    dmu = dmu + dvar * np.sum(-2 * (x - mu), axis=axes) / m
    dx = dxhat * (var + eps) ** -0.5 + dvar * 2 * (x - mu) / m + dmu / m
    dgamma = np.sum(dout * (x - mu) * (var + eps) ** -0.5, axis=axes)
    return dx, dgamma, np.sum(dout, axis=axes)


def backward_jacobian(dy, x, gamma, epsilon):
    """One matrix of all examples a channel."""
    rows, above = x.reshape(-1, x.shape[-1]), dy.reshape(-1, x.shape[-1])
    m = len(rows)
    dx = np.empty(rows.shape)
    for c in range(rows.shape[1]):
        std = np.sqrt(rows[:, c].var() + epsilon)
        x_hat = (rows[:, c] - rows[:, c].mean()) / std
        jacobian = gamma[c] / std * (np.eye(m) - 1 / m - np.outer(x_hat, x_hat) / m)
        dx[:, c] = jacobian.T @ above[:, c]
    _, dgamma, dbeta = backward_closed(dy, x, gamma, epsilon)
    return dx.reshape(x.shape), dgamma.tolist(), dbeta


def differences(step, one_sided=False):
    def numerical(dy, x, gamma, epsilon):
        def loss(x, gamma, beta):
            return (dy * forward_axes(x, gamma, beta, epsilon)).sum()

        arguments = [x, gamma, np.zeros_like(gamma)]
        gradients = []
        for number, value in enumerate(arguments):
            gradient = np.zeros_like(value)
            for at in np.ndindex(value.shape):
                up, down = ([a.copy() for a in arguments] for _ in range(2))
                up[number][at] += step
                down[number][at] -= 0 if one_sided else step
                width = step if one_sided else 2 * step
                gradient[at] = (loss(*up) - loss(*down)) / width
            gradients.append(gradient)
        return tuple(gradients)

    return numerical


def backward_float32(dy, x, gamma, epsilon):
    return backward_closed(*(np.float32(v) for v in (dy, x, gamma, epsilon)))


def moving_loop(moving, batch, momentum):
    pairs = zip(moving, batch, strict=True)
    return [momentum * old + (1 - momentum) * new for old, new in pairs]


def infer(x, gamma, beta, moving_mean, moving_variance, epsilon):
    return gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta


def infer_affine(x, gamma, beta, mean, variance, eps):
    a = gamma * (variance + eps) ** -0.5
    return a * x + (beta - a * mean)


def infer_loop(x, gamma, beta, mean, variance, eps):
    columns = [
        infer(x[..., c], gamma[c], beta[c], mean[c], variance[c], eps)
        for c in range(x.shape[-1])
    ]
    return np.stack(columns, axis=-1)


def fold_closed(kernel, bias, gamma, beta, moving_mean, moving_variance, epsilon):
    factor = gamma / np.sqrt(moving_variance + epsilon)
    return kernel * factor, (bias - moving_mean) * factor + beta


def fold_diagonal(w, b, g, be, m, v, e):
    a = np.diag(g / np.sqrt(v + e))
    return [w @ a, a @ b + be - a @ m]


def fold_probed(w, b, g, be, m, v, e):
    """Read the folded layer off what the two layers give for zeros and unit vectors."""
    at_zero = infer(b, g, be, m, v, e)
    return infer(w + b, g, be, m, v, e) - at_zero, at_zero


def fold_loop(w, b, g, be, m, v, e):
    kernel, bias = [[] for _ in w], []
    for c, offset in enumerate(b):
        factor = g[c] / (v[c] + e) ** 0.5
        for row, weights in zip(kernel, w, strict=True):
            row.append(weights[c] * factor)
        bias.append((offset - m[c]) * factor + be[c])
    return kernel, bias


def fold_float32(*arguments):
    return fold_closed(*(np.float32(value) for value in arguments))


def gradients_agree(forward, backward, x, gamma, beta, epsilon):
    weights = np.random.default_rng(0).normal(size=x.shape)
    arguments = [x, gamma, beta]
    for number, gradient in enumerate(backward(weights, x, gamma, epsilon)):
        for at in np.ndindex(arguments[number].shape):
            losses = []
            for step in (1e-5, -1e-5):
                moved = [value.copy() for value in arguments]
                moved[number][at] += step
                losses.append((weights * forward(*moved, epsilon)).sum())
            slope = (losses[0] - losses[1]) / 2e-5
            if abs(slope - gradient[at]) > 1e-6:
                return False
    return True


class BatchNormalization:
    def __init__(self, channels, momentum=0.99, epsilon=1e-3):
        self.gamma, self.beta = np.ones(channels), np.zeros(channels)
        self.moving_mean, self.moving_variance = np.zeros(channels), np.ones(channels)
        self.momentum, self.epsilon = momentum, epsilon

    def __call__(self, x, training):
        if not training:
            moving = self.moving_mean, self.moving_variance
            return infer(x, self.gamma, self.beta, *moving, self.epsilon)
        for name, new in (("mean", x.mean(0)), ("variance", x.var(0))):
            old = getattr(self, f"moving_{name}")
            old += (1 - self.momentum) * (new - old)  # in place: it is its own
        return forward_axes(x, self.gamma, self.beta, self.epsilon)


def pool_by_squares(means, variances, counts):
    share = counts / counts.sum()
    mean = share @ means
    return mean, share @ (variances + means**2) - mean**2


def pool_one_by_one(means, variances, counts):
    n, mean, squares = 0.0, 0.0, 0.0
    for m, v, count in zip(means, variances, counts, strict=True):
        step = m - mean
        squares = squares + v * count + step**2 * n * count / (n + count)
        n, mean = n + count, mean + step * count / (n + count)
    return mean, squares / n


def fold_transposed(kernel, bias, gamma, beta, mean, variance, epsilon):
    a = gamma / np.sqrt(variance + epsilon)
    return np.einsum("hwoi,o->hwoi", kernel, a), a * bias + beta - a * mean


def padding_value(gamma, beta, mean, variance, epsilon):
    return mean - beta * np.sqrt(variance + epsilon) / gamma


def padding_by_the_map(*given):
    shift, at_one = (infer(np.full(given[0].shape, v), *given) for v in (0.0, 1.0))
    return -shift / (at_one - shift)


def one_by_one(call, x):
    together, alone = call(x), [call(x[i : i + 1])[0] for i in range(len(x))]
    return np.abs(together - alone).max() > 1e-3 * np.abs(together).max()


def with_other_company(call, x):
    return not np.allclose(
        np.concatenate([call(x[:2]), call(x[2:])]), call(x), atol=1e-3
    )


def fold_transposed_lists(kernel, *rest):
    return [
        fold_transposed(kernel, *rest)[0].tolist(),
        fold_transposed(kernel, *rest)[1],
    ]


def channels_first(x, gamma, beta, epsilon):
    y = forward_axes(np.moveaxis(x, 1, -1), gamma, beta, epsilon)
    return np.moveaxis(y, -1, 1)


def channels_first_kept(x, gamma, beta, epsilon):
    mean, variance = (f(x, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.var))
    a = gamma[:, None, None] / np.sqrt(variance + epsilon)
    return a * (x - mean) + beta.reshape(1, -1, 1, 1)


def welford(x):
    mean, squares = np.zeros_like(x[0]), np.zeros_like(x[0])
    for k, row in enumerate(x, start=1):
        step = row - mean
        mean = mean + step / np.float32(k)
        squares = squares + step * (row - mean)
    return squares / np.float32(len(x))


def shifted(x):
    near = x - x[0]
    return (near * near).mean(0) - near.mean(0) ** 2


SHOWN_BY = {
    "A": {"moving_mean", "moving_variance"},
    "B": {"dx"},
    "C": {"y", "dx", "dgamma"},
}


def momentum_by_logarithm(steps, share):
    return np.exp(np.log(share) / steps)


def renorm_by_the_paper(x, gamma, beta, mean, stddev, epsilon, rmax, dmax):
    std = np.sqrt(((x - x.mean(0)) ** 2).mean(0) + epsilon)
    r = np.maximum(np.minimum(std / stddev, rmax), 1 / rmax)
    d = np.maximum(np.minimum((x.mean(0) - mean) / stddev, dmax), -dmax)
    return ((x - x.mean(0)) / std * r + d) * gamma + beta


def renorm_by_loop(x, gamma, beta, mean, stddev, epsilon, rmax, dmax):
    given = zip(x.T, gamma, beta, mean, stddev, strict=True)
    columns = [
        renorm_by_the_paper(c[:, None], *map(np.array, rest), epsilon, rmax, dmax)
        for c, *rest in given
    ]
    return np.concatenate(columns, axis=1)


def freeze_by_package(model):
    from bnteach.models import batch_norm_layers

    for layer in batch_norm_layers(model):
        layer.trainable = False
    model.compile(optimizer=model.optimizer, loss=model.loss)
    return model


def freeze_by_recursion(model):
    def freeze(one):
        for layer in getattr(one, "layers", []):
            freeze(layer)
            if hasattr(layer, "moving_mean"):
                layer.trainable = False

    freeze(model)
    model.compile("adam", "mse")
    return model


def mended_network():
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1))])
    for _ in range(2):
        model.add(layers.Conv2D(6, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10))
    return model


CODES = {
    "A": "momentum-convention",
    "B": "wrong-axis",
    "C": "training-flag-baked-in",
    "D": "negative-variance",
    "E": "dropout-before-norm",
}
RIGHT = answers_covariate_shift.RIGHT | {
    "which-use-batch-statistics": [{"B", "C", "F"}, "b c f"],
    "count-weights": [[285, 257], np.array([285.0, 257.0])],
    "momentum-for-steps": [
        momentum_by_logarithm,
        lambda steps, share: share ** (1 / steps),
    ],
    "renormalize": [renorm_by_the_paper, renorm_by_loop],
    "freeze-normalizations": [freeze_by_package, freeze_by_recursion],
    "mended-network": [mended_network],
    "which-recipes-freeze": [{"B", "D", "E"}, "bde"],
    "weight-of-start": [0.547, 0.99**60, np.float32(0.547)],
    "what-recalibration-mends": [{"A", "C", "E"}, "a, c, e"],
    "pooled-statistics": [pool_by_squares, pool_one_by_one],
    "three-bugs": [fold_transposed, fold_transposed_lists],
    "padding-value": [padding_value, padding_by_the_map],
    "planted-models": [CODES, {k.lower(): f" {v} " for k, v in CODES.items()}],
    "one-at-a-time": [one_by_one, with_other_company],
    "batch-norm-forward": [
        forward_axes,
        forward_loop,
        forward_einsum,
        forward_affine,
        forward_float32,
        forward_float32_inside,
        forward_lists,
        forward_package,
        forward_one_pass_float64,
        forward_noisy,
        lambda *arguments: forward_axes(*arguments),
        Forward(),
        Forward,
        Forward().method,
    ],
    "batch-norm-backward": [
        backward_closed,
        backward_graph,
        backward_package,
        backward_paper,
        backward_jacobian,
        backward_float32,
        differences(1e-5),
        differences(1e-3),
        differences(1e-6, one_sided=True),
    ],
    "moving-average": [
        moving_loop,
        batch_norm.update_moving_average,
        lambda moving, batch, momentum: moving + (1 - momentum) * (batch - moving),
        lambda a, b, m: np.average([a, b], axis=0, weights=[m, 1 - m]),
        lambda a, b, m: (m * a + b * (1 - m)).astype(np.float32),
        lambda a, b, m: np.array([m, 1 - m]) @ np.stack([a, b]),
    ],
    "pytorch-momentum": [
        lambda running, batch, momentum: (1 - momentum) * running + momentum * batch,
        lambda a, b, m: a + m * (b - a),
    ],
    "batch-norm-inference": [
        infer,
        infer_affine,
        infer_loop,
        batch_norm.batch_norm_inference,
        lambda *given: infer(*(np.float32(value) for value in given)),
        lambda *given: infer(*given).tolist(),
    ],
    "fold-dense": [fold_closed, fold_diagonal, fold_probed, fold_loop, fold_float32],
    "gradient-check": [
        gradients_agree,
        lambda *given: np.bool_(gradients_agree(*given)),
    ],
    "unbiased-variance": [
        batch_norm.unbiased_variance,
        lambda variance, m: variance * m * (1 / (m - 1)),
    ],
    "convolution-moments": [
        lambda x: (x.mean((0, 1, 2)), x.var((0, 1, 2))),
        lambda x: [f(x.reshape(-1, x.shape[-1]), axis=0) for f in (np.mean, np.var)],
    ],
    "batch-norm-class": [BatchNormalization],
    "steps-to-forget": [44, 44.0, np.int64(44), [44], np.array(44.0)],
    "four-numbers": [
        [-1.34, -0.447, 0.447, 1.34],
        np.array([-3, -1, 1, 3]) / np.sqrt(5),
    ],
    "plateau-loss": [0.056, np.float32(0.05600)],
    "lag-batches": [409, 409.0, [409], 410],
    "channels-first": [channels_first, channels_first_kept],
    "three-broken-layers": [
        SHOWN_BY,
        {k.lower(): ", ".join(sorted(v)) for k, v in SHOWN_BY.items()},
        {k: sorted(v) for k, v in SHOWN_BY.items()},
    ],
    "steady-variance": [
        lambda x: x.var(0),
        welford,
        shifted,
        lambda x: x.astype(np.float64).var(0),
        lambda x: ((x - x.mean(0)) ** 2).mean(0).tolist(),
    ],
    "error-slope": [2, 1.9, np.float64(2.13)],
    "planted-faults": [
        {"B", "C", "E", "F"},
        "bcef",
        "B, C, E, F",
        ["F", "E", "C", "B"],
    ],
}

"""Right answers to the exercises of chapter 1, each written in several ways."""

import numpy as np


def slope(x):
    return np.exp(-x) / (1 + np.exp(-x)) ** 2


def through_einsum(dh, x, kernel):
    s = 1 / (1 + np.exp(-x))
    return np.einsum("ij,ij,kj->ik", dh, s * (1 - s), kernel)


def row_by_row(dh, x, kernel):
    return [kernel @ (row * slope(at)) for row, at in zip(dh, x, strict=True)]


def along_eigenvectors(x):
    centred = x - x.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred / len(x))
    return centred @ directions / np.sqrt(values)


def zero_phase(x):
    centred = x - x.mean(axis=0)
    values, directions = np.linalg.eigh(np.cov(x.T, bias=True))
    return centred @ directions @ np.diag(values**-0.5) @ directions.T


def by_cholesky(x):
    lower = np.linalg.cholesky(np.linalg.inv(np.cov(x.T, ddof=0)))
    return (x - x.mean(axis=0)) @ lower


def by_singular_values(x):
    left, _, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return left * np.sqrt(len(x))


def recorded_gaps():
    from bnteach.runs import results

    run = results.read("digit_learning_rates", results.RECORDED)
    found = []
    for rate in ("0.1", "1", "3"):
        bn, plain = (
            run.curve(f"{name}, rate {rate}", "val_accuracy")[:, -1]
            for name in ("batch norm", "plain")
        )
        found.append(float(np.mean(bn) - np.mean(plain)))
    return found


BLAME = {"A": "weights", "B": "none", "C": "normalization", "D": "slope"}
RIGHT = {
    "factor-per-layer": [[0.125, 0.25, 0.4], np.array([1 / 8, 1 / 4, 2 / 5])],
    "which-shift": [{"B", "D"}, "b, d", ["D", "B"]],
    "input-gradient": [
        lambda dh, x, kernel: (dh * slope(x)) @ kernel.T,
        through_einsum,
        row_by_row,
        lambda *given: through_einsum(*(np.float32(value) for value in given)),
    ],
    "whiten": [along_eigenvectors, zero_phase, by_cholesky, by_singular_values],
    "blame-a-factor": [BLAME, {k.lower(): v.upper() for k, v in BLAME.items()}],
    "gap-by-rate": [recorded_gaps(), np.array(recorded_gaps()).round(4)],
}

/** Measurements of a network: accuracy, loss, and what reaches the units, by layer. */

/** Return the quantiles of `values`, with linear interpolation as NumPy has it. */
export function quantiles(values, parts) {
  const sorted = Float32Array.from(values).sort(), last = sorted.length - 1;
  return parts.map((part) => {
    const at = last * part, below = Math.floor(at);
    return sorted[below] + (sorted[Math.min(last, below + 1)] - sorted[below]) * (at - below);
  });
}

/** Standard deviation over the digits, averaged over the units, of pre (rows, units). */
function meanSpread(pre, rows, units) {
  let total = 0;
  for (let c = 0; c < units; c++) {
    let sum = 0, squares = 0;
    for (let m = 0; m < rows; m++) {
      const distance = pre[m * units + c] - pre[c];
      sum += distance;
      squares += distance * distance;
    }
    const variance = squares / rows - (sum / rows) ** 2;
    total += Math.sqrt(variance < 0 ? 0 : variance);
  }
  return total / units;
}

/** Share of the outputs where the activation is flat (sigmoid, tanh) or zero (ReLU). */
function flatShare(a, count, activation) {
  let flat = 0;
  for (let i = 0; i < count; i++) {
    if (activation === "sigmoid") flat += +(a[i] < 0.05 || a[i] > 0.95);
    else if (activation === "tanh") flat += +(Math.abs(a[i]) > 0.9);
    else flat += +(a[i] === 0);
  }
  return flat / count;
}

/** What reaches the units of each hidden layer in the pass that went through last. */
function hiddenLayers(network, rows, unit) {
  const hidden = network.layers.filter((layer) => layer.hidden);
  return {
    spread: hidden.map(({ pre, outputs }) => meanSpread(pre, rows, outputs)),
    flat: hidden.map(({ a, outputs }) =>
      flatShare(a, rows * outputs, network.options.activation)),
    bands: hidden.map(({ pre, outputs }) => {
      const shown = Math.min(unit, outputs) - 1;
      const values = Float32Array.from({ length: rows }, (_, m) => pre[m * outputs + shown]);
      return quantiles(values, [0.15, 0.5, 0.85]);
    }),
  };
}

/** Accuracy on the test digits in inference mode. */
export function testAccuracy(network, digits) {
  const rows = digits.yTest.length;
  network.x.set(digits.xTest);
  network.forward(rows, false);
  return network.score(digits.yTest, rows).accuracy;
}

/**
 * Measure on the test digits. The last pass is by batch statistics, those of all test
 * digits: what reaches the units is seen as in training.
 */
export function measure(network, digits, unit) {
  const rows = digits.yTest.length, accuracy = testAccuracy(network, digits);
  let accuracyByBatchStatistics = accuracy;
  if (["before", "after"].includes(network.options.norm)) {
    network.forward(rows, true);
    accuracyByBatchStatistics = network.score(digits.yTest, rows).accuracy;
  }
  return { accuracy, accuracyByBatchStatistics, ...hiddenLayers(network, rows, unit) };
}

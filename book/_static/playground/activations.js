/** The activations, over the first n entries of an array. */

/** Write the activation of z into a. */
export function activate(kind, z, a, n) {
  if (kind === "sigmoid") for (let i = 0; i < n; i++) a[i] = 1 / (1 + Math.exp(-z[i]));
  else if (kind === "tanh") for (let i = 0; i < n; i++) a[i] = Math.tanh(z[i]);
  // Written so that NaN stays NaN.
  else for (let i = 0; i < n; i++) a[i] = z[i] < 0 ? 0 : z[i];
}

/** Multiply d by the slope of the activation, which its output a tells. */
export function activateBackward(kind, a, d, n) {
  if (kind === "sigmoid") for (let i = 0; i < n; i++) d[i] *= a[i] * (1 - a[i]);
  else if (kind === "tanh") for (let i = 0; i < n; i++) d[i] *= 1 - a[i] * a[i];
  else for (let i = 0; i < n; i++) if (a[i] === 0) d[i] = 0;
}

/**
 * Softmax and cross-entropy of logits z (M, C), with the gradient of the mean loss into d.
 * @returns {{loss: number, accuracy: number}}
 */
export function crossEntropy(z, labels, d, M, C) {
  let loss = 0, right = 0;
  for (let m = 0, from = 0; m < M; m++, from += C) {
    let best = 0, sum = 0;
    for (let c = 1; c < C; c++) if (z[from + c] > z[from + best]) best = c;
    const largest = z[from + best];
    for (let c = 0; c < C; c++) {
      d[from + c] = Math.exp(z[from + c] - largest);
      sum += d[from + c];
    }
    for (let c = 0; c < C; c++) d[from + c] = d[from + c] / sum / M;
    d[from + labels[m]] -= 1 / M;
    loss += Math.log(sum) + largest - z[from + labels[m]];
    if (best === labels[m]) right++;
  }
  return { loss: loss / M, accuracy: right / M };
}

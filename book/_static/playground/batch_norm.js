/**
 * Batch normalization and layer normalization of x (M, C), row by row in one array.
 * The same mathematics as bnteach.batch_norm, to which a test compares it: sums in double
 * precision, of distances to a value near the mean, so that a large mean costs no digits.
 *
 * @typedef {object} Norm
 * @property {Float32Array} gamma scale (C,)
 * @property {Float32Array} beta shift (C,)
 * @property {Float32Array} dgamma gradient of gamma
 * @property {Float32Array} dbeta gradient of beta
 * @property {Float64Array} mean of the batch (C,)
 * @property {Float64Array} variance of the batch (C,), divided by M
 * @property {Float64Array} movingMean (C,)
 * @property {Float64Array} movingVariance (C,)
 * @property {number} epsilon added to the variance
 */

/** Mean and variance of the batch, by channel, into norm.mean and norm.variance. */
export function batchMoments(x, norm, M, C) {
  const total = new Float64Array(C), squares = new Float64Array(C);
  for (let m = 0, i = 0; m < M; m++) {
    for (let c = 0; c < C; c++, i++) {
      const distance = x[i] - x[c];
      total[c] += distance;
      squares[c] += distance * distance;
    }
  }
  for (let c = 0; c < C; c++) {
    const offset = total[c] / M;
    norm.mean[c] = x[c] + offset;
    norm.variance[c] = squares[c] / M - offset * offset;
    // Rounding must not make it negative; an overflow must stay one.
    if (norm.variance[c] < 0) norm.variance[c] = 0;
  }
}

/** y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, with the given statistics. */
export function normalize(x, y, norm, mean, variance, M, C) {
  const scale = new Float64Array(C);
  for (let c = 0; c < C; c++) scale[c] = norm.gamma[c] / Math.sqrt(variance[c] + norm.epsilon);
  for (let m = 0, i = 0; m < M; m++) {
    for (let c = 0; c < C; c++, i++) y[i] = (x[i] - mean[c]) * scale[c] + norm.beta[c];
  }
}

/** Training mode: y from the statistics of the batch, which stay in `norm`. */
export function batchNormTrain(x, y, norm, M, C) {
  batchMoments(x, norm, M, C);
  normalize(x, y, norm, norm.mean, norm.variance, M, C);
}

/** Inference mode: y from the moving statistics. */
export function batchNormInference(x, y, norm, M, C) {
  normalize(x, y, norm, norm.movingMean, norm.movingVariance, M, C);
}

/** Let the moving statistics follow; momentum is the weight of the old value, as in Keras. */
export function updateMoving(norm, momentum) {
  const { mean, variance, movingMean, movingVariance } = norm;
  for (let c = 0; c < mean.length; c++) {
    movingMean[c] = movingMean[c] * momentum + mean[c] * (1 - momentum);
    movingVariance[c] = movingVariance[c] * momentum + variance[c] * (1 - momentum);
  }
}

/** Gradients of the training mode: dx, and dgamma and dbeta into `norm`. */
export function batchNormBackward(dy, x, dx, norm, M, C) {
  const { gamma, mean, variance, epsilon } = norm;
  const sumDy = new Float64Array(C), sumDyX = new Float64Array(C), scale = new Float64Array(C);
  for (let m = 0, i = 0; m < M; m++) {
    for (let c = 0; c < C; c++, i++) {
      sumDy[c] += dy[i];
      sumDyX[c] += dy[i] * (x[i] - mean[c]);
    }
  }
  for (let c = 0; c < C; c++) {
    const inverse = 1 / Math.sqrt(variance[c] + epsilon);
    norm.dbeta[c] = sumDy[c];
    norm.dgamma[c] = sumDyX[c] * inverse;
    scale[c] = gamma[c] * inverse;
    sumDyX[c] *= (inverse * inverse) / M; // from here on: dgamma / (M std)
    sumDy[c] /= M;
  }
  for (let m = 0, i = 0; m < M; m++) {
    for (let c = 0; c < C; c++, i++) {
      dx[i] = scale[c] * (dy[i] - sumDy[c] - (x[i] - mean[c]) * sumDyX[c]);
    }
  }
}

/** Mean and 1 / std of one row of x, which starts at `from`. */
function rowMoments(x, from, C, epsilon) {
  let total = 0, squares = 0;
  for (let c = 0; c < C; c++) {
    const distance = x[from + c] - x[from];
    total += distance;
    squares += distance * distance;
  }
  const offset = total / C;
  const variance = squares / C - offset * offset;
  return [x[from] + offset, 1 / Math.sqrt((variance < 0 ? 0 : variance) + epsilon)];
}

/** Layer normalization: each example by its own mean and variance over the C units. */
export function layerNorm(x, y, norm, M, C) {
  for (let m = 0, from = 0; m < M; m++, from += C) {
    const [mean, inverse] = rowMoments(x, from, C, norm.epsilon);
    for (let c = 0; c < C; c++) {
      y[from + c] = (x[from + c] - mean) * inverse * norm.gamma[c] + norm.beta[c];
    }
  }
}

/** Gradients of layer normalization: dx, and dgamma and dbeta into `norm`. */
export function layerNormBackward(dy, x, dx, norm, M, C) {
  const { gamma } = norm;
  const dgamma = new Float64Array(C), dbeta = new Float64Array(C);
  for (let m = 0, from = 0; m < M; m++, from += C) {
    const [mean, inverse] = rowMoments(x, from, C, norm.epsilon);
    let sum = 0, along = 0;
    for (let c = 0; c < C; c++) {
      const xHat = (x[from + c] - mean) * inverse, d = dy[from + c];
      dbeta[c] += d;
      dgamma[c] += d * xHat;
      sum += d * gamma[c];
      along += d * gamma[c] * xHat;
    }
    for (let c = 0; c < C; c++) {
      const xHat = (x[from + c] - mean) * inverse;
      dx[from + c] = inverse * (dy[from + c] * gamma[c] - sum / C - (xHat * along) / C);
    }
  }
  norm.dgamma.set(dgamma);
  norm.dbeta.set(dbeta);
}

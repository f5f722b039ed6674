import { activate, activateBackward, crossEntropy } from "./activations.js";
import {
  batchNormBackward, batchNormInference, batchNormTrain, layerNorm, layerNormBackward,
  updateMoving,
} from "./batch_norm.js";
import { bytesFor, makeKernels } from "./kernels.js";
import { makeRandom } from "./random.js";

/**
 * A network of dense layers that learns by gradient descent.
 *
 * @typedef {object} NetworkOptions
 * @property {number[]} sizes inputs, units of each hidden layer, classes
 * @property {"sigmoid" | "tanh" | "relu"} activation of the hidden layers
 * @property {"none" | "before" | "after" | "layer"} norm batch normalization before or after
 *   the activation, or layer normalization before it
 * @property {"small" | "glorot" | "he"} init standard deviation of the normal weights: 0.1,
 *   sqrt(2 / (inputs + outputs)) or sqrt(2 / inputs)
 * @property {number} scale a factor on all initial weights
 * @property {number} lr learning rate
 * @property {number} momentum of the moving statistics, in Keras's sense
 * @property {number} seed
 * @property {number} maxRows the most examples that go through at once
 */

const EPSILON = 1e-3; // Keras's default

/** Standard deviation of the initial weights of a layer. */
function deviation(init, inputs, outputs) {
  if (init === "small") return 0.1;
  return Math.sqrt(2 / (init === "he" ? inputs : inputs + outputs));
}

/** Lengths of the arrays of one layer. */
function lengthsOf(inputs, outputs, rows, normed) {
  const weights = inputs * outputs, values = rows * outputs;
  const norm = { n: values, gamma: outputs, beta: outputs, dgamma: outputs, dbeta: outputs };
  return {
    w: weights, dw: weights, wt: weights, b: outputs, db: outputs,
    z: values, dz: values, a: values, ...(normed ? norm : {}),
  };
}

export class Network {
  /**
   * @param {NetworkOptions} options
   * @param {WebAssembly.Module | null} module the kernels; null: JavaScript
   */
  constructor(options, module) {
    this.options = options;
    const { sizes, maxRows, norm } = options;
    this.classes = sizes[sizes.length - 1];
    const shapes = sizes.slice(1).map((outputs, l) => ({
      inputs: sizes[l], outputs, hidden: l < sizes.length - 2,
      lengths: lengthsOf(sizes[l], outputs, maxRows, norm !== "none" && l < sizes.length - 2),
    }));
    const shared = [maxRows * sizes[0], maxRows * Math.max(...sizes.slice(1))];
    const all = shapes.flatMap((shape) => Object.values(shape.lengths));
    this.kernels = makeKernels(module, bytesFor([...shared, ...all]));
    [this.x, this.work] = shared.map((length) => this.kernels.floats(length));
    this.layers = shapes.map((shape, l) => this.makeLayer(shape, l));
  }

  makeLayer({ inputs, outputs, hidden, lengths }, l) {
    const { seed, init, scale } = this.options;
    const layer = { inputs, outputs, hidden, normed: "n" in lengths };
    for (const [name, length] of Object.entries(lengths)) {
      layer[name] = this.kernels.floats(length);
    }
    const random = makeRandom(1000 * seed + l + 1);
    const sd = deviation(init, inputs, outputs) * scale;
    for (let i = 0; i < layer.w.length; i++) layer.w[i] = random.normal() * sd;
    if (layer.normed) {
      layer.epsilon = EPSILON;
      layer.gamma.fill(1);
      for (const name of ["mean", "variance", "movingMean", "movingVariance"]) {
        layer[name] = new Float64Array(outputs).fill(name === "movingVariance" ? 1 : 0);
      }
    }
    return layer;
  }

  /** Normalize the first values of `from` into layer.n. */
  normalize(layer, from, rows, training) {
    const { norm } = this.options;
    if (norm === "layer") layerNorm(from, layer.n, layer, rows, layer.outputs);
    else if (training) batchNormTrain(from, layer.n, layer, rows, layer.outputs);
    else batchNormInference(from, layer.n, layer, rows, layer.outputs);
  }

  /**
   * Send the first rows of this.x through.
   * @param {number} rows
   * @param {boolean} training true: with the statistics of these rows
   * @returns {Float32Array} logits (rows, classes)
   */
  forward(rows, training) {
    const { norm, activation } = this.options;
    let input = this.x;
    for (const layer of this.layers) {
      const { inputs, outputs, z, a, w, b } = layer;
      layer.input = input;
      this.kernels.gemm(input, inputs, 1, w, z, b, rows, inputs, outputs);
      if (!layer.hidden) return z;
      const first = layer.normed && norm !== "after";
      if (first) this.normalize(layer, z, rows, training);
      layer.pre = first ? layer.n : z; // what reaches the activation
      activate(activation, layer.pre, a, rows * outputs);
      if (norm === "after") this.normalize(layer, a, rows, training);
      input = norm === "after" ? layer.n : a;
    }
    return input;
  }

  /** Loss and accuracy of the rows that went through last; the gradient starts from it. */
  score(labels, rows) {
    const last = this.layers[this.layers.length - 1];
    return crossEntropy(last.z, labels, last.dz, rows, this.classes);
  }

  /** Turn dz, the gradient of a hidden layer's output, into that of its dense part. */
  backwardHidden(layer, rows) {
    const { norm, activation } = this.options;
    const { outputs, dz, z, a } = layer, n = rows * outputs;
    const back = norm === "layer" ? layerNormBackward : batchNormBackward;
    if (norm === "after") {
      back(dz, a, this.work, layer, rows, outputs);
      dz.set(this.work.subarray(0, n));
    }
    activateBackward(activation, a, dz, n);
    if (layer.normed && norm !== "after") {
      back(dz, z, this.work, layer, rows, outputs);
      dz.set(this.work.subarray(0, n));
    }
  }

  /** Gradients of all weights, after forward(rows, true) and score(). */
  backward(rows) {
    const { gemm } = this.kernels;
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const layer = this.layers[l], { inputs, outputs, w, wt, dz, dw, db } = layer;
      if (layer.hidden) this.backwardHidden(layer, rows);
      gemm(layer.input, 1, inputs, dz, dw, null, inputs, rows, outputs);
      db.fill(0);
      for (let m = 0, i = 0; m < rows; m++) for (let c = 0; c < outputs; c++, i++) db[c] += dz[i];
      if (l === 0) return;
      for (let i = 0, at = 0; i < inputs; i++) {
        for (let c = 0; c < outputs; c++, at++) wt[c * inputs + i] = w[at];
      }
      gemm(dz, outputs, 1, wt, this.layers[l - 1].dz, null, rows, outputs, inputs);
    }
  }

  /** Change weights and moving statistics by what the last backward pass found. */
  update() {
    const { lr, norm, momentum } = this.options, { descend } = this.kernels;
    for (const layer of this.layers) {
      descend(layer.w, layer.dw, lr);
      descend(layer.b, layer.db, lr);
      if (!layer.normed) continue;
      descend(layer.gamma, layer.dgamma, lr);
      descend(layer.beta, layer.dbeta, lr);
      if (norm !== "layer") updateMoving(layer, momentum);
    }
  }

  /** Forward and backward pass of a training batch in this.x, without a change. */
  gradients(labels, rows) {
    this.forward(rows, true);
    const score = this.score(labels, rows);
    this.backward(rows);
    return score;
  }

  /** Size (root of the sum of squares) of the gradient of each layer's weights. */
  gradientNorms() {
    return this.layers.map(({ dw }) => Math.sqrt(dw.reduce((sum, v) => sum + v * v, 0)));
  }
}

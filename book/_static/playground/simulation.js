import { measure, testAccuracy } from "./measure.js";
import { Network } from "./network.js";
import { makeRandom } from "./random.js";

/**
 * What is known of one network at a step.
 * @typedef {object} NetworkLook
 * @property {number} loss cross-entropy of the batch of this step, before its update; at
 *   step 0, of the batch to come
 * @property {number} accuracy on the test digits in inference mode, from 0 to 1
 * @property {number} accuracyByBatchStatistics the same, normalized by the test digits
 * @property {number | null} overflowAt the step whose loss was no finite number
 * @property {number[]} gradients size of each layer's gradient, first layer first
 * @property {number[]} spread standard deviation over the test digits of what reaches the
 *   activation, averaged over the units of each hidden layer
 * @property {number[]} flat share of outputs where the activation is flat, or off (ReLU)
 * @property {number[][]} bands of one unit of each layer: 15, 50 and 85 % of the digits
 * @property {number[]} others accuracy with the other seeds
 */

/** The order in which the training digits come. */
class Order {
  constructor(digits, settings) {
    this.labels = digits.y;
    this.sorted = settings.composition === "sorted";
    this.random = makeRandom(99 + settings.seed);
    this.index = Uint16Array.from(digits.y, (_, i) => i);
    this.at = digits.y.length;
  }

  /** Return the numbers of the next batch: a new epoch where too few are left. */
  next(size) {
    if (this.at + size > this.index.length) {
      this.random.shuffle(this.index);
      if (this.sorted) this.index.sort((i, j) => this.labels[i] - this.labels[j]);
      this.at = 0;
    }
    this.at += size;
    return this.index.subarray(this.at - size, this.at);
  }
}

/** One seed: both networks, with the same initial weights and the same batches. */
export class Pair {
  constructor(digits, settings, module) {
    this.digits = digits;
    this.size = settings.batch;
    this.order = new Order(digits, settings);
    const { depth, width } = settings;
    const sizes = [digits.inputs, ...Array(depth).fill(width), 10];
    const maxRows = Math.max(this.size, digits.yTest.length);
    this.networks = [settings.a, settings.b].map(
      (norm) => new Network({ ...settings, norm, sizes, maxRows }, module));
    this.overflowAt = [null, null];
    this.loss = [NaN, NaN];
    this.steps = 0;
    this.take();
    this.networks.forEach((network, i) => {
      this.loss[i] = this.look(network).loss;
    });
  }

  /** Get the next batch ready. */
  take() {
    this.batch = this.order.next(this.size);
    this.labels = Uint8Array.from(this.batch, (i) => this.digits.y[i]);
  }

  /** Forward and backward pass of the batch that is ready. */
  look(network) {
    const { x, inputs } = this.digits;
    this.batch.forEach((i, m) => {
      network.x.set(x.subarray(i * inputs, (i + 1) * inputs), m * inputs);
    });
    return network.gradients(this.labels, this.size);
  }

  /** One step of gradient descent; a network that has overflowed rests. */
  step() {
    this.steps++;
    if (this.steps > 1) this.take();
    this.networks.forEach((network, i) => {
      if (this.overflowAt[i] !== null) return;
      this.loss[i] = this.look(network).loss;
      network.update();
      if (!Number.isFinite(this.loss[i])) this.overflowAt[i] = this.steps;
    });
  }
}

export class Simulation {
  /**
   * @param {import("./digits.js").Digits} digits
   * @param {import("./settings.js").Settings} settings
   * @param {WebAssembly.Module | null} module
   */
  constructor(digits, settings, module) {
    this.digits = digits;
    this.settings = settings;
    this.pairs = Array.from({ length: settings.runs }, (_, run) =>
      new Pair(digits, { ...settings, seed: settings.seed + run }, module));
  }

  get steps() {
    return this.pairs[0].steps;
  }

  step() {
    for (const pair of this.pairs) pair.step();
  }

  /** Measure both networks; nothing that is learned changes. */
  look() {
    const [a, b] = [0, 1].map((i) => this.lookAt(i));
    return { step: this.steps, a, b };
  }

  /** @returns {NetworkLook} */
  lookAt(i) {
    const [pair, ...others] = this.pairs, network = pair.networks[i];
    // The gradients are those of the last step: measuring does no backward pass.
    return {
      loss: pair.loss[i], overflowAt: pair.overflowAt[i], gradients: network.gradientNorms(),
      ...measure(network, this.digits, this.settings.unit),
      others: others.map((other) => testAccuracy(other.networks[i], this.digits)),
    };
  }

  /** Return what both networks answer to one digit: probabilities by class. */
  answer(pixels) {
    return this.pairs[0].networks.map((network) => {
      network.x.set(pixels);
      const logits = network.forward(1, false).slice(0, 10);
      const largest = Math.max(...logits), powers = logits.map((z) => Math.exp(z - largest));
      const sum = powers.reduce((s, p) => s + p, 0);
      return Array.from(powers, (p) => p / sum);
    });
  }
}

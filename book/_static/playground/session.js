import { Client } from "./client.js";
import { DEFAULTS, withDefaults } from "./settings.js";

/**
 * One visit: the settings, the history that came from the worker, what is running.
 * The page listens; window.playground speaks to it.
 */
export class Session extends EventTarget {
  /**
   * @param {() => void} body the worker's script
   * @param {{packed: object, kernels: string | null}} content
   */
  constructor(body, content) {
    super();
    this.settings = DEFAULTS;
    /** @type {any[]} */
    this.history = [];
    this.run = 0;
    this.playing = false;
    this.client = new Client(body, (message) => this.hear(message));
    this.loaded = this.client.ask("load", content);
  }

  /** @param {string} name "began", "looks" or "rested" */
  announce(name) {
    this.dispatchEvent(new Event(name));
  }

  hear({ run, looks, resting }) {
    if (run !== this.run) return; // of a run that was given up
    const fresh = !this.history.length;
    for (const look of looks) {
      if (look.step > (this.last?.step ?? -1)) this.history.push(look);
    }
    if (fresh) return this.announce("began");
    this.announce("looks");
    if (resting) {
      this.playing = false;
      this.announce("rested");
    }
  }

  get last() {
    return this.history[this.history.length - 1];
  }

  /**
   * Begin anew with the settings given, the others at their defaults.
   * @returns {Promise<void>} resolves when the worker has begun
   */
  async set(given = {}) {
    this.settings = withDefaults(given);
    const run = ++this.run, { settings } = this;
    this.history = [];
    this.playing = false;
    await this.loaded;
    // Another call may have come while the digits were unpacked.
    if (run === this.run) await this.client.ask("begin", { settings, run });
  }

  /** Take n steps as fast as can be. */
  async step(n = 1) {
    if (!Number.isInteger(n) || n < 0) {
      throw new RangeError(`expected a whole number of steps. Received: ${n}`);
    }
    await this.client.ask("step", { n });
  }

  /** Play until the step `until`, `pace` steps a second. */
  play(until, pace) {
    this.playing = true;
    this.client.tell("play", { until, pace });
    this.announce("looks");
  }

  pause() {
    this.client.tell("pause");
  }

  /** What is known at the last step, for tests and scripts. */
  read() {
    const settings = { ...this.settings }, pick = (look) => ({
      loss: look.loss, accuracy: look.accuracy,
      accuracyByBatchStatistics: look.accuracyByBatchStatistics,
      overflowAt: look.overflowAt, gradients: [...look.gradients], spread: [...look.spread],
    });
    if (!this.last) return { step: 0, settings, a: null, b: null };
    return { step: this.last.step, settings, a: pick(this.last.a), b: pick(this.last.b) };
  }
}

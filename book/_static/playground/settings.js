/**
 * The settings: their names are those of the address, of the knobs and of
 * window.playground.
 *
 * @typedef {object} Settings
 * @property {"none" | "before" | "after" | "layer"} a normalization of network A
 * @property {"none" | "before" | "after" | "layer"} b normalization of network B
 * @property {number} depth hidden layers
 * @property {number} width units of each
 * @property {"sigmoid" | "tanh" | "relu"} activation
 * @property {number} lr learning rate
 * @property {"small" | "glorot" | "he"} init initial weights
 * @property {number} scale a factor on them
 * @property {number} batch digits in a batch
 * @property {"shuffled" | "sorted"} composition order of the training digits
 * @property {number} momentum of the moving statistics
 * @property {number} seed
 * @property {number} runs how many seeds, from `seed` on; those after the first thin
 * @property {number} unit the unit of each layer that the bands show, from 1
 */

const NORMS = {
  none: "no normalization", before: "batch norm before the activation",
  after: "batch norm after the activation", layer: "layer norm before the activation",
};

/** Each setting: its default, what it may be, what the knob offers. */
export const KNOBS = {
  a: { label: "Network A", start: "none", words: NORMS },
  b: { label: "Network B", start: "before", words: NORMS },
  depth: { label: "Hidden layers", start: 3, least: 1, most: 20, whole: true,
    offer: [1, 2, 3, 5, 8, 12, 20] },
  width: { label: "Units in each", start: 100, least: 1, most: 200, whole: true,
    offer: [8, 20, 60, 100] },
  activation: { label: "Activation", start: "sigmoid",
    words: { sigmoid: "sigmoid", tanh: "tanh", relu: "ReLU" } },
  lr: { label: "Learning rate", start: 0.1, least: 0, most: 1000,
    offer: [0.01, 0.05, 0.1, 0.5, 1, 5, 20] },
  init: { label: "Initial weights", start: "small",
    words: { small: "normal, sd 0.1", glorot: "Glorot", he: "He" } },
  scale: { label: "… times", start: 1, least: 0, most: 1000,
    offer: [0.1, 0.3, 0.5, 1, 2, 3, 10] },
  batch: { label: "Batch size", start: 60, least: 1, most: 500, whole: true,
    offer: [1, 2, 4, 8, 16, 60, 200] },
  composition: { label: "Batches are", start: "shuffled",
    words: { shuffled: "shuffled", sorted: "sorted by class" } },
  momentum: { label: "Momentum of moving averages", start: 0.9, least: 0, most: 1,
    offer: [0, 0.5, 0.9, 0.99, 0.999] },
  seed: { label: "Seed", start: 1, least: 0, most: 1000000, whole: true,
    offer: [1, 2, 3, 4, 5] },
  runs: { label: "Seeds drawn", start: 1, least: 1, most: 5, whole: true, offer: [1, 3, 5] },
  unit: { label: "Unit shown", start: 1, least: 1, most: 200, whole: true,
    offer: [1, 2, 3, 4, 5] },
};

/** @type {Settings} */
export const DEFAULTS = /** @type {any} */ (
  Object.fromEntries(Object.entries(KNOBS).map(([name, knob]) => [name, knob.start])));

/** Return the value of one setting; throw an error that says what was expected. */
function checked(name, value) {
  const knob = KNOBS[name];
  if (!knob) {
    const known = Object.keys(KNOBS).join(", ");
    throw new RangeError(`expected a setting among ${known}. Received: ${name}`);
  }
  if (knob.words) {
    if (Object.hasOwn(knob.words, value)) return value;
    const words = Object.keys(knob.words).join(", ");
    throw new RangeError(`expected ${name} to be one of ${words}. Received: ${value}`);
  }
  const number = String(value).trim() === "" ? NaN : Number(value);
  const inRange = number >= knob.least && number <= knob.most;
  if (inRange && (!knob.whole || Number.isInteger(number))) return number;
  const kind = knob.whole ? "a whole number" : "a number";
  throw new RangeError(
    `expected ${name} to be ${kind} from ${knob.least} to ${knob.most}. Received: ${value}`);
}

/**
 * Return whole settings: those given, the rest at their defaults.
 * @param {Partial<Settings>} given
 * @returns {Settings}
 */
export function withDefaults(given) {
  const settings = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) settings[name] = checked(name, value);
  return settings;
}

/** The largest step that an address may ask for. */
const LAST = 20000;

/**
 * Read a query string. What does not fit is left at its default, and named.
 * @param {string} query
 * @returns {{settings: Settings, step: number, controls: boolean, faults: string[]}}
 */
export function readQuery(query) {
  const given = new URLSearchParams(query), settings = { ...DEFAULTS }, faults = [];
  for (const name of Object.keys(KNOBS)) {
    if (!given.has(name)) continue;
    try {
      settings[name] = checked(name, given.get(name));
    } catch (error) {
      faults.push(error.message);
    }
  }
  let step = Number(given.get("step") ?? 0);
  if (!Number.isInteger(step) || step < 0 || step > LAST) {
    faults.push(`expected step to be a whole number from 0 to ${LAST}. Received: ${step}`);
    step = 0;
  }
  return { settings, step, controls: given.get("controls") !== "none", faults };
}

/**
 * Return the query string of settings: what is not at its default, and the step.
 * @param {Settings} settings
 */
export function writeQuery(settings, step = 0) {
  const query = new URLSearchParams();
  for (const [name, knob] of Object.entries(KNOBS)) {
    if (settings[name] !== knob.start) query.set(name, String(settings[name]));
  }
  query.set("seed", String(settings.seed));
  query.set("step", String(step));
  return query.toString();
}

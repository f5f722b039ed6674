import { fromBase64, unpackDigits } from "./digits.js";
import { Simulation } from "./simulation.js";

/** The worker: computes in slices, so that it hears what the page wants meanwhile. */

const SLICE = 14; // milliseconds of computing between two looks at the messages
const LEEWAY = 12; // steps that may be made up for after a hold-up

/** How often what is drawn is measured: often at the start, where things happen. */
const GRID = [[20, 1], [100, 5], [500, 10], [2000, 25], [Infinity, 50]];
const isDue = (step) => step % GRID.find(([until]) => step <= until)[1] === 0;

let digits = null, module = null, simulation = null;
let run = 0; // the page's number of the present simulation
let goal = 0; // the step at which to rest
let speed = Infinity; // steps a second
let owed = 0, last = 0, ticking = false;
/** @type {{id: number, at: number}[]} steps that somebody waits for */
let awaited = [];

const channel = new MessageChannel(); // without the pause that timers make
channel.port1.onmessage = () => tick();

/** Tell the page what was measured, and answer who waited for a step that is reached. */
function report(looks) {
  const resting = simulation.steps >= goal;
  if (looks.length || resting) postMessage({ type: "looks", run, looks, resting });
  for (const { id } of awaited.filter(({ at }) => at <= simulation.steps)) {
    postMessage({ type: "done", id });
  }
  awaited = awaited.filter(({ at }) => at > simulation.steps);
}

function tick() {
  ticking = false;
  if (simulation.steps >= goal) return;
  const now = performance.now(), looks = [];
  owed = speed === Infinity ? Infinity : Math.min(owed + ((now - last) / 1000) * speed, LEEWAY);
  last = now;
  while (owed >= 1 && simulation.steps < goal && performance.now() < now + SLICE) {
    simulation.step();
    owed--;
    const { steps } = simulation;
    if (isDue(steps) || steps >= goal || awaited.some(({ at }) => at === steps)) {
      looks.push(simulation.look());
    }
  }
  report(looks);
  if (simulation.steps < goal) schedule();
}

function schedule() {
  if (ticking) return;
  ticking = true;
  if (owed >= 1) channel.port2.postMessage(0);
  else setTimeout(tick, 4);
}

/** Go on until the step `until`. */
function go(until, pace) {
  goal = until;
  speed = pace;
  owed = pace === Infinity ? Infinity : 1;
  last = performance.now();
  if (simulation.steps < goal) schedule();
  else report([]);
}

/** Rest at the present step. */
function rest() {
  const before = goal;
  goal = simulation.steps;
  awaited.forEach((wait) => { wait.at = goal; });
  if (before > goal || awaited.length) report([simulation.look()]);
}

const ANSWERS = {
  async load({ id, packed, kernels }) {
    digits = await unpackDigits(packed);
    try {
      module = kernels && new WebAssembly.Module(fromBase64(kernels));
    } catch {
      module = null; // JavaScript takes over
    }
    const counts = { train: digits.y.length, test: digits.yTest.length };
    postMessage({ type: "done", id, value: { kernels: module ? "wasm" : "javascript", counts } });
  },
  begin({ id, settings, run: number }) {
    if (simulation) rest();
    simulation = new Simulation(digits, settings, module);
    run = number;
    goal = 0;
    postMessage({ type: "looks", run, looks: [simulation.look()], resting: true });
    postMessage({ type: "done", id });
  },
  step({ id, n }) {
    const at = Math.max(goal, simulation.steps) + n;
    awaited.push({ id, at });
    go(at, Infinity);
  },
  play: ({ until, pace }) => go(until, pace),
  pace({ pace }) {
    if (simulation.steps < goal) go(goal, pace);
  },
  pause: () => rest(),
  digit({ id, number }) {
    const { inputs, xTest, yTest } = digits, at = (number % yTest.length) * inputs;
    const value = { pixels: xTest.slice(at, at + inputs), label: yTest[number % yTest.length] };
    postMessage({ type: "done", id, value });
  },
  answer({ id, pixels }) {
    postMessage({ type: "done", id, value: simulation.answer(pixels) });
  },
};

onmessage = async ({ data }) => {
  try {
    await ANSWERS[data.type](data);
  } catch (error) {
    postMessage({ type: "failed", id: data.id, message: String(error.message ?? error) });
  }
};

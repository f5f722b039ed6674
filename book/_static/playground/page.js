import { drawBands, makeBands } from "./bands.js";
import { Embed } from "./embed.js";
import { makeKnobs, MARKUP, showSettings } from "./markup.js";
import { Pad } from "./pad.js";
import { drawPlot, PLOTS } from "./plots.js";
import { forgetQuestion, showQuestions } from "./questions.js";
import { Session } from "./session.js";
import { readQuery, writeQuery } from "./settings.js";
import { fillCards, fillTable, nameCards, sentence } from "./summary.js";

const ROUND = 1000; // steps that one press of Train goes on for
const SPEEDS = { 10: 10, 60: 60, max: Infinity };

/** What the visitor sees of a session. */
class View {
  constructor(root, session) {
    this.root = root;
    this.session = session;
    this.shown = -1; // place in the history; -1: the last
    root.innerHTML = MARKUP;
    this.find = (selector) => root.querySelector(selector);
    makeKnobs(this.find(".pg-knobs"), (name, value) =>
      this.change(name, value));
    this.pad = new Pad(this.find(".pg-pad"), session);
    this.listen();
  }

  /** A knob was turned. */
  change(name, value) {
    forgetQuestion(this.root);
    window.playground.set({ ...this.session.settings, [name]: value });
  }

  listen() {
    const { session } = this, on = (selector, name, heard) =>
      this.find(selector).addEventListener(name, heard);
    on(".pg-play", "click", () => this.play());
    on(".pg-one", "click", () => session.step(1));
    on(".pg-reset", "click", () => window.playground.set(session.settings));
    on(".pg-copy", "click", () => this.copy());
    on(".pg-speed", "change", () => session.client.tell("pace", { pace: this.pace }));
    on(".pg-look input", "input", (event) => {
      this.shown = +event.target.value;
      if (this.shown >= session.history.length - 1) this.shown = -1;
      this.say();
    });
    session.addEventListener("began", () => this.begin());
    session.addEventListener("looks", () => this.ask());
    session.addEventListener("rested", () => this.say());
    new ResizeObserver(() => this.ask()).observe(this.find(".pg-charts"));
    const look = new MutationObserver(() => this.ask());
    look.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.find(".pg-numbers").addEventListener("toggle", () => this.ask());
  }

  get pace() {
    return SPEEDS[this.find(".pg-speed").value];
  }

  play() {
    const { session } = this;
    if (session.playing) return session.pause();
    this.shown = -1;
    this.find(".pg-said").textContent = ""; // said again when nothing moves
    // On a small screen what happens would be below the view.
    const far = this.find(".pg-cards").getBoundingClientRect().bottom > innerHeight;
    if (far) this.find(".pg-bar").scrollIntoView();
    const step = session.last?.step ?? 0;
    session.play(step + ROUND, this.pace);
  }

  /** A run has begun: nothing is drawn yet but its start. */
  begin() {
    const { settings } = this.session;
    this.shown = -1;
    makeBands(this.find(".pg-bands"), settings.depth);
    showSettings(this.find(".pg-knobs"), settings);
    nameCards(this.root, settings);
    this.say();
  }

  /** Say what is seen, once nothing moves; and keep it in the address. */
  say() {
    const { session } = this;
    if (!session.last) return;
    this.find(".pg-said").textContent = sentence(this.now);
    const keep = new URLSearchParams(location.search).get("controls");
    const query = writeQuery(session.settings, session.last.step);
    const address = `?${query}${keep ? `&controls=${keep}` : ""}${location.hash}`;
    history.replaceState(null, "", address);
    this.pad.answer();
    this.ask();
  }

  get now() {
    const { history } = this.session;
    return this.shown < 0 ? history[history.length - 1] : history[this.shown];
  }

  async copy() {
    const text = location.href.replace(/[&?]controls=none/, "");
    const told = this.find(".pg-copied");
    try {
      await navigator.clipboard.writeText(text);
      told.textContent = "The address of this experiment is copied.";
    } catch {
      told.textContent = text; // a page opened as a file may not write there
    }
  }

  /** Draw with the next frame. */
  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      if (this.session.last) this.draw();
    });
  }

  draw() {
    const { history, settings, playing } = this.session, { now } = this;
    const height = this.root.clientWidth < 600 ? 130 : 170;
    for (const plot of Object.keys(PLOTS)) {
      drawPlot(this.find(`[data-chart=${plot}]`), plot, history, now, height);
    }
    drawBands(this.find(".pg-bands"), history, now, settings.activation);
    this.numbers(now, playing);
  }

  numbers(now, playing) {
    const { history } = this.session;
    fillCards(this.root, now);
    this.find(".pg-play").textContent = playing ? "Pause" : history.length > 1 ? "Go on" : "Train";
    this.find(".pg-step").textContent = `step ${now.step}`;
    const range = this.find(".pg-look input");
    range.max = String(history.length - 1);
    if (this.shown < 0) range.value = range.max;
    range.setAttribute("aria-valuetext", `step ${now.step}`);
    if (this.find(".pg-numbers").open) fillTable(this.find("table"), now);
  }
}

/**
 * Start the playground in the element that the page keeps for it. A page that shows small
 * copies of it loads this script for them alone, and starts each when it is near the view.
 */
export function start(content, body) {
  if (document.currentScript?.dataset.for === "embeds") {
    window.bnEmbed = (root) => new Embed(root, content, body);
    return;
  }
  const { settings, step, controls, faults } = readQuery(location.search);
  const javascript = new URLSearchParams(location.search).get("compute") === "javascript";
  const kernels = javascript ? null : content.kernels;
  const session = new Session(body, { packed: content.digits, kernels });
  let begun = session.set(settings).then(() => (step ? session.step(step) : undefined));
  window.playground = {
    set: (given) => (begun = session.set(given)),
    step: (n) => begun.then(() => session.step(n)),
    read: () => session.read(),
  };
  const root = document.getElementById("playground");
  if (!root) return;
  const view = new View(root, session), note = root.querySelector(".pg-note");
  document.documentElement.classList.toggle("pg-bare", !controls);
  showQuestions(root, (chosen) => window.playground.set(chosen));
  if (!location.search) root.querySelector(".pg-chips button")?.click(); // the first question
  session.loaded.then(({ kernels: name, counts }) => {
    const how = name === "wasm" ? "WebAssembly" : "JavaScript";
    note.textContent = [`${counts.train} training and ${counts.test} test digits of MNIST, `
      + `computed in this page with ${how}.`, ...faults].join(" ");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still) view.find(".pg-speed").value = "10";
  }).catch((error) => {
    note.textContent = `The playground could not start: ${error.message}`;
  });
}

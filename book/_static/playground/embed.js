import { drawPlot, PLOTS } from "./plots.js";
import { card } from "./markup.js";
import { Session } from "./session.js";
import { KNOBS, readQuery, writeQuery } from "./settings.js";
import { fillCards, nameCards, sentence } from "./summary.js";

/** A small copy of the playground: both networks, one plot, one knob. */

const LAP = 500; // steps that one press of Train goes on for
const PACE = 60; // steps a second
const HEIGHT = 190;

/** A switch for a setting that is on or off, "none" or "before". */
function makeSwitch(name, value, change) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "pg-switch";
  button.setAttribute("role", "switch");
  button.textContent = `Batch normalization in ${name.toUpperCase()}`;
  const show = (on) => button.setAttribute("aria-checked", String(on));
  show(value !== "none");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-checked") !== "true";
    show(on);
    change(on ? "before" : "none");
  });
  return button;
}

/** A slider along the values that a setting is offered with. */
function makeSlider(name, value, change) {
  const { label: text, offer } = KNOBS[name], label = document.createElement("label");
  const values = [...new Set([...offer, value])].sort((a, b) => a - b);
  const range = document.createElement("input"), shown = document.createElement("output");
  Object.assign(range, { type: "range", min: "0", max: String(values.length - 1) });
  const show = () => {
    shown.textContent = String(values[+range.value]);
    range.setAttribute("aria-valuetext", shown.textContent);
  };
  range.value = String(values.indexOf(value));
  show();
  range.addEventListener("input", show);
  range.addEventListener("change", () => change(values[+range.value]));
  label.append(`${text} `, range, shown);
  return label;
}

/** A list of the words that a setting may be. */
function makeList(name, value, change) {
  const label = document.createElement("label"), select = document.createElement("select");
  for (const [word, text] of Object.entries(KNOBS[name].words)) {
    select.add(new Option(text, word));
  }
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  label.append(`${KNOBS[name].label} `, select);
  return label;
}

function makeKnob(name, value, change) {
  if (name === "a" || name === "b") return makeSwitch(name, value, change);
  return (KNOBS[name].words ? makeList : makeSlider)(name, value, change);
}

const markup = ([title, note]) => `<div class="pg-turn"></div>
  <div class="pg-cards">${card("a")}${card("b")}</div>
  <p class="pg-plot"><strong>${title}</strong> <span class="pg-sub">${note}</span></p>
  <canvas aria-hidden="true"></canvas>
  <div class="pg-bar" role="group" aria-label="Training">
    <button type="button" class="pg-play">Train</button>
    <button type="button" class="pg-reset">Start again</button>
    <output class="pg-step">step 0</output><span class="pg-more"></span></div>
  <p class="pg-said" role="status"></p>`;

export class Embed {
  /**
   * @param {HTMLElement} root says in its data what to show; holds a link to the playground
   * @param {{digits: object, kernels: string}} content
   * @param {() => void} body the worker's script
   */
  constructor(root, content, body) {
    const { plot, knob, settings, plays } = root.dataset;
    this.root = root;
    this.plot = plot;
    this.link = root.querySelector("a.pg-try");
    this.session = new Session(body, { packed: content.digits, kernels: content.kernels });
    this.find = (selector) => root.querySelector(selector);
    const given = readQuery(settings).settings;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.wanted = plays !== undefined && !still; // it goes on whenever it is seen
    root.innerHTML = markup(PLOTS[plot]);
    this.find(".pg-more").append(this.link);
    this.find("canvas").style.height = `${HEIGHT}px`; // nothing moves when it is drawn
    nameCards(root, given);
    this.find(".pg-turn").append(makeKnob(knob, given[knob], (value) =>
      this.turn({ ...this.session.settings, [knob]: value })));
    this.listen();
    this.begun = this.session.set(given);
    this.begun.catch((error) => {
      this.find(".pg-said").textContent = `The figure could not start: ${error.message}`;
    });
    root.classList.add("pg-is-live");
  }

  listen() {
    const { session } = this;
    this.find(".pg-play").addEventListener("click", () => {
      this.wanted = !session.playing;
      if (session.playing) session.pause();
      else this.play();
    });
    this.find(".pg-reset").addEventListener("click", () => this.turn(session.settings));
    session.addEventListener("began", () => {
      nameCards(this.root, session.settings);
      this.say();
    });
    session.addEventListener("looks", () => this.ask());
    session.addEventListener("rested", () => this.say());
    new ResizeObserver(() => this.ask()).observe(this.root);
    new MutationObserver(() => this.ask()).observe(
      document.documentElement, { attributeFilter: ["data-theme"] });
    new IntersectionObserver(([entry]) => this.seen(entry.isIntersecting)).observe(
      this.find("canvas"));
  }

  /** It trains while it is in view, and no longer. */
  seen(inView) {
    this.inView = inView;
    if (inView && this.wanted) this.play();
    else if (!inView && this.session.playing) this.session.pause();
  }

  /** Begin anew with other settings; train if the networks were trained before. */
  turn(settings) {
    this.wanted ||= this.session.history.length > 1;
    this.begun = this.session.set(settings);
    if (this.wanted) this.play();
  }

  play() {
    const { session, begun } = this;
    begun.then(() => {
      if (begun !== this.begun || !this.inView || session.playing) return;
      this.find(".pg-said").textContent = ""; // said again when nothing moves
      session.play(LAP * (Math.floor(session.last.step / LAP) + 1), PACE);
    });
  }

  say() {
    const { session } = this, { last, settings } = session;
    if (last.step && last.step % LAP === 0) this.wanted = false; // the lap is done
    this.find(".pg-said").textContent =
      sentence(last, this.plot !== "gradients");
    const page = this.link.href.split(/[?#]/)[0];
    this.link.href = `${page}?${writeQuery(settings, last.step)}#playground`;
    this.ask();
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
    const { history, last, playing } = this.session;
    drawPlot(this.find("canvas"), this.plot, history, last, HEIGHT);
    fillCards(this.root, last);
    this.find(".pg-play").textContent = playing ? "Pause" : last.step ? "Go on" : "Train";
    this.find(".pg-step").textContent = `step ${last.step}`;
  }
}

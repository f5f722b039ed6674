import { NAMES } from "./charts.js";
import { percent } from "./summary.js";

/** A pad to draw a digit on, which both networks answer. */

const SIDE = 28, BOX = 20; // a digit of MNIST fills 20 of 28 pixels, centred by its mass

export class Pad {
  /**
   * @param {HTMLElement} root holds a canvas, buttons and a place for the answer
   * @param {import("./session.js").Session} session
   */
  constructor(root, session) {
    this.session = session;
    this.canvas = root.querySelector("canvas");
    this.said = root.querySelector(".pg-answer");
    this.pen = [SIDE / 2, SIDE / 2];
    this.down = false;
    this.number = 0;
    this.clear();
    root.querySelector(".pg-clear").addEventListener("click", () => this.clear());
    root.querySelector(".pg-sample").addEventListener("click", () => this.sample());
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.follow(event, true);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) this.follow(event, false);
    });
    this.canvas.addEventListener("pointerup", () => this.answer());
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  clear() {
    this.ink = new Float32Array(SIDE * SIDE);
    this.asked = null;
    this.draw();
    this.said.textContent = "Draw a digit, or take one of the test digits.";
  }

  /** Let the pen follow the pointer. */
  follow(event, first) {
    const box = this.canvas.getBoundingClientRect();
    const to = [((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE];
    this.stroke(first ? to : this.pen, to);
  }

  /** Arrows move the pen; Space puts it down or lifts it. */
  key(event) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    if (!move) this.down = !this.down;
    const inside = (v) => Math.max(1, Math.min(SIDE - 1, v));
    const to = this.pen.map((v, i) => inside(v + (move?.[i] ?? 0)));
    if (this.down) {
      this.stroke(this.pen, to);
      this.answer();
    }
    this.pen = to;
    this.draw();
  }

  stroke([x0, y0], to) {
    const [x1, y1] = to, count = Math.ceil(2 * Math.hypot(x1 - x0, y1 - y0)) + 1;
    for (let i = 0; i <= count; i++) {
      const x = x0 + ((x1 - x0) * i) / count, y = y0 + ((y1 - y0) * i) / count;
      for (let at = 0; at < this.ink.length; at++) {
        const far = Math.hypot((at % SIDE) + 0.5 - x, Math.floor(at / SIDE) + 0.5 - y);
        this.ink[at] = Math.max(this.ink[at], Math.min(1, 2 - far));
      }
    }
    this.pen = to;
    this.asked = null;
    this.draw();
  }

  draw() {
    const context = this.canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
    this.ink.forEach((v, i) => image.data.set([255 * v, 255 * v, 255 * v, 255], 4 * i));
    context.putImageData(image, 0, 0);
    if (document.activeElement !== this.canvas) return;
    context.fillStyle = this.down ? "#ff8a4c" : "#56b4e9";
    context.fillRect(this.pen[0] - 0.5, this.pen[1] - 0.5, 1, 1);
  }

  async sample() {
    const { pixels, label } = await this.session.client.ask("digit", { number: this.number++ });
    this.ink = Float32Array.from(pixels);
    this.draw();
    this.asked = { pixels, label };
    await this.answer();
  }

  /** Ask both networks, now and after each rest. */
  async answer() {
    const pixels = this.asked?.pixels ?? centred(this.ink);
    if (!pixels || !this.session.last) return;
    const answers = await this.session.client.ask("answer", { pixels });
    const texts = NAMES.map((name, i) => {
      const best = answers[i].indexOf(Math.max(...answers[i]));
      if (best < 0) return `${name.toUpperCase()}: no answer (overflow)`;
      return `${name.toUpperCase()}: ${best} (${percent(answers[i][best])} sure)`;
    });
    const truth = this.asked ? ` It is a ${this.asked.label}.` : "";
    this.said.textContent = `${texts.join(", ")}.${truth}`;
  }
}

/** Return a drawn digit as MNIST has them: 20 pixels tall or wide, centred by its mass. */
function centred(ink) {
  const cells = [...ink.keys()].filter((i) => ink[i] > 0.1);
  if (!cells.length) return null;
  const xs = cells.map((i) => i % SIDE), ys = cells.map((i) => Math.floor(i / SIDE));
  const left = Math.min(...xs), top = Math.min(...ys);
  const size = Math.max(Math.max(...xs) - left, Math.max(...ys) - top) + 1, zoom = size / BOX;
  const total = cells.reduce((sum, i) => sum + ink[i], 0);
  const mean = (at) => cells.reduce((sum, i, k) => sum + ink[i] * (at[k] + 0.5), 0) / total;
  const [mx, my] = [mean(xs), mean(ys)], out = new Float32Array(SIDE * SIDE);
  const get = (x, y) => (x < 0 || y < 0 || x >= SIDE || y >= SIDE ? 0 : ink[y * SIDE + x]);
  for (let i = 0; i < out.length; i++) {
    const x = mx + ((i % SIDE) + 0.5 - SIDE / 2) * zoom - 0.5;
    const y = my + (Math.floor(i / SIDE) + 0.5 - SIDE / 2) * zoom - 0.5;
    const x0 = Math.floor(x), y0 = Math.floor(y), fx = x - x0, fy = y - y0;
    out[i] = (1 - fy) * ((1 - fx) * get(x0, y0) + fx * get(x0 + 1, y0))
      + fy * ((1 - fx) * get(x0, y0 + 1) + fx * get(x0 + 1, y0 + 1));
  }
  return out;
}

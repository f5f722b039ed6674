import { axisEnd, drawCursor, drawLine, NAMES, prepare, short } from "./charts.js";

/** The bands: what reaches one unit of each layer, over the steps, for both networks. */

const FLAT = { sigmoid: 2.944, tanh: 1.472 }; // beyond it the output is within 5 % of its end

/** The largest distance from 0 that the bands of one network and layer reach. */
function reach(history, name, l) {
  let most = 0;
  for (const look of history) {
    const band = look[name].bands[l];
    if (!look[name].overflowAt && band.every(Number.isFinite)) {
      most = Math.max(most, Math.abs(band[0]), Math.abs(band[2]));
    }
  }
  return most;
}

/** Make the rows of canvases, one for each layer. */
export function makeBands(box, depth) {
  box.textContent = "";
  for (let l = 0; l < depth; l++) {
    const row = document.createElement("div");
    row.className = "pg-row";
    for (const name of NAMES) {
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true"); // the table says it in words
      canvas.dataset.network = name;
      row.append(canvas);
    }
    box.append(row);
  }
}

/** Draw all rows. */
export function drawBands(box, history, now, activation) {
  const rows = [...box.children], height = rows.length <= 3 ? 84 : rows.length <= 5 ? 60 : 40;
  rows.forEach((row, l) => {
    const [ra, rb] = NAMES.map((name) => reach(history, name, l));
    const wide = 4 * Math.max(0.8, Math.min(ra || rb, rb || ra));
    const range = Math.max(3.2, 1.08 * Math.min(Math.max(ra, rb), wide));
    for (const canvas of row.children) {
      const name = canvas.dataset.network, over = name === "a" ? ra : rb;
      drawBand(prepare(canvas, height), history, now, { name, l, range, over, activation });
    }
  });
}

function drawBand(place, history, now, { name, l, range, over, activation }) {
  const { context, width, height, colours } = place, left = 54, right = 6;
  const end = axisEnd(history[history.length - 1].step);
  const X = (v) => left + ((width - left - right) * v) / end;
  const Y = (v) => 2 + (height - 4) * (0.5 - Math.max(-range, Math.min(range, v)) / (2 * range));
  context.fillStyle = colours.zone;
  const flat = FLAT[activation];
  if (flat) context.fillRect(left, 2, width - left - right, Math.max(0, Y(flat) - 2));
  const from = Y(flat ? -flat : 0);
  context.fillRect(left, from, width - left - right, Math.max(0, height - 2 - from));
  context.strokeStyle = colours.line;
  context.strokeRect(left, 2, width - left - right, height - 4);
  context.fillStyle = colours.soft;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(`layer ${l + 1}`, left - 5, height / 2);
  if (height > 55) {
    context.fillText(`+${short(range)}`, left - 5, 9);
    context.fillText(`−${short(range)}`, left - 5, height - 9);
  }
  const points = history.filter((look) => !look[name].overflowAt)
    .map((look) => [look.step, look[name].bands[l]])
    .filter(([, band]) => band.every(Number.isFinite));
  fillBand(place, points, X, Y, colours[name]);
  if (now !== history[history.length - 1]) drawCursor(place, X(now.step));
  const { overflowAt } = now[name], note = overflowAt ? `overflow at step ${overflowAt}`
    : over > range ? `reaches ${short(over)}` : "";
  context.fillStyle = colours.ink;
  context.textBaseline = "top";
  context.fillText(note, width - right - 4, 5);
}

function fillBand(place, points, X, Y, style) {
  if (!points.length) return;
  const { context } = place;
  context.fillStyle = style;
  context.globalAlpha = 0.25;
  context.beginPath();
  points.forEach(([step, band]) => context.lineTo(X(step), Y(band[2])));
  [...points].reverse().forEach(([step, band]) => context.lineTo(X(step), Y(band[0])));
  context.fill();
  context.globalAlpha = 1;
  drawLine(place, points.map(([step, band]) => [step, band[1]]), { X, Y }, style);
}

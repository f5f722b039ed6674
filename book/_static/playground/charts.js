/** Line charts and profiles on canvases, in the colours that the style sheet names. */

export const NAMES = /** @type {const} */ (["a", "b"]);

/** The colour that the style sheet gives a name, for example "--pg-a". */
function colour(canvas, name) {
  return getComputedStyle(canvas).getPropertyValue(name).trim();
}

/** Return what drawing on a canvas needs, sized to its place, cleared. */
export function prepare(canvas, height) {
  const width = canvas.clientWidth, density = devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.font = "12px system-ui, sans-serif";
  context.lineJoin = "round";
  const c = (name) => colour(canvas, `--pg-${name}`);
  return { context, width, height, colours: { a: c("a"), b: c("b"), soft: c("soft"),
    line: c("line"), ink: c("ink"), zone: c("zone") } };
}

/** Return a number in few letters: 0.02, 12, 10²⁵. */
export function short(value) {
  const size = Math.abs(value);
  if (size === 0 || (size >= 0.01 && size < 1e5)) return String(+value.toPrecision(2));
  const digits = [...String(Math.round(Math.log10(size)))];
  return `10${digits.map((d) => (d === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[+d])).join("")}`;
}

export function drawLine({ context }, points, { X, Y }, style, { dash = [], width = 2.2 } = {}) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  let on = false;
  for (const [x, y] of points) {
    if (y === null || !Number.isFinite(y)) {
      on = false;
      continue;
    }
    if (on) context.lineTo(X(x), Y(y));
    else context.moveTo(X(x), Y(y));
    on = true;
  }
  context.stroke();
  context.setLineDash([]);
}

const EDGE = { left: 40, right: 16, top: 8, bottom: 20 };

/** Return maps from values to places on the canvas. */
function scales({ width, height }, [x0, x1], [y0, y1]) {
  const w = width - EDGE.left - EDGE.right, h = height - EDGE.top - EDGE.bottom;
  const clip = (v) => Math.min(y1, Math.max(y0, v));
  return {
    X: (v) => EDGE.left + (w * (v - x0)) / (x1 - x0 || 1),
    Y: (v) => EDGE.top + h * (1 - (clip(v) - y0) / (y1 - y0)),
  };
}

function drawAxes({ context, width, height, colours }, { X, Y }, xs, ys) {
  context.strokeStyle = colours.line;
  context.fillStyle = colours.soft;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [value, text] of ys) {
    context.beginPath();
    context.moveTo(EDGE.left, Y(value));
    context.lineTo(width - EDGE.right, Y(value));
    context.stroke();
    context.fillText(text, EDGE.left - 4, Y(value));
  }
  context.textBaseline = "top";
  for (const [value, text, align = "center"] of xs) {
    context.textAlign = align;
    context.fillText(text, X(value), height - EDGE.bottom + 4);
  }
}

/** Write A and B where their lines end, apart from each other. */
function labelEnds({ context, width, colours }, { X, Y }, step, values) {
  const ends = values.map((v) => (v === null || !Number.isFinite(v) ? null : Y(v)));
  if (ends[0] !== null && ends[1] !== null && Math.abs(ends[0] - ends[1]) < 13) {
    const middle = (ends[0] + ends[1]) / 2, up = ends[0] < ends[1] ? -6.5 : 6.5;
    [ends[0], ends[1]] = [middle + up, middle - up];
  }
  context.textAlign = "left";
  context.textBaseline = "middle";
  NAMES.forEach((name, i) => {
    if (ends[i] === null) return;
    context.fillStyle = colours[name];
    context.fillText(name.toUpperCase(), Math.min(width - 11, X(step) + 3), ends[i]);
  });
}

/** The last step of the horizontal axis: round, and at least 50. */
export const axisEnd = (step) => (step <= 50 ? 50 : Math.ceil(step / 100) * 100);

/**
 * Draw a quantity of both networks over the steps.
 * @param {any[]} history
 * @param {{key: string, dotted?: string, thin?: string, range: number[], ticks: any[]}} how
 */
export function drawHistory(canvas, history, now, { key, dotted, thin, range, ticks }, height) {
  const place = prepare(canvas, height), last = history[history.length - 1];
  const end = axisEnd(last.step), maps = scales(place, [0, end], range);
  drawAxes(place, maps, [[0, "0"], [end, `step ${end}`, "right"]], ticks);
  const points = (get) => history.map((look) => [look.step, get(look)]);
  for (const name of NAMES) {
    const style = place.colours[name], sound = (v, look) => (look[name].overflowAt ? null : v);
    last[name].others.forEach((_, run) => {
      if (!thin) return;
      drawLine(place, points((look) => look[name][thin][run]), maps, style, { width: 0.7 });
    });
    if (dotted) {
      const line = points((look) => sound(look[name][dotted], look));
      drawLine(place, line, maps, style, { dash: [2, 3], width: 1.5 });
    }
    drawLine(place, points((look) => sound(look[name][key], look)), maps, style);
  }
  const ends = NAMES.map((name) => (last[name].overflowAt ? null : last[name][key]));
  if (last.step) labelEnds(place, maps, last.step, ends);
  if (now !== last) drawCursor(place, maps.X(now.step));
}

export function drawCursor({ context, height, colours }, x) {
  context.strokeStyle = colours.ink;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.stroke();
}

/** Draw a quantity by layer, on a logarithmic scale that fits what is drawn. */
export function drawProfile(canvas, now, key, height) {
  const place = prepare(canvas, height), layers = now.a[key].length;
  const logs = NAMES.map((name) => now[name][key].map((v) => (v > 0 ? Math.log10(v) : null)));
  const seen = logs.flat().filter(Number.isFinite);
  const low = Math.max(-10, Math.floor(Math.min(-1, ...seen))), high = Math.min(
    8, Math.max(1, Math.ceil(Math.max(...seen))));
  const maps = scales(place, [-0.2, layers - 0.8], [low, high]), every = high - low > 4 ? 2 : 1;
  const ticks = [];
  for (let e = low; e <= high; e += every) ticks.push([e, short(10 ** e)]);
  const word = place.width < 200 ? "" : "layer "; // both labels have to fit
  const xs = [[0, `${word}1`, "center"]];
  if (layers > 1) xs.push([layers - 1, `${word}${layers}`, word ? "right" : "center"]);
  drawAxes(place, maps, xs, ticks);
  NAMES.forEach((name, i) => {
    const style = place.colours[name], points = logs[i].map((v, l) => [l, v]);
    drawLine(place, points, maps, style);
    place.context.fillStyle = style;
    for (const [l, v] of points) {
      if (v === null || !Number.isFinite(v)) continue;
      place.context.beginPath();
      if (i) place.context.arc(maps.X(l), maps.Y(v), 4, 0, 7);
      else place.context.rect(maps.X(l) - 3.5, maps.Y(v) - 3.5, 7, 7);
      place.context.fill();
    }
  });
}

import { NAMES, short } from "./charts.js";
import { KNOBS } from "./settings.js";

/** What is seen, in words and in a table. */

export const percent = (share) => `${Math.round(100 * share)} %`;

/** Write on the cards of both networks which normalization they have. */
export function nameCards(root, settings) {
  for (const name of NAMES) {
    const words = KNOBS[name].words[settings[name]];
    root.querySelector(`.pg-${name} .pg-name`).textContent = `${name.toUpperCase()}: ${words}`;
  }
}

/** Write on the cards what was seen. */
export function fillCards(root, now) {
  for (const name of NAMES) {
    const { accuracy, accuracyByBatchStatistics, overflowAt } = now[name];
    const write = (part, text) => {
      root.querySelector(`.pg-${name} .pg-${part}`).textContent = text;
    };
    write("big", overflowAt ? "overflow" : percent(accuracy));
    write("sub", overflowAt ? `at step ${overflowAt}` : "test accuracy");
    write("batch", overflowAt ? ""
      : `; ${percent(accuracyByBatchStatistics)} by batch statistics`);
  }
}

/** One network in half a sentence; its gradient is left out where it is brief. */
function describe(name, look, brief) {
  const who = name.toUpperCase();
  if (look.overflowAt) return `${who} broke at step ${look.overflowAt}: its numbers overflowed`;
  const { gradients } = look, ratio = gradients[0] / gradients[gradients.length - 1];
  const size = ratio >= 0.095 ? ratio.toFixed(1) : ratio > 0 ? `1/${short(1 / ratio)}` : "0";
  const gap = look.accuracyByBatchStatistics - look.accuracy;
  const lag = Math.abs(gap) < 0.05 ? ""
    : ` (${percent(look.accuracyByBatchStatistics)} with batch statistics)`;
  const right = `${who} has ${percent(look.accuracy)} of the test digits right${lag}`;
  return brief ? right : `${right}; its first layer's gradient is ${size} times the last layer's`;
}

/** The sentence below the charts. */
export function sentence(now, brief = false) {
  if (!now.step) return "Not trained yet: both guess. Make a guess yourself, then press Train.";
  return `After ${now.step} steps: ${NAMES.map((name) =>
    describe(name, now[name], brief)).join(". ")}.`;
}

/** Fill the table for those who read numbers, or hear them. */
export function fillTable(table, now) {
  const number = (v) => (v === undefined ? "" : Number.isFinite(v) ? short(v) : "not finite");
  const rows = [["Step", now.step, now.step]], both = (title, get) =>
    rows.push([title, ...NAMES.map((name) => get(now[name]))]);
  both("Accuracy, inference mode", (n) => percent(n.accuracy));
  both("Accuracy, batch statistics", (n) => percent(n.accuracyByBatchStatistics));
  both("Training loss", (n) => number(n.loss));
  both("Overflow at step", (n) => n.overflowAt ?? "none");
  const byLayer = (title, key, form) => now.a[key].forEach((_, l) =>
    both(`${title}, layer ${l + 1}`, (n) => form(n[key][l])));
  byLayer("Gradient", "gradients", number);
  byLayer("Spread", "spread", number);
  byLayer("Flat outputs", "flat", percent);
  const body = document.createElement("tbody");
  for (const [title, ...cells] of rows) {
    const row = body.insertRow(), head = document.createElement("th");
    head.scope = "row";
    head.textContent = title;
    row.append(head);
    for (const cell of cells) row.insertCell().textContent = String(cell);
  }
  table.tBodies[0]?.remove();
  table.append(body);
}

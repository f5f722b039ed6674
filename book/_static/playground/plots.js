import { drawHistory, drawProfile, NAMES } from "./charts.js";

/** The four charts, each by its name: its title, and what to know of it. */
export const PLOTS = {
  accuracy: ["Test accuracy", "dotted: by batch statistics"],
  loss: ["Training loss", "2.3 is guessing"],
  spread: ["Spread of inputs", "by layer, now"],
  gradients: ["Gradient size", "by layer, now"],
};

/** The top of the loss axis: what is drawn, but at most 6. */
function mostLoss(history) {
  const seen = history.flatMap((look) => NAMES.map((name) => look[name].loss));
  return Math.min(6, Math.max(2.5, ...seen.filter(Number.isFinite)));
}

/**
 * Draw one of the charts.
 * @param {HTMLCanvasElement} canvas
 * @param {keyof typeof PLOTS} plot
 * @param {any[]} history what was seen so far
 * @param {any} now the look that is shown
 */
export function drawPlot(canvas, plot, history, now, height) {
  if (plot === "accuracy") {
    drawHistory(canvas, history, now, {
      key: "accuracy", dotted: "accuracyByBatchStatistics", thin: "others", range: [0, 1],
      ticks: [[0, "0"], [0.5, "50 %"], [1, "100 %"]],
    }, height);
  } else if (plot === "loss") {
    drawHistory(canvas, history, now, { key: "loss", range: [0, mostLoss(history)],
      ticks: [[0, "0"], [Math.log(10), "2.3"]] }, height);
  } else {
    drawProfile(canvas, now, plot, height);
  }
}

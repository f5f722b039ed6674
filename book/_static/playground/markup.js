import { PLOTS } from "./plots.js";
import { KNOBS } from "./settings.js";

/** The elements of the playground, made once. */

/** The card of one network: its name, a large number, what it is. */
export const card = (name) => `<div class="pg-card pg-${name}"><p class="pg-name"></p>
  <span class="pg-big">–</span>
  <span class="pg-sub">test accuracy</span><span class="pg-sub pg-batch"></span></div>`;

const chart = ([key, [title, note]]) => `<figure><figcaption>${title} <span>${note}</span>
  </figcaption><canvas data-chart="${key}" aria-hidden="true"></canvas></figure>`;

export const MARKUP = `
<div class="pg-controls">
  <div class="pg-chips" role="group" aria-label="Experiments"></div>
  <div class="pg-asked"></div>
  <div class="pg-bar" role="group" aria-label="Training">
    <button type="button" class="pg-play">Train</button>
    <button type="button" class="pg-one">One step</button>
    <button type="button" class="pg-reset">Reset</button>
    <label>Speed <select class="pg-speed"><option value="10">10 steps/s</option>
      <option value="60" selected>60 steps/s</option><option value="max">fastest</option>
      </select></label>
    <label class="pg-look">Look back <input type="range" min="0" max="0" value="0"></label>
    <output class="pg-step">step 0</output>
  </div>
</div>
<div class="pg-cards">${card("a")}${card("b")}</div>
<div class="pg-charts">${Object.entries(PLOTS).map(chart).join("")}</div>
<p class="pg-bands-title"><strong>What reaches one unit of each layer</strong>, A left, B right:
  the line is the middle one of the 500 test digits, the band holds 70 % of them. Grey: where the
  activation is flat.</p>
<div class="pg-bands"></div>
<p class="pg-said" role="status"></p>
<div class="pg-controls">
  <details class="pg-settings"><summary>All settings</summary><div class="pg-knobs"></div>
    <p><button type="button" class="pg-copy">Copy this experiment</button>
      <span class="pg-copied" role="status"></span></p></details>
  <details class="pg-draw"><summary>Draw a digit</summary><div class="pg-pad">
    <canvas width="28" height="28" tabindex="0" role="img" aria-label="Pad for a digit. Arrows
      move the pen, Space puts it down or lifts it."></canvas>
    <div><p class="pg-answer" role="status"></p>
      <button type="button" class="pg-sample">A test digit</button>
      <button type="button" class="pg-clear">Clear</button></div></div></details>
</div>
<details class="pg-numbers"><summary>The numbers as a table</summary><div class="pg-scroll"
  tabindex="0" role="region" aria-label="Numbers of both networks"><table>
  <caption>Both networks at the step shown</caption><thead><tr><th scope="col">Quantity</th>
  <th scope="col">A</th><th scope="col">B</th></tr></thead></table></div></details>
<p class="pg-note"></p>`;

/** Make one knob for each setting; `change(name, value)` hears of it. */
export function makeKnobs(box, change) {
  for (const [name, knob] of Object.entries(KNOBS)) {
    const label = document.createElement("label"), select = document.createElement("select");
    label.textContent = `${knob.label} `;
    select.dataset.setting = name;
    const options = knob.words ? Object.entries(knob.words) : knob.offer.map((v) => [v, v]);
    for (const [value, text] of options) select.add(new Option(String(text), String(value)));
    select.addEventListener("change", () => change(name, select.value));
    label.append(select);
    box.append(label);
  }
}

/** Let the knobs show the settings; one that is not on offer becomes an option. */
export function showSettings(box, settings) {
  for (const select of box.querySelectorAll("select")) {
    const value = String(settings[select.dataset.setting]);
    if (![...select.options].some((option) => option.value === value)) {
      select.add(new Option(value, value));
    }
    select.value = value;
  }
}

// Answers the quick questions. The page holds the right answer and the feedback for every
// choice, folded; this script shows the part that a reader's answer asks for. The state
// stays in the tab, under the name of the question.
(() => {
  const storage = {
    key: (form) => "bn-question:" + form.id,
    read(form) {
      try {
        return JSON.parse(sessionStorage.getItem(this.key(form)));
      } catch {
        return null; // pages opened as files, or cookies off
      }
    },
    write(form, state) {
      try {
        if (state) sessionStorage.setItem(this.key(form), JSON.stringify(state));
        else sessionStorage.removeItem(this.key(form));
      } catch {
        // The question works without.
      }
    },
  };

  // Reads 0.25, 0,25, 1,000, 1e-3, 1/4, and 25 % as a share where the unit is not %.
  function readNumber(text, unit) {
    let plain = text.trim().replaceAll("\u2212", "-");
    if (unit && plain.endsWith(unit)) plain = plain.slice(0, -unit.length).trim();
    const percent = unit !== "%" && plain.endsWith("%");
    if (percent) plain = plain.slice(0, -1).trim();
    if (/^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(plain)) plain = plain.replaceAll(",", "");
    else plain = plain.replace(",", ".");
    const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
    const parts = plain.split("/").map((part) => part.trim());
    if (parts.length > 2 || !parts.every((part) => number.test(part))) return NaN;
    const value = parts.length === 2 ? parts[0] / parts[1] : Number(plain);
    return percent ? value / 100 : value;
  }

  function controls(form) {
    return [...form.querySelectorAll("input")];
  }

  function given(form) {
    const inputs = controls(form);
    if (form.dataset.kind === "number") return inputs[0].value.trim();
    return inputs.filter((input) => input.checked).map((input) => input.value);
  }

  function near(form, value, target) {
    const slack = 1e-9 * Math.max(1e-300, Math.abs(target));
    return Math.abs(value - target) <= Number(form.dataset.reach) + slack;
  }

  // Returns {right, keys: whose feedback to show, text, problem}.
  function judgeNumber(form) {
    const value = readNumber(given(form), form.dataset.unit);
    if (!Number.isFinite(value))
      return { problem: "Type a number first, for example 0.25 or 1e-3." };
    if (near(form, value, Number(form.dataset.answer))) return { right: true, keys: ["right"] };
    const known = [...form.querySelectorAll("details > [data-for]")]
      .map((part) => part.dataset.for)
      .filter((key) => Number.isFinite(Number(key)));
    const met = known.find((key) => near(form, value, Number(key)));
    return { right: false, keys: [met ?? "else"] };
  }

  function judgeChoice(form) {
    const keys = given(form);
    if (!keys.length) return { problem: "Choose an answer first." };
    const right = [...form.querySelectorAll("[data-right] input")].map((input) => input.value);
    const missing = right.filter((key) => !keys.includes(key)).length;
    const wrong = keys.filter((key) => !right.includes(key));
    const text = missing && !wrong.length ? "Right so far, and not yet all of them." : "";
    // What is right says nothing of what is wrong: with a wrong tick show that alone.
    return { right: !missing && !wrong.length, keys: wrong.length ? wrong : keys, text };
  }

  function feedbackFor(form, key) {
    const source = form.querySelector(`details > [data-for="${key}"] .bn-question-why`);
    if (!source) return [];
    const copy = source.cloneNode(true);
    copy.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
    const label = form.querySelector(`input[value="${key}"]`);
    if (label && form.dataset.kind === "several") {
      const name = document.createElement("strong");
      name.textContent = key;
      copy.prepend(name);
    }
    return [copy];
  }

  function mark(form, judged) {
    const right = [...form.querySelectorAll("[data-right] input")].map((input) => input.value);
    controls(form).forEach((input) => {
      const place = input.closest("li, .bn-question-number");
      const good = form.dataset.kind === "number" ? judged.right : right.includes(input.value);
      const shown = !judged.problem && (form.dataset.kind === "number" || input.checked);
      place.dataset.state = shown ? (good ? "right" : "wrong") : "";
      place.querySelector(".bn-question-mark").textContent = shown
        ? good ? "\u2713 right" : "\u2717 not this"
        : "";
    });
  }

  function clear(form) {
    form.querySelector(".bn-question-feedback").replaceChildren();
    controls(form).forEach((input) => {
      const place = input.closest("li, .bn-question-number");
      place.dataset.state = "";
      place.querySelector(".bn-question-mark").textContent = "";
    });
  }

  function check(form) {
    const judged = (form.dataset.kind === "number" ? judgeNumber : judgeChoice)(form);
    const verdict = document.createElement("p");
    verdict.className = "bn-question-verdict";
    verdict.textContent =
      judged.problem ?? (judged.text || (judged.right ? "Right." : "Not quite."));
    const feedback = form.querySelector(".bn-question-feedback");
    feedback.dataset.state = judged.problem ? "" : judged.right ? "right" : "wrong";
    const parts = (judged.keys ?? []).flatMap((key) => feedbackFor(form, key));
    feedback.replaceChildren(verdict, ...parts);
    mark(form, judged);
    if (judged.problem) return;
    offerMore(form, true);
    storage.write(form, { given: given(form), checked: true });
  }

  // A prediction comes first; the folded answer and a new try are offered after it.
  function offerMore(form, answered) {
    const details = form.querySelector("details");
    details.hidden = form.querySelector("[type=reset]").hidden = !answered;
    if (!answered) details.open = false;
  }

  function restore(form) {
    const state = storage.read(form);
    if (!state) return;
    controls(form).forEach((input) => {
      if (form.dataset.kind === "number") input.value = state.given;
      else input.checked = state.given.includes(input.value);
    });
    if (state.checked) check(form);
  }

  function enliven(form) {
    form.classList.add("bn-live");
    form.querySelector(".bn-question-buttons").hidden = false;
    offerMore(form, false);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      check(form);
    });
    form.addEventListener("input", () => {
      clear(form);
      storage.write(form, { given: given(form), checked: false });
    });
    form.addEventListener("reset", () => {
      clear(form);
      offerMore(form, false);
      storage.write(form, null);
      controls(form)[0].focus();
    });
    restore(form);
  }

  const start = () => document.querySelectorAll("form.bn-question").forEach(enliven);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();

  // On paper the answers stand open.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".bn-question details:not([open])")];
    opened.forEach((details) => (details.open = true));
  });
  window.addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
})();

// Makes the figures of bnteach/page_figures answer. The page holds them drawn, in
// their first state: this script only moves what is there.
(() => {
  "use strict";
  // In a notebook the address is not the figure's to change.
  const onSite = /\/bn-numbers\.js(\?|$)/.test(document.currentScript?.src ?? "");

  // The address holds #FIGURE.NAME=VALUE&..., as those of the other figures do, and
  // only what differs from the start.
  const parts = () => new URLSearchParams(location.hash.slice(1));
  const fromAddress = (root, name) =>
    onSite ? (parts().get(`${root.dataset.name}.${name}`) ?? undefined) : undefined;

  function toAddress(root, state) {
    if (!onSite) return;
    const kept = [...parts()].filter(([key]) => key.includes("."));
    const all = new URLSearchParams(kept);
    for (const [name, [value, start]] of Object.entries(state)) {
      const key = `${root.dataset.name}.${name}`;
      if (value === start) all.delete(key);
      else all.set(key, value);
    }
    const rest = location.pathname + location.search;
    history.replaceState(history.state, "", `${all}` ? `#${all}` : rest);
    // The script of the charts keeps a copy of the address, which must not grow old.
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }

  function normalize(x, epsilon) {
    const mean = x.reduce((a, b) => a + b, 0) / x.length;
    const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
    const std = Math.sqrt(variance + epsilon);
    const centered = x.map((value) => value - mean);
    return { mean, std, centered, xHat: centered.map((d) => d / std) };
  }

  // With the statistics held, as in inference mode, one value does not move another.
  function held(x, { mean, std }) {
    return { mean, std, centered: x, xHat: x.map((value) => (value - mean) / std) };
  }

  function jacobian({ std, xHat }, gamma, inference) {
    const m = xHat.length;
    return xHat.map((a, i) =>
      xHat.map((b, j) => {
        const own = i === j ? 1 : 0;
        return (gamma / std) * (inference ? own : own - 1 / m - (a * b) / m);
      }),
    );
  }

  const format = (value) => {
    const text = value.toFixed(2);
    return (text === "-0.00" ? "0.00" : text).replace("-", "\u2212");
  };

  function spread(values) {
    const { mean, std } = normalize(values, 0);
    return { mean, std };
  }

  class NumberLines {
    constructor(root) {
      this.root = root;
      this.start = JSON.parse(root.dataset.start);
      this.low = this.start.low;
      this.high = this.start.high;
      this.listen();
      this.take();
    }

    // Shows what the address says, the start where it says nothing.
    take() {
      this.reset();
      this.readAddress();
      this.update();
    }

    reset() {
      const { x, gamma, beta } = this.start;
      Object.assign(this, { x: [...x], gamma, beta, inference: false });
    }

    percent(value) {
      const inside = Math.min(Math.max(value, this.low), this.high);
      return `${4 + (92 * (inside - this.low)) / (this.high - this.low)}%`;
    }

    rows() {
      const first = normalize(this.start.x, this.start.epsilon);
      const now = this.inference
        ? held(this.x, first)
        : normalize(this.x, this.start.epsilon);
      this.now = now;
      const scaled = now.xHat.map((value) => this.gamma * value);
      const all = {
        x: this.x,
        centred: now.centered,
        "x-hat": now.xHat,
        gamma: scaled,
        y: scaled.map((value) => value + this.beta),
      };
      return this.start.rows.map((name) => all[name]);
    }

    update() {
      const rows = this.rows();
      rows.forEach((values, r) => this.draw(r, values, rows[r - 1]));
      this.root.querySelectorAll(".bn-handle").forEach((handle, i) => {
        handle.setAttribute("aria-valuenow", this.x[i]);
      });
      for (const name of ["gamma", "beta"]) {
        const input = this.root.querySelector(`input[name="${name}"]`);
        if (!input) continue;
        input.value = this[name];
        input.closest(".bn-control").querySelector("output").textContent = format(
          this[name],
        );
      }
      const mode = this.root.querySelector('input[name="inference"]');
      if (mode) mode.checked = this.inference;
      this.fillTable(rows.at(-1));
    }

    draw(r, values, above) {
      const row = this.root.querySelector(`[data-row="${r}"]`);
      const { mean, std } = spread(values);
      row.querySelectorAll(".bn-point").forEach((point, i) => {
        for (const circle of point.querySelectorAll("circle"))
          circle.setAttribute("cx", this.percent(values[i]));
      });
      const links = this.root.querySelectorAll(`[data-links="${r - 1}"] .bn-link`);
      links.forEach((link, i) => {
        link.setAttribute("x1", this.percent(above[i]));
        link.setAttribute("x2", this.percent(values[i]));
      });
      const band = row.querySelector(".bn-band");
      const [left, right] = [mean - std, mean + std].map((v) => this.percent(v));
      band.setAttribute("x", left);
      band.setAttribute("width", `${parseFloat(right) - parseFloat(left)}%`);
      for (const end of ["x1", "x2"])
        row.querySelector(".bn-mean").setAttribute(end, this.percent(mean));
      row.querySelector(".bn-stat").textContent =
        `mean ${format(mean)}, sd ${format(std)}`;
      row.querySelector(".bn-values").textContent = values.map(format).join("\u2002");
    }

    fillTable(y) {
      const table = this.root.querySelector(".bn-table");
      if (!table) return;
      const entries = jacobian(this.now, this.gamma, this.inference);
      table.querySelectorAll("thead th[data-at]").forEach((cell, j) => {
        cell.textContent = format(this.x[j]);
      });
      table.querySelectorAll("tbody tr").forEach((line, i) => {
        line.querySelector("th").textContent = format(y[i]);
        line.querySelectorAll("td").forEach((cell, j) => {
          const value = entries[i][j];
          cell.textContent = format(value);
          const colour = value < 0 ? "var(--bn-out)" : "var(--bn-in)";
          const share = Math.round(45 * Math.min(Math.abs(value) / 0.4, 1));
          cell.style.background = `color-mix(in srgb, ${colour} ${share}%, transparent)`;
        });
      });
    }

    setValue(i, value) {
      const { inputLow, inputHigh } = this.start;
      const rounded = Math.round(value * 10) / 10;
      this.x[i] = Math.min(Math.max(rounded, inputLow), inputHigh);
      this.changed();
    }

    changed() {
      this.update();
      toAddress(this.root, this.state());
    }

    listen() {
      this.root.querySelectorAll(".bn-handle").forEach((handle, i) => {
        handle.addEventListener("keydown", (event) => this.key(event, i));
        handle.addEventListener("pointerdown", (event) => {
          handle.setPointerCapture(event.pointerId);
          event.preventDefault();
          handle.focus();
        });
        handle.addEventListener("pointermove", (event) => {
          if (!handle.hasPointerCapture(event.pointerId)) return;
          const box = handle.ownerSVGElement.getBoundingClientRect();
          const share = ((event.clientX - box.left) / box.width - 0.04) / 0.92;
          this.setValue(i, this.low + share * (this.high - this.low));
        });
      });
      this.root.querySelectorAll("input").forEach((input) =>
        input.addEventListener("input", () => {
          this[input.name] =
            input.type === "checkbox" ? input.checked : Number(input.value);
          this.changed();
        }),
      );
      this.root.querySelector(".bn-reset").addEventListener("click", () => {
        this.reset();
        this.changed();
      });
    }

    key(event, i) {
      const steps = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1 };
      Object.assign(steps, { PageDown: -1, PageUp: 1 });
      const ends = { Home: this.start.inputLow, End: this.start.inputHigh };
      if (!(event.key in steps) && !(event.key in ends)) return;
      event.preventDefault();
      this.setValue(i, ends[event.key] ?? this.x[i] + steps[event.key]);
    }

    // What the address keeps: the values as a list, and each input by its name.
    state() {
      const { gamma, beta } = this.start;
      return {
        x: [this.x.join(","), this.start.x.join(",")],
        gamma: [this.gamma, gamma],
        beta: [this.beta, beta],
        inference: [this.inference, false],
      };
    }

    readAddress() {
      const x = fromAddress(this.root, "x")?.split(",").map(Number) ?? [];
      const { inputLow, inputHigh } = this.start;
      if (x.length === this.x.length && x.every(Number.isFinite))
        this.x = x.map((value) => Math.min(Math.max(value, inputLow), inputHigh));
      this.root.querySelectorAll("input").forEach((input) => {
        const text = fromAddress(this.root, input.name);
        if (text === undefined) return;
        if (input.type === "checkbox") this[input.name] = text === "true";
        else if (Number.isFinite(Number(text)))
          this[input.name] = Math.min(Math.max(Number(text), input.min), input.max);
      });
    }
  }

  class Steps {
    constructor(root) {
      this.root = root;
      this.items = [...root.querySelectorAll(".bn-step-list > li")];
      const [back, next] = root.querySelectorAll(".bn-buttons button");
      Object.assign(this, { back, next });
      back.addEventListener("click", () => this.go(this.at - 1));
      next.addEventListener("click", () => this.go(this.at + 1));
      root.querySelector(".bn-reset").addEventListener("click", () => this.go(0));
      root.addEventListener("keydown", (event) => {
        const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (move) this.go(this.at + move);
      });
      this.take();
    }

    take() {
      const at = Number.parseInt(fromAddress(this.root, "step"), 10) - 1;
      this.show(at in this.items ? at : 0);
    }

    go(at) {
      if (!(at in this.items)) return;
      this.show(at);
      toAddress(this.root, { step: [at + 1, 1] });
    }

    show(at) {
      this.at = at;
      this.items.forEach((item, i) => {
        item.classList.toggle("bn-now", i === at);
        item.classList.toggle("bn-done", i < at);
      });
      this.root.querySelectorAll(".bn-arrow").forEach((arrow) => {
        const step = Number(arrow.dataset.step);
        arrow.classList.toggle("bn-now", step === at);
        arrow.classList.toggle("bn-done", step < at);
      });
      this.back.setAttribute("aria-disabled", at === 0);
      this.next.setAttribute("aria-disabled", at === this.items.length - 1);
      this.root.querySelector(".bn-where").textContent =
        `Step ${at + 1} of ${this.items.length}`;
    }
  }

  class Modes {
    constructor(root) {
      this.root = root;
      this.steps = JSON.parse(root.dataset.start).steps;
      this.selects = [...root.querySelectorAll("select")];
      this.start = this.selects.map((select) => select.value);
      for (const select of this.selects)
        select.addEventListener("change", () => this.changed());
      root.querySelector(".bn-reset").addEventListener("click", () => {
        this.choose(this.start);
        this.changed();
      });
      this.take();
    }

    choose(values) {
      this.selects.forEach((select, i) => {
        select.value = values[i];
      });
    }

    take() {
      const known = (select, value) => [...select.options].some((o) => o.value === value);
      const values = this.selects.map((select, i) => {
        const value = fromAddress(this.root, select.name);
        return known(select, value) ? value : this.start[i];
      });
      this.choose(values);
      this.update();
    }

    changed() {
      this.update();
      const pairs = this.selects.map((s, i) => [s.name, [s.value, this.start[i]]]);
      toAddress(this.root, Object.fromEntries(pairs));
    }

    update() {
      const [caller, , call] = this.selects;
      // Only model(x) has such an argument.
      call.disabled = caller.value !== "model(x)";
      if (call.disabled) call.value = "unset";
      const key = this.selects.map((select) => select.value).join("|");
      const [lit, statistics, moving, learned] = this.steps[key];
      const reached = {
        "bn-asked": (step) => step <= lit,
        "bn-no": (step) => step < lit,
        "bn-yes": (step) => step === lit,
        "bn-outcome": (step) => step === lit,
      };
      for (const [kind, holds] of Object.entries(reached))
        for (const part of this.root.querySelectorAll(`.${kind}`))
          part.classList.toggle("bn-now", holds(Number(part.dataset.step)));
      this.root.querySelector(".bn-statistics").textContent = `${statistics} statistics`;
      const moves = { moving, learned };
      for (const cell of this.root.querySelectorAll("[data-moves]"))
        cell.textContent = moves[cell.dataset.moves] === "True" ? "moves" : "stays";
    }
  }

  const KINDS = { steps: Steps, modes: Modes };

  function start() {
    const roots = [...document.querySelectorAll(".bn-numbers:not(.bn-on)")];
    const figures = roots.map((root) => {
      root.classList.add("bn-on");
      return new (KINDS[root.dataset.kind] ?? NumberLines)(root);
    });
    if (!onSite) return;
    window.addEventListener("hashchange", () => figures.forEach((f) => f.take()));
    const first = [...parts().keys()][0] ?? "";
    roots.find((root) => first.startsWith(`${root.dataset.name}.`))?.scrollIntoView();
  }

  if (document.readyState === "loading")
    document.addEventListener("DOMContentLoaded", start);
  else start();
})();

// Draws interactive figures when they come near the view, as wide as the text; gives
// their controls, made by the page, a meaning; keeps the values in the address. Where
// something fails, or scripts are off, the still picture of the figure stays.
(() => {
  const own = document.currentScript?.src ?? "";
  const onSite = /\/bn-interactive\.js(\?|$)/.test(own);
  const NARROW = 480;
  const SPEC = 'script[type="application/vnd.vegalite+json"]';
  const options = { actions: false, renderer: "svg", tooltip: false };

  let loading = null;
  const load = () =>
    (loading ??= new Promise((resolve, reject) => {
      if (window.vegaEmbed) return resolve();
      const script = document.createElement("script");
      script.src = own.replace(/[^/]*$/, "vega-bundle.js");
      script.onload = resolve;
      script.onerror = () => reject(new Error("vega-bundle.js is missing"));
      document.head.append(script);
    }));

  // --- the address: #FIGURE.PARAMETER=VALUE&..., what differs from the start alone
  const read = () =>
    new Map([...new URLSearchParams(location.hash.slice(1))].filter(([k]) => k.includes(".")));
  let state = onSite ? read() : new Map();
  let waiting = 0;
  const write = () => {
    if (!onSite) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const hash = new URLSearchParams([...state]).toString();
      const rest = location.pathname + location.search;
      history.replaceState(history.state, "", hash ? "#" + hash : rest);
    }, 150);
  };

  // --- controls and their values
  const get = (input, control) => {
    if (input.type === "checkbox") return input.checked;
    if (control.options) return control.options[input.selectedIndex];
    return input.type === "range" || input.type === "number" ? Number(input.value) : input.value;
  };
  const places = (step) => (String(step ?? 1).split(".")[1] ?? "").length;
  const put = (input, control, value) => {
    if (input.type === "checkbox") input.checked = Boolean(value);
    else if (control.options) input.selectedIndex = control.options.indexOf(value);
    else input.value = value;
    const shown = input.parentElement.querySelector(".bn-value");
    if (shown) shown.textContent = Number(input.value).toFixed(places(control.step));
  };
  const encode = (control, value) =>
    control.options ? String(control.options.indexOf(value)) : String(value);
  const decode = (control, text) => {
    if (control.options) return control.options[Number(text)] ?? control.value;
    if (control.input === "checkbox") return text === "true";
    if (control.input !== "range" && control.input !== "number" && control.input !== "count")
      return text;
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) return control.value;
    return Math.min(Math.max(value, control.min ?? -Infinity), control.max ?? Infinity);
  };

  class Figure {
    constructor(element, number) {
      this.element = element;
      this.spec = JSON.parse(element.querySelector(SPEC).textContent);
      this.plot = element.querySelector(".bn-plot");
      this.still = element.querySelector(".bn-still");
      this.name = element.closest("figure")?.id || `figure-${number}`;
      const { controls, newSample } = this.spec.usermeta;
      this.controls = [...controls];
      const sample = (this.spec.params ?? []).find((p) => p.name === newSample);
      if (sample) this.controls.push({ input: "count", param: newSample, value: sample.value ?? 0 });
      this.values = new Map();
    }

    async draw() {
      const live = document.createElement("div");
      live.className = "bn-live";
      this.plot.append(live);
      this.live = live;
      try {
        await load();
        await this.embed();
      } catch (error) {
        live.remove();
        console.error(error);
        return;
      }
      if (this.still) this.still.hidden = true;
      this.element.classList.add("bn-is-live");
      this.listen();
    }

    columns() {
      return this.plot.clientWidth < NARROW ? 1 : (this.spec.hconcat?.length ?? 1);
    }

    async embed() {
      const spec = structuredClone(this.spec);
      this.drawn = this.columns();
      if (spec.hconcat && this.drawn === 1) {
        spec.vconcat = spec.hconcat;
        delete spec.hconcat;
      }
      const inner = this.plot.clientWidth / this.drawn - 60;
      const widen = (part) => {
        const parts = part.vconcat ?? part.hconcat ?? part.concat;
        if (parts) parts.forEach(widen);
        else part.width = Math.max(inner, 60);
      };
      widen(spec);
      this.view?.finalize();
      this.view = (await vegaEmbed(this.live, spec, options)).view;
      await this.fit();
      await this.take();
    }

    // What axes and labels take is known once the figure is drawn.
    async fit() {
      const svg = this.live.querySelector("svg");
      const room = this.plot.clientWidth - Number(svg.getAttribute("width"));
      if (Math.abs(room) < 1 || !this.plot.clientWidth) return;
      const { signals } = this.view.getState({
        signals: (name) => /^(width|childWidth|concat_\d+_width)$/.test(name),
        data: () => false,
      });
      for (const [name, value] of Object.entries(signals))
        this.view.signal(name, Math.max(value + room / this.drawn, 60));
      await this.view.runAsync();
    }

    input(control) {
      return this.element.querySelector(`.bn-controls [name="${control.param}"]`);
    }

    // Takes the values that the address has, or else those of the start.
    async take() {
      for (const control of this.controls) {
        const text = state.get(`${this.name}.${control.param}`);
        this.set(control, text === undefined ? control.value : decode(control, text));
      }
      await this.view.runAsync();
    }

    set(control, value) {
      this.values.set(control.param, value);
      this.view.signal(control.param, value);
      const input = this.input(control);
      if (input) put(input, control, value);
    }

    change(control, value) {
      this.set(control, value);
      const key = `${this.name}.${control.param}`;
      if (value === control.value) state.delete(key);
      else state.set(key, encode(control, value));
      write();
      this.view.runAsync();
    }

    listen() {
      for (const control of this.controls) {
        const input = this.input(control);
        if (!input) continue;
        input.disabled = false;
        input.addEventListener("input", () => this.change(control, get(input, control)));
      }
      const press = (name, action) => {
        const button = this.element.querySelector(name);
        if (!button) return;
        button.disabled = false;
        button.addEventListener("click", action);
      };
      press(".bn-reset", () => this.controls.forEach((c) => this.change(c, c.value)));
      const sample = this.controls.find((c) => c.input === "count");
      press(".bn-new", () => this.change(sample, this.values.get(sample.param) + 1));
      this.element.querySelector("form").addEventListener("submit", (e) => e.preventDefault());
      new ResizeObserver(() => this.resize()).observe(this.plot);
    }

    resize() {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() =>
        this.columns() === this.drawn ? this.fit() : this.embed(),
      );
    }
  }

  function start() {
    const elements = document.querySelectorAll(".bn-interactive:not([data-bn])");
    const figures = [...elements].map((element, number) => {
      element.dataset.bn = "";
      return new Figure(element, number + 1);
    });
    if (!figures.length) return;
    const near = new IntersectionObserver(
      (entries) => {
        for (const entry of entries.filter((e) => e.isIntersecting)) {
          near.unobserve(entry.target);
          figures.find((figure) => figure.element === entry.target).draw();
        }
      },
      { rootMargin: "800px 0px" },
    );
    figures.forEach((figure) => near.observe(figure.element));
    if (!onSite) return;
    window.addEventListener("hashchange", () => {
      state = read();
      figures.filter((figure) => figure.view).forEach((figure) => figure.take());
    });
    // An address with values leads to the first figure that they belong to.
    const first = [...state.keys()][0];
    if (first) document.getElementById(first.split(".")[0])?.scrollIntoView();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

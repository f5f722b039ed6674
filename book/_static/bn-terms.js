// Shows the definition of a glossary term at its link: on hover, on focus and on tap.
// Escape takes it away; the pointer may move onto it; a second tap follows the link.
(() => {
  const LINK = "a[aria-describedby^='about-term-']";
  const tip = document.createElement("div");
  tip.className = "bn-tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // the link is described by its source
  document.body.append(tip);
  let owner = null;
  let timer = 0;

  function place() {
    const edge = 8;
    const link = owner.getClientRects()[0];
    const box = tip.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.max(edge, Math.min(link.left, width - box.width - edge));
    const below = link.bottom + box.height + edge < window.innerHeight;
    const top = below || link.top < box.height ? link.bottom + 4 : link.top - box.height - 4;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${top + window.scrollY}px`;
  }

  function show(link) {
    clearTimeout(timer);
    if (owner === link) return;
    const source = document.getElementById(link.getAttribute("aria-describedby"));
    if (!source) return;
    owner = link;
    tip.replaceChildren(...[...source.childNodes].map((node) => node.cloneNode(true)));
    tip.hidden = false;
    place();
  }

  function hide() {
    clearTimeout(timer);
    tip.hidden = true;
    owner = null;
  }

  const later = (act, milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(act, milliseconds);
  };

  let touched = false;
  document.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch";
    if (owner && !tip.contains(event.target) && !owner.contains(event.target)) hide();
  });
  document.querySelectorAll(LINK).forEach((link) => {
    let asked = false; // by a tap, while the tip stays
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") later(() => show(link), 120);
    });
    link.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") later(hide, 250);
    });
    link.addEventListener("focus", () => {
      if (!touched) show(link);
    });
    link.addEventListener("blur", hide);
    link.addEventListener("click", (event) => {
      if (!touched || (asked && owner === link)) return;
      event.preventDefault();
      show(link);
      asked = true;
    });
  });
  tip.addEventListener("pointerenter", () => clearTimeout(timer));
  tip.addEventListener("pointerleave", () => later(hide, 250));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && owner) hide();
    touched = false;
  });
})();

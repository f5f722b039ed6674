// Searches the sections of the book, the terms of its glossary, its exercises and the
// functions of the package, which search-sections.js holds: no request, from the disk too.
(() => {
  const MOST = 40;
  // What people type, and the words that the book has for it.
  const ALIASES = {
    bn: "batch normalization",
    batchnorm: "batch normalization",
    layernorm: "layer normalization",
    groupnorm: "group normalization",
    frozen: "freeze",
    lr: "learning rate",
  };
  const WORD = /[\p{L}\p{N}_]+/gu;
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const wordsOf = (text) => fold(text).match(WORD) ?? [];
  // freeze, freezes, freezing and freezed share a beginning; so do batch and batches.
  const stem = (word) => (word.length < 5 ? word : word.replace(/(ing|ies|es|ed|s|e|y)$/, ""));

  function queryWords(query) {
    const words = wordsOf(query).map((word) => ALIASES[word] ?? word);
    return [...new Set(words.flatMap(wordsOf).map(stem))];
  }

  const sections = (window.bnSections ?? []).map(([page, title, address, prose, code]) => ({
    page, title, address, prose, code,
    words: { page: wordsOf(page), title: wordsOf(title), prose: wordsOf(prose), code: wordsOf(code) },
  }));

  const count = (words, start) => words.filter((word) => word.startsWith(start)).length;

  // Returns how well a section fits a word: 0 where it does not hold it.
  function fit(section, start) {
    const { page, title, prose, code } = section.words;
    return (
      12 * Math.min(1, count(title, start)) +
      2 * Math.min(1, count(page, start)) +
      Math.min(6, count(prose, start)) +
      0.3 * Math.min(4, count(code, start) + (section.code.toLowerCase().includes(start) ? 1 : 0))
    );
  }

  function rank(query) {
    const starts = queryWords(query);
    if (!starts.length) return { found: [], all: true };
    const phrase = wordsOf(query).join(" ");
    const scored = sections.map((section) => {
      const fits = starts.map((start) => fit(section, start));
      const title = section.words.title.join(" ");
      let score = fits.reduce((sum, value) => sum + value, 0);
      if (title === phrase) score += 30;
      else if (title.includes(phrase)) score += 10;
      if (starts.length > 1 && section.words.prose.join(" ").includes(phrase)) score += 8;
      if (section.address.startsWith("book/api.html")) score *= 0.6; // the book comes first
      return { section, score, held: fits.filter((value) => value > 0).length };
    });
    const all = scored.some((entry) => entry.held === starts.length);
    const wanted = all ? starts.length : 1;
    const found = scored
      .filter((entry) => entry.held >= wanted)
      .sort((a, b) => b.held - a.held || b.score - a.score);
    return { found: found.map((entry) => entry.section), all };
  }

  // Appends `text` to `parent`, with the words that begin with one of `starts` marked.
  function appendMarked(parent, text, starts) {
    let end = 0;
    for (const match of text.matchAll(WORD)) {
      if (!starts.some((start) => fold(match[0]).startsWith(start))) continue;
      parent.append(text.slice(end, match.index));
      const mark = document.createElement("mark");
      mark.textContent = match[0];
      parent.append(mark);
      end = match.index + match[0].length;
    }
    parent.append(text.slice(end));
  }

  function excerpt(section, starts) {
    for (const text of [section.prose, section.code]) {
      for (const match of text.matchAll(WORD)) {
        if (!starts.some((start) => fold(match[0]).startsWith(start))) continue;
        const from = Math.max(0, text.lastIndexOf(" ", Math.max(0, match.index - 90)));
        const to = text.indexOf(" ", match.index + 130);
        const shown = text.slice(from, to < 0 ? undefined : to).trim();
        return (from ? "\u2026 " : "") + shown + (to < 0 ? "" : " \u2026");
      }
    }
    return section.prose.slice(0, 160);
  }

  function row(section, starts) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = section.address;
    appendMarked(link, section.title, starts);
    item.append(link);
    if (section.page !== section.title) {
      const page = document.createElement("span");
      page.className = "bn-search-page";
      page.textContent = section.page;
      item.append(" ", page);
    }
    const context = document.createElement("p");
    appendMarked(context, excerpt(section, starts), starts);
    item.append(context);
    return item;
  }

  function summary(query, { found, all }) {
    if (!query.trim()) return "Type a word or two: the book is searched by sections.";
    if (!found.length)
      return `Nothing found for \u201c${query}\u201d. Try one word of it, or look into the glossary.`;
    const number = found.length === 1 ? "1 place" : `${found.length} places`;
    const what = found.length > MOST ? `${number}, the best ${MOST} shown` : number;
    return all ? `${what} for \u201c${query}\u201d.` : `No place holds all of these words; ${what} with some.`;
  }

  function show(query, target, status) {
    const result = rank(query);
    const starts = queryWords(query);
    status.textContent = summary(query, result);
    const list = document.createElement("ul");
    list.className = "bn-search";
    list.append(...result.found.slice(0, MOST).map((section) => row(section, starts)));
    target.replaceChildren(...(result.found.length ? [list] : []));
  }

  const target = document.getElementById("search-results");
  const box = document.querySelector(".bd-search-container input[name=q]");
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  target.before(status);
  const asked = new URLSearchParams(location.search).get("q") ?? "";
  box.value = asked;
  show(asked, target, status);
  let timer = 0;
  const again = () => {
    show(box.value, target, status);
    const address = new URL(location);
    address.searchParams.set("q", box.value);
    try {
      history.replaceState(null, "", address);
    } catch {
      // Some browsers refuse this for files; the search works without.
    }
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(again, 150);
  });
  box.form.addEventListener("submit", (event) => {
    event.preventDefault();
    again();
  });
})();

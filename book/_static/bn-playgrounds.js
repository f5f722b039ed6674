// Small playgrounds in a page: each starts when it comes near the view, and all of them
// share one script, which the page does not wait for. Until then, and where the script
// does not come, their text stays with its link to the playground.
(() => {
  const source = new URL("playground.js", document.currentScript.src).href;
  const NEAR = "500px";
  let loaded;

  /** Fetch the script once. */
  const load = () =>
    (loaded ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source;
      script.dataset.for = "embeds";
      script.onload = resolve;
      script.onerror = () => reject(new Error(`expected a script at ${source}`));
      document.head.append(script);
    }));

  const near = new IntersectionObserver(
    (entries) =>
      entries
        .filter((entry) => entry.isIntersecting)
        .forEach(({ target }) => {
          near.unobserve(target);
          load().then(() => window.bnEmbed(target), () => {});
        }),
    { rootMargin: NEAR },
  );
  const watch = () =>
    document.querySelectorAll(".pg-embed").forEach((root) => near.observe(root));
  // What the reader reads first comes first.
  if (document.readyState === "complete") watch();
  else window.addEventListener("load", watch);
})();

// Draws the interactive figures. The Vega bundle is fetched only by a page that has one;
// where that fails, or scripts are off, the still picture of the figure stays.
(() => {
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  // The picture as a whole has its description; a name for every mark says nothing more.
  const hidden = { aria: false };
  const config = { mark: hidden, axis: hidden, legend: hidden, title: hidden };
  const options = { actions: false, renderer: "svg", tooltip: false, config };

  async function draw(figure) {
    const spec = figure.querySelector('script[type="application/vnd.vegalite+json"]');
    const still = figure.querySelector(".bn-still");
    const plot = document.createElement("div");
    figure.append(plot);
    try {
      await vegaEmbed(plot, JSON.parse(spec.textContent), options);
      if (still) still.hidden = true;
    } catch (error) {
      plot.remove();
      console.error(error);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const figures = document.querySelectorAll(".bn-interactive");
    if (!figures.length) return;
    const bundle = document.createElement("script");
    bundle.src = here + "vega-bundle.js";
    bundle.onload = () => figures.forEach(draw);
    document.head.append(bundle);
  });
})();

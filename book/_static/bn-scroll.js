// Wide equations, tables and figures scroll inside their own box. A box that scrolls must
// be reachable by keyboard; one that does not must not stop the Tab key.
(() => {
  const boxes =
    ".bn-formula, .pst-scrollable-table-container," +
    " .cell_output, .cell_output > .output, .bn-interactive";
  const update = () =>
    document.querySelectorAll(boxes).forEach((box) => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  window.addEventListener("resize", update);
  window.addEventListener("load", update);
})();

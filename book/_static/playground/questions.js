import { readQuery } from "./settings.js";

/**
 * The experiments, which stand in the page as questions with a folded answer: one button
 * each, which sets the playground and shows the question beside it.
 * @param {HTMLElement} root
 * @param {(settings: import("./settings.js").Settings) => void} choose
 */
export function showQuestions(root, choose) {
  const chips = root.querySelector(".pg-chips"), asked = root.querySelector(".pg-asked");
  function take(question, button) {
    const copy = /** @type {HTMLElement} */ (question.cloneNode(true));
    copy.removeAttribute("id"); // which is the original's
    copy.querySelector("details")?.removeAttribute("open"); // guess first
    asked.replaceChildren(copy);
    for (const other of chips.children) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    choose(readQuery(question.dataset.settings).settings);
  }
  for (const question of document.querySelectorAll(".pg-experiment")) {
    const button = document.createElement("button"), link = question.querySelector(".pg-try");
    button.type = "button";
    button.textContent = question.querySelector("strong").textContent.replace(/\.$/, "");
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => take(question, button));
    chips.append(button);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      take(question, button);
      root.scrollIntoView();
      button.focus({ preventScroll: true });
    });
  }
}

/** Forget the question: the settings are the visitor's own. */
export function forgetQuestion(root) {
  root.querySelector(".pg-asked").replaceChildren();
  for (const button of root.querySelector(".pg-chips").children) {
    button.setAttribute("aria-pressed", "false");
  }
}

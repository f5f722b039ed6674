import { Session } from "./session.js";
import { readQuery } from "./settings.js";

/** Start the playground in the element that the page keeps for it. */
export function start(content, body) {
  const { settings, step } = readQuery(location.search);
  const javascript = new URLSearchParams(location.search).get("compute") === "javascript";
  const kernels = javascript ? null : content.kernels;
  const session = new Session(body, { packed: content.digits, kernels });
  let begun = session.set(settings).then(() => (step ? session.step(step) : undefined));
  window.playground = {
    set: (given) => (begun = session.set(given)),
    step: (n) => begun.then(() => session.step(n)),
    read: () => session.read(),
  };
}

/**
 * Random numbers that a seed decides: mulberry32, and Box and Muller's normal numbers.
 * @param {number} seed a whole number
 * @returns {{uniform: () => number, normal: () => number, shuffle: (a: any) => void}}
 */
export function makeRandom(seed) {
  let state = seed >>> 0;
  /** @type {number | null} */
  let spare = null;
  function uniform() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  function normal() {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
  /** Put the entries of an array in a random order (Fisher and Yates). */
  function shuffle(array) {
    for (let i = array.length - 1; i > 0; i--) {
      const j = Math.floor(uniform() * (i + 1));
      [array[i], array[j]] = [array[j], array[i]];
    }
  }
  return { uniform, normal, shuffle };
}

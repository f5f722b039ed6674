/**
 * @typedef {object} Digits
 * @property {number} inputs pixels of a digit
 * @property {Float32Array} x training digits (N, inputs), from 0 to 1
 * @property {Uint8Array} y their classes
 * @property {Float32Array} xTest test digits
 * @property {Uint8Array} yTest their classes
 */

/** Return the bytes of a base64 text. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/**
 * Unpack the digits: pixels of 4 bits, two in a byte, compressed.
 * @param {{inputs: number, train: number, pixels: string, labels: string}} packed
 * @returns {Promise<Digits>}
 */
export async function unpackDigits(packed) {
  const inflate = new DecompressionStream("deflate");
  const stream = new Blob([fromBase64(packed.pixels)]).stream().pipeThrough(inflate);
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const pixels = new Float32Array(2 * bytes.length);
  bytes.forEach((byte, i) => {
    pixels[2 * i] = (byte >> 4) / 15;
    pixels[2 * i + 1] = (byte & 15) / 15;
  });
  const labels = Uint8Array.from(packed.labels, Number), { inputs, train } = packed;
  return {
    inputs,
    x: pixels.subarray(0, train * inputs), y: labels.subarray(0, train),
    xTest: pixels.subarray(train * inputs), yTest: labels.subarray(train),
  };
}

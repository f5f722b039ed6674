/**
 * Memory and the two loops that take nearly all the time: in WebAssembly where it can be
 * had, else in JavaScript. A network takes its arrays from one of these.
 *
 * @typedef {object} Kernels
 * @property {string} name "wasm" or "javascript"
 * @property {(length: number) => Float32Array} floats zeros
 * @property {(A: Float32Array, ar: number, ac: number, B: Float32Array, C: Float32Array,
 *   bias: Float32Array | null, M: number, K: number, N: number) => void} gemm
 *   C (M, N) = bias + A (M, K) B (K, N); A read with the strides ar and ac
 * @property {(w: Float32Array, g: Float32Array, rate: number) => void} descend w -= rate * g
 */

const PAGE = 65536; // bytes of WebAssembly's unit of memory
const FIRST = 1024; // the address 0 means "no bias"

/** Return `bytes` rounded up to what a SIMD register wants. */
const aligned = (bytes) => (bytes + 15) & ~15;

/**
 * Return how many bytes arrays of these lengths take in the kernels' memory.
 * @param {number[]} lengths
 */
export function bytesFor(lengths) {
  return lengths.reduce((sum, length) => sum + aligned(4 * length), 0);
}

/**
 * @param {WebAssembly.Module | null} module null: plain JavaScript
 * @param {number} bytes room for all arrays that will be asked for
 * @returns {Kernels}
 */
export function makeKernels(module, bytes) {
  return module ? wasmKernels(module, bytes) : javascriptKernels();
}

/** @returns {Kernels} */
function wasmKernels(module, bytes) {
  const wasm = /** @type {any} */ (new WebAssembly.Instance(module, {}).exports);
  // Growing later would cut off the arrays that were handed out.
  const have = wasm.memory.buffer.byteLength;
  wasm.memory.grow(Math.max(0, Math.ceil((FIRST + bytes - have) / PAGE)));
  let free = FIRST;
  return {
    name: "wasm",
    floats(length) {
      const array = new Float32Array(wasm.memory.buffer, free, length);
      free += aligned(4 * length);
      return array;
    },
    gemm(A, ar, ac, B, C, bias, M, K, N) {
      const from = bias ? bias.byteOffset : 0;
      wasm.gemm(A.byteOffset, 4 * ar, 4 * ac, B.byteOffset, C.byteOffset, from, M, K, N);
    },
    descend(w, g, rate) {
      wasm.descend(w.byteOffset, g.byteOffset, rate, w.length);
    },
  };
}

/** @returns {Kernels} */
function javascriptKernels() {
  return {
    name: "javascript",
    floats: (length) => new Float32Array(length),
    gemm: gemmInJavascript,
    descend(w, g, rate) {
      for (let i = 0; i < w.length; i++) w[i] -= rate * g[i];
    },
  };
}

function gemmInJavascript(A, ar, ac, B, C, bias, M, K, N) {
  for (let m = 0; m < M; m++) {
    let j = 0;
    for (; j + 10 <= N; j += 10) tenSums(A, m * ar, ac, B, C, m * N, bias, j, K, N);
    for (; j < N; j++) {
      let sum = bias ? bias[j] : 0;
      for (let k = 0, a = m * ar, b = j; k < K; k++, a += ac, b += N) {
        if (A[a] !== 0) sum += A[a] * B[b];
      }
      C[m * N + j] = sum;
    }
  }
}

/** Ten neighbours of a row of C; the sums stay in registers, zeros of A are skipped. */
function tenSums(A, a, ac, B, C, row, bias, j, K, N) {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0, s8 = 0, s9 = 0;
  for (let k = 0, b = j; k < K; k++, a += ac, b += N) {
    const v = A[a];
    if (v === 0) continue;
    s0 += v * B[b];
    s1 += v * B[b + 1];
    s2 += v * B[b + 2];
    s3 += v * B[b + 3];
    s4 += v * B[b + 4];
    s5 += v * B[b + 5];
    s6 += v * B[b + 6];
    s7 += v * B[b + 7];
    s8 += v * B[b + 8];
    s9 += v * B[b + 9];
  }
  const c = row + j;
  C[c] = s0;
  C[c + 1] = s1;
  C[c + 2] = s2;
  C[c + 3] = s3;
  C[c + 4] = s4;
  C[c + 5] = s5;
  C[c + 6] = s6;
  C[c + 7] = s7;
  C[c + 8] = s8;
  C[c + 9] = s9;
  if (bias) for (let i = 0; i < 10; i++) C[c + i] += bias[j + i];
}

// The two loops that take nearly all the time, in AssemblyScript with SIMD.
// `make kernels` compiles this file to kernels.wasm; kernels.js holds the same in JavaScript.
// Addresses and strides are in bytes, arrays hold float32 row by row, 16 bytes aligned.

/**
 * C (M, N) = bias + A (M, K) B (K, N).
 *
 * A is read with two strides, so that its transpose costs nothing. Twenty sums of a row of C
 * stay in five registers while k runs. A zero of A is skipped: most pixels are zero, and so
 * are half the outputs of a ReLU.
 *
 * @param A address of A; `ar` from row to row, `ac` from column to column
 * @param bias address of N numbers, or 0 for none
 */
export function gemm(
  A: usize, ar: usize, ac: usize, B: usize, C: usize, bias: usize, M: i32, K: i32, N: i32,
): void {
  const row: usize = (<usize>N) << 2;
  for (let m = 0; m < M; m++) {
    const a0 = A + <usize>m * ar;
    const c0 = C + <usize>m * row;
    let j = 0;
    for (; j + 20 <= N; j += 20) {
      const at: usize = (<usize>j) << 2;
      let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0;
      if (bias) {
        s0 = v128.load(bias + at);
        s1 = v128.load(bias + at, 16);
        s2 = v128.load(bias + at, 32);
        s3 = v128.load(bias + at, 48);
        s4 = v128.load(bias + at, 64);
      }
      let a = a0, b = B + at;
      for (let k = 0; k < K; k++) {
        const s = load<f32>(a);
        if (s != 0) {
          const v = f32x4.splat(s);
          s0 = f32x4.add(s0, f32x4.mul(v, v128.load(b)));
          s1 = f32x4.add(s1, f32x4.mul(v, v128.load(b, 16)));
          s2 = f32x4.add(s2, f32x4.mul(v, v128.load(b, 32)));
          s3 = f32x4.add(s3, f32x4.mul(v, v128.load(b, 48)));
          s4 = f32x4.add(s4, f32x4.mul(v, v128.load(b, 64)));
        }
        a += ac;
        b += row;
      }
      const c = c0 + at;
      v128.store(c, s0);
      v128.store(c, s1, 16);
      v128.store(c, s2, 32);
      v128.store(c, s3, 48);
      v128.store(c, s4, 64);
    }
    for (; j + 4 <= N; j += 4) {
      const at: usize = (<usize>j) << 2;
      let sum = bias ? v128.load(bias + at) : f32x4.splat(0);
      let a = a0, b = B + at;
      for (let k = 0; k < K; k++) {
        const s = load<f32>(a);
        if (s != 0) sum = f32x4.add(sum, f32x4.mul(f32x4.splat(s), v128.load(b)));
        a += ac;
        b += row;
      }
      v128.store(c0 + at, sum);
    }
    for (; j < N; j++) {
      const at: usize = (<usize>j) << 2;
      let sum: f32 = bias ? load<f32>(bias + at) : 0;
      let a = a0, b = B + at;
      for (let k = 0; k < K; k++) {
        const s = load<f32>(a);
        if (s != 0) sum += s * load<f32>(b);
        a += ac;
        b += row;
      }
      store<f32>(c0 + at, sum);
    }
  }
}

/** w -= rate * g for n numbers: one step of gradient descent. */
export function descend(w: usize, g: usize, rate: f32, n: i32): void {
  const v = f32x4.splat(rate);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(w, f32x4.sub(v128.load(w), f32x4.mul(v, v128.load(g))));
    w += 16;
    g += 16;
  }
  for (; i < n; i++) {
    store<f32>(w, load<f32>(w) - rate * load<f32>(g));
    w += 4;
    g += 4;
  }
}

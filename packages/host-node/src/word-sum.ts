/**
 * A sum of bytes that tells whether a file is as it was written; no protection against whoever may write it. Over the
 * words of 64 bits, little endian, the last one filled up with zeros:
 *
 *     a := a + word; b := (b rotated left by 5) xor a; at last the halves of b and the length, by xor
 *
 * By a module of WebAssembly, because it is part of each start: loading node:zlib for its CRC-32 takes 6 ms of CPU
 * time, a loop of JavaScript that has not been compiled yet 5 ms for a MiB, this 1 ms.
 */

/** TypeScript declares the global only with the DOM's types. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
};

/**
 * ```
 * (module (import "h" "m" (memory 0)) (global $a' (mut i64) (i64.const 0)) (global $b' (mut i64) (i64.const 0))
 *   (func (export "s") (param $end i32) (result i32) (local $at i32) (local $a i64) (local $b i64)
 *     (local.set $a (global.get $a')) (local.set $b (global.get $b'))
 *     (block (loop
 *       (br_if 1 (i32.ge_u (local.get $at) (local.get $end)))
 *       (local.tee $a (i64.add (local.get $a) (i64.load (local.get $at))))
 *       (local.set $b (i64.xor (i64.rotl (local.get $b) (i64.const 5))))
 *       (local.set $at (i32.add (local.get $at) (i32.const 8)))
 *       (br 0)))
 *     (global.set $a' (local.get $a)) (global.set $b' (local.get $b))
 *     (i32.wrap_i64 (i64.xor (local.get $b) (i64.shr_u (local.get $b) (i64.const 32))))))
 * ```
 */
const MODULE =
  "AGFzbQEAAAABBgFgAX8BfwIIAQFoAW0CAAADAgEABgsCfgFCAAt+AUIACwcFAQFzAAAKSQFHAgF/An4jACECIwEhAwJAA0AgASAATw0BIAIgASkD" +
  "AHwiAiADQgWJhSEDIAFBCGohAQwACwsgAiQAIAMkASADIANCIIiFpws=";
/** Of a memory of one page: what is touched for the first time costs more than to sum it up. */
const PIECE = 65536;

/** @returns 32 bits */
export function wordSum(bytes: Uint8Array): number {
  const m = new WebAssembly.Memory({ initial: 1 });
  const piece = new Uint8Array(m.buffer);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(MODULE, "base64")), { h: { m } });
  const sumOn = exports["s"] as (end: number) => number;
  let sum = 0;
  for (let at = 0; at < bytes.length; at += PIECE) {
    const part = bytes.subarray(at, at + PIECE);
    piece.set(part);
    piece.fill(0, part.length, part.length + 8);
    sum = sumOn(part.length);
  }
  return (sum ^ bytes.length) >>> 0;
}

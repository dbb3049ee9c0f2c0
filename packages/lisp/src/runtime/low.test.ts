/**
 * Goal: what the compiled runtime does by itself is what the host would answer: arithmetic of integers, and `equal?` of
 * structures that share parts or are circular. Method: random operands; JavaScript's BigInt and the reference
 * interpreter are the judges. Some runs collect at each allocation.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { CompiledLisp } from "../compiled-session.ts";
import { itemsOf } from "../datum/datum.ts";
import { createEngine } from "../engine.ts";
import { readForms } from "../low/read.ts";
import { makeLisp } from "../testing/run.ts";
import { testWasmEngine } from "../testing/wasm-engine.ts";
import { expandRuntime } from "./boot-expander.ts";

const image = createEngine({ wasm: testWasmEngine }).saveImage();
const sessionImage = new CompiledLisp(makeLisp().lisp, { wasm: testWasmEngine }).engine.saveImage();

/** Of all sizes, and of those shapes at which carries and estimates go wrong. */
function randomInteger(random: SeededRandom, bitsMax: number): bigint {
  const bits = random.below(random.below(4) === 0 ? 70 : bitsMax);
  let value = 0n;
  for (let at = 0; at <= bits; at += 32) {
    const shape = random.below(6);
    const limb = shape === 0 ? 0xffffffff : shape === 1 ? 0 : shape === 2 ? 0x80000000 : random.below(2 ** 31) * 2 + 1;
    value = (value << 32n) | BigInt(limb);
  }
  if (random.below(4) === 0) value = 1n << BigInt(bits);
  value += BigInt(random.below(3) - 1);
  return random.below(2) === 0 ? value : -value;
}

const floored = (a: bigint, b: bigint): bigint => {
  const rest = a % b;
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
};

test("sums, products, quotients and comparisons of integers are those of BigInt", () => {
  const seed = Date.now() % 2 ** 31;
  const random = new SeededRandom(seed);
  for (const [count, bitsMax, debug] of [
    [2000, 900, undefined],
    [40, 9000, undefined],
    [60, 300, "torture"],
  ] as const) {
    const pairs = Array.from({ length: count }, () => {
      const a = randomInteger(random, bitsMax);
      // Some quotients are whole, and some differ from that by one.
      const b = randomInteger(random, bitsMax);
      // Powers of two are divided by in another way.
      if (random.below(8) === 0) return [a, (b < 0n ? -1n : 1n) << BigInt(random.below(bitsMax))];
      return random.below(5) === 0 ? [a * b + BigInt(random.below(3) - 1), b] : [a, b];
    }) as [bigint, bigint][];
    const engine = createEngine({ wasm: testWasmEngine, image, ...(debug === undefined ? {} : { debug }) });
    const globalOf = (word: string): ReturnType<typeof engine.runtimeGlobal> => engine.runtimeGlobal(word);
    const program = `
      (define (answers a b)
        (list (+ a b) (- a b) (* a b) (if (< a b) 1 0) (if (<= a b) 1 0) (if (= a b) 1 0) (if (> a b) 1 0)
              (if (>= a b) 1 0) (if (even? a) 1 0) (if (negative? b) 1 0) (abs a)
              (if (zero? b) 0 (quotient a b)) (if (zero? b) 0 (remainder a b)) (if (zero? b) 0 (modulo a b))))
      (map (lambda (pair) (answers (car pair) (cadr pair))) '(${pairs.map(([a, b]) => `(${a} ${b})`).join(" ")}))`;
    const rows = itemsOf(engine.load(expandRuntime(readForms(program), { library: "program", globalOf })))!;
    const bit = (is: boolean): bigint => (is ? 1n : 0n);
    for (const [index, [a, b]] of pairs.entries()) {
      const isZero = b === 0n;
      const expected = [
        ...[a + b, a - b, a * b, bit(a < b), bit(a <= b), bit(a === b), bit(a > b), bit(a >= b)],
        ...[bit(a % 2n === 0n), bit(b < 0n), a < 0n ? -a : a],
        ...[isZero ? 0n : a / b, isZero ? 0n : a % b, isZero ? 0n : floored(a, b)],
      ];
      const got = itemsOf(rows[index])! as (number | bigint)[];
      assert.deepEqual(got.map(BigInt), expected, `seed ${seed}: ${a} and ${b}`);
    }
  }
});

/** Definitions of a vector of nodes, each a pair or a vector of leaves and of any of the nodes. */
function randomGraph(random: SeededRandom, size: number): string {
  const item = (): string => {
    const leaves = ["'a", "1", "1.5", '"text"', "(expt 2 70)", "#\\a", "'()", "#u8(1 2)", "1/2"];
    if (random.below(3) === 0) return leaves[random.below(leaves.length)]!;
    return `(vector-ref nodes ${random.below(size)})`;
  };
  const lines = Array.from({ length: size }, (_, index) => {
    const node = `(vector-ref nodes ${index})`;
    return index % 3 === 2
      ? [0, 1, 2].map((at) => `(vector-set! ${node} ${at} ${item()})`).join(" ")
      : `(set-car! ${node} ${item()}) (set-cdr! ${node} ${item()})`;
  });
  return `(let ((nodes (make-vector ${size})))
    (do ((i 0 (+ i 1))) ((= i ${size})) (vector-set! nodes i (if (= (modulo i 3) 2) (make-vector 3) (cons 1 2))))
    ${lines.join("\n")} nodes)`;
}

extendedTest("structures that share parts or are circular are equal where the interpreter says so", () => {
  const seed = Date.now() % 2 ** 31;
  for (let round = 0; round < 9; round++) {
    const size = 3 + new SeededRandom(seed + round).below(round < 6 ? 12 : 90);
    // The same graph twice, with a change in some rounds.
    const [one, other] = [0, 1].map(() => randomGraph(new SeededRandom(seed + round), size)) as [string, string];
    const changed = round % 3 === 2 ? other.replace("'a", "'b") : other;
    const program = `
      (import (scheme base) (scheme write))
      (define one ${one})
      (define other ${changed})
      (do ((i 0 (+ i 1))) ((= i ${size}))
        (write (if (equal? (vector-ref one i) (vector-ref other i)) 1 0))
        (write (if (equal? (vector-ref one i) (vector-ref one (modulo (* i 7) ${size}))) 1 0)))`;
    const [interpreted, compiled] = [false, true].map((isCompiled) => {
      const { lisp, output } = makeLisp();
      const runner = isCompiled ? new CompiledLisp(lisp, { wasm: testWasmEngine, image: sessionImage }) : lisp;
      runner.runProgram(program, "graph.scm");
      return output();
    });
    assert.equal(compiled, interpreted, `seed ${seed}, round ${round}`);
  }
});

test("equal? takes time by the size of what is shared, and has room for long and for deep structures", () => {
  const { lisp, output } = makeLisp();
  new CompiledLisp(lisp, { wasm: testWasmEngine, image: sessionImage }).runProgram(
    `(import (scheme base) (scheme write))
     (define (shared n) (if (= n 0) '() (let ((part (shared (- n 1)))) (list part part part))))
     (define (long n) (let loop ((i n) (l '())) (if (= i 0) l (loop (- i 1) (cons i l)))))
     (define (deep n) (let loop ((i n) (l '())) (if (= i 0) l (loop (- i 1) (list l i)))))
     (define (ring n) (let ((l (make-list n 0))) (set-cdr! (list-tail l (- n 1)) l) l))
     (write (list (equal? (shared 200) (shared 200)) (equal? (long 300000) (long 300000))
       (equal? (deep 300000) (deep 300000)) (equal? (deep 300000) (deep 300001))
       (equal? (ring 1000) (ring 1001)) (equal? (ring 3000) (long 4500))
       (equal? (make-vector 100000 "a") (make-vector 100000 "a"))))`,
    "large.scm",
  );
  assert.equal(output(), "(#t #t #t #f #t #f #t)");
});

/**
 * Goal: a child of `fork-heap` is the heap as it was, and neither it nor its parent sees what the other changes, however
 * they are collected. Method: versions that fork, change a graph, strings and bytes at random and end, each beside the
 * same in JavaScript made anew; the old generation is so small that it is copied again and again, and proved.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleCount } from "@stratos/base/testing";
import { CompiledLisp } from "../compiled-session.ts";
import type { EngineOptions, EngineStatistics } from "../engine.ts";
import { MutatedGraph, mix, mutationDefinitions } from "../testing/mutated-graph.ts";
import { findOwnLibrary } from "../testing/own-libraries.ts";
import { makeLisp } from "../testing/run.ts";
import { testWasmEngine } from "../testing/wasm-engine.ts";

const KIB = 1024;
const MIB = KIB * KIB;

interface Ran {
  readonly output: string;
  readonly session: CompiledLisp;
  readonly statistics: EngineStatistics;
}

function run(text: string, options: Partial<EngineOptions> = {}): Ran {
  const { lisp, output } = makeLisp({ findLibrary: findOwnLibrary });
  const session = new CompiledLisp(lisp, {
    wasm: testWasmEngine,
    memoryBytes: 64 * MIB,
    nurseryBytes: 512 * KIB,
    image: null,
    ...options,
  });
  session.runProgram(`(import (scheme base) (scheme write) (stratos heap) (stratos memory))\n${text}`, "test.scm");
  return { output: output(), session, statistics: session.engine.statistics };
}

const GRAPH = { seed: 7, rows: 20, columns: 50 };
const BYTES = 60;

/** What the versions answer: changes; what others do for them by the way `in`. */
const SERVER = `
${mutationDefinitions(GRAPH)}
(define text (make-string ${BYTES} #\\a))
(define bytes (make-bytevector ${BYTES} 0))
(define kids '())
(define (change! n)
  (string-set! text (chance ${BYTES}) (integer->char (+ 97 (chance 26))))
  (bytevector-u8-set! bytes (chance ${BYTES}) (chance 256))
  (bytevector-copy! bytes (chance 20) bytes 30 (+ 30 (chance 20)))
  (let* ((row (vector-ref table (chance ${GRAPH.rows}))) (at (chance 20)))
    (vector-copy! row at row 25 (+ 25 (chance 20)))
    (vector-fill! row (chance 100) 46 (+ 46 (chance 4)))))
(define (sum-all)
  (let loop ((i 0) (h (sum)))
    (if (= i ${BYTES}) h
        (loop (+ i 1) (mix (mix h (char->integer (string-ref text i))) (bytevector-u8-ref bytes i))))))
(define (serve operation . operands)
  (case operation
    ((mutate) (set! seed (car operands)) (mutate-all! (cadr operands)) (change! 1) (sum-all))
    ((fork) (set! kids (append kids (list (fork-heap serve)))) (length kids))
    ((collect) (collect-garbage) #t)
    ((close) (heap-close! (list-ref kids (car operands))) #t)
    ((in) (apply heap-call (list-ref kids (car operands)) (cdr operands)))))
(define (show x) (write x) (newline))
`;

/** The same in JavaScript: what a version was told is done anew each time. */
class Model {
  readonly history: (readonly [seed: number, count: number])[];
  readonly kids: Model[];
  isOpen: boolean;
  constructor(history: readonly (readonly [number, number])[], kids: readonly Model[]) {
    this.history = [...history];
    this.kids = [...kids];
    this.isOpen = true;
  }

  sum(): number {
    const text = new Array<number>(BYTES).fill(97);
    const bytes = new Uint8Array(BYTES);
    const graph = new MutatedGraph(GRAPH);
    for (const [seed, count] of this.history) {
      graph.seed = seed;
      graph.mutateAll(count);
      const at = graph.chance(BYTES);
      text[at] = 97 + graph.chance(26);
      const byteAt = graph.chance(BYTES);
      bytes[byteAt] = graph.chance(256);
      const to = graph.chance(20);
      bytes.copyWithin(to, 30, 30 + graph.chance(20));
      const first = graph.chance(GRAPH.rows) * GRAPH.columns;
      const start = graph.chance(20);
      graph.table.copyWithin(first + start, first + 25, first + 25 + graph.chance(20));
      const fill = graph.chance(100);
      graph.table.fill(fill, first + 46, first + 46 + graph.chance(4));
    }
    return text.reduce((h, code, index) => mix(mix(h, code), bytes[index]!), graph.sum());
  }
}

/** A program that does so many things at random, and what it shows. */
function scenario(seed: number, steps: number, mutations: number): { text: string; lines: string[] } {
  let state = seed;
  const chance = (n: number): number => (state = (state * 48271) % 2147483647) % n;
  const root = new Model([], []);
  const forms: string[] = [];
  const lines: string[] = [];
  for (let step = 0; step < steps; step++) {
    const way: Model[] = [root];
    const path: number[] = [];
    while (chance(3) > 0) {
      const open = [...way.at(-1)!.kids.keys()].filter((index) => {
        const kid = way.at(-1)!.kids[index]!;
        return kid.isOpen && !way.includes(kid);
      });
      if (open.length === 0) break;
      const index = open[chance(open.length)]!;
      path.push(index);
      way.push(way.at(-1)!.kids[index]!);
    }
    const model = way.at(-1)!;
    const closable = [...model.kids.keys()].filter((at) => model.kids[at]!.isOpen && !way.includes(model.kids[at]!));
    const kind = chance(8);
    let operation: string;
    if (kind === 0 && lines.length > 0) {
      const kid = new Model(model.history, model.kids);
      model.kids.push(kid);
      operation = "'fork";
      lines.push(String(model.kids.length));
    } else if (kind === 1 && closable.length > 0) {
      const index = closable[chance(closable.length)]!;
      model.kids[index]!.isOpen = false;
      operation = `'close ${index}`;
      lines.push("#t");
    } else if (kind === 2) {
      operation = "'collect";
      lines.push("#t");
    } else {
      const change = [1 + chance(2 ** 30), chance(mutations)] as const;
      model.history.push(change);
      operation = `'mutate ${change.join(" ")}`;
      lines.push(String(model.sum()));
    }
    forms.push(`(show (serve ${path.map((index) => `'in ${index} `).join("")}${operation}))`);
  }
  return { text: SERVER + forms.join("\n"), lines };
}

const seed = 1 + (Date.now() % 2 ** 30);

test("versions that fork, change and end are what a model says", () => {
  for (let round = 0; round < sampleCount(40, 1 / 40); round++) {
    const { text, lines } = scenario(seed + round, 120, 2000);
    const { output, statistics } = run(text, { memoryBytes: 20 * MIB, debug: "verify" });
    assert.deepEqual(output.trim().split("\n"), lines, `seed ${seed + round}`);
    assert.ok(statistics.majorCount > 3, `${statistics.majorCount} copied`);
  }
});

test("the same with a collection at each allocation", () => {
  const { text, lines } = scenario(seed, 30, 20);
  const { output } = run(text, { memoryBytes: 16 * MIB, debug: "torture" });
  assert.deepEqual(output.trim().split("\n"), lines, `seed ${seed}`);
});

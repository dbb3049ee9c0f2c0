/** Goal: mutations break code and nothing else. Method: small texts, and each mutation of them. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { findMutations } from "./mutations.ts";

const changes = (text: string): string[] =>
  findMutations(text).map(({ start, end, after }) => text.slice(0, start) + after + text.slice(end));

test("comparisons, sums, conditions, numbers and calls are each broken in one way", () => {
  assert.deepEqual(changes("if (a < b && !c) f = 1;\n"), [
    "if (a <= b && !c) f = 1;\n",
    "if (a < b || !c) f = 1;\n",
    "if (a < b && c) f = 1;\n",
    "if (a < b && !c) f = 2;\n",
  ]);
  assert.deepEqual(changes("  queue.wakeAll();\n"), ["  ;\n"]);
  assert.deepEqual(changes("  // why\n  call();\n  const both =\n    ready(a) &&\n    called();\n"), [
    "  // why\n  ;\n  const both =\n    ready(a) &&\n    called();\n",
    "  // why\n  call();\n  const both =\n    ready(a) ||\n    called();\n",
  ]);
});

test("types, imports, comments, strings and patterns are left alone", () => {
  const text =
    'import { x } from "./x.ts";\n/* a < b */\nconst s = "a < b"; // a && b\nconst p = / < /g;\n' +
    "export type T = 0 | 1;\nconst t = `a < ${s} && 1`;\n" +
    "  readonly size: 4;\n  const m: Map<string, number[]> = new Map<string, number[]>();\n";
  assert.deepEqual(changes(text), []);
});

test("a mutation tells the line that it breaks", () => {
  const [only] = findMutations("a;\nreturn x === y;\n");
  assert.deepEqual([only!.line, only!.text, only!.before, only!.after], [2, "return x === y;", " ===", " !=="]);
});

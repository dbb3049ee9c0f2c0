/**
 * Goal: every example of docs/lisp does what the page says. Method: each page is one session; `; =>` and `; prints` are
 * checked. The pages about C and about
 * the system are one native program each instead.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { closedSystem, Lisp, writeShown } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { ForeignPrograms, WITHOUT_HOST } from "./support/foreign-programs.ts";
import { repository } from "./support/stratos.ts";

const folder = join(repository, "docs/lisp");

/** The examples of a page, each with what it says of it. */
function examplesOf(page: string): { code: string; kind: string; expected: string }[][] {
  const blocks = readFileSync(join(folder, page), "utf8").matchAll(/^```scheme\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, block]) => {
    const pieces = block!.split(/; (=>|prints) ([^\n]*)/);
    const examples = [{ code: pieces.at(-1)!, kind: "", expected: "" }];
    for (let at = pieces.length - 4; at >= 0; at -= 3)
      examples.unshift({ code: pieces[at]!, kind: pieces[at + 1]!, expected: pieces[at + 2]!.trim() });
    return examples;
  });
}

/** Where the last form of a text begins. */
function lastForm(code: string): number {
  const forms = code.replace(/"(?:[^"\\]|\\.)*"|;[^\n]*/g, (text) => "x".repeat(text.length));
  let depth = 0;
  let start = 0;
  for (const { 0: paren, index } of forms.matchAll(/[()]/g)) {
    if (paren === "(" && depth++ === 0) start = index;
    if (paren === ")") depth--;
  }
  return start;
}

for (const page of ["foreign.md", "system.md"])
  extendedTest(`the examples of docs/lisp/${page}`, { skip: WITHOUT_HOST }, () => {
    const examples = examplesOf(page).flat();
    const text = examples.map(({ code, kind }) => {
      if (kind === "") return code;
      const start = lastForm(code);
      return `${code.slice(0, start)}(begin (write ${code.slice(start)}) (newline))`;
    });
    const programs = new ForeignPrograms();
    const head = "(import (scheme base) (scheme write))\n";
    const { output } = programs.onHost(programs.build(`${head}${text.join("\n")}`, ["x86_64"]).x86_64);
    programs.remove();
    const expected = examples.filter(({ kind }) => kind !== "").map((example) => example.expected);
    assert.ok(expected.length > 10);
    assert.deepEqual(Buffer.from(output, "latin1").toString().trimEnd().split("\n"), expected);
  });

/** The shell's are run by tests/astra-lisp.test.ts. */
const OTHERS = new Set(["foreign.md", "system.md", "shell.md"]);
for (const page of readdirSync(folder).filter((name) => name.endsWith(".md") && !OTHERS.has(name))) {
  test(`the examples of docs/lisp/${page}`, async () => {
    let printed = "",
      checked = 0;
    const sink = {
      write: (bytes: Uint8Array) => void (printed += Buffer.from(bytes).toString()),
      flush: () => {},
      close: () => {},
    };
    const lisp = new Lisp({
      system: closedSystem({
        standardOutput: sink,
        javascript: page === "javascript.md" ? { global: globalThis, whenIdle: null } : null,
      }),
      findLibrary: folderFinder([ownLibraryFolder()]),
    });
    for (const { code, kind, expected } of examplesOf(page).flat()) {
      printed = "";
      const value = await lisp.evaluateTextWaiting(code, page);
      if (kind === "") continue;
      lisp.flush();
      assert.equal(kind === "=>" ? writeShown(value) : printed.trim(), expected, code.trim());
      checked++;
    }
    assert.ok(checked > 0, "a page without a checked example");
  });
}

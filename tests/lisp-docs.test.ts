/**
 * Goal: every example of docs/lisp does what the page says. Method: each page is one session; `; =>` and `; prints` are
 * checked.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { closedSystem, Lisp, writeShown } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { repository } from "./support/stratos.ts";

const folder = join(repository, "docs/lisp");

for (const page of readdirSync(folder).filter((name) => name.endsWith(".md"))) {
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
    for (const [, block] of readFileSync(join(folder, page), "utf8").matchAll(/^```scheme\n([\s\S]*?)^```/gm)) {
      const pieces = block!.split(/; (=>|prints) ([^\n]*)/);
      for (let at = 0; at + 2 < pieces.length; at += 3) {
        printed = "";
        const value = await lisp.evaluateTextWaiting(pieces[at]!, page);
        lisp.flush();
        const [kind, expected] = [pieces[at + 1]!, pieces[at + 2]!.trim()];
        assert.equal(kind === "=>" ? writeShown(value) : printed.trim(), expected, pieces[at]!.trim());
        checked++;
      }
      await lisp.evaluateTextWaiting(pieces.at(-1)!, page);
    }
    assert.ok(checked > 0, "a page without a checked example");
  });
}

/**
 * Writes docs/lisp/reference.md, what AstraLisp's libraries export, from their docstrings: `npm run docs`. A test
 * compares the two.
 *
 *     node tools/lisp-reference.ts
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { referencePage } from "@stratos/lisp/language-server";
import { workspaceFiles } from "@stratos/tools-node/lisp-workspace";

export const REFERENCE = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs/lisp/reference.md");

const HEAD = `# AstraLisp: reference

What the libraries that come along export: how it is used, and what its docstring says. An argument in brackets may be
left out, one with … may stand any number of times; after → stands what it gives. Written by \`npm run docs\`; editors
show the same ([editors.md](editors.md)).

A library is there after its import; a program that imports nothing sees all of \`(scheme …)\` and \`(stratos …)\`.

\`\`\`scheme
(import (srfi 1))
(fold + 0 '(1 2 3))            ; => 6
\`\`\`

`;

export function lispReference(): { readonly text: string; readonly undocumented: readonly string[] } {
  const { page, undocumented } = referencePage(workspaceFiles([]));
  return { text: HEAD + page, undocumented };
}

if (import.meta.main) writeFileSync(REFERENCE, lispReference().text);

/**
 * Goal: names come from where they are declared, however they were handed on, and short commands load little. Method:
 * a repository of a few modules; the static imports of real commands, followed to their end.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { test } from "node:test";
import { DirectImports } from "./direct-imports.ts";

const MODULES = {
  "packages/low/package.json":
    '{ "name": "@stratos/low", "exports": { ".": "./src/low.ts", "./deep": "./src/deep.ts" } }',
  "packages/low/src/low.ts":
    '/** What it has. */\nexport * from "./numbers.ts";\nexport { given as named, type Shape } from "./deep.ts";\n' +
    'export { twice } from "library";\nimport other, { given } from "./deep.ts";\nexport const own = other + given;\n',
  "packages/low/src/numbers.ts":
    "export const ONE = 1,\n  TWO = 2;\nexport function three(): number {\n  return 3;\n}\n",
  "packages/acting/package.json": '{ "name": "@stratos/acting", "exports": { ".": "./src/acting.ts" } }',
  "packages/acting/src/acting.ts":
    'import { own, three } from "@stratos/low";\nexport { own };\nexport * from "@stratos/low";\nthree();\n',
  "packages/low/src/deep.ts": "export const given = 4;\nexport type Shape = string;\nexport default given;\n",
};

function sourceOf(text: string): string {
  const root = mkdtempSync(join(tmpdir(), "stratos-imports-"));
  try {
    for (const [path, content] of Object.entries({ ...MODULES, "packages/top/src/top.ts": text })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    return new DirectImports(root).sourceOf(join(root, "packages/top/src/top.ts")).replaceAll(`${root}/packages/`, "");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("a name is imported from where it is declared, on the lines where it was", () => {
  const imports = 'import {\n  TWO,\n  named as mine,\n  own,\n  three,\n  type Shape,\n} from "@stratos/low";\n';
  assert.equal(
    sourceOf(`${imports}export const sum = (shape: Shape) => TWO + mine + own + three() + shape;\n`),
    'import { TWO, three } from "low/src/numbers.ts"; import { given as mine } from "low/src/deep.ts"; ' +
      'import { own } from "@stratos/low";\n\n\n\n\n\n\n' +
      "export const sum = (shape: Shape) => TWO + mine + own + three() + shape;\n",
  );
});

test("what libraries have, what acts, types, whole modules and text that looks like an import stay", () => {
  for (const text of [
    'import { twice } from "@stratos/low";\n',
    'import { ONE, named } from "@stratos/acting";\n',
    'import type { Shape } from "@stratos/low";\nimport * as low from "@stratos/low";\n',
    'import { readFileSync } from "node:fs";\n',
    'export const text = `\nimport { TWO } from "@stratos/low";\n`;\n',
  ])
    assert.equal(sourceOf(text), text);
});

const root = dirname(import.meta.dirname);
for (const command of [
  "commands/image-list-command.ts",
  "commands/fs-files.ts",
  "commands/pkg-list.ts",
  "commands/compose-plan-command.ts",
  "systems/list-systems.ts",
  "systems/run-system.ts",
])
  test(`${command} does not load the kernel`, () => {
    const imports = new DirectImports(root);
    const reached = new Set([join(root, "packages/cli/src", command)]);
    for (const path of reached) {
      const text = imports.sourceOf(path).replace(/^import type [^;]*;/gm, "");
      for (const [, source] of text.matchAll(/ from "([^"]+)";/g)) {
        const next = isAbsolute(source!) ? source! : imports.fileOf(source!, path);
        if (next !== null) reached.add(next);
      }
    }
    assert.ok(reached.size > 5);
    assert.deepEqual(
      [...reached].filter((path) => path.startsWith(join(root, "packages/kernel/"))),
      [],
    );
  });

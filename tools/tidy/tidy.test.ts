/** Goal: each check finds what it is for. Method: a tree in memory with one fault. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDocuments } from "./documents.ts";
import { checkCircles } from "./circles.ts";
import { checkFiles } from "./files.ts";
import { checkLayers } from "./layers.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkStartUp } from "./start-up.ts";
import type { Finding, SourceTree } from "./source-tree.ts";

const manifest = (dependencies: Record<string, string> = {}): string => JSON.stringify({ dependencies });
const tree = (files: Record<string, string>): SourceTree => ({
  root: "/nowhere",
  files: Object.entries({
    "packages/kernel/package.json": manifest({ "@stratos/base": "0.1.0" }),
    "docs/where.md": "",
    ...files,
  }).map(([path, text]) => ({ path, text })),
});
const messages = (findings: Finding[]): string[] =>
  findings.map((finding) => `${finding.path}:${finding.line} ${finding.message}`);

const layerFaults: readonly [string, RegExp][] = [
  ['import { x } from "@stratos/machine";', /layer 2 \(kernel\) does not know layer 3 \(machine\)/],
  ['import { x } from "@stratos/aegisfs";', /not declared/],
  ['import { x } from "@stratos/base/src/x.ts";', /past the front door/],
  ['import {\n  x,\n} from "node:fs";', /does not know Node/],
  ['import fs from "fs";', /does not know Node/],
  ['const x = await import("../../../cli/src/cli.ts");', /leaves the package/],
  ['import { x } from "./x";', /carry their extension/],
  ['import { x } from "lodash";', /no libraries/],
  ["const now = Date.now();", /does not know the host/],
  ["const r = Math.random();", /does not know the host/],
];
for (const [text, expected] of layerFaults) {
  test(`layers: ${text.replaceAll("\n", " ")}`, () => {
    assert.match(messages(checkLayers(tree({ "packages/kernel/src/mm/x.ts": `\n${text}\n` }))).join("\n"), expected);
  });
}

test("layers: what is allowed is not found", () => {
  const text =
    '/** Date.now() and import "node:fs" in a comment. */\nimport { x } from "@stratos/base";\n' +
    'import type { Y } from "../vfs/y.ts"; // Math.random()\n';
  assert.deepEqual(
    messages(
      checkLayers(
        tree({
          "packages/kernel/src/mm/x.ts": text,
          "packages/kernel/src/mm/x.test.ts": 'import { test } from "node:test";',
        }),
      ),
    ),
    [],
  );
});

test("start-up: what a run doesn't need, with the way to it; types and later imports cost nothing", () => {
  const files = {
    "packages/cli/src/commands/run-command.ts": 'import { run } from "../session/run.ts";',
    "packages/cli/src/session/run.ts":
      'import { parse } from "@stratos/pkg";\nimport { elf } from "@stratos/formats/elf";\n' +
      'import type { T } from "@stratos/compose";\nconst x = await import("@stratos/outputs");',
    "packages/pkg/package.json": JSON.stringify({ exports: { ".": "./src/pkg.ts" } }),
    "packages/formats/package.json": JSON.stringify({ exports: { "./elf": "./src/elf.ts" } }),
  };
  const found = messages(checkStartUp(tree(files)));
  assert.equal(found.length, 1);
  assert.match(found[0]!, /packages\/pkg\/src\/pkg\.ts.*run-command\.ts → packages\/cli\/src\/session\/run\.ts/);
});

test("files: names and sizes", () => {
  const found = messages(
    checkFiles(
      tree({
        "packages/kernel/src/Foo.ts": "",
        "packages/kernel/src/utils.ts": "",
        "packages/kernel/src/a.ts": "\n".repeat(701),
        "packages/kernel/src/page-fault.test.ts": "",
      }),
    ),
  );
  assert.equal(found.length, 3);
  assert.match(found.join("\n"), /Foo\.ts.*kebab-case(.|\n)*utils\.ts.*says nothing(.|\n)*a\.ts.*702 lines/);
});

test("files that import each other when they are loaded are a finding; types are gone by then", () => {
  const found = messages(
    checkCircles(
      tree({
        "packages/kernel/src/a.ts": 'import { b } from "./b.ts";',
        "packages/kernel/src/b.ts": 'import { c } from "./fs/c.ts";',
        "packages/kernel/src/fs/c.ts": 'import { a } from "../a.ts";\nimport type { d } from "./d.ts";',
        "packages/kernel/src/fs/d.ts": 'import { c } from "./c.ts";',
      }),
    ),
  );
  assert.equal(found.length, 1);
  assert.match(found[0]!, /circle: packages\/kernel\/src\/a\.ts, packages\/kernel\/src\/b\.ts, .*fs\/c\.ts$/);
});

test("a line is at most 120 columns wide, unless the one above tells why; of those there are at most 50", () => {
  const wide = "x".repeat(121);
  const marked = `// wide: one pattern\n${wide}\n`;
  const found = messages(
    checkFiles(
      tree({
        "packages/kernel/src/a.ts": `${"x".repeat(120)}\n${wide}\n// wide:\n${wide}\n`,
        "packages/kernel/src/b.ts": marked.repeat(50),
        "packages/kernel/src/c.ts": marked,
      }),
    ),
  );
  assert.deepEqual(
    found.map((one) => one.replace(/ .*/, "")),
    ["packages/kernel/src/a.ts:2", "packages/kernel/src/a.ts:4", "packages/kernel/src/c.ts:2"],
  );
});

test("leftovers: each kind", () => {
  const pieces: readonly [string, string][] = [
    ["packages/kernel/src/a.ts", "// TO" + "DO later"],
    ["packages/kernel/src/a.ts", "x as a" + "ny"],
    ["packages/kernel/src/a.ts", "// @ts-" + "ignore"],
    ["packages/kernel/src/a.ts", 'console.log("x")'],
    ["packages/kernel/src/a.test.ts", "test.sk" + "ip()"],
    ["README.md", "see /fa" + "rm/x"],
    ["package-lock.json", '"resolved": "https://registry.example/x.tgz"'],
  ];
  for (const [path, text] of pieces) assert.equal(checkLeftovers(tree({ [path]: text })).length, 1, text);
  assert.deepEqual(checkLeftovers(tree({ "packages/kernel/src/a.ts": "// FIXME: a gap and its effect" })), []);
});

test("documents: links, symbols, decision numbers, reasons for libraries", () => {
  const found = messages(
    checkDocuments(
      tree({
        "README.md": "\n[a](docs/nothing.md)",
        "docs/where.md": "`packages/kernel/src/a.ts:known` `packages/kernel/src/a.ts:gone` `packages/b.ts:x`",
        "packages/kernel/src/a.ts": "export const known = 1;",
        "docs/decisions/0001-a.md": "",
        "docs/decisions/0003-c.md": "",
        "docs/decisions/notes.md": "",
        "packages/cli/package.json": manifest({ loose: "^1.0.0", "@stratos/base": "0.1.0" }),
      }),
    ),
  );
  assert.deepEqual(found, [
    "README.md:2 a link to nothing: docs/nothing.md",
    "docs/where.md:1 no gone in packages/kernel/src/a.ts",
    "docs/where.md:1 no such file: packages/b.ts",
    "docs/decisions/notes.md:0 a decision is called NNNN-title.md",
    "docs/decisions:0 number 0002 is missing",
    "packages/cli/package.json:0 loose: an exact version, not ^1.0.0",
    "docs/dependencies.md:0 the reason for loose (packages/cli/package.json) is missing",
  ]);
});

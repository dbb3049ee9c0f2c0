/** Goal: each check finds what it is for. Method: a tree in memory with one fault. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAbiCopies } from "./abi-copies.ts";
import { checkArrows } from "./arrows.ts";
import { checkBareOffsets } from "./bare-offsets.ts";
import { checkBrokenStrings, findBrokenStrings } from "./broken-strings.ts";
import { checkDocuments } from "./documents.ts";
import { checkCircles } from "./circles.ts";
import { checkErrorDialect } from "./error-dialect.ts";
import { checkExports } from "./exports.ts";
import { checkFiles } from "./files.ts";
import { checkImports } from "./imports.ts";
import { checkLayers } from "./layers.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkModuleState } from "./module-state.ts";
import { checkStartUp } from "./start-up.ts";
import { checkStateClasses } from "./state-classes.ts";
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

test("layers: commands know operations, not engines", () => {
  const found = checkLayers(tree({ "packages/cli/src/x.ts": 'import { x } from "@stratos/aegisfs";' }));
  assert.match(messages(found).join("\n"), /commands come by an operation/);
});

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
  const files = tree({
    "packages/kernel/src/a.ts": 'import { b } from "./b.ts";',
    "packages/kernel/src/b.ts": 'import { c } from "./fs/c.ts";',
    "packages/kernel/src/fs/c.ts": 'import { a } from "../a.ts";\nimport type { d } from "./d.ts";',
    "packages/kernel/src/fs/d.ts": 'import { c } from "./c.ts";',
  });
  const found = messages(checkCircles(files, ["kernel: a.ts b.ts fs/c.ts fs/d.ts"]));
  assert.equal(found.length, 1);
  assert.match(found[0]!, /circle: packages\/kernel\/src\/a\.ts, packages\/kernel\/src\/b\.ts, .*fs\/c\.ts$/);
});

test("packages that need each other are a finding, in the fifth layer, too", () => {
  const files = tree({
    "packages/cli/package.json": manifest({ "@stratos/tui": "0.1.0", "@stratos/kernel": "0.1.0" }),
    "packages/tui/package.json": manifest({ "@stratos/panels": "0.1.0" }),
    "packages/panels/package.json": manifest({ "@stratos/cli": "0.1.0" }),
  });
  assert.deepEqual(messages(checkCircles(files, [])), [
    "packages/cli/package.json:0 packages in a circle: cli, panels, tui",
  ]);
});

test("a circle of types is a finding but for those of the list; one that is gone or has changed is taken off", () => {
  const circle = {
    "packages/kernel/src/a.ts": 'import { b } from "./fs/b.ts";',
    "packages/kernel/src/fs/b.ts": 'import type { A } from "../a.ts";',
  };
  const found = (files: Record<string, string>, ...known: string[]): string[] =>
    messages(checkCircles(tree(files), known));
  assert.deepEqual(found(circle), ["packages/kernel/src/a.ts:0 types in a circle: kernel: a.ts fs/b.ts"]);
  assert.deepEqual(found(circle, "kernel: a.ts fs/b.ts"), []);
  assert.match(
    found({}, "kernel: a.ts fs/b.ts").join(),
    /type-circles\.ts:0 not a circle any more.*: kernel: a\.ts fs/,
  );
  const larger = {
    ...circle,
    "packages/kernel/src/fs/b.ts": 'import type { C } from "../c.ts";',
    "packages/kernel/src/c.ts": 'type A = import("./a.ts").A;',
  };
  const [grown, gone] = found(larger, "kernel: a.ts fs/b.ts");
  assert.match(grown!, /types in a circle: kernel: a\.ts c\.ts fs\/b\.ts$/);
  assert.match(gone!, /take it off: kernel: a\.ts fs\/b\.ts$/);
});

test("what a test stands on is imported by tests alone, from the package and from others", () => {
  for (const specifier of ["./testing/forged.ts", "../testing/forged.ts", "@stratos/base/testing"]) {
    const files = (path: string): SourceTree =>
      tree({ [`packages/kernel/src/fs/${path}`]: `import type { x } from "${specifier}";` });
    assert.match(messages(checkLayers(files("a.ts"))).join(), /fs\/a\.ts:1 what tests stand on is no product/);
    for (const path of ["a.test.ts", "a.bench.ts", "testing/other.ts"])
      assert.doesNotMatch(messages(checkLayers(files(path))).join(), /no product/);
  }
});

const floors = { kernel: [". mm", "vfs", "task kernel.ts"] };
const houseOf = (text: string, path = "vfs/file.ts"): SourceTree =>
  tree({
    [`packages/kernel/src/${path}`]: text,
    "packages/kernel/src/task/task.ts": "",
    "packages/kernel/src/mm/a.ts": "",
  });

test("floors: down is free; up and aside are arrows, types and later imports too; tests go anywhere", () => {
  const up = 'import type { Task } from "../task/task.ts";';
  const arrows = (text: string, path?: string): string[] => messages(checkArrows(houseOf(text, path), floors));
  assert.deepEqual(arrows('import { a } from "../mm/a.ts";\nimport { b } from "../notice.ts";'), []);
  assert.match(arrows(up).join(), /vfs\/file\.ts:1 an arrow up, kernel: vfs > task/);
  assert.match(arrows('type T = import("../task/task.ts").Task;').join(), /kernel: vfs > task/);
  assert.match(arrows('import { k } from "../kernel.ts";').join(), /kernel: vfs > kernel\.ts/);
  assert.match(arrows('import { a } from "./mm/a.ts";', "notice.ts").join(), /kernel: \. > mm/);
  assert.deepEqual(arrows(up, "vfs/file.test.ts"), []);
  assert.deepEqual(arrows(up, "vfs/testing/forged.ts"), []);
});

test("floors: a folder without a floor is a finding", () => {
  assert.match(messages(checkArrows(houseOf("", "fs/x.ts"), floors)).join(), /kernel: fs stands on no floor/);
  assert.match(messages(checkArrows(houseOf(""), {})).join(), /kernel: vfs stands on no floor/);
});

test("exports: what no other file imports; a door's own words are for others; tests keep what is used here", () => {
  const exportsOf = (files: Record<string, string>): string[] =>
    messages(
      checkExports(
        tree({
          "packages/kernel/package.json": JSON.stringify({ exports: { ".": "./src/kernel.ts", "./a": "./src/a.ts" } }),
          ...files,
        }),
        [],
      ),
    );
  const a = "packages/kernel/src/a.ts";
  const here = "export function f() {}\nf();";
  assert.match(exportsOf({ [a]: here }).join(), /a\.ts:1 f is exported, but no other file imports it: drop "export"/);
  assert.match(exportsOf({ [a]: "// f\nexport type f = 1;" }).join(), /a\.ts:2 f is exported, but nobody uses it/);
  const users: Record<string, string> = {
    "packages/kernel/src/b.ts": 'import { type f as g } from "./a.ts";',
    "packages/kernel/src/c.ts": 'import * as a from "./a.ts";\na.f();',
    "packages/kernel/src/d.ts": 'const { f } = await import("./a.ts");',
    "packages/kernel/src/kernel.ts": 'export { f } from "./a.ts";',
    "packages/cli/src/e.ts": 'import { f } from "@stratos/kernel/a";',
    "tools/f.mjs": 'import { f } from "../packages/kernel/src/a.ts";',
  };
  for (const [path, text] of Object.entries(users)) assert.deepEqual(exportsOf({ [a]: here, [path]: text }), [], path);
  assert.deepEqual(exportsOf({ [a]: here, "packages/kernel/src/kernel.ts": 'export * from "./a.ts";' }), []);
  assert.match(
    exportsOf({ [a]: here, "packages/kernel/src/b.ts": 'export { f } from "./a.ts";' }).join(),
    /b\.ts:1 f is/,
  );

  const user = { "packages/kernel/src/a.test.ts": 'import { f } from "./a.ts";' };
  assert.deepEqual(exportsOf({ [a]: here, ...user }), []);
  assert.match(exportsOf({ [a]: "export const f = 1;", ...user }).join(), /only tests use it/);
});

test("exports: each constant of a list counts", () => {
  const list = "export const A = 1,\n  // a line between\n  B: number = 2, // and behind\n  C = f(\n    A,\n  );\n";
  const files = { "packages/kernel/src/a.ts": list, "tools/x.ts": 'import { A } from "../packages/kernel/src/a.ts";' };
  assert.deepEqual(
    messages(checkExports(tree(files))).map((one) => one.split(" is ")[0]),
    ["packages/kernel/src/a.ts:3 B", "packages/kernel/src/a.ts:4 C"],
  );
});

test("exports: a folder on the list may have some, and is taken off when it has none", () => {
  const files = (text: string): SourceTree => tree({ "packages/kernel/src/a.ts": text });
  const known = ["packages/kernel/src/"];
  assert.deepEqual(checkExports(files("export const f = 1;"), known), []);
  assert.match(messages(checkExports(files(""), known)).join(), /no needless export, take it off/);
});

test("no WeakMap of the kernel's modules: one in a function or an object is its own", () => {
  const found = (text: string, known: string[] = []): string[] =>
    messages(checkModuleState(tree({ "packages/kernel/src/task/a.ts": text }), known));
  assert.match(found("const waiters = new WeakMap<object, number>();").join(), /a\.ts:1 new WeakMap outside Kernel/);
  assert.match(found("export const waiters: Waiters =\n  new WeakSet();").join(), /a\.ts:2 new WeakSet/);
  assert.match(found("class A {\n  static #all = new WeakMap();\n}").join(), /a\.ts:2/);
  for (const text of [
    "class A {\n  readonly #all = new WeakMap();\n}",
    "function f() {\n  const seen = new WeakSet();\n}",
    "const f = () => {\n  const seen = new WeakSet();\n};",
    "const x = 1;\n\nexport class A {\n  f() {\n    return new WeakMap();\n  }\n}",
  ])
    assert.deepEqual(found(text), [], text);
  assert.deepEqual(found("const waiters = new WeakMap();", ["task/a.ts"]), []);
  assert.match(found("", ["task/a.ts"]).join(), /task\/a\.ts has none, take it off/);
});

test("errors of the kernel are asked for by one word", () => {
  const found = (text: string, path = "packages/kernel/src/task/a.ts"): string[] =>
    messages(checkErrorDialect(tree({ [path]: text })));
  assert.match(found('\nif (typeof group === "number") return group;').join(), /a\.ts:2 typeof group .* isErrno/);
  assert.match(found('return typeof lookup(task, 1) !== "number";').join(), /a\.ts:1/);
  assert.deepEqual(found('if (isErrno(group)) return group; // typeof group === "number"'), []);
  assert.deepEqual(found('typeof value === "number"', "packages/kernel/src/testing/a.ts"), []);
});

test("a class of the kernel without a name for saved machines is found, and a private field that is forgotten", () => {
  const found = (text: string, ofCall: readonly string[] = []): string[] =>
    messages(checkStateClasses(tree({ "packages/kernel/src/task/a.ts": text }), ofCall));
  const whole = (fields: string): string =>
    `export class A {\n  #a = 1;\n  readonly #b: B;\n\n  #method(): void {\n    this.#a++;\n  }\n\n  static {\n` +
    `    stateClass("A", this, {\n      save: (it) => ({ ${fields} }),\n` +
    `      load: (it, from) => ({ ${fields} } = from),\n    });\n  }\n}\n`;
  assert.match(found("class A {}\n").join(), /a\.ts:1 class A says no name/);
  assert.match(found("abstract class A {\n  #a = 1;\n}\n").join(), /class A says no name/);
  assert.deepEqual(found("abstract class A {\n  a = 1;\n}\n"), []);
  assert.deepEqual(found(whole("a: it.#a, b: it.#b")), []);
  assert.match(found(whole("a: it.#a")).join(), /class A saves and loads #b nowhere/);
  assert.match(found(whole("a: it.#a, b: it.#b").repeat(2)).join(), /class A has the name of one in .*a\.ts: A/);
  assert.deepEqual(found("class A {}\n", ["task/a.ts:A"]), []);
  assert.match(found("", ["task/a.ts:A"]).join(), /there is no task\/a\.ts:A, take it off/);
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

test("strings: two that fit on a line are one; lines of a text, tags and what is too long stay", () => {
  const long = "x".repeat(53);
  const pieces: readonly [string, string | undefined][] = [
    ['const a =\n  "one " +\n  "two";', '"one two"'],
    ["f('say \"' + `${x}'s ` + y);", "`say \"${x}'s `"],
    ['f("$" + `{${x}}`);', "`\\${${x}}`"],
    [`f("it's" + '"quoted"');`, `'it\\'s"quoted"'`],
    ["f(`${[1].map((n) => `${n}` + `;`)}` + 'x');", "`${[1].map((n) => `${n}` + `;`)}x`"],
    [`f(\n  "${long}" +\n    "${long}",\n  () => {\n});`, `"${long}${long}"`],
    [`test(\n  "${long}" +\n    "${long}",\n  () => {\n});`, undefined], // the formatter leaves it beside "test("
    [`return (\n  "${long}" +\n    "${long} 01234567"\n);`, undefined],
    [`f(\n  "${long}" +\n    "${long} 0123456789",\n);`, undefined],
    ['f(/["+"]/.test(x) ? 6 / 2 : a + "b" + c);', undefined],
    ['f("one\\n" +\n  "two\\n");', undefined],
    ['f("one " + x + "two" /* "a" + "b" */);', undefined],
    ['f(String.raw`\\d` + "x", "a" + "bc".repeat(2), "\\0" + "1");', undefined],
  ];
  for (const [text, joined] of pieces) {
    const found = findBrokenStrings(text).map((one) => one.joined);
    assert.deepEqual(found, joined === undefined ? [] : [joined], text);
  }
  const path = "packages/kernel/src/a.ts";
  assert.match(messages(checkBrokenStrings(tree({ [path]: `\n${pieces[0]![0]}` }))).join(), /a\.ts:3 a string broken/);
});

test("offsets: bare ones over structures of programs, in the kernel's own code", () => {
  const found = (text: string, path = "packages/kernel/src/a.ts", marked = 0): string[] =>
    messages(checkBareOffsets(tree({ [path]: text }), marked));
  const bare = [
    "view.setUint32(8, x, true);",
    "view.getBigInt64(at + 0x10, true);",
    "put64(view, 16, x);",
    "const a = optionInt(value, 4);",
    "bytes.set(intOption(f(x)), 12);",
    "space.storeU64(address + 40, x);",
    "space.loadU64(vector + index * 16);",
    "const isInverted = info[8] !== 0;",
    "const mask = littleWord(info, 4);",
  ];
  for (const text of bare) assert.match(found(text).join(), /a\.ts:1 a structure at a bare offset/, text);
  const fine = [
    "view.setUint32(Stat.offset.st_mode, 8, true);",
    "view.getUint32(0, true);",
    "put64(view, index * 8, 16);",
    "space.loadU32(address + 4);",
    "view.setInt32(at + 4, high, true);",
    "space.loadU64(list + index * 8);",
    "space.storeU32(address, 12);",
    "// view.setUint32(8, x, true);",
    "dates.setUTCDate(4);",
  ];
  for (const text of fine) assert.deepEqual(found(text), [], text);
  assert.deepEqual(found(bare[0]!, "packages/formats/src/a.ts"), []);
  assert.deepEqual(found(bare[0]!, "packages/kernel/src/a.test.ts"), []);
  assert.deepEqual(found(`// offset: RFC 793\n${bare[0]}`, undefined, 1), []);
  assert.equal(found(`// offset: RFC 793\n${bare[0]}`).length, 1);
  assert.match(found("", undefined, 1).join(), /0 lines are marked/);
});

test("constants that @stratos/abi has are not declared again, where it may be imported", () => {
  const found = (text: string, declares = true): string[] =>
    messages(
      checkAbiCopies(
        tree({
          "packages/abi/src/x.ts":
            "const SIZE = 8;\nexport const S_IFMT = 0o170000,\n  // A line between.\n  DT_DIR = 4;\n",
          "packages/fuse/package.json": manifest(declares ? { "@stratos/abi": "0.1.0" } : {}),
          "packages/fuse/src/a.ts": text,
        }),
      ),
    );
  assert.deepEqual(found("const A = 1,\n  S_IFMT = 0xf000;\nexport const DT_DIR = 4;\n"), [
    "packages/fuse/src/a.ts:2 S_IFMT is in @stratos/abi: take it from there",
    "packages/fuse/src/a.ts:3 DT_DIR is in @stratos/abi: take it from there",
  ]);
  assert.deepEqual(found("const DT_DIR = 5;\nconst SIZE = 8;\n// const S_IFMT = 0xf000;\n"), []);
  assert.deepEqual(found("const DT_DIR = 4;\n", false), []);
});

test("imports: one for each file that is taken from", () => {
  const twice = 'import { a } from "./a.ts";\nimport {\n  b,\n} from "./a.ts";\n';
  assert.match(
    messages(checkImports(tree({ "tools/x.ts": twice }))).join(),
    /x\.ts:2 a second import from "\.\/a\.ts"/,
  );
  const apart = '// import { b } from "./a.ts";\nimport { a } from "./a.ts";\nimport type { T } from "./a.ts";\n';
  assert.deepEqual(checkImports(tree({ "tools/x.ts": `/** What. */\n${apart}\n/** One. */\nconst a = 1;\n` })), []);
  const head = 'import { a } from "./a.ts";\n\n/** What. */\n\nconst a = 1;\n';
  assert.match(messages(checkImports(tree({ "tools/x.ts": head }))).join(), /x\.ts:1 what the file is comes before/);
  const close = 'import { a } from "./a.ts";\n/** One. */\nconst a = 1;\n';
  assert.match(messages(checkImports(tree({ "tools/x.ts": close }))).join(), /x\.ts:1 a blank line after/);
});

test("leftovers: each kind", () => {
  // The tilde keeps them from being found here.
  const pieces: readonly [string, string][] = [
    ["packages/kernel/src/a.ts", "// TO~DO later"],
    ["packages/kernel/src/a.ts", "x as a~ny"],
    ["packages/kernel/src/a.ts", "// @ts-~ignore"],
    ["packages/kernel/src/a.ts", 'console.~log("x")'],
    ["packages/compose/src/a.ts", 'console.~log("x")'],
    ["packages/kernel/src/a.test.ts", "test.sk~ip()"],
    ["README.md", "see /fa~rm/x"],
    ["package-lock.json", '"resolved": "https://registry.example/x.tgz"'],
  ];
  for (const [path, text] of pieces)
    assert.equal(checkLeftovers(tree({ [path]: text.replace("~", "") })).length, 1, text);
  assert.deepEqual(checkLeftovers(tree({ "packages/kernel/src/a.ts": "// FIXME: a gap and its effect" })), []);
});

test("documents: links, symbols, decision numbers, reasons for libraries", () => {
  const found = messages(
    checkDocuments(
      tree({
        "README.md": "\n[a](docs/nothing.md)",
        "docs/where.md":
          "`packages/kernel/src/a.ts:known` `packages/kernel/src/a.ts:gone` `packages/b.ts:x` " +
          "`packages/kernel/src/a.ts`",
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
    "docs/where.md:1 name a symbol in packages/kernel/src/a.ts",
    "docs/decisions/notes.md:0 a decision is called NNNN-title.md",
    "docs/decisions:0 number 0002 is missing",
    "packages/cli/package.json:0 loose: an exact version, not ^1.0.0",
    "docs/dependencies.md:0 the reason for loose (packages/cli/package.json) is missing",
  ]);
});

test("documents: files that pages and comments name exist; a name is the end of a path", () => {
  const files = {
    "docs/guide.md": "`task/known.ts`, `gone.ts`",
    "packages/kernel/ARCHITECTURE.md": "`known.ts` and\n`FOLDER-kernel.ts`",
    "docs/decisions/0001-a.md": "`gone.ts`",
    "packages/kernel/src/task/known.ts": 'import "./gone.ts";\n// See ../signal/gone.ts.\n/** known.ts */\n',
  };
  assert.deepEqual(messages(checkDocuments(tree(files))), [
    "docs/guide.md:1 no such file: gone.ts",
    "packages/kernel/src/task/known.ts:2 no such file: signal/gone.ts",
  ]);
});

test("documents: the picture has each package, in its layer, and leads to its page", () => {
  const picture = (words: string): string =>
    `flowchart TD\n  subgraph "5 faces"\n    cli["cli<br>commands"]\n  end\n  subgraph "2 kernel"\n${words}  end\n`;
  const found = (words: string, page: string): string[] =>
    messages(
      checkDocuments(tree({ "ARCHITECTURE.md": picture(words) + page, "packages/kernel/ARCHITECTURE.md": "" })),
    ).filter((one) => one.includes("kernel") && !/there is no package|a link to nothing/.test(one));
  const link = "[kernel](packages/kernel/ARCHITECTURE.md)";
  assert.deepEqual(found('    kernel["kernel<br>tasks"]\n', link), []);
  assert.deepEqual(found('    kernels["kernels<br>tasks"]\n', link), [
    "ARCHITECTURE.md:0 the picture has no kernel in layer 2",
  ]);
  assert.deepEqual(found("    kernel & abi\n", ""), ["ARCHITECTURE.md:0 no link to packages/kernel/ARCHITECTURE.md"]);
});

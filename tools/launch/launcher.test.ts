/**
 * The launcher in sh. Goal: where all is in order it becomes Node on the bundle, with the flags that stratos.mjs gives
 * and the arguments, environment and status untouched, from wherever it is called; where anything is to be done it
 * leaves it to stratos.mjs. Method: a clone in which Node is a script that tells how it was called, in each sh here.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS, nodeEnvironment } from "@stratos/engine-node/node-flags";
import { freshBundle, markFresh } from "./bundle-state.mjs";

const LAUNCHER = fileURLToPath(new URL("../../stratos", import.meta.url));
const PINNED = `node_modules/node-linux-${process.arch}/bin/node`;
/** Tells what malloc is told and the words that it was given, and ends as no shell does by itself, by a user's word. */
const NODE = `#!/bin/sh\nprintf '%s\\n' "$GLIBC_TUNABLES" "$@"\nexit $((status + 3))\n`;
const SHELLS = [["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"]].filter(
  ([name, ...args]) => spawnSync(name!, [...args, "-c", ":"], { timeout: 60_000 }).status === 0,
);
const folder = mkdtempSync(join(tmpdir(), "stratos launcher-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Call {
  /** What Node was given. */
  readonly words: readonly string[];
  /** GLIBC_TUNABLES of Node. */
  readonly tunables: string | undefined;
  readonly status: number | null;
  readonly stderr: string;
}

function call(command: readonly string[], cwd = folder, path = process.env["PATH"]!, variables = {}): Call {
  const [name, ...args] = command;
  const env = { PATH: path, status: "4", ...variables };
  const run = spawnSync(name!, args, { cwd, env, encoding: "utf8", timeout: 60_000 });
  const [tunables, ...words] = run.stdout.split("\n").slice(0, -1);
  return { words, tunables, status: run.status, stderr: run.stderr };
}

/** A clone that is installed and built. */
function clone(name: string): string {
  const root = join(folder, name);
  for (const each of ["packages/a", "dist", join(PINNED, "..")]) mkdirSync(join(root, each), { recursive: true });
  copyFileSync(LAUNCHER, join(root, "stratos"));
  writeFileSync(join(root, PINNED), NODE, { mode: 0o755 });
  for (const each of ["packages/a/a.ts", "package-lock.json", "node_modules/.package-lock.json", "dist/main.cjs"])
    writeFileSync(join(root, each), "");
  const { size, mtimeMs } = statSync(join(root, "packages/a/a.ts"));
  writeFileSync(join(root, "dist/inputs.json"), JSON.stringify({ "packages/a/a.ts": { size, mtimeMs } }));
  const afterAll = Date.now() / 1000 + 1;
  utimesSync(join(root, "dist/inputs.json"), afterAll, afterAll);
  return root;
}

const AWKWARD = ["run", "a b", "", "$HOME", "'q'", "*", "--", "-n", "two\\nlines"];

for (const shell of SHELLS) {
  const name = shell.join(" ");
  const root = clone(name);
  const main = join(root, "dist/main.cjs");

  test(`${name}: Node gets our flags, the bundle and the words as they are, and its status is ours`, () => {
    const { words, status, stderr } = call([...shell, join(root, "stratos"), ...AWKWARD]);
    assert.deepEqual(words, [...NODE_FLAGS, "--", main, ...AWKWARD]);
    assert.deepEqual([status, stderr], [7, ""]);
  });

  test(`${name}: malloc is told what stratos.mjs tells it, unless the user tells it something`, () => {
    const launch = [...shell, join(root, "stratos"), "x"];
    assert.equal(call(launch).tunables, nodeEnvironment({}).GLIBC_TUNABLES);
    for (const own of ["glibc.malloc.check=3", ""])
      assert.equal(call(launch, folder, process.env["PATH"]!, { GLIBC_TUNABLES: own }).tunables, own);
  });

  test(`${name}: a bound of the heap in NODE_OPTIONS is the user's`, () => {
    const launch = [...shell, join(root, "stratos"), "x"];
    for (const bound of ["--max-old-space-size", "--max-semi-space-size"]) {
      const { words } = call(launch, folder, process.env["PATH"]!, { NODE_OPTIONS: `${bound}=512` });
      assert.deepEqual(words, [...NODE_FLAGS.filter((flag) => !flag.startsWith(bound)), "--", main, "x"]);
    }
  });

  test(`${name}: it is found through links, and from its own folder`, () => {
    const links = join(folder, `links ${name}`);
    mkdirSync(links);
    symlinkSync(join(root, "stratos"), join(links, "absolute"));
    symlinkSync("absolute", join(links, "relative"));
    assert.deepEqual(call([...shell, join(links, "relative"), "x"]).words, [...NODE_FLAGS, "--", main, "x"]);
    for (const place of ["stratos", "./stratos", "../".concat(name, "/stratos")])
      assert.equal(realpathSync(join(root, call([...shell, place], root).words.at(-1)!)), realpathSync(main), place);
    symlinkSync(join(root, "stratos"), join(links, "mount.aegisfs"));
    const mount = call([...shell, join(links, "mount.aegisfs"), "vol", "/mnt"]);
    assert.deepEqual(mount.words.slice(-4), ["fs", "mount", "vol", "/mnt"]);
  });

  test(`${name}: whatever is to be done is left to stratos.mjs`, () => {
    const handedOver = (what: string): void =>
      assert.deepEqual(
        call([...shell, join(root, "stratos"), "x"]).words,
        ["--", join(root, "stratos.mjs"), "x"],
        what,
      );
    const later = Date.now() / 1000 + 60;
    const { mtimeMs } = statSync(join(root, "packages/a/a.ts"));
    for (const each of ["packages/a/a.ts", "packages/a", "package-lock.json", "node_modules/.package-lock.json"]) {
      utimesSync(join(root, each), mtimeMs / 1000, later);
      handedOver(each);
      utimesSync(join(root, each), mtimeMs / 1000, mtimeMs / 1000);
    }
    for (const each of ["dist/inputs.json", "dist/main.cjs", "package-lock.json", "node_modules/.package-lock.json"]) {
      renameSync(join(root, each), join(folder, "aside"));
      handedOver(`without ${each}`);
      renameSync(join(folder, "aside"), join(root, each));
    }
    assert.equal(call([...shell, join(root, "stratos")]).words.at(-1), main, "nothing is to be done any more");
  });

  test(`${name}: without the pinned Node stratos.mjs runs on the one there is; without any it says so`, () => {
    const tools = join(folder, `tools ${name}`);
    mkdirSync(tools);
    for (const tool of ["uname", "find", "readlink", "nproc", "sh"])
      symlinkSync(spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim(), join(tools, tool));
    const program = spawnSync("sh", ["-c", `command -v ${shell[0]!}`], { encoding: "utf8" }).stdout.trim();
    const launch = [program, ...shell.slice(1), join(root, "stratos"), "x"];
    renameSync(join(root, PINNED), join(tools, "node"));
    assert.deepEqual(call(launch, folder, tools).words, ["--", join(root, "stratos.mjs"), "x"]);
    renameSync(join(tools, "node"), join(root, PINNED));
    rmSync(join(root, "node_modules"), { recursive: true });
    const { status, stderr } = call(launch, folder, tools);
    assert.equal(status, 125);
    assert.match(stderr, /^stratos: node: not installed: Node 20 or later .*\n$/);
  });
}

test("in the package it runs the bundle beside it, on the Node in its folder or beside the package", () => {
  const root = join(folder, "project/node_modules/stratos");
  const beside = join(folder, "project", PINNED);
  mkdirSync(root, { recursive: true });
  mkdirSync(join(beside, ".."), { recursive: true });
  copyFileSync(LAUNCHER, join(root, "stratos"));
  writeFileSync(join(root, "main.cjs"), "");
  writeFileSync(beside, NODE, { mode: 0o755 });
  assert.deepEqual(call([join(root, "stratos"), "x"]).words, [...NODE_FLAGS, "--", join(root, "main.cjs"), "x"]);
  mkdirSync(join(root, PINNED, ".."), { recursive: true });
  renameSync(beside, join(root, PINNED));
  assert.deepEqual(call([join(root, "stratos"), "x"]).words, [...NODE_FLAGS, "--", join(root, "main.cjs"), "x"]);
});

test("what stratos.mjs has found right is not looked at twice, and what is changed meanwhile is", () => {
  const root = clone("marked");
  const words = (): readonly string[] => call([join(root, "stratos")]).words;
  const then = Date.now() / 1000 - 60;
  utimesSync(join(root, "dist/inputs.json"), then, then);
  assert.equal(words().at(-1), join(root, "stratos.mjs"));
  assert.equal(freshBundle(root), join(root, "dist/main.cjs"));
  markFresh(root, Date.now() + 2_000);
  assert.equal(words().at(-1), join(root, "dist/main.cjs"));
  // Written while the look went on, by a clock that is behind.
  const startMs = Date.now() + 10_000;
  markFresh(root, startMs);
  utimesSync(join(root, "packages/a/a.ts"), startMs / 1000 - 0.01, startMs / 1000 - 0.01);
  assert.equal(words().at(-1), join(root, "stratos.mjs"));
});

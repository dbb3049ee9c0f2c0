/**
 * Goal: a command starts with the code that V8 compiled when it ran before, and what is kept never changes what it
 * does: damaged, of others, or of a file that can't be written. Method: `stratos --version` of the bundle in a home of
 * its own; a command with an engine, and the process of the library's machines.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Duplex } from "node:stream";
import { after, test } from "node:test";
import { Script } from "node:vm";
import { extendedTest } from "@stratos/base/testing";
import { VERSION } from "@stratos/sdk/version";
import { encodeFrame, FrameReader } from "@stratos/sdk/wire";
import { repository } from "./support/stratos.ts";
import { until } from "./support/until.ts";

const home = mkdtempSync(join(tmpdir(), "stratos-kept-program-"));
const folder = join(home, "compile-cache");
/** The one file of a command. */
const fileOf = (command: string): string => {
  const names = readdirSync(folder).filter((name) => name.startsWith(`program-${command}-`));
  assert.equal(names.length, 1, names.join(" "));
  return join(folder, names[0]!);
};
after(() => rmSync(home, { recursive: true, force: true }));

function stratos(
  words: readonly string[],
  { stratosHome = home, node = process.execPath, bundle = join(repository, "dist"), nodeOptions = "", cache = "" } = {},
): { status: number | null; stdout: string } {
  const { status, stdout, stderr } = spawnSync(node, [join(bundle, "main.cjs"), ...words], {
    env: { ...process.env, STRATOS_HOME: stratosHome, NODE_OPTIONS: nodeOptions, NODE_COMPILE_CACHE: cache },
    encoding: "utf8",
    timeout: 60_000,
  });
  if (status === 0) assert.equal(stderr, "");
  return { status, stdout };
}

function tellsVersion(): void {
  assert.deepEqual(stratos(["--version"]), { status: 0, stdout: `${VERSION}\n` });
}

test("what was compiled is kept once, for its user alone, and left as it is by the next run", () => {
  tellsVersion();
  const file = fileOf("other");
  const kept = readFileSync(file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { ino } = statSync(file);
  tellsVersion();
  assert.equal(statSync(file).ino, ino);
  assert.deepEqual(readFileSync(file), kept);
  assert.deepEqual(readdirSync(folder), [basename(file)]);
});

test("homes share what is kept where Node's own cache is set", () => {
  const cache = join(home, "of-node", "below");
  const homes = ["one", "other"].map((name) => join(home, name));
  for (const stratosHome of homes) assert.equal(stratos(["--version"], { stratosHome, cache }).stdout, `${VERSION}\n`);
  assert.equal(readdirSync(cache).filter((name) => name.startsWith("program-other-")).length, 1);
  for (const stratosHome of homes) assert.equal(existsSync(join(stratosHome, "compile-cache")), false);
});

test("what is damaged is made anew", () => {
  tellsVersion();
  const file = fileOf("other");
  const whole = readFileSync(file);
  const damages: [string, Buffer][] = [
    ["cut", whole.subarray(0, whole.length - 1)],
    ["empty", Buffer.alloc(0)],
    ["short", whole.subarray(0, 6)],
  ];
  for (const at of [0, 5, 100, whole.length >>> 1, whole.length - 1]) {
    const flipped = Buffer.from(whole);
    flipped[at]! ^= 0x41;
    damages.push([`byte ${at}`, flipped]);
  }
  for (const [name, bytes] of damages) {
    writeFileSync(file, bytes);
    tellsVersion();
    assert.ok(statSync(file).size > whole.length >>> 1 && !readFileSync(file).equals(bytes), name);
  }
});

test("a file that others may write isn't taken, and gives way to one of our own", () => {
  tellsVersion();
  const file = fileOf("other");
  chmodSync(file, 0o666);
  tellsVersion();
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

extendedTest("clones of one version share what is kept, wherever they and their Nodes lie", () => {
  tellsVersion();
  const file = fileOf("other");
  const { ino } = statSync(file);
  const clone = join(home, "clone");
  cpSync(join(repository, "dist"), clone, {
    recursive: true,
    filter: (path) => !/(?:pglite|console|types)/.test(path),
  });
  const node = join(home, "node-of-the-clone");
  copyFileSync(process.execPath, node);
  assert.deepEqual(stratos(["--version"], { node, bundle: clone }), { status: 0, stdout: `${VERSION}\n` });
  assert.equal(fileOf("other"), file);
  assert.equal(statSync(file).ino, ino, "the clone made it anew");
});

extendedTest("versions and ways to start Node leave each other's code alone, until there are too many", () => {
  const shared = mkdtempSync(join(home, "shared-"));
  const names = (): string[] => readdirSync(join(shared, "compile-cache"));
  const start = (stack: number): void => {
    const nodeOptions = `--stack-trace-limit=${stack}`;
    assert.equal(stratos(["--version"], { stratosHome: shared, nodeOptions }).status, 0);
  };
  start(10);
  const [first] = names();
  start(11);
  assert.ok(names().length === 2 && names().includes(first!), `${first!} gave way to ${names().join(" ")}`);
  const inodes = names().map((name) => statSync(join(shared, "compile-cache", name)).ino);
  for (const stack of [10, 11]) start(stack);
  assert.deepEqual(
    names().map((name) => statSync(join(shared, "compile-cache", name)).ino),
    inodes,
  );
  for (const stack of [12, 13, 14]) start(stack);
  assert.equal(names().length, 4);
  assert.ok(!names().includes(first!), "the oldest goes");
});

test("a command line that makes no sense keeps nothing; a home that can't be written is no reason to fail", () => {
  assert.equal(stratos(["nonsense"]).status, 2);
  assert.equal(
    readdirSync(folder).some((name) => name.startsWith("program-nonsense")),
    false,
  );
  assert.deepEqual(stratos(["--version"], { stratosHome: "/proc/nope" }), { status: 0, stdout: `${VERSION}\n` });
});

test("a command with an engine, which tells V8 more than others do, keeps the code of what it has run, too", () => {
  const program = join(home, "sum.scm");
  writeFileSync(program, "(display (+ 1 2))");
  assert.deepEqual(stratos(["lisp", program]), { status: 0, stdout: "3" });
  const kept = readFileSync(fileOf("lisp"));
  const { sizes } = JSON.parse(kept.toString("utf8", 8, 8 + kept.readUInt32LE(4))) as {
    readonly sizes: Readonly<Record<string, number>>;
  };
  const [name, size] = Object.entries(sizes).sort(([, a], [, b]) => b - a)[0]!;
  const unused = new Script(readFileSync(join(repository, "dist", name), "utf8")).createCachedData().length;
  assert.ok(size > 1.2 * unused, `${name}: ${size} bytes are kept, and ${unused} would be of what never ran`);
  const { ino } = statSync(fileOf("lisp"));
  assert.deepEqual(stratos(["lisp", program]), { status: 0, stdout: "3" });
  assert.equal(statSync(fileOf("lisp")).ino, ino);
});

/** One that is asked for these, and then no longer needed. */
async function engineThatDoes(...operations: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(repository, "dist/engine.cjs")], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    env: { ...process.env, STRATOS_HOME: home, NODE_COMPILE_CACHE: "" },
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const channel = child.stdio[3] as Duplex;
  for (const [call, op] of operations.entries()) channel.write(encodeFrame({ call, op, request: {} } as never));
  let answers = 0;
  const reader = new FrameReader(() => answers++);
  channel.on("data", (bytes: Buffer) => reader.push(bytes));
  await until("it answers", () => answers === operations.length);
  channel.end();
  assert.deepEqual(await once(child, "close"), [0, null]);
}

test("the process of the library's machines keeps what it has compiled when it is no longer needed", async () => {
  await engineThatDoes();
  const { mode, ino } = statSync(fileOf("engine"));
  assert.equal(mode & 0o777, 0o600);
  await engineThatDoes();
  assert.equal(statSync(fileOf("engine")).ino, ino);
  await engineThatDoes("nonsense");
  assert.equal(statSync(fileOf("engine")).ino, ino);
});

test("one that does what none before it has done keeps that, too, and the next one finds it", async () => {
  const done = (): unknown => {
    const kept = readFileSync(fileOf("engine"));
    return (JSON.parse(kept.toString("utf8", 8, 8 + kept.readUInt32LE(4))) as { readonly done: unknown }).done;
  };
  assert.deepEqual(done(), []);
  const { size } = statSync(fileOf("engine"));
  await engineThatDoes("ping", "create-board");
  assert.deepEqual(done(), ["ping", "create-board"]);
  const more = statSync(fileOf("engine"));
  assert.ok(more.size > size);
  await engineThatDoes("create-board");
  assert.equal(statSync(fileOf("engine")).ino, more.ino);
});

test("a thread of the library's machines keeps it while it runs: its process may end without a word to it", () => {
  const script = `
    const { readdirSync } = require("node:fs");
    new (require("node:worker_threads").Worker)(${JSON.stringify(join(repository, "dist/engine-worker.cjs"))});
    setInterval(() => {
      const names = readdirSync(${JSON.stringify(folder)});
      if (names.some((name) => name.startsWith("program-engine-worker-"))) process.exit(7);
    }, 50);`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", script], {
    env: { ...process.env, STRATOS_HOME: home, NODE_COMPILE_CACHE: "" },
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.deepEqual([status, stderr], [7, ""]);
});

extendedTest(
  "what a short program's thread has compiled is kept, in whatever way the program ends with it open",
  () => {
    const library = JSON.stringify(join(repository, "dist/library.mjs"));
    for (const end of ["", "process.exit(0)"]) {
      for (const name of readdirSync(folder)) if (name.includes("-engine-worker-")) rmSync(join(folder, name));
      const script = `
      import { Board } from ${library};
      await Board.create({ isolation: "worker" });
      ${end}`;
      const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        env: { ...process.env, STRATOS_HOME: home, NODE_COMPILE_CACHE: "" },
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(basename(fileOf("engine-worker")), /^program-engine-worker-/, end);
    }
  },
);

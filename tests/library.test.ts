/**
 * Goal: Stratos is a library. What `npm pack` makes installs into an empty folder without a network, and a program on
 * the host's own Node (20 or later) runs sandboxes, reads files in and out of them, and opens images and volumes; its
 * types hold in TypeScript; nothing of the program's own process is touched.
 *
 * Method: `npm run build`, `npm pack`, `npm install --offline`, then programs of a user, each in a process of its own.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { build } from "esbuild";
import { servePage } from "../examples/tab/serve.ts";
import { Browser } from "./support/browser.ts";
import { installLibrary, must, programPrints, runProgram } from "./support/library-project.ts";
import { startRegistry } from "./support/registry.ts";
import { launcher, repository, run } from "./support/stratos.ts";
import { endSupervisor } from "./support/supervisor.ts";
import { shareTranslations, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

/** Of a page, which may be alone on its host or not. */
const PATIENCE_MS = 600_000;

let folder = "";
let project = "";

const prints = (source: string, expected: unknown, env: Record<string, string> = {}): Promise<void> =>
  programPrints(project, source, expected, env);

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a sandbox that was saved goes on elsewhere with its processes and files, and what cannot be saved is told", () =>
  prints(
    `import { Sandbox } from "stratos";
    const image = process.env.IMAGE;
    const box = await Sandbox.create({ image, memoryBytes: 256 << 20 });
    await box.run("echo kept > /root/note; mkfifo /run/ask /run/answer");
    await box.run(\`setsid sh -c 'n=40; while read x < /run/ask; do n=$((n+1)); echo $n > /run/answer; done' &\`);
    const said = [];
    const ask = async (of) => said.push((await of.run("echo > /run/ask; cat /run/answer /root/note")).stdout);
    await ask(box);
    const state = await box.save();
    await ask(box);
    await box.close();
    const other = await Sandbox.create({ image, state });
    for (let time = 0; time < 2; time++) await ask(other);
    const third = await Sandbox.create({ image, state: await other.save() });
    await ask(third);
    const refused = async (work) => said.push(await work.then(() => "done", ({ kind, data }) => [kind, data.reason]));
    state[5000] ^= 1;
    for (const each of [state, new Uint8Array(100)]) await refused(Sandbox.create({ image, state: each }));
    const bound = await Sandbox.create({ image, mounts: [{ host: ".", guest: "/mnt" }] });
    await refused(bound.save().then((state) => Sandbox.create({ image, state })));
    for (const each of [other, third, bound]) await each.close();
    console.log(JSON.stringify(said));`,
    [
      ...[41, 42, 42, 43, 44].map((n) => `${n}\nkept\n`),
      ["state", "damaged"],
      ["state", "foreign"],
      ["state", "foreign"],
    ],
  ));

test("a sandbox runs lines and programs, with input, environment, folder and user", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE, env: { A: "1" } });
    const said = [];
    const add = async ({ stdout, stderr, exitCode, signal }) => said.push([stdout, stderr, exitCode, signal]);
    await add(await box.run("echo hi; echo no >&2; exit 3"));
    await add(await box.run(["printf", "%s|", "a b", "$HOME", "ü"]));
    await add(await box.run("cat", { stdin: "text" }));
    await add(await box.run(["wc", "-c"], { stdin: new Uint8Array(1_000_000) }));
    await add(await box.run("cat", { stdin: (async function* () { yield "one "; yield new Uint8Array([50]); })() }));
    await add(await box.run('echo $A $B $HOME; pwd; id -un', { env: { B: "2" }, cwd: "/etc", user: "nobody" }));
    await add(await box.run("kill -TERM $$"));
    await box.close();
    await box.close();
    console.log(JSON.stringify(said));`,
    [
      ["hi\n", "no\n", 3, null],
      ["a b|$HOME|ü|", "", 0, null],
      ["text", "", 0, null],
      ["1000000\n", "", 0, null],
      ["one 2", "", 0, null],
      ["1 2 /nonexistent\n/etc\nnobody\n", "", 0, null],
      ["", "", 143, "SIGTERM"],
    ],
  ));

test("what a program leaves in the sandbox stays until it is closed; files go in and out", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    await box.fs.mkdir("/data/deep", { parents: true });
    await box.fs.write("/data/deep/a", "from outside", { mode: 0o600 });
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, index) => index * 7);
    await box.fs.write("/data/large", bytes);
    const { stdout } = await box.run("cat /data/deep/a; wc -c < /data/large; useradd -m worker; echo inside > /data/b");
    const same = Buffer.from(await box.fs.read("/data/large")).equals(bytes);
    const { kind, sizeBytes, mode, uid } = await box.fs.stat("/data/deep/a");
    await box.fs.rename("/data/b", "/data/c");
    const inside = await box.fs.readText("/data/c");
    const names = (await box.fs.list("/data")).map(({ name, kind }) => name + ":" + kind).sort();
    const worker = await box.run("whoami", { user: "worker" });
    await box.fs.rm("/data", { recursive: true });
    const gone = await box.fs.stat("/data").catch(({ kind, data }) => [kind, data]);
    const busy = await box.fs.rm("/etc").catch(({ kind, data }) => [kind, data]);
    const proc = await box.fs.readText("/proc/1/comm");
    await box.close();
    const late = await box.run("true").catch(({ kind }) => kind);
    console.log(JSON.stringify([stdout, same, [kind, sizeBytes, mode, uid], inside, names, worker.stdout, gone, busy,
      proc, late]));`,
    [
      "from outside3000000\n",
      true,
      ["file", 12, 0o600, 0],
      "inside\n",
      ["c:file", "deep:folder", "large:file"],
      "worker\n",
      ["file", { path: "/data", code: "ENOENT" }],
      ["file", { path: "/etc", code: "ENOTEMPTY" }],
      "init\n",
      "closed",
    ],
  ));

test("output comes as it is written, and a slow listener holds the program back", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    const pieces = [];
    let goOn;
    const heard = new Promise((resolve) => { goOn = resolve; });
    const running = box.run("echo first; read line; echo $line >&2", {
      stdin: (async function* () { await heard; yield "second\\n"; })(),
      onStdout: (bytes) => { pieces.push(Buffer.from(bytes).toString()); goOn(); },
      onStderr: (bytes) => void pieces.push(Buffer.from(bytes).toString()),
    });
    const { exitCode } = await running;
    let seen = 0;
    const large = await box.run("head -c 3000000 /dev/zero", {
      maxOutputBytes: 1000,
      onStdout: async (bytes) => { await new Promise((resolve) => setTimeout(resolve, 1)); seen += bytes.length; },
    });
    await box.close();
    console.log(JSON.stringify([pieces, exitCode, seen, large.stdoutBytes.length, large.truncated]));`,
    [["first\n", "second\n"], 0, 3_000_000, 1000, true],
  ));

test("a time-out and an AbortSignal end the program with all that it has started, and the sandbox goes on", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    // The time-out may be over before a program of a busy host has said its word.
    let over, timeoutMs = 1000;
    do {
      await box.run("pkill sleep");
      over = await box.run("(setsid sleep 1000 &) ; echo begun; sleep 1000", { timeoutMs }).catch((e) => e);
      timeoutMs *= 2;
    } while (over.partial.stdout === "");
    const late = over.partial;
    const sleeping = "ps -e -o comm= | grep -c sleep";
    // The call may be over a moment before the program is.
    while ((await box.run(sleeping)).stdout !== "1\\n");
    const controller = new AbortController();
    const aborted = box.run("sleep 1000 & echo begun; sleep 1000", {
      signal: controller.signal,
      onStdout: () => controller.abort(new Error("enough")),
    });
    const reason = await aborted.catch((error) => error.message);
    const before = await box.run("true", { signal: AbortSignal.abort() }).catch((error) => error.name);
    const afterAbort = (await box.run(sleeping)).stdout;
    const broken = await box.run("cat", {
      stdin: (async function* () { yield "a"; throw new Error("source failed"); })(),
    }).catch((error) => error.message);
    await box.close();
    console.log(JSON.stringify([over.which, late.stdout, late.exitCode, late.timedOut, reason, before, afterAbort,
      broken]));`,
    // What made a session of its own has left the tree when its parent was gone; all else is ended.
    ["timeout", "begun\n", 124, true, "enough", "AbortError", "1\n", "source failed"],
  ));

extendedTest("two sandboxes of one program know nothing of each other", () =>
  prints(
    `import { Sandbox } from "stratos";
    const said = [];
    {
      const [a, b] = await Promise.all(["a", "b"].map((hostname) =>
        Sandbox.create({ image: process.env.IMAGE, hostname })));
      await Promise.all([a.run("echo a > /tmp/name; sleep 1"), b.run("echo b > /tmp/name")]);
      said.push(await Promise.all([a, b].map(async (box) => (await box.run("cat /tmp/name; hostname")).stdout)));
      await a.close();
      said.push((await b.run("echo still")).stdout);
      await b.close();
    }
    const seeded = await Promise.all([1, 1, 2].map(async (seed) => {
      const box = await Sandbox.create({ image: process.env.IMAGE, seed });
      const { stdout } = await box.run("head -c 8 /dev/urandom | od -An -tx1; date");
      await box.close();
      return stdout;
    }));
    said.push([seeded[0] === seeded[1], seeded[0] === seeded[2]]);
    console.log(JSON.stringify(said));`,
    [["a\na\n", "b\nb\n"], "still\n", [true, false]],
  ),
);

extendedTest("sandboxes on one board run beside one another, within its memory, and end with it", () =>
  prints(
    `import { Board, Sandbox } from "stratos";
    const image = process.env.IMAGE;
    const said = [];
    const board = await Board.create({ memoryBytes: 640 << 20 });
    const [a, b] = await Promise.all(["a", "b"].map((hostname) =>
      Sandbox.create({ image, hostname, board, memoryBytes: 256 << 20 })));
    const line = "hostname > /tmp/name; seq 1000 | sort -r | md5sum; cat /tmp/name; ls /tmp";
    const [one, other] = await Promise.all([a.run(line), b.run(line)]);
    said.push(one.stdout.replace(/\\S+  -/, "sum"), one.stdout.slice(0, 32) === other.stdout.slice(0, 32));
    const failing = (promise) => promise.then(() => "no failure", ({ kind, data }) => [kind, data]);
    for (const more of [{}, { isolation: "process", memoryBytes: 64 << 20 }, { state: new Uint8Array(1) }])
      said.push(await failing(Sandbox.create({ image, board, ...more })));
    said.push(await failing(Board.create({ memoryBytes: 1 })));
    said.push(await a.run("while :; do :; done", { timeoutMs: 500 }).catch(({ which }) => which));
    await a.close();
    const c = await Sandbox.create({ image, board, memoryBytes: 256 << 20 });
    said.push((await c.run("ls /tmp; grep -c MemTotal /proc/meminfo")).stdout, (await b.run("cat /tmp/name")).stdout);
    await board.close();
    await board.close();
    said.push((await failing(b.run("true")))[0], (await failing(Sandbox.create({ image, board })))[0]);
    await b.close();
    console.log(JSON.stringify(said));`,
    [
      "sum\na\nname\n",
      true,
      ["option", { option: "memoryBytes" }],
      ["option", { option: "isolation" }],
      ["option", { option: "state" }],
      ["option", { option: "memoryBytes" }],
      "timeout",
      "1\n",
      "b\n",
      "closed",
      "closed",
    ],
  ),
);

test("what cannot be is told by kind and data", () =>
  prints(
    `import { Sandbox, StratosError, openImage, openVolume } from "stratos";
    const image = process.env.IMAGE;
    const told = [];
    const failing = async (promise) => {
      const error = await promise.then(() => "no failure", (error) => error);
      told.push(error instanceof StratosError ? [error.kind, error.data] : String(error));
    };
    await failing(Sandbox.create({ image: "nosuch" }));
    await failing(openImage("nosuch"));
    await failing(openImage("nosuch", { pull: true }));
    await failing(Sandbox.create({ image, memoryBytes: 1 }));
    await failing(Sandbox.create({ image, ports: [{ host: 1, guest: 1 }] }));
    await failing(Sandbox.create({ image, mounts: [{ host: "/no/such", guest: "/mnt" }] }));
    await failing(openVolume("/no/such.aegisfs"));
    await failing(openVolume("/etc/passwd", { readOnly: true }));
    const box = await Sandbox.create({ image });
    await failing(box.run(["nosuch"]));
    await failing(box.run(["/etc/passwd"]));
    await failing(box.run("true", { cwd: "/nosuch" }));
    await failing(box.run("true", { user: "nosuch" }));
    await failing(box.run([]));
    await failing(box.fs.read("relative"));
    await box.close();
    console.log(JSON.stringify(told));`,
    [
      ["no-image", { image: "nosuch" }],
      ["no-image", { image: "nosuch" }],
      ["no-image", { image: "nosuch" }],
      ["option", { option: "memoryBytes" }],
      ["option", { option: "ports" }],
      ["mount", { place: "/no/such" }],
      ["volume", { path: "/no/such.aegisfs" }],
      ["volume", { path: "/etc/passwd" }],
      ["program", { program: "nosuch", code: "ENOENT" }],
      ["program", { program: "/etc/passwd", code: "EACCES" }],
      ["cwd", { path: "/nosuch", code: "ENOENT" }],
      ["no-user", { user: "nosuch" }],
      ["option", { option: "command" }],
      ["option", { option: "path" }],
    ],
  ));

test("an image that is missing is made when `pull` says how, with progress, until the caller gives up", async () => {
  // A mirror that never answers.
  const mirror = createServer(() => {}).listen(0, "127.0.0.1");
  await new Promise((resolve) => mirror.once("listening", resolve));
  const home = join(folder, "empty-home");
  await prints(
    `import { readdirSync } from "node:fs";
    import { Sandbox, openImage } from "stratos";
    const { MIRROR: mirror, STRATOS_HOME: home } = process.env;
    const phases = new Set();
    const onProgress = ({ phase }) => void phases.add(phase);
    const pull = { packages: [], mirror: "file:///nothing" };
    const failed = await Sandbox.create({ image: "small", pull, onProgress })
      .catch(({ kind, data }) => [kind, data]);
    const controller = new AbortController();
    const given = openImage("small", { pull: { packages: [], mirror }, signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")) }).catch((error) => error.message);
    const told = [failed, [...phases], await given];
    // The engine ends, and what it was making goes with the next change.
    console.log(JSON.stringify([...told, readdirSync(home + "/images").filter((name) => !name.startsWith("."))]));`,
    [["image", { image: "small" }], ["index"], "enough", []],
    { STRATOS_HOME: home, MIRROR: `http://127.0.0.1:${(mirror.address() as AddressInfo).port}/debian` },
  );
  mirror.closeAllConnections();
  mirror.close();
});

extendedTest("an image is pulled from a registry when it is missing, and is there from then on", async () => {
  const at = (name: string): string => join(folder, "registry", name);
  mkdirSync(at("root/etc"), { recursive: true });
  writeFileSync(at("root/etc/greeting"), "from afar");
  must("tar", ["-C", at("root"), "-cf", at("root.tar"), "."], folder);
  const { host, stop } = await startRegistry(at("daemon"));
  try {
    const env = { STRATOS_HOME: at("home") };
    const [node, ...rest] = launcher;
    for (const args of [
      ["image", "import", "tiny", at("root.tar")],
      ["image", "push", "tiny", `${host}/tiny:1`, "--plain-http"],
    ]) {
      const { status, stderr } = await run([node!, ...rest, ...args], { env });
      assert.equal(status, 0, stderr);
    }
    await prints(
      `import { openImage } from "stratos";
      const phases = new Set();
      const pull = { reference: process.env.REFERENCE, plainHttp: true };
      const said = [];
      for (const options of [{ pull, onProgress: ({ phase }) => void phases.add(phase) }, {}]) {
        const image = await openImage("pulled", options);
        said.push(await image.fs.readText("/etc/greeting"), image.info.name);
        await image.close();
      }
      const missing = await openImage("other", { pull: { ...pull, reference: pull.reference + "0" } })
        .catch(({ kind, data }) => [kind, data]);
      console.log(JSON.stringify([...said, ...phases, missing]));`,
      ["from afar", "pulled", "from afar", "pulled", "pull", ["image", { image: "other" }]],
      { ...env, REFERENCE: `${host}/tiny:1` },
    );
  } finally {
    stop();
  }
});

test("folders of the host are seen, an image is read, a volume is read and written", async () => {
  const shared = join(folder, "shared"),
    volume = join(folder, "data.aegisfs");
  mkdirSync(shared);
  writeFileSync(join(shared, "in"), "of the host");
  const [node, ...rest] = launcher;
  must(node!, [...rest, "fs", "format", volume, "--size", "64M"], folder);
  await prints(
    `import { readFileSync } from "node:fs";
    import { Sandbox, openImage, openVolume } from "stratos";
    const image = process.env.IMAGE, { SHARED: shared, VOLUME: path } = process.env;
    const box = await Sandbox.create({ image, mounts: [{ host: shared, guest: "/mnt/s" }] });
    const { stdout } = await box.run("cat /mnt/s/in; echo back > /mnt/s/out");
    await box.close();
    const root = await openImage(image);
    const release = (await root.fs.readText("/etc/os-release")).includes("Debian");
    const refused = await root.fs.write("/x", "").catch(({ kind, data }) => [kind, data.code]);
    const { name, architecture, packages } = root.info;
    await root.close();
    const volume = await openVolume(path);
    await volume.fs.write("/a", "kept");
    const second = await openVolume(path).catch(({ kind, data }) => [kind, data.path === path]);
    await volume.sync();
    await volume.close();
    const again = await openVolume(path, { readOnly: true });
    const kept = await again.fs.readText("/a");
    await again.close();
    console.log(JSON.stringify([stdout, readFileSync(shared + "/out", "utf8"), release, refused, name === image,
      architecture, packages.some(({ name }) => name === "python3"), second, kept]));`,
    ["of the host", "back\n", true, ["file", "EROFS"], true, "riscv64", true, ["in-use", true], "kept"],
    { SHARED: shared, VOLUME: volume },
  );
  const { stdout, status } = await run([node!, ...rest, "fs", "check", volume], {});
  assert.match(stdout, /: clean\n/);
  assert.equal(status, 0);
});

test("the program's own process is left as it was, and ends although a sandbox is open", () =>
  prints(
    `import { Sandbox } from "stratos";
    const before = process.eventNames().length;
    const box = await Sandbox.create({ image: process.env.IMAGE });
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    await box.run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    clearInterval(timer);
    console.log(JSON.stringify([process.eventNames().length - before, turns > 5]));
    // Not closed: nothing is awaited any more.`,
    [0, true],
  ));

test("a program is started with streams, with a terminal, and ended by a signal", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    const said = [];
    const text = async (stream) => {
      let all = "";
      for await (const bytes of stream) all += Buffer.from(bytes).toString();
      return all;
    };
    const upper = await box.spawn(["tr", "a-z", "A-Z"]);
    await upper.stdin.write("one ");
    await upper.stdin.write(Buffer.from("two"));
    upper.stdin.end();
    said.push(await text(upper.stdout), await text(upper.stderr), await upper.wait());

    const shell = await box.spawn(["bash", "--norc"], { tty: { columns: 71, rows: 19 }, env: { PS1: "> " } });
    const shown = shell.stdout[Symbol.asyncIterator]();
    let screen = "";
    const until = async (pattern) => {
      while (!pattern.test(screen)) {
        const { value, done } = await shown.next();
        if (done) throw new Error("ended: " + screen);
        screen += Buffer.from(value).toString();
      }
      screen = "";
    };
    await until(/> $/);
    await shell.stdin.write("stty size; tty\\n");
    await until(/19 71\\r\\n\\/dev\\/pts\\/0\\r\\n/);
    shell.resize({ columns: 100, rows: 30 });
    const other = await box.spawn("tty; stty size", { tty: { columns: 8, rows: 9 } });
    said.push(await text(other.stdout), await text(other.stderr));
    await shell.stdin.write("sh -c 'echo asleep; exec sleep 1000'\\n");
    await until(/asleep\\r\\n/);
    await shell.stdin.write("\\x03stty size; exit 3\\n");
    await until(/30 100\\r\\n/);
    said.push(await shell.wait());
    const sleeping = await box.spawn(["sleep", "1000"]);
    const unknown = await sleeping.kill("SIGNO").catch(({ kind, data }) => [kind, data]);
    await sleeping.kill("SIGINT");
    said.push((await sleeping.wait()).signal, typeof sleeping.pid);
    await sleeping.kill();
    const refused = [
      unknown,
      await box.spawn("true", { tty: { columns: 0, rows: 1 } }).catch(({ kind, data }) => [kind, data]),
      await box.spawn(["nosuch"]).catch(({ kind }) => kind),
    ];
    const controller = new AbortController();
    const ended = await box.spawn("sleep 1000", { signal: controller.signal });
    controller.abort(new Error("enough"));
    said.push(refused, await ended.wait().catch((error) => error.message));
    const late = await box.fs.read("/etc/passwd", { signal: AbortSignal.abort() }).catch(({ name }) => name);
    const flood = await box.spawn("yes | head -c 3000000; echo over >&2");
    for await (const bytes of flood.stdout) if (bytes.length > 0) break;
    said.push(late, await text(flood.stderr), (await flood.wait()).exitCode);
    await box.close();
    console.log(JSON.stringify(said));`,
    [
      ...["ONE TWO", "", { exitCode: 0, signal: null, timedOut: false, limit: null }],
      ...["/dev/pts/1\r\n9 8\r\n", ""],
      { exitCode: 3, signal: null, timedOut: false, limit: null },
      ...["SIGINT", "number"],
      [["option", { option: "signal" }], ["option", { option: "tty" }], "program"],
      ...["enough", "AbortError", "over\n", 0],
    ],
  ));

extendedTest("a volume goes over to the sandbox that mounts it, and holds what programs have written", async () => {
  const volume = join(folder, "mounted.aegisfs");
  const [node, ...rest] = launcher;
  must(node!, [...rest, "fs", "format", volume, "--size", "64M"], folder);
  await prints(
    `import { Sandbox, openVolume } from "stratos";
    const image = process.env.IMAGE, path = process.env.VOLUME;
    const volume = await openVolume(path);
    await volume.fs.write("/in", "of the volume");
    const box = await Sandbox.create({ image, volumes: { "/srv/data": volume } });
    const { stdout } = await box.run("cat /srv/data/in; mkdir /srv/data/made; echo new > /srv/data/made/file");
    const said = [stdout, await volume.fs.read("/in").catch(({ kind }) => kind)];
    said.push(await openVolume(path).catch(({ kind }) => kind), await box.fs.readText("/srv/data/made/file"));
    await box.close();
    const reading = openVolume(path, { readOnly: true });
    const again = await Sandbox.create({ image, volumes: { "/data": reading } });
    said.push((await again.run("cat /data/made/file; touch /data/x 2>&1")).stdout);
    await again.close();
    said.push(await Sandbox.create({ image, volumes: { "relative": openVolume(path) } })
      .catch(({ kind, data }) => [kind, data]));
    const last = await openVolume(path);
    await last.fs.rm("/in");
    await last.close();
    console.log(JSON.stringify(said));`,
    [
      ...["of the volume", "closed", "in-use", "new\n"],
      "new\ntouch: cannot touch '/data/x': Read-only file system\n",
      ["option", { option: "volumes" }],
    ],
    { VOLUME: volume },
  );
  const { stdout, status } = await run([node!, ...rest, "fs", "check", volume], {});
  assert.match(stdout, /: clean\n/);
  assert.equal(status, 0);
});

extendedTest("the same names hold in a page, whose machines run in workers", async (t) => {
  const volume = join(folder, "page.aegisfs"),
    [node, ...rest] = launcher;
  must(node!, [...rest, "fs", "format", volume, "--size", "16M"], folder);
  writeFileSync(
    join(project, "page.js"),
    `import { Sandbox, openImage, openVolume } from "stratos";
    globalThis.work = async () => {
      const image = new URL("image/", location.href).href, said = [];
      const box = await Sandbox.create({ image, memoryBytes: 256 * 2 ** 20 });
      const { stdout, exitCode } = await box.run("uname -m; cat; exit 3", { stdin: "typed" });
      const shell = await box.spawn("stty size", { tty: { columns: 71, rows: 19 } });
      let screen = "";
      for await (const bytes of shell.stdout) screen += new TextDecoder().decode(bytes);
      await box.fs.write("/tmp/a", "b");
      said.push(stdout, exitCode, screen, await box.fs.readText("/tmp/a"));
      const reason = await box.run("sleep 1000", { signal: AbortSignal.timeout(500) }).catch(({ name }) => name);
      await box.close();

      const bytes = await (await fetch("volume.aegisfs")).arrayBuffer();
      const file = await (await navigator.storage.getDirectory()).getFileHandle("data.aegisfs", { create: true });
      const writable = await file.createWritable();
      await writable.write(bytes);
      await writable.close();
      const volume = await openVolume(file);
      await volume.fs.write("/a", "kept");
      said.push(reason, await openVolume(file).catch(({ kind }) => kind));
      const other = await Sandbox.create({ image, volumes: { "/data": volume } });
      said.push((await other.run("cat /data/a; echo more > /data/b")).stdout);
      await other.close();
      const again = await openVolume(await file.getFile(), { readOnly: true });
      said.push((await again.fs.list("/")).map(({ name }) => name).sort(), await again.fs.readText("/b"));
      await again.close();

      for (const place of [image, await file.getFile()]) {
        const root = await openImage(place);
        said.push(root.info.architecture, (await root.fs.list("/")).length > 1);
        said.push(await root.fs.write("/x", "").catch(({ data }) => data.code));
        await root.close();
      }
      for (const options of [{ image: image + "nothing/" }, { image, network: "host" }, { image, pull: true },
        { image, mounts: [{ host: "/", guest: "/mnt" }] }, {}])
        said.push(await Sandbox.create(options).catch(({ kind }) => kind));
      said.push(await openVolume(new Blob([bytes])).catch(({ kind }) => kind));
      said.push(await openVolume("/a/path").catch(({ kind }) => kind));
      globalThis.STRATOS_ENGINE_URL = "nowhere.mjs";
      said.push(await openImage(image).catch(({ kind }) => kind));
      return JSON.stringify(said);
    };`,
  );
  const readme = readFileSync(join(project, "node_modules/stratos/README.md"), "utf8");
  writeFileSync(join(project, "readme.js"), /^```js page\n(.*?)^```$/ms.exec(readme)![1]!);
  const joined = await build({
    absWorkingDir: project,
    entryPoints: ["page.js", "readme.js"],
    outdir: ".",
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
  });
  const own = (name: string): Uint8Array => readFileSync(join(project, "node_modules/stratos", name));
  const server = await servePage(
    new Map<string, Uint8Array>([
      ["index.html", Buffer.from('<!doctype html><title>page</title><script type="module" src="page.js"></script>')],
      ["readme.html", Buffer.from('<!doctype html><title>-</title><script type="module" src="readme.js"></script>')],
      ...joined.outputFiles.map(({ path, contents }) => [basename(path), contents] as const),
      ["browser-engine.mjs", own("browser-engine.mjs")],
      ["zstd.wasm", own("zstd.wasm")],
      ["volume.aegisfs", readFileSync(volume)],
    ]),
    join(TEST_HOME, "images", TEST_IMAGE),
    0,
  );
  t.after(() => server.close());
  const browser = await Browser.launch();
  try {
    const page = await browser.open(server.url);
    await page.waitFor("typeof globalThis.work", /function/, PATIENCE_MS);
    await page.evaluate(
      "void work().then((said) => { globalThis.said = said; }, (error) => { globalThis.said = String(error.stack); })",
    );
    const said = await page.waitFor("globalThis.said ?? ''", /./, PATIENCE_MS);
    assert.deepEqual(JSON.parse(said), [
      ...["riscv64\ntyped", 3, "19 71\r\n", "b"],
      ...["TimeoutError", "in-use", "kept", ["a", "b"], "more\n"],
      ...["riscv64", true, "EROFS", "riscv64", true, "EROFS"],
      ...["no-image", "option", "option", "mount", "option"],
      ...["volume", "option", "engine"],
    ]);
    await page.navigate(`${server.url}readme.html`);
    await page.waitFor("document.title", /^a b a$/, PATIENCE_MS);
  } finally {
    await browser.close();
  }
});

test("the examples of the README run as they stand", async (t) => {
  // Its named systems are all that there are.
  const home = join(folder, "readme-home");
  mkdirSync(home);
  symlinkSync(join(TEST_HOME, "images"), join(home, "images"));
  shareTranslations(home);
  t.after(() => endSupervisor(home));
  const readme = readFileSync(join(project, "node_modules/stratos/README.md"), "utf8");
  const examples = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, source]) => source!);
  const [node, ...rest] = launcher;
  must(node!, [...rest, "fs", "format", "data.aegisfs", "--size", "64M"], project);
  const said = [];
  for (const example of examples) {
    const { stdout, status, stderr } = await runProgram(
      project,
      example.replaceAll('"debian"', JSON.stringify(TEST_IMAGE)),
      { STRATOS_HOME: home },
    );
    assert.equal(status, 0, `${example}${stderr}`);
    said.push(stdout);
  }
  assert.equal(said[0], "42\n 0\n");
  assert.match(said[1]!, /package\.json/);
  assert.match(said[2]!, /24 80\r\n[^]*\n3\n$/);
  assert.equal(said[3], "");
  assert.equal(said[4], "200 8000\ntrue\n");
  assert.equal(said[5], "10.1.2.3 80 curl rule 0 denies it\n7\n1\n");
  assert.match(said[6]!, /^[0-9a-f]{25}\n\n$/);
  assert.equal(said[7], "limit output number\ntrue output true\n536870912 init\n");
  assert.deepEqual([said[8], said[9]], ["good\n\n", "kept\n\n"]);
  assert.equal(said[10], "kept\n\n");
  assert.equal(said[11], "a\nb\n a\nb\n\n");
  assert.equal(said[12], "copy running, workshop running\n");
  assert.equal(said[13], "1 runs\nbegun\ngot it\n3\n");
  assert.equal(said[14], "prepared\n2\n prepared\n\n");
  assert.equal(said[15], "there 1 here 1\n");
  assert.match(said[16]!, /^modified \/srv\/site\/pages\/index\.html\nadded \/root\/copy\n/);
  assert.deepEqual(said.slice(17), ["a\nb\n\n", "a\nb\n42\n"]);
});

test("the types hold for a program in TypeScript, and mistakes are found", () => {
  const source = (mistake: string): string =>
    `import { Sandbox, StratosError, openImage, openVolume } from "stratos";
    import type { Program, RunResult, SystemView } from "stratos";
    const box: Sandbox = await Sandbox.create({ image: "debian", seed: 1, signal: new AbortController().signal });
    const result: RunResult = await box.run(["ls", "-l"], { onStdout: (bytes) => void bytes.length });
    const code: number = result.exitCode;
    const program: Program = await box.spawn("ls", { tty: { columns: 80, rows: 24 } });
    for await (const bytes of program.stdout) void bytes.length;
    const handle = (await navigator.storage.getDirectory()).getFileHandle("x");
    await Sandbox.create({ image: new Blob([]), volumes: { "/data": openVolume(await handle) } });
    try { await (await openVolume("/x")).fs.read("/a"); } catch (error) {
      if (error instanceof StratosError && error.kind === "file") console.log(error.message);
    }
    const names: string[] = (await openImage("debian")).info.packages.map(({ name }) => name);
    const named: Sandbox = await Sandbox.connect("dev");
    const views: SystemView[] = await Sandbox.list({ home: "/home" });
    ${mistake}
    await box.close();
    export { code, named, names, views };\n`;
  writeFileSync(join(project, "right.mts"), source(""));
  writeFileSync(join(project, "wrong.mts"), source("await box.run(7);"));
  const check = (file: string, ...more: string[]): string =>
    spawnSync(
      process.execPath,
      [
        join(repository, "node_modules/typescript/bin/tsc"),
        ...["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", ...more, file],
      ],
      { cwd: project, encoding: "utf8" },
    ).stdout;
  assert.equal(check("right.mts", "--lib", "es2022,dom"), "");
  assert.match(check("wrong.mts", "--lib", "es2022,dom"), /wrong\.mts\(\d+,\d+\): error TS/);
});

test("the package carries its licences, a description and the command", () => {
  const files = readdirSync(join(project, "node_modules/stratos"));
  for (const name of ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "library.d.ts"])
    assert.ok(files.includes(name), `${name} is missing`);
  assert.match(must(join(project, "node_modules/.bin/stratos"), ["--version"], project), /^\d+\.\d+\.\d+\n$/);
});

/**
 * Goal: a program that was written for `@vercel/sandbox` or `e2b` runs here with another import. Method: what such
 * programs do (commands that fail, output as it comes, signals, files, servers, Python that remembers), from the
 * package that `npm pack` makes; and the types of those calls.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { homeOf, installLibrary, programPrints } from "./support/library-project.ts";
import { repository } from "./support/stratos.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

extendedTest("the calls of @vercel/sandbox", () =>
  programPrints(
    project,
    `import { Sandbox } from "stratos/compat/vercel";
    import { once } from "node:events";
    import { createServer } from "node:http";
    const said = [];
    const sandbox = await Sandbox.create({
      runtime: "python3.13", timeout: 600_000, ports: [8000], env: { A: "1" }, networkPolicy: "deny-all",
      stratos: { image: process.env.IMAGE },
    });
    said.push((await (await sandbox.runCommand("pwd")).stdout()), sandbox.status);
    const failed = await sandbox.runCommand("sh", ["-c", "echo out; echo err >&2; exit 3"]);
    said.push(failed.exitCode, await failed.stdout(), await failed.stderr(), (await failed.output()).length);
    await sandbox.writeFiles([
      { path: "deep/hello.sh", content: Buffer.from("#!/bin/sh\\necho $A $B $1\\n"), mode: 0o755 },
      { path: "/tmp/x", content: "absolute" },
    ]);
    let shown = "";
    const done = await sandbox.runCommand({
      cmd: "./deep/hello.sh", args: ["c"], env: { B: "2" }, sudo: true,
      stdout: { write: (text) => { shown += text; } },
    });
    said.push(done.exitCode, shown);
    said.push(await (await sandbox.runCommand({ cmd: "cat", args: ["hello.sh"], cwd: "deep" })).stdout());
    const long = await sandbox.runCommand({
      cmd: "sh", args: ["-c", "trap 'echo bye; exit 7' TERM; echo begun; while :; do sleep 0.1; done"], detached: true,
    });
    for await (const { stream, data } of long.logs()) { said.push(stream, data); break; }
    await long.kill("SIGTERM");
    const ended = await long.wait();
    said.push(ended.exitCode, await ended.stdout());
    const pieces = [];
    for await (const bytes of await sandbox.readFile({ path: "/tmp/x" })) pieces.push(Buffer.from(bytes).toString());
    said.push(pieces.join(""), await sandbox.readFile({ path: "nothing" }));
    said.push(await sandbox.readFileToBuffer({ path: "no" }));
    await sandbox.mkDir("made");
    await sandbox.runCommand({ cmd: "python3", args: ["-m", "http.server", "8000"], detached: true });
    let answer;
    // Not at once again: of some ten thousand connections that are closed at once, fetch of Node 20 forgets one.
    while (answer?.ok !== true) {
      answer = await fetch(sandbox.domain(8000) + "/", { signal: AbortSignal.timeout(60_000) }).catch(() => null);
      if (answer?.ok !== true) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    said.push((await answer.text()).includes("made/"));
    try { sandbox.domain(1); } catch (error) { said.push(error.data.option); }
    await sandbox.extendTimeout(60_000);
    said.push(await Sandbox.create({ source: { type: "git", url: "x" } }).catch(({ data }) => data.option));
    const option = (params) =>
      Sandbox.create({ image: process.env.IMAGE, ...params }).then(() => "made", ({ data }) => data.option);
    for (const runtime of ["ruby3", "node24", "python3.12"]) said.push(await option({ runtime }));
    for (const networkPolicy of ["some", { allow: { "a.example": [{ transform: [] }] } }, { all: true }])
      said.push(await option({ networkPolicy }));
    said.push((await Sandbox.get({ sandboxId: sandbox.sandboxId })) === sandbox, sandbox.name === sandbox.sandboxId);
    said.push((await sandbox.getCommand(long.cmdId)) === long);
    said.push(await sandbox.getCommand("0").catch(({ data }) => data.option));
    const elsewhere = createServer((_, answer) => void answer.end("reached")).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const place = "http://127.0.0.1:" + elsewhere.address().port;
    const reached = async () => (await sandbox.runCommand("curl", ["-s", "-m", "60", place])).stdout();
    said.push(await reached());
    await sandbox.updateNetworkPolicy({ allow: ["a.example"], subnets: { allow: ["127.0.0.1/32"] } });
    said.push(await reached());
    await sandbox.updateNetworkPolicy({ allow: ["*"] });
    said.push(await reached());
    elsewhere.close();
    elsewhere.closeAllConnections();
    await sandbox.stop();
    await sandbox.stop();
    said.push(sandbox.status, await sandbox.runCommand("true").catch(({ kind }) => kind));
    console.log(JSON.stringify(said));`,
    [
      ...["/vercel/sandbox\n", "running", 3, "out\n", "err\n", 8, 0, "1 2 c\n", "#!/bin/sh\necho $A $B $1\n"],
      ...["stdout", "begun\n", 7, "begun\nbye\n", "absolute", null, null, true, "ports", "source"],
      ...["runtime", "runtime", "runtime", "networkPolicy", "networkPolicy", "networkPolicy"],
      ...[true, true, true, "cmdId", "", "reached", "", "stopped", "closed"],
    ],
  ),
);

const ENTRIES = [
  "a.txt file 4 -rw-r----- root adm true",
  "dead symlink 0 lrwxrwxrwx root root true",
  "link file 4 -rw-r----- root adm true",
];

test("the calls of e2b, and runCode", (t) =>
  programPrints(
    project,
    `import { CommandExitError, NotFoundError, Sandbox, TimeoutError } from "stratos/compat/e2b";
    const said = [];
    const sandbox = await Sandbox.create(process.env.IMAGE, { timeoutMs: 600_000, envs: { A: "1" } });
    const { stdout, exitCode } = await sandbox.commands.run("echo $A $B; pwd", { envs: { B: "2" } });
    said.push(stdout, exitCode);
    const failed = await sandbox.commands.run("echo out; echo err >&2; exit 3").catch((error) => error);
    said.push(failed instanceof CommandExitError, failed.exitCode, failed.stdout, failed.stderr);
    said.push((await sandbox.commands.run("sleep 1000", { timeoutMs: 300 }).catch((e) => e)) instanceof TimeoutError);
    let shown = "";
    const onStdout = (text) => { shown += text; };
    const cat = await sandbox.commands.run("cat", { background: true, stdin: true, onStdout });
    await sandbox.commands.sendStdin(cat.pid, "typed\\n");
    await (await sandbox.commands.connect(cat.pid)).closeStdin();
    said.push((await cat.wait()).stdout, shown, cat.exitCode, await cat.kill());
    const sleeping = await sandbox.commands.run("exec sleep 4711", { background: true });
    while (!(await sandbox.commands.list()).some(({ args }) => args[0] === "4711"));
    said.push(await sandbox.commands.kill(sleeping.pid), (await sleeping.wait().catch(({ exitCode }) => exitCode)));
    said.push((await sandbox.files.write("deep/a.txt", "text")).path);
    await sandbox.files.write([{ path: "/tmp/b", data: new Uint8Array([104, 105]).buffer }, { path: "c", data: "c" }]);
    said.push(await sandbox.files.read("deep/a.txt"), [...(await sandbox.files.read("/tmp/b", { format: "bytes" }))]);
    said.push((await sandbox.files.list("/root/deep")).map(({ name, type }) => name + " " + type));
    const more = "chmod 640 a.txt; chgrp adm a.txt; ln -s a.txt link; ln -s nothing dead";
    await sandbox.commands.run(more, { cwd: "/root/deep" });
    const entries = await sandbox.files.list("/root/deep");
    said.push(entries.map(({ name, type, size, permissions, owner, group, modifiedTime }) =>
      [name, type, size, permissions, owner, group, modifiedTime instanceof Date].join(" ")).sort());
    said.push(await sandbox.files.makeDir("deep"), await sandbox.files.makeDir("new"));
    said.push(await sandbox.files.exists("new"));
    said.push((await sandbox.files.rename("c", "d")).path, (await sandbox.files.getInfo("d")).size);
    await sandbox.files.remove("deep");
    said.push((await sandbox.files.read("deep/a.txt").catch((error) => error)) instanceof NotFoundError);
    said.push((await sandbox.runCode("import os; os.environ['A']")).text);
    await sandbox.runCode("x = 20");
    const execution = await sandbox.runCode("import os\\nprint('said')\\nos.system('echo past')\\nx += 22\\nx");
    said.push(execution.text, execution.logs.stdout, execution.error ?? null);
    const raised = await sandbox.runCode("1 / 0");
    said.push(raised.error.name, raised.text ?? null, (await sandbox.runCode("input()")).error.name);
    said.push((await sandbox.runCode("while True: pass", { timeoutMs: 500 }).catch((e) => e)) instanceof TimeoutError);
    said.push((await sandbox.runCode("x")).error.name);
    let screen = "";
    const decoder = new TextDecoder();
    let shownMore = () => {};
    const onData = (data) => { screen += decoder.decode(data, { stream: true }); shownMore(); };
    const shows = async (text) => {
      while (!screen.includes(text)) await new Promise((resolve) => { shownMore = resolve; });
    };
    const shell = await sandbox.pty.create({ cols: 80, rows: 24, onData, timeoutMs: 0 });
    await sandbox.pty.resize(shell.pid, { cols: 60, rows: 20 });
    await sandbox.pty.sendInput(shell.pid, Buffer.from("stty size; echo $A-$TERM\\n"));
    await shows("20 60");
    await shows("1-xterm-256color");
    let second = "";
    await sandbox.pty.connect(shell.pid, { onData: (data) => { second += Buffer.from(data).toString(); } });
    await sandbox.pty.sendInput(shell.pid, Buffer.from("echo s''een; exit 3\\n"));
    await shows("seen");
    said.push((await shell.wait().catch((error) => error)).exitCode, second.includes("seen"));
    said.push(await sandbox.pty.kill(shell.pid), (await sandbox.pty.resize(1, {}).catch(({ name }) => name)));
    const happened = [];
    let toldMore = () => {};
    let exits = 0;
    const onEvent = ({ name, type }) => { happened.push(type + " " + name); toldMore(); };
    const onExit = () => { exits++; };
    const watching = await sandbox.files.watchDir("new", onEvent, { timeoutMs: 0, onExit });
    const told = async (what) => {
      while (!happened.includes(what)) await new Promise((resolve) => { toldMore = resolve; });
    };
    const changes = "echo 1 > one; chmod 600 one; mv one two; rm two; mkdir -p deep/er";
    await sandbox.commands.run(changes, { cwd: "/root/new" });
    for (const what of ["create one", "write one", "remove two", "create deep"]) await told(what);
    await watching.stop();
    said.push(exits, happened.some((what) => what.includes("er")), happened.includes("chmod one"));
    said.push((await sandbox.files.watchDir("nothing", () => {}).catch((error) => error)) instanceof NotFoundError);
    said.push((await sandbox.files.watchDir("d", () => {}).catch(({ name }) => name)));
    const { sandboxId, templateId, state, startedAt, endAt, cpuCount, memoryMB } = await sandbox.getInfo();
    said.push(sandboxId === sandbox.sandboxId, templateId === process.env.IMAGE, state, cpuCount, memoryMB);
    const [measured] = await sandbox.getMetrics();
    const [{ memTotal, cpuCount: harts }] = await Sandbox.getMetrics(sandboxId);
    said.push(measured.timestamp instanceof Date, measured.cpuUsedPct > 0, measured.memUsed > 0);
    said.push(memTotal / 2 ** 20, harts);
    said.push(measured.diskUsed > 0 && measured.diskUsed < measured.diskTotal);
    said.push((await Sandbox.getMetrics("nothing").catch((error) => error)) instanceof NotFoundError);
    said.push(endAt - startedAt >= 600_000, await Sandbox.connect(sandboxId) === sandbox);
    said.push(await sandbox.isRunning(), await sandbox.kill(), await sandbox.kill(), await sandbox.isRunning());
    said.push((await sandbox.getInfo().catch((error) => error)) instanceof NotFoundError);
    said.push(await Sandbox.kill(sandboxId));
    said.push((await sandbox.commands.run("true").catch(({ name }) => name)));
    said.push((await Sandbox.create("nothing").catch((error) => error)) instanceof NotFoundError);
    console.log(JSON.stringify(said));`,
    [
      ...["1 2\n/root\n", 0, true, 3, "out\n", "err\n", true],
      ...["typed\n", "typed\n", 0, false, true, 137, "/root/deep/a.txt"],
      ...["text", [104, 105], ["a.txt file"], ENTRIES, false, true, true, "/root/d", 1, true, "'1'"],
      ...["42", ["said\n"], null, "ZeroDivisionError", null, "EOFError", true, "NameError"],
      ...[3, true, false, "NotFoundError", 1, false, true, true, "SandboxError"],
      ...[true, true, "running", 1, 2048, true, true, true, 2048, 1, true, true, true, true],
      ...[true, true, false, false, true, false, "SandboxError", true],
    ],
    homeOf(t, folder, "called"),
  ));

extendedTest("sandboxes of e2b fork, and go on from snapshots as often as somebody wants", () =>
  programPrints(
    project,
    `import { NotFoundError, Sandbox } from "stratos/compat/e2b";
    const said = [];
    const sandbox = await Sandbox.create({ envs: { A: "1" }, stratos: { image: process.env.IMAGE } });
    await sandbox.files.write("state", "zero");
    const { snapshotId } = await sandbox.createSnapshot();
    await sandbox.files.write("state", "first");
    const forks = await sandbox.fork({ count: 2, timeoutMs: 600_000 });
    forks.push(...(await Sandbox.fork(sandbox.sandboxId)));
    const again = await Promise.all([1, 2].map(() => Sandbox.create(snapshotId, { timeoutMs: 600_000 })));
    for (const [index, each] of [...forks, ...again].entries()) {
      said.push(each instanceof Sandbox && (await each.commands.run("cat state; echo -$A")).stdout);
      await each.files.write("state", "changed " + index);
    }
    const all = [sandbox, ...forks, ...again];
    said.push(await sandbox.files.read("state"), new Set(all.map(({ sandboxId }) => sandboxId)).size);
    const { startedAt, endAt } = await forks[0].getInfo();
    said.push(endAt - startedAt >= 600_000, (await again[0].getInfo()).state);
    await sandbox.kill();
    said.push(await forks[1].files.read("state"));
    said.push((await Sandbox.fork("none").catch((error) => error)) instanceof NotFoundError);
    said.push(await Sandbox.deleteSnapshot(snapshotId), await Sandbox.deleteSnapshot(snapshotId));
    for (const each of all) await each.kill();
    console.log(JSON.stringify(said));`,
    [
      ...["first-1\n", "first-1\n", "first-1\n", "zero-\n", "zero-\n", "first", 6, true, "running"],
      ...["changed 1", true, true, false],
    ],
  ),
);

test("sandboxes of e2b are listed, found and killed by their ids, named and not", (t) =>
  programPrints(
    project,
    `import { Sandbox } from "stratos/compat/e2b";
    const said = [];
    const stratos = { memoryBytes: 256 << 20 };
    const make = (more) => Sandbox.create(process.env.IMAGE, { stratos: { ...stratos, ...more } });
    const first = await make({ name: "first" });
    const second = await Sandbox.create(process.env.IMAGE, { stratos, metadata: { who: "me", for: "this" } });
    const names = async (opts) => {
      const paginator = Sandbox.list(opts);
      const pages = [];
      while (paginator.hasNext) pages.push((await paginator.nextItems()).map(({ sandboxId }) =>
        sandboxId === second.sandboxId ? "second" : sandboxId));
      return pages;
    };
    said.push(await names(), await names({ limit: 1, order: "asc" }), await names({ query: { template: "other" } }));
    await second.pause();
    said.push(await names({ query: { state: ["paused"] } }), (await second.getInfo()).state);
    await Sandbox.connect(second.sandboxId);
    said.push(await names({ query: { state: ["paused"] } }), (await second.commands.run("echo on")).stdout);
    said.push((await Sandbox.getInfo("first")).memoryMB);
    for (const who of ["me", "you"]) said.push(await names({ query: { metadata: { who } } }));
    said.push((await second.getInfo()).metadata);
    const named = { metadata: {}, stratos: { name: "no" } };
    said.push(await Sandbox.create(process.env.IMAGE, named).catch(({ name }) => name));
    for (const id of ["first", "first", second.sandboxId, "nothing"]) said.push(await Sandbox.kill(id));
    said.push(await names(), await Sandbox.getInfo("first").catch(({ name }) => name));
    console.log(JSON.stringify(said));`,
    [
      ...[
        [["second", "first"]],
        [["first"], ["second"]],
        [[]],
        [["second"]],
        "paused",
        [[]],
        "on\n",
        256,
        [["second"]],
        [[]],
        { who: "me", for: "this" },
        "SandboxError",
      ],
      ...[true, false, true, false, [[]], "NotFoundError"],
    ],
    homeOf(t, folder, "listed"),
  ));

test("their types hold for programs of those libraries", () => {
  writeFileSync(
    join(project, "compat.mts"),
    `import { Sandbox as Vercel, type CommandFinished } from "stratos/compat/vercel";
    import { Sandbox, type CommandHandle, type CommandResult } from "stratos/compat/e2b";
    const one: Vercel = await Vercel.create({ timeout: 1000, resources: { vcpus: 2 } });
    const done: CommandFinished = await one.runCommand("ls", ["-l"]);
    const code: number = done.exitCode;
    for await (const log of (await one.runCommand({ cmd: "ls", detached: true })).logs()) log.data.trim();
    const two: Sandbox = await Sandbox.create({ timeoutMs: 1000 });
    const result: CommandResult = await two.commands.run("ls");
    const handle: CommandHandle = await two.commands.run("ls", { background: true });
    const text: string = await two.files.read("a");
    export { code, handle, result, text };\n`,
  );
  const args = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--lib",
    "es2022,dom",
    "compat.mts",
  ];
  const compiler = join(repository, "node_modules/typescript/bin/tsc");
  assert.equal(spawnSync(process.execPath, [compiler, ...args], { cwd: project, encoding: "utf8" }).stdout, "");
});

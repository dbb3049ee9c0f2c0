/**
 * Goal: a program has named systems as the command line has them: makes, finds, lists, leaves, saves and resumes them,
 * and what it may not ask is refused by name. Method: the package that `npm pack` makes, in an empty folder, on the
 * host's own Node; each test with a home of its own, and the command line of the same package beside it.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import type { SystemView } from "@stratos/sdk/api";
import { homeOf, installLibrary, programPrints, runProgram } from "./support/library-project.ts";
import { run } from "./support/stratos.ts";
import { endSupervisor } from "./support/supervisor.ts";
import { TEST_IMAGE } from "./support/test-image.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

const MAKE = `import { Sandbox } from "stratos";
  const image = process.env.IMAGE;
  const said = [];
  const refused = (work) => work.then(() => "done", ({ kind, data, message }) => [kind, data.option ?? message]);
  const make = (name, more) => Sandbox.create({ image, name, memoryBytes: 256 << 20, ...more });
  `;

const prints = (source: string, expected: unknown, env: Record<string, string>): Promise<void> =>
  programPrints(project, MAKE + source, expected, env);

const command = async (env: Record<string, string>, ...args: string[]): Promise<string> => {
  const { stdout, stderr, status } = await run([join(project, "node_modules/.bin/stratos"), ...args], { env });
  assert.equal(status, 0, stderr);
  return stdout;
};

test("a system outlives its program, with what it was left at; the next one, and the terminal, find it", async (t) => {
  const env = homeOf(t, folder, "outlives");
  await prints(
    `const box = await make("one", { cwd: "/srv", env: { A: "1" } });
    said.push(box.name, (await box.run("echo $A; pwd; echo kept > /root/note")).stdout);
    const isKilled = (end, resolve) => end.signal === "SIGKILL" && resolve(end);
    const ends = new Promise((resolve) => box.on("process-exit", (end) => isKilled(end, resolve)));
    const left = await box.spawn("echo 1; while [ ! -e /root/go ]; do sleep 0.1; done; echo 2; echo on > /root/after");
    const closed = await Sandbox.connect("one");
    await closed.spawn(["sleep", "4711"]);
    for await (const bytes of left.stdout) { said.push(Buffer.from(bytes).toString()); break; }
    await closed.close();
    said.push((await ends).exitCode);
    await box.detach();
    said.push(await refused(box.run("true")));
    console.log(JSON.stringify(said));`,
    ["one", "1\n/srv\n", "1\n", 137, ["closed", "the sandbox was closed"]],
    env,
  );
  assert.equal(await command(env, "exec", "one", "cat", "/root/note"), "kept\n");
  await prints(
    `const box = await Sandbox.connect("one");
    await box.fs.write("/root/go", "");
    const watching = box.fs.watch("/root");
    const isThere = () => box.fs.readText("/root/after").catch(() => null);
    if ((await isThere()) !== "on\\n")
      for await (const event of watching) if ((await isThere()) === "on\\n") break;
    said.push(await isThere(), (await box.fs.diff()).some(({ path }) => path === "/root/note"));
    said.push((await box.processes()).some(({ command }) => command.includes("4711")));
    const { image: its, state, command } = (await Sandbox.list()).find(({ name }) => name === "one");
    said.push(its === image, state, command);
    const isUp = new Promise((resolve) => box.on("port", resolve));
    await box.spawn(["python3", "-m", "http.server", "8000", "--directory", "/root"]);
    await isUp;
    said.push(await (await box.fetch(8000, "/note")).text());
    said.push(await (await fetch((await box.url(8000)) + "note")).text());
    await box.stop();
    said.push((await Sandbox.list())[0].state, await refused(Sandbox.connect("one")));
    await Sandbox.remove("one");
    said.push(await Sandbox.list(), await refused(Sandbox.connect("one")));
    console.log(JSON.stringify(said));`,
    [
      ...["on\n", true, false, true, "running", ["sleep", "infinity"], "kept\n", "kept\n"],
      ...["exited", ["system", "one: is not running (exited)"]],
      ...[[], ["no-system", "one: no such system"]],
    ],
    env,
  );
});

test("a system is saved, resumed under another name, paused, rolled back and forked", (t) =>
  prints(
    `const file = process.env.STRATOS_HOME + "/box.checkpoint";
    const box = await make("first");
    await box.run("echo 1 > /root/state");
    await box.snapshot("good");
    await box.run("echo 2 > /root/state");
    const size = await box.checkpoint(file);
    const read = async (of) => said.push((await of.run("cat /root/state")).stdout);
    const resumed = await Sandbox.resume(new URL("file://" + file), { name: "second" });
    await read(resumed);
    let starts = 0;
    box.on("process-start", () => starts++);
    await box.rollback("good");
    await read(box);
    said.push(starts > 0, size > 1000);
    await box.snapshot("good");
    await box.dropSnapshot("good");
    said.push(await refused(box.rollback("good")));
    await resumed.pause();
    said.push((await Sandbox.list()).map(({ name, state }) => [name, state]));
    await read(await Sandbox.resume("second"));
    said.push(await refused(resumed.fork({ keepsPrograms: true })));
    const [fork] = await resumed.fork();
    said.push(fork.name);
    await fork.run("echo 3 > /root/state");
    await read(resumed);
    await read(fork);
    const state = await box.save();
    const own = await Sandbox.create({ image, state });
    await read(own);
    said.push(own.name, await refused(own.detach()));
    await own.stop();
    said.push(await refused(Sandbox.remove("first")));
    for (const name of ["first", "second", "second-1"]) await Sandbox.remove(name, { force: true });
    said.push(await Sandbox.list());
    console.log(JSON.stringify(said));
    process.exit();`,
    [
      ...["2\n", "1\n", true, true, ["snapshot", "good: there is no such snapshot"]],
      [
        ["first", "running"],
        ["second", "paused"],
      ],
      ...["2\n", ["option", "keepsPrograms"], "second-1", "2\n", "3\n", "1\n"],
      ...[null, ["option", "name"], ["system", "first: is running; stop it first, or use --force"], []],
    ],
    homeOf(t, folder, "saved"),
  ));

test("a detached program goes on without its client; others find it, in forks and files, after its end", async (t) => {
  const env = homeOf(t, folder, "detached");
  const JOB = "echo begun; while read -r word; do echo got $word; [ $word != end ] || exit 3; done";
  const begun = await runProgram(
    project,
    `${MAKE}const box = await make("one");
    const job = await box.spawn(${JSON.stringify(JOB)}, { detach: true, env: { A: "1" } });
    said.push(job.session, job.pid === (await box.programs())[0].pid);
    said.push(await refused(box.spawn("true", { detach: true, signal: AbortSignal.timeout(1000) })));
    const own = await Sandbox.create({ image });
    said.push(await refused(own.spawn("true", { detach: true })), await refused(own.programs()));
    console.log(JSON.stringify(said));
    // Its client is gone without a word.
    process.kill(process.pid, "SIGKILL");`,
    env,
  );
  assert.deepEqual(JSON.parse(begun.stdout), ["1", true, ["option", "signal"], ["option", "name"], ["option", "name"]]);
  await prints(
    `const box = await Sandbox.connect("one");
    const talk = async (of, word, until) => {
      const program = await of.attach("1");
      let text = "";
      if (word !== undefined) await program.stdin.write(word + "\\n");
      for await (const bytes of program.stdout) if ((text += Buffer.from(bytes)).endsWith(until)) break;
      return text;
    };
    said.push(await talk(box, "a", "got a\\n"));
    await box.checkpoint("./detached.checkpoint");
    const [fork] = await box.fork();
    said.push(await talk(fork, "b", "got b\\n"), await talk(box, "c", "got c\\n"));
    const resumed = await Sandbox.resume("./detached.checkpoint", { name: "two" });
    said.push(await talk(resumed, "d", "got d\\n"));
    const last = await box.attach("1");
    await last.stdin.write("end\\n");
    said.push((await last.wait()).exitCode);
    said.push((await box.programs()).map(({ name, end }) => [name, end?.exitCode ?? null]));
    said.push((await fork.programs())[0].end, await refused(box.attach("9")));
    console.log(JSON.stringify(said));
    process.exit();`,
    [
      ...["begun\ngot a\n", "begun\ngot a\ngot b\n", "begun\ngot a\ngot c\n", "got d\n"],
      ...[3, [["1", 3]], null, ["program", "9: no such session"]],
    ],
    env,
  );
  assert.equal(await command(env, "exec", "-d", "one", "sh", "-c", "echo out; echo err >&2; exit 5"), "one/2\n");
  const { stdout, stderr, status } = await run([join(project, "node_modules/.bin/stratos"), "attach", "one/2"], {
    env,
  });
  assert.deepEqual([stdout, stderr, status], ["out\n", "err\n", 5]);
});

extendedTest(
  "rules of a named system's network hold for all its programs, in forks, after a resume, and change",
  async (t) => {
    const env = homeOf(t, folder, "rules");
    const servers = [createServer((socket) => socket.end()), createServer((socket) => socket.end())];
    for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => servers.forEach((server) => server.close()));
    const [open, shut] = servers.map((server) => (server.address() as AddressInfo).port);
    const reach = (port: number): string => `(exec 3<> /dev/tcp/127.0.0.1/${port}) 2> /dev/null && echo in || echo out`;
    const both = `${reach(open!)}; ${reach(shut!)}`;
    await prints(
      `const line = ["bash", "-c", ${JSON.stringify(both)}];
    const asked = async (box) => said.push((await box.run(line)).stdout);
    const box = await make("one", { net: { policy: [{ allow: "127.0.0.1", ports: [${open}] }] } });
    await asked(box);
    const [fork] = await box.fork({ name: "two" });
    await asked(fork);
    await box.checkpoint("./rules.checkpoint");
    await asked(await Sandbox.resume("./rules.checkpoint", { name: "three", network: "host" }));
    const other = await Sandbox.connect("one");
    const denied = ({ host, port, rule, process, atMs }) =>
      [host, port, rule, process?.name, process?.pid > 0, Date.now() - atMs < 60_000];
    said.push((await other.net.denied()).map(denied), (await fork.net.denied()).length);
    await other.net.update([{ allow: "127.0.0.1", ports: [${shut}] }]);
    await asked(box);
    said.push((await other.net.denied()).length);
    said.push((await refused(make("four", { net: { policy: [{ allow: "a b" }] } })))[0]);
    for (const name of ["one", "two-1", "three"]) await Sandbox.remove(name, { force: true });
    console.log(JSON.stringify(said));`,
      [
        ...["in\nout\n", "in\nout\n", "in\nout\n"],
        ...[[["127.0.0.1", shut, null, "bash", true, true]], 1],
        ...["out\nin\n", 2, "option"],
      ],
      env,
    );
    const rule = ["--net", "host", "--allow", `127.0.0.1:${open}`];
    await command(env, "run", "-d", "--name", "five", "-i", TEST_IMAGE, ...rule, "--", "sleep", "1000");
    assert.equal(await command(env, "exec", "five", "bash", "-c", both), "in\nout\n");
    const logged = await command(env, "logs", "--denied", "five");
    assert.match(logged, /^\d{4}-\S+Z bash\[\d+\]: denied: 127\.0\.0\.1, port \d+ \(tcp\): no rule allows it\n$/);
    await command(env, "rm", "--force", "five");
  },
);

extendedTest("a named system's programs use secrets that none of them, no file and no other process has", async (t) => {
  const env = homeOf(t, folder, "secrets");
  const KEY = "the-key-of-the-whole-house";
  const heard: (string | undefined)[] = [];
  const server = createHttpServer(({ headers }, answer) => {
    heard.push(headers.authorization);
    answer.end("ok\n");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const ask = `curl -sS -H "Authorization: $KEY" 127.0.0.1:${(server.address() as AddressInfo).port}`;
  const secrets = `{ KEY: { value: ${JSON.stringify(KEY)}, hosts: ["127.0.0.1"] } }`;
  const told = { ...env, KEY };
  const asking = async (name: string): Promise<void> => {
    heard.length = 0;
    assert.equal(await command(env, "exec", name, "sh", "-c", ask), "ok\n");
    assert.deepEqual(heard, [KEY], name);
  };
  await prints(
    `const secrets = ${secrets};
    const net = { policy: [{ allow: "127.0.0.1" }], secrets };
    const box = await make("one", { net, checkpointEveryMs: 86_400_000 });
    said.push((await box.run("echo $KEY | tr -d 0-9a-f")).stdout);
    const [fork] = await box.fork({ name: "two" });
    said.push((await fork.run(${JSON.stringify(ask)})).stdout);
    said.push(Buffer.from(await box.save()).includes(secrets.KEY.value));
    await box.checkpoint("./secrets.checkpoint");
    const resume = (more) => Sandbox.resume("./secrets.checkpoint", { name: "three", ...more });
    said.push((await refused(resume({ network: "host" })))[1]);
    await resume({ net: { secrets } });
    console.log(JSON.stringify(said));`,
    ["\n", "ok\n", false, "net.secrets"],
    env,
  );
  await asking("three");
  const views = JSON.parse(await command(env, "ps", "-a", "--json")) as SystemView[];
  for (const pid of new Set(views.map(({ pid }) => pid!)))
    for (const file of ["cmdline", "environ"]) assert.ok(!readFileSync(`/proc/${pid}/${file}`).includes(KEY));
  // Its checkpoint is made, and with its supervisor the secrets are gone.
  await endSupervisor(env["STRATOS_HOME"]!);
  const kept = readdirSync(join(env["STRATOS_HOME"]!, "systems"), { recursive: true, withFileTypes: true });
  assert.ok(kept.some(({ name }) => name === "last.checkpoint"));
  const files = kept.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  for (const file of [...files, join(project, "secrets.checkpoint")])
    assert.ok(!readFileSync(file).includes(KEY), file);
  await prints(
    `const state = (await Sandbox.list()).find(({ name }) => name === "one");
    said.push(state.state, state.missingSecrets, await refused(Sandbox.resume("one")));
    console.log(JSON.stringify(said));`,
    [...["lost", ["KEY"]], ["option", "net.secrets"]],
    env,
  );
  assert.equal(await command(told, "start", "--secret", "KEY=127.0.0.1", "one"), "one\n");
  await asking("one");
  const secret = ["--net", "host", "--secret", "KEY=127.0.0.1"];
  await command(told, "run", "-d", "--name", "four", "-i", TEST_IMAGE, ...secret, "--", "sleep", "1000");
  await asking("four");
});

test("what a named system has no place for is refused by name, and a folder that is open to others, too", async (t) => {
  const env = homeOf(t, folder, "refused");
  await prints(
    `const short = { KEY: { value: "short", hosts: [] } };
    for (const more of [{ net: { secrets: short } }, { limits: {} }, { timeoutMs: 1000 }, { isolation: "shared" },
      { memoryBytes: 7 }, { name: "a/b" }]) said.push((await refused(make("one", more)))[1]);
    said.push((await refused(make("one", { image: "nothing" })))[0], await Sandbox.list());
    // Whenever its caller gives up, none is left behind.
    for (const ms of [1, 30, 100, 300, 600, 1000, 1500, 2000, 3000]) {
      const late = await make("late", { signal: AbortSignal.timeout(ms) }).catch(() => null);
      if (late !== null) await Sandbox.remove("late", { force: true });
      while ((await Sandbox.list()).length > 0);
    }
    const box = await make("one");
    said.push((await refused(make("one")))[0], (await refused(box.setTimeout(5)))[1]);
    said.push((await refused(Sandbox.resume("./nothing")))[0], (await refused(Sandbox.resume("nothing")))[0]);
    await box.stop();
    console.log(JSON.stringify(said));`,
    [
      ...["net.secrets", "limits", "timeoutMs", "isolation", "memoryBytes", "name"],
      ...["no-image", [], "system", "timeoutMs", "file", "no-system"],
    ],
    env,
  );
  chmodSync(join(env["STRATOS_HOME"]!, "systems"), 0o755);
  try {
    await prints(`console.log(JSON.stringify((await refused(Sandbox.list()))[0]));`, "file", env);
  } finally {
    chmodSync(join(env["STRATOS_HOME"]!, "systems"), 0o700);
  }
});

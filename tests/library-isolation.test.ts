/**
 * Goal: a sandbox runs in a worker, in a process or in the thread that asks, and is the same there; the first two leave
 * that thread free; where a mode cannot be, that is told by name. Method: programs in an empty project, on the Node of
 * machines, which can have all three, and on the host's.
 */
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { installLibrary, programPrints } from "./support/library-project.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** On the Node that runs this test. */
const prints = (source: string, expected: unknown): Promise<void> =>
  programPrints(project, source, expected, {}, process.execPath);

const BEGIN = `import { readdirSync, readFileSync } from "node:fs";
  import { Board, openVolume, Sandbox } from "stratos";
  const said = [];
  const make = (more) => Sandbox.create({ image: process.env.IMAGE, memoryBytes: 256 << 20, spare: false, ...more });
  const refused = (work) => work.then(() => "done", ({ kind, data }) => [kind, data.option ?? data.which]);
  const children = () => readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync("/proc/self/task/" + thread + "/children", "utf8").split(" ").filter(Boolean)).length;
  `;

test("programs, forks, states and limits are the same in each; one is a process, and that is the default", () =>
  prints(
    `${BEGIN}
    const before = children();
    for (const isolation of [undefined, "worker", "shared", "process"]) {
      while (children() > before) await new Promise((resolve) => setTimeout(resolve, 20));
      const [box, other] = await Promise.all(["a", "b"].map((hostname) => make({ isolation, hostname })));
      const seen = [children() - before];
      await Promise.all([box, other].map((each) => each.run("hostname > /tmp/name")));
      const [fork] = await box.fork();
      await fork.run("echo fork >> /tmp/name");
      const loaded = await make({ isolation, state: await fork.save() });
      for (const each of [box, other, loaded]) seen.push((await each.run("cat /tmp/name")).stdout);
      seen.push(await refused(box.run("echo begun; while :; do :; done", { timeoutMs: 500 })));
      const giving = AbortSignal.timeout(300);
      seen.push(await box.run("sleep 1000", { signal: giving }).catch(({ name }) => name));
      for (const each of [box, fork, loaded]) await each.close();
      seen.push((await other.run("echo still")).stdout);
      await other.close();
      seen.push((await refused(other.run("true")))[0]);
      said.push(seen);
    }
    console.log(JSON.stringify(said));`,
    [2, 0, 0, 2].map((count) => [
      ...[count, "a\n", "b\n", "a\nfork\n", ["limit", "timeout"], "TimeoutError", "still\n", "closed"],
    ]),
  ));

test("nothing hangs: who bombs, fills, prints without end or waits for input is ended, and the sandbox goes on", () =>
  prints(
    `${BEGIN}
    const never = (async function* () { await new Promise(() => {}); })();
    for (const isolation of ["process", "worker"]) {
      const box = await make({ isolation, limits: { processes: 100, diskBytes: 32 << 20 } });
      const ends = async (command, options) =>
        box.run(command, options).then(({ exitCode }) => exitCode, ({ which, partial }) => [which, partial.exitCode]);
      const seen = [];
      seen.push(await ends("bomb() { bomb | bomb & }; bomb; sleep 1000", { timeoutMs: 500 }));
      seen.push(await ends("while :; do cat /dev/zero > /root/full; done", { timeoutMs: 500 }));
      seen.push(await ends("yes | head -c 10G", { timeoutMs: 500 }));
      seen.push(await ends("cat", { stdin: never, timeoutMs: 300 }));
      seen.push(await ends("trap '' TERM HUP INT; while :; do :; done", { timeoutMs: 300 }));
      const unheard = await box.spawn("yes", { timeoutMs: 1000 });
      seen.push(await unheard.wait().then(({ limit }) => limit, ({ which }) => which));
      seen.push((await box.run("rm /root/full; echo on > /root/file; cat /root/file")).stdout);
      seen.push((await box.processes()).map(({ name }) => name).join());
      await box.close();
      seen.push((await refused(box.run("true")))[0]);
      said.push(seen);
    }
    console.log(JSON.stringify(said));`,
    [1, 2].map(() => [...Array.from({ length: 5 }, () => ["timeout", 124]), ...["timeout", "on\n", "init", "closed"]]),
  ));

extendedTest("a fork bomb whose time is over holds no place of what runs next, however late its engine is", () =>
  prints(
    `${BEGIN}
    for (const isolation of ["process", "worker"]) {
      const box = await make({ isolation, limits: { processes: 100 } });
      for (let round = 0; round < 8; round++) {
        await refused(box.run("bomb() { bomb | bomb & }; bomb; sleep 1000", { timeoutMs: 300 }));
        said.push((await box.processes()).map(({ name }) => name).join());
        const many = 'for i in $(seq 90); do sleep 60 & pids="$pids $!"; done; kill -9 $pids; wait; echo on';
        said.push((await box.run(many, { timeoutMs: 30000 })).stdout);
      }
      await box.close();
    }
    console.log(JSON.stringify(said));`,
    Array.from({ length: 16 }, () => ["init", "on\n"]).flat(),
  ),
);

extendedTest(
  "the next sandbox finds an engine ready, alone and in its place; another program's end is no matter of it",
  () =>
    prints(
      `${BEGIN}
    const until = async (holds) => { while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20)); };
    const number = () => readFileSync("/proc/self/task/" + process.pid + "/children", "utf8").trim().split(" ");
    const first = await make({ spare: true });
    said.push(children());
    await until(() => children() === 2);
    const spare = number()[1];
    process.env.STRATOS_HOME_OF_OTHERS = "/nowhere";
    await (await make()).close();
    await until(() => children() === 1);
    await make({ spare: true }).then((box) => box.close());
    await until(() => children() === 2 && number()[1] !== spare);
    const ready = number()[1];
    const second = await make({ hostname: "second", memoryBytes: 320 << 20 });
    said.push(number()[1] === ready, children(), (await second.run("hostname")).stdout);
    await Promise.all([first.close(), second.close()]);
    await until(() => children() === 0);
    for (const which of ["killed", "kept"]) {
      await make({ spare: true }).then((box) => box.close());
      await until(() => children() === 1);
      if (which === "killed") process.kill(Number(number()[0]), "SIGKILL");
      const box = await make();
      said.push((await box.run("echo on")).stdout);
      await box.close();
      await until(() => children() === 0);
    }
    await make({ spare: true, isolation: "worker" }).then((box) => box.close());
    await new Promise((resolve) => setTimeout(resolve, 300));
    const third = await make({ isolation: "worker" });
    said.push((await third.run("echo thread")).stdout);
    console.log(JSON.stringify(said));`,
      [1, true, 2, "second\n", "on\n", "on\n", "thread\n"],
    ),
);

extendedTest("a busy sandbox leaves the thread of its caller free, unless it shares that", () =>
  prints(
    `${BEGIN}
    const costs = {};
    for (const isolation of ["worker", "process", "shared"]) {
      const box = await make({ isolation });
      const before = process.threadCpuUsage();
      await box.run("i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done");
      const { user, system } = process.threadCpuUsage(before);
      costs[isolation] = user + system;
      await box.close();
    }
    console.log(JSON.stringify([costs.worker * 4 < costs.shared, costs.process * 4 < costs.shared]));`,
    [true, true],
  ),
);

extendedTest("nothing keeps the memory of a sandbox that was closed, wherever it ran", () =>
  prints(
    `${BEGIN}
    import { setFlagsFromString } from "node:v8";
    import { runInNewContext } from "node:vm";
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    const inUse = () => { const { external, arrayBuffers } = process.memoryUsage(); return external + arrayBuffers; };
    for (const isolation of ["shared", "worker"]) {
      const box = await make({ isolation });
      // Paths, passed descriptors, packed content: what modules keep of their last call.
      await box.run("cat /etc/passwd | gzip > /tmp/z; cp -r /usr/bin /tmp; echo hi | tee /dev/stderr; sync");
      const open = inUse();
      await box.close();
      let left = Infinity;
      for (let round = 0; round < 100 && left > 64 << 20; round++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        collect();
        left = inUse();
      }
      said.push([isolation, isolation === "worker" || open > 256 << 20, left <= 64 << 20 || left]);
    }
    console.log(JSON.stringify(said));`,
    [
      ["shared", true, true],
      ["worker", true, true],
    ],
  ),
);

extendedTest("a program ends although a sandbox is open in a worker, and a volume is one sandbox's", () =>
  prints(
    `${BEGIN}
    import { spawnSync } from "node:child_process";
    spawnSync("node_modules/.bin/stratos", ["fs", "format", "kept.aegisfs", "--size", "64M"]);
    const first = await make({ isolation: "worker", volumes: { "/data": openVolume("kept.aegisfs") } });
    await first.run("echo 1 > /data/file");
    const second = () => make({ isolation: "worker", volumes: { "/data": openVolume("kept.aegisfs") } });
    said.push((await refused(second()))[0]);
    await first.close();
    const box = await second();
    said.push(await box.fs.readText("/data/file"));
    await box.run("setsid sh -c 'while :; do :; done' > /dev/null 2>&1 &");
    const board = await Board.create({ memoryBytes: 512 << 20 });
    said.push((await (await make({ board })).run("echo on")).stdout);
    said.push(await refused(make({ board, isolation: "worker" })), await refused(make({ isolation: "other" })));
    console.log(JSON.stringify(said));`,
    ["in-use", "1\n", "on\n", ["option", "isolation"], ["option", "isolation"]],
  ),
);

test("on a Node that machines cannot run on, threads are refused", () =>
  programPrints(
    project,
    `${BEGIN}
    const canThreads = Number(process.versions.node.split(".")[0]) >= 24;
    for (const isolation of ["worker", "shared"])
      said.push(canThreads ? ["option", "isolation"] : await refused(make({ isolation })));
    console.log(JSON.stringify(said));`,
    [
      ["option", "isolation"],
      ["option", "isolation"],
    ],
  ));

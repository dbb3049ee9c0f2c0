/**
 * Goal: a program that is recorded through the library, and what its recording tells, as a user of the package has it.
 * Method: programs in an empty project.
 */
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { installLibrary, programPrints } from "./support/library-project.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const isolation of ["worker", "shared", "process"] as const)
  test(`a program is recorded, and its run is gone along in both directions (${isolation})`, () =>
    programPrints(
      project,
      `import { createHash } from "node:crypto";
      import { openRecording, Sandbox } from "stratos";
      const said = [];
      const box = await Sandbox.create({ image: process.env.IMAGE, memoryBytes: 128 << 20, seed: 7,
        isolation: ${JSON.stringify(isolation)}, record: "${isolation}.rec" });
      const command = "read x; echo $x > /tmp/f; echo one; read x; echo $x > /tmp/f; echo two >&2; cat /tmp/f; exit 3";
      const result = await box.run(command, { stdin: "first\\nsecond\\n", env: { NAME: "value" } });
      said.push(result.exitCode, result.stdout, result.stderr);
      const refused = (work) => work.then(() => "done", ({ kind, data }) => [kind, data.option ?? data.code]);
      said.push(await refused(box.run("true")), await refused(box.fs.read("/tmp/f")), await refused(box.fork()));
      await box.close();
      // Where the image is not: what the run read of it is in the file.
      const run = await openRecording("${isolation}.rec", { home: process.cwd() + "/elsewhere" });
      const { command: words, seed, end } = run.info;
      said.push(words.length, seed, end.exitCode);
      const line = await run.seek({ line: 1 });
      said.push(line.isReached, line.outputLines, (await run.output()).stdout, await run.fs.readText("/tmp/f"));
      await run.fs.write("/tmp/f", "another\\n");
      const last = await run.seek("end");
      const output = await run.output();
      said.push(output.stdout, output.stderr, await run.fs.readText("/tmp/f"));
      const back = await run.seek({ instruction: line.instruction });
      said.push(back.instruction === line.instruction, await run.fs.readText("/tmp/f"));
      said.push((await run.seek({ line: 9 })).isReached, await refused(run.seek({ line: -1 })));
      said.push(end.outputHash === createHash("sha256").update("one\\ntwo\\nsecond\\n").digest("hex"));
      await run.close();
      console.log(JSON.stringify(said));`,
      [
        ...[3, "one\nsecond\n", "two\n", ["option", "record"], ["option", "record"], ["option", "record"]],
        ...[3, 7, 3, true, 1, "one\n", "first\n", "one\nsecond\n", "two\n", "second\n", true, "first\n"],
        ...[false, ["option", "position"], true],
      ],
      {},
      // Threads and the caller's own need the pinned Node.
      isolation === "process" ? undefined : process.execPath,
    ));

test("what the network and folders of the host answer is recorded, and repeated without them", () =>
  programPrints(
    project,
    `import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
    import { once } from "node:events";
    import { createServer } from "node:http";
    import { openRecording, Sandbox } from "stratos";
    const said = [];
    const server = createServer(({ url }, answer) => answer.end("served " + url + "\\n")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    for (const net of [{ network: "host" }, { net: { policy: [{ allow: "127.0.0.1" }] } }]) {
      mkdirSync("shared");
      writeFileSync("shared/in", "from the host\\n");
      const mounts = [{ host: "shared", guest: "/shared" }];
      const box = await Sandbox.create({ image: process.env.IMAGE, record: "net.rec", mounts, ...net });
      const command = "curl -s http://127.0.0.1:" + port + "/page; cat /shared/in; echo out > /shared/out";
      said.push((await box.run(command)).stdout, readFileSync("shared/out", "utf8"));
      await box.close();
      rmSync("shared", { recursive: true });
      const run = await openRecording("net.rec");
      await run.seek("end");
      said.push((await run.output()).stdout);
      await run.seek({ line: 1 });
      said.push((await run.output()).stdout);
      await run.close();
    }
    server.close();
    console.log(JSON.stringify(said));`,
    Array.from({ length: 2 }, () => [
      ...["served /page\nfrom the host\n", "out\n", "served /page\nfrom the host\n", "served /page\n"],
    ]).flat(),
  ));

test("what is ended from outside leaves FILE.partial; what is no recording is refused by kind", () =>
  programPrints(
    project,
    `import { existsSync, readFileSync, writeFileSync } from "node:fs";
    import { openRecording, Sandbox } from "stratos";
    const said = [];
    const refused = (work) => work.then(() => "done", ({ kind, data }) => [kind, data.option ?? data.code ?? null]);
    const common = { image: process.env.IMAGE, memoryBytes: 128 << 20, record: "cut.rec" };
    const make = (more) => Sandbox.create({ ...common, ...more });
    const none = await make();
    said.push(await refused(none.run(["/nowhere"])), existsSync("cut.rec.partial"));
    const endless = await make({ record: "late.rec" });
    said.push(await endless.run("echo there; while :; do :; done", { timeoutMs: 4000 }).then(
      () => "done", ({ which, partial }) => [which, partial?.stdout]));
    await endless.close();
    const late = await openRecording("late.rec.partial");
    said.push((await late.seek({ line: 1 })).isReached, (await late.output()).stdout);
    said.push(await refused(late.seek("end", { timeoutMs: 300 })), await refused(late.seek("end", { timeoutMs: -1 })));
    said.push(await late.seek({ line: 7 }, { signal: AbortSignal.timeout(300) }).catch(({ name }) => name));
    const both = [1000, 200].map((timeoutMs) => late.seek("end", { timeoutMs }));
    said.push(await refused(Promise.any(both).catch(({ errors }) => { throw errors[1]; })));
    said.push((await late.seek({ line: 1 })).isReached, (await late.output()).stdout);
    await late.close();
    const box = await make();
    const waiting = await box.spawn("echo there; cat");
    const end = refused(waiting.wait());
    for await (const bytes of waiting.stdout) if (bytes.length > 0) break;
    await box.close();
    said.push((await end)[0]);
    said.push(existsSync("cut.rec"), existsSync("cut.rec.partial"), await refused(openRecording("cut.rec")));
    const run = await openRecording("cut.rec.partial");
    said.push(run.info.end, (await run.seek({ line: 1 })).isReached, (await run.output()).stdout);
    const bytes = readFileSync("cut.rec.partial");
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync("flipped.rec", bytes);
    said.push(await refused(openRecording("flipped.rec")), await refused(openRecording("absent.rec")));
    said.push(await refused(make({ hostname: "x" })), await refused(make({ name: "x" })));
    const lost = await make({ record: "/nowhere/x.rec" });
    said.push(await refused(lost.run("true")));
    const ended = await make({ record: "signal.rec" });
    const program = await ended.spawn("exec cat");
    await program.kill("SIGTERM");
    said.push((await program.wait()).signal, existsSync("signal.rec"));
    await Promise.all([none, lost, ended].map((each) => each.close()));
    await run.close();
      console.log(JSON.stringify(said));`,
    [
      ...[
        ["program", "ENOENT"],
        false,
        ["timeout", "there\n"],
        true,
        "there\n",
        ["limit", null],
        ["option", "timeoutMs"],
        "TimeoutError",
        ["limit", null],
        true,
        "there\n",
        "closed",
        false,
        true,
        ["recording", null],
        null,
        true,
        "there\n",
      ],
      ...[
        ["recording", null],
        ["file", "ENOENT"],
        ["option", "hostname"],
        ["option", "record"],
        ["file", "ENOENT"],
      ],
      ...["SIGTERM", true],
    ],
  ));

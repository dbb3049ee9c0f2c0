/**
 * Goal: a program that is recorded through the library, and what its recording tells, as a user of the package has it.
 * Method: programs in an empty project.
 */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { build } from "esbuild";
import { servePage } from "../examples/tab/serve.ts";
import { Browser } from "./support/browser.ts";
import { installLibrary, programPrints } from "./support/library-project.ts";
import { stratos } from "./support/stratos.ts";
import { TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const isolation of sampleOf(["worker", "shared", "process"] as const, 3))
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

extendedTest("what is ended from outside leaves FILE.partial; what is no recording is refused by kind", () =>
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
    said.push(await endless.run("echo there; while :; do :; done", { timeoutMs: 2500 }).then(
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
  ),
);

/** Reads a word, and is recorded. */
const READER = "read x; echo $x > /tmp/f; echo one; read x; echo $x > /tmp/f; cat /tmp/f; exit 3";
/** What is asked of a recording of it, in Node and in a page. */
const ALONG = `
const along = async (openRecording, file, options) => {
  const run = await openRecording(file, options);
  const said = [run.info.end?.exitCode ?? null];
  const line = await run.seek({ line: 1 });
  said.push(line.outputLines, (await run.output()).stdout, await run.fs.readText("/tmp/f"));
  const last = await run.seek("end");
  said.push((await run.output()).stdout, await run.fs.readText("/tmp/f"));
  const back = await run.seek({ instruction: line.instruction });
  said.push(back.instruction === line.instruction, await run.fs.readText("/tmp/f"));
  await run.close();
  return said;
};`;
const WENT_ALONG = [3, 1, "one\n", "first\n", "one\nsecond\n", "second\n", true, "first\n"];
/** What a page says, on a busy computer. */
const PATIENCE_MS = 600_000;

const PAGE = `
import { openRecording, Sandbox } from "stratos";
${ALONG}
const image = new URL("image/", location.href).href;
const refused = (work) => work.then(() => "done", ({ kind, data }) => [kind, data.option ?? data.code ?? null]);
globalThis.work = async () => {
  const said = [], folder = await navigator.storage.getDirectory();
  const file = await folder.getFileHandle("page.rec", { create: true });
  const options = { image, memoryBytes: 128 << 20, record: file };
  const box = await Sandbox.create(options);
  said.push(await refused(Sandbox.create(options)));
  const { exitCode, stdout } = await box.run(${JSON.stringify(READER)}, { stdin: "first\\nsecond\\n" });
  said.push(exitCode, stdout);
  await box.close();
  said.push(await along(openRecording, file), await along(openRecording, await file.getFile()));
  said.push(await along(openRecording, await (await fetch("node.rec")).blob()));

  const cut = await folder.getFileHandle("cut.rec", { create: true });
  const endless = await Sandbox.create({ ...options, record: cut });
  said.push(await refused(endless.run("echo there; while :; do :; done", { timeoutMs: 1000 })));
  await endless.close();
  said.push(await refused(openRecording(cut)));
  const run = await openRecording(cut, { image });
  said.push(run.info.end, (await run.seek({ line: 1 })).isReached, (await run.output()).stdout);
  await run.close();
  const none = await Sandbox.create({ ...options, record: cut });
  said.push(await refused(none.run(["/nowhere"])), (await cut.getFile()).size > 0);
  await none.close();
  const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
  said.push(await refused(openRecording(new Blob([bytes.slice(0, 3000), "x", bytes.slice(3001)]))));
  said.push(await refused(openRecording("node.rec")), await refused(Sandbox.create({ ...options, record: "a" })));

  const reader = new FileReader();
  const url = await new Promise((resolve) => {
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(new Blob([bytes]));
  });
  return JSON.stringify({ said, recording: url.slice(url.indexOf(",") + 1) });
};`;

extendedTest("what is recorded in Node is replayed in a page, and what is recorded there in Node", async (t) => {
  await programPrints(
    project,
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE, memoryBytes: 128 << 20, record: "node.rec" });
    console.log((await box.run(${JSON.stringify(READER)}, { stdin: "first\\nsecond\\n" })).exitCode);
    await box.close();`,
    3,
  );
  writeFileSync(join(project, "page.js"), PAGE);
  const { outputFiles } = await build({
    absWorkingDir: project,
    ...{ entryPoints: ["page.js"], outdir: ".", bundle: true, format: "esm", platform: "browser", write: false },
  });
  const own = (name: string): Uint8Array => readFileSync(join(project, "node_modules/stratos", name));
  const served = new Map<string, Uint8Array>([
    ["index.html", Buffer.from('<!doctype html><title>-</title><script type="module" src="page.js"></script>')],
    ...outputFiles.map(({ path, contents }) => [basename(path), contents] as const),
    ...["browser-engine.mjs", "zstd.wasm"].map((name) => [name, own(name)] as const),
    ["node.rec", readFileSync(join(project, "node.rec"))],
  ]);
  const server = await servePage(served, join(TEST_HOME, "images", TEST_IMAGE), 0);
  t.after(() => server.close());
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(server.url);
  await page.waitFor("typeof globalThis.work", /function/, PATIENCE_MS);
  await page.evaluate(
    "void work().then((said) => { globalThis.said = said; }, (error) => { globalThis.said = String(error.stack); })",
  );
  const told = await page.waitFor("globalThis.said ?? ''", /./, PATIENCE_MS);
  assert.match(told, /^\{/, told);
  const { said, recording } = JSON.parse(told) as { readonly said: unknown; readonly recording: string };
  assert.deepEqual(said, [
    ...[["in-use", null], 3, "one\nsecond\n", WENT_ALONG, WENT_ALONG, WENT_ALONG],
    ...[["limit", null], ["recording", null], null, true, "there\n", ["program", "ENOENT"], true],
    ...[
      ["recording", null],
      ["option", "file"],
      ["option", "record"],
    ],
  ]);
  const file = join(project, "page.rec");
  writeFileSync(file, Buffer.from(recording, "base64"));
  await programPrints(
    project,
    `import { openRecording } from "stratos";
    ${ALONG}
    console.log(JSON.stringify(await along(openRecording, "page.rec", { home: process.cwd() + "/elsewhere" })));`,
    WENT_ALONG,
  );
  assert.deepEqual(await stratos(["replay", file]), { status: 3, stdout: "one\nsecond\n", stderr: "" });
});

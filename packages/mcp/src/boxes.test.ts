/**
 * Goal: what tools ask of a sandbox stays within its bounds, and no answer is lost to another's. Method: sandboxes and
 * programs that do only what the test tells them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FileStatus, type Program, type ProgramEnd, StratosError } from "@stratos/sdk/api";
import { BoxProcess } from "./box-process.ts";
import { boundedBody } from "./bounded-body.ts";
import { Box } from "./boxes.ts";
import { longAnswer } from "./tool-answer.ts";

function makeBox(sandbox: object): Box {
  return new Box("s1", sandbox as Box["sandbox"], {});
}

/** A program that writes when it is told to, and never ends. */
function makeProgram(): { program: Program; print: (text: string) => void } {
  let print!: (text: string) => void;
  const text = new Promise<string>((resolve) => (print = resolve));
  async function* output(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(await text);
    await new Promise(() => {});
  }
  const silent = (async function* (): AsyncGenerator<Uint8Array> {})();
  const program = {
    pid: 1,
    stdout: output(),
    stderr: silent,
    wait: () => new Promise<ProgramEnd>(() => {}),
  } as unknown as Program;
  return { program, print };
}

test("all who wait for a process's output hear of it", { timeout: 10_000 }, async () => {
  const { program, print } = makeProgram();
  const process = new BoxProcess("p1", "cat", program);
  const waits = [process.wait(20_000, 0), process.wait(20_000, 0)];
  print("there");
  await Promise.all(waits);
  assert.equal(process.output(0), "there");
});

test("programs that are started at once are counted before they run", async () => {
  const box = makeBox({ spawn: async () => makeProgram().program });
  const starts = await Promise.allSettled(Array.from({ length: 70 }, () => box.start("sleep 1d", {}, undefined)));
  const refused = starts.filter(({ status }) => status === "rejected");
  assert.deepEqual([box.processes.length, refused.length], [64, 6]);
});

test("a long answer is given, cut, when the sandbox has no room for the whole", async () => {
  const removed: string[] = [];
  const full = new StratosError("file", "/tmp: no space left on device", { path: "/tmp", code: "ENOSPC" });
  const box = makeBox({
    fs: {
      mkdir: async () => {},
      write: async () => Promise.reject(full),
      rm: async (path: string) => void removed.push(path),
    },
  });
  const text = `begin${"x".repeat(50_000)}end`;
  const { content, isError, structuredContent } = await longAnswer(
    box,
    { head: "Exit status 0.\n", text, whole: Buffer.from(text) },
    {},
  );
  const [said] = content;
  assert.match(said?.type === "text" ? said.text : "", /^Exit status 0\.\nbegin[^]*end\n\(.*no space left/);
  assert.deepEqual([isError, Object.hasOwn(structuredContent!, "file"), removed.length], [undefined, false, 1]);
});

test("a file that is large, or has no end, is refused before it is read", async () => {
  const boxOf = (status: Partial<FileStatus>): Box =>
    makeBox({ fs: { stat: async () => status, read: async () => new Uint8Array(3) } });
  assert.equal((await boxOf({ kind: "file", sizeBytes: 3 }).read("/etc/hosts")).length, 3);
  await assert.rejects(boxOf({ kind: "file", sizeBytes: 1 << 29 }).read("/large"), /more than 16777216/);
  await assert.rejects(boxOf({ kind: "device", sizeBytes: 0 }).read("/dev/zero"), /is a device/);
});

test("of content that has no end only the beginning is read", async () => {
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
    cancel: () => void (isCancelled = true),
  });
  const { bytes, isCut } = await boundedBody(new Response(endless), 2500);
  assert.deepEqual([bytes.length, isCut, isCancelled], [2500, true, true]);
  const whole = await boundedBody(new Response("abc"), 3);
  assert.deepEqual([Buffer.from(whole.bytes).toString(), whole.isCut], ["abc", false]);
});

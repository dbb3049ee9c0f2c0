/** What a long command hears of signals, in processes of their own, which are sent them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

const MODULE = JSON.stringify(new URL("./stop-signals.ts", import.meta.url).href);
/** Work that never waits; a process that hears nothing would be at it for so long. */
const BUSY = "const busy = () => { console.log('busy'); const end = Date.now() + 120_000; while (Date.now() < end); };";

/** Runs a program, sends it SIGINT when it prints `busy`, and tells its end and what it printed. */
async function interrupted(program: string): Promise<{ status: number | null; signal: string | null; told: string }> {
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--input-type=module",
      "-e",
      `import { listenForStop } from ${MODULE}; const stop = listenForStop(); ${BUSY} ${program}`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let told = "";
  child.stdout.on("data", (piece: Buffer) => {
    told += piece.toString();
    if (piece.toString().includes("busy")) child.kill("SIGINT");
  });
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  return { status, signal, told };
}

test("a signal ends work that never waits where it stands", { timeout: 60_000 }, async () => {
  const end = await interrupted("await stop.unheard(async () => busy());");
  assert.deepEqual(end, { status: null, signal: "SIGINT", told: "busy\n" });
});

test("what came before that work stops the command in order; it is not begun", { timeout: 60_000 }, async () => {
  const { status, told } = await interrupted(`
    process.kill(process.pid, "SIGTERM");
    try { await stop.unheard(async () => busy()); }
    catch (error) { console.log(error.message); process.exitCode = stop.status; }
    finally { stop.close(); }`);
  assert.deepEqual([status, told], [143, "stopped by SIGTERM\n"]);
});

test("after that work signals are heard again, until the end of listening", { timeout: 60_000 }, async () => {
  const { status, told } = await interrupted(`
    await Promise.all([stop.unheard(async () => {}), stop.unheard(async () => {})]);
    stop.signal.addEventListener("abort", () => {
      clearInterval(alive);
      process.exitCode = stop.status;
      stop.close();
      console.log(process.listenerCount("SIGINT"));
    });
    const alive = setInterval(() => {}, 1000);
    console.log("busy");`);
  assert.deepEqual([status, told], [130, "busy\n0\n"]);
});

/** Figures of `stratos hub` as a program: its start with the database that it brings, and a leader's successor. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../../packages/hub/src/testing/test-database.ts";
import { processTimes } from "./process-times.ts";

interface Hub {
  readonly child: ChildProcess;
  readonly address: string;
}

const PATIENCE_MS = 60_000;
const LOOK_MS = 20;

/** Waits for the first line, which is its address. */
async function start(launcher: string, home: string, words: readonly string[]): Promise<Hub> {
  const child = spawn(launcher, ["hub", "-l", "127.0.0.1:0", ...words], {
    env: { ...process.env, STRATOS_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  return { child, address: line.toString().trim() };
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<{ readonly found: T; readonly ms: number }> {
  const begun = performance.now();
  for (;;) {
    const found = await ask().catch(() => undefined);
    const ms = performance.now() - begun;
    if (found !== undefined) return { found, ms };
    if (ms > PATIENCE_MS) throw new Error("it has not come");
    await sleep(LOOK_MS);
  }
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stratos-bench-hub-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of a new folder: milliseconds of the processor until /readyz is answered, and what is resident then. */
export function measureStart(launcher: string): Promise<Record<string, number>> {
  return inFolder(async (folder) => {
    const { child, address } = await start(launcher, folder, []);
    await until(async () => ((await fetch(`${address}/readyz`)).status === 200 ? true : undefined));
    const cpuMs = processTimes(child.pid!)!.withEnded;
    const [, resident] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))!;
    child.kill("SIGTERM");
    await once(child, "exit");
    return { cpuMs, residentMib: Number(resident) / 1024 };
  });
}

/** Three hubs on one database: milliseconds until another one leads, where the leader is killed, and where it hangs. */
export function measureFailover(launcher: string): Promise<Record<string, number>> {
  return inFolder(async (folder) => {
    const server = startPostgres();
    const hubs: Hub[] = [];
    try {
      const token = join(folder, "token");
      const words = ["--database", server.createDatabase(), "--state", join(folder, "s"), "--token-file", token];
      for (let count = 0; count < 3; count++) hubs.push(await start(launcher, folder, words));
      const authorization = `Bearer ${readFileSync(token, "utf8").trim()}`;
      const leads = async ({ address }: Hub): Promise<boolean> => {
        const answer = await fetch(`${address}/v1/status`, {
          headers: { authorization },
          signal: AbortSignal.timeout(1_000),
        });
        return ((await answer.json()) as { readonly leads: boolean }).leads;
      };
      const leader = async (among: readonly Hub[]): Promise<Hub | undefined> => {
        for (const hub of among) if (await leads(hub)) return hub;
        return undefined;
      };
      const figures: Record<string, number> = {};
      let left: readonly Hub[] = hubs;
      for (const [name, signal] of [
        ["killedMs", "SIGKILL"],
        ["stoppedMs", "SIGSTOP"],
      ] as const) {
        const { found } = await until(() => leader(left));
        // At rest: its lease is renewed.
        await sleep(2_000);
        left = left.filter((hub) => hub !== found);
        found.child.kill(signal);
        figures[name] = (await until(() => leader(left))).ms;
      }
      return figures;
    } finally {
      for (const { child } of hubs) child.kill("SIGKILL");
      server.stop();
    }
  });
}

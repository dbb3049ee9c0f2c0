/** Figures of `stratos hub` as a program: its start with the database that it brings, and a leader's successor. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../../packages/hub/src/testing/test-database.ts";
import { endProgram, startProgram, type Program } from "../../tests/hub/programs.ts";
import { until } from "../../tests/support/until.ts";
import { processTimes } from "../process-times.ts";

function start(home: string, words: readonly string[]): Promise<Program> {
  const environment = { ...process.env, STRATOS_HOME: home };
  return startProgram(["hub", "-l", "127.0.0.1:0", ...words], { environment });
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
export function measureStart(): Promise<Record<string, number>> {
  return inFolder(async (folder) => {
    const { child, address } = await start(folder, []);
    await until("the hub is ready", async () => (await fetch(`${address}/readyz`)).ok);
    const cpuMs = processTimes(child.pid!)!.withEnded;
    const [, resident] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))!;
    await endProgram(child);
    return { cpuMs, residentMib: Number(resident) / 1024 };
  });
}

/** Three hubs on one database: milliseconds until another one leads, where the leader is killed, and where it hangs. */
export function measureFailover(): Promise<Record<string, number>> {
  return inFolder(async (folder) => {
    const server = startPostgres();
    const hubs: Program[] = [];
    try {
      const token = join(folder, "token");
      const words = ["--database", server.createDatabase(), "--state", join(folder, "s"), "--token-file", token];
      for (let count = 0; count < 3; count++) hubs.push(await start(folder, words));
      const authorization = `Bearer ${readFileSync(token, "utf8").trim()}`;
      const leads = async ({ address }: Program): Promise<boolean> => {
        const answer = await fetch(`${address}/v1/status`, {
          headers: { authorization },
          signal: AbortSignal.timeout(1_000),
        });
        return ((await answer.json()) as { readonly leads: boolean }).leads;
      };
      let left: readonly Program[] = hubs;
      let leader: Program | undefined;
      const oneLeads = (): Promise<number> =>
        until("a hub leads", async () => {
          for (const hub of left) if (await leads(hub)) leader = hub;
          return leader !== undefined;
        });
      const afterSignal = async (signal: NodeJS.Signals): Promise<number> => {
        await oneLeads();
        // At rest: its lease is renewed.
        await sleep(2_000);
        left = left.filter((hub) => hub !== leader);
        leader!.child.kill(signal);
        leader = undefined;
        return oneLeads();
      };
      return { killedMs: await afterSignal("SIGKILL"), stoppedMs: await afterSignal("SIGSTOP") };
    } finally {
      for (const { child } of hubs) child.kill("SIGKILL");
      server.stop();
    }
  });
}

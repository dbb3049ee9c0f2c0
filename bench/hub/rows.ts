/**
 * `npm run bench -- --only hub`: the hub beside queues that others build on PostgreSQL, and by itself. Processor time
 * is that of client and server together; each mode has a process of its own (hub-once.ts).
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { postgresBinaries } from "../../packages/hub/src/testing/test-database.ts";
import { measureFailover, measureStart } from "./programs.ts";

type Figures = Readonly<Record<string, number>>;

const PATIENCE_MS = 900_000;

/** @param cache  where the peers stay */
export async function* measureHub(cache: string): AsyncGenerator<string> {
  if (postgresBinaries() === null) throw new Error("PostgreSQL is needed: apt-get install postgresql");
  const once = (mode: string, tasks: number): Figures => {
    const words = ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "hub-once.ts"), mode, cache];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...words, String(tasks)], {
      encoding: "utf8",
      timeout: PATIENCE_MS,
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Figures;
  };
  yield beside("life cycles in batches of 50", "pg-boss", once("batches", 10_000));
  yield beside("life cycles one by one", "graphile-worker", once("singles", 2_000));
  const snapshot = once("snapshot", 20_000);
  yield (
    `  claims and ends one by one, 20,000 queued: ${rate(snapshot["free"]!)}; while another transaction holds an ` +
    `old snapshot ${rate(snapshot["held"]!)}; a claim at the end ${ms(snapshot["lastFreeMs"]!)}, ` +
    ms(snapshot["lastHeldMs"]!)
  );
  const latency = once("latency", 0);
  yield `  submitted to running on an idle host, HTTP: median ${ms(latency["p50Ms"]!)}, p99 ${ms(latency["p99Ms"]!)}`;
  const [firstOf, allOf] = [latency["firstOf256Ms"]!, latency["allOf256Ms"]!];
  yield `  256 tasks for 256 idle hosts: the first after ${ms(firstOf)}, all after ${ms(allOf)}`;
  const page = once("page", 0);
  yield `  a page of a queue of 100,000, p95: REST ${ms(page["restP95Ms"]!)}, in a browser ${ms(page["webP95Ms"]!)}`;
  const start = await measureStart();
  yield (
    `  stratos hub in a new folder to /readyz: ${ms(start["cpuMs"]!)} of the processor, ` +
    `${start["residentMib"]!.toFixed(0)} MiB`
  );
  const own = once("pglite", 0);
  yield (
    `  life cycles with that database: one by one ${rate(own["singlePerSecond"]!)}, ` +
    `${ms(own["singleCpuMs"]!)} each; in batches ${rate(own["batchPerSecond"]!)}, ${ms(own["batchCpuMs"]!)}`
  );
  const failover = await measureFailover();
  yield (
    `  another hub leads: after the leader was killed ${ms(failover["killedMs"]!)}, after it hung ` +
    ms(failover["stoppedMs"]!)
  );
}

function beside(what: string, peer: string, figures: Figures): string {
  const { oursCpuMs, theirsCpuMs, oursPerSecond, theirsPerSecond } = figures as Record<
    "oursCpuMs" | "theirsCpuMs" | "oursPerSecond" | "theirsPerSecond",
    number
  >;
  return (
    `  ${what}: ${ms(oursCpuMs)} of the processor each, ${rate(oursPerSecond)}; ${peer} ${ms(theirsCpuMs)}, ` +
    `${rate(theirsPerSecond)}; ${(oursCpuMs / theirsCpuMs).toFixed(2)} ×`
  );
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 1 ? 3 : milliseconds < 100 ? 1 : 0)} ms`;
}

function rate(perSecond: number): string {
  return `${perSecond.toFixed(0)}/s`;
}

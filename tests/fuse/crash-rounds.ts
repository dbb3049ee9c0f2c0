/**
 * Kills the server of a mount in the middle of a load, again and again: after each time the volume mounts where it was,
 * `check` is clean, everything that was synced is there, and the rest is as after some call of the load.
 *
 *     npm run crash:fuse -- [--rounds N] [--seed S] [--keep FILE]      FILE: the volume as the last kill left it
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { setTimeout as delay } from "node:timers/promises";
import { SeededRandom } from "@stratos/base";
import { MountedVolume } from "../support/mounted-volume.ts";
import { findState, readState } from "./crash-workload.ts";

const WORKLOAD = fileURLToPath(new URL("./crash-workload.ts", import.meta.url));

interface CrashReport {
  readonly rounds: number;
  readonly synced: number;
  readonly kept: number;
}

/** @throws Error that names seed and round */
export async function crashRounds(
  volume: MountedVolume,
  options: { rounds: number; seed: number; keep?: string; onRound?: (report: CrashReport) => void },
): Promise<CrashReport> {
  const random = new SeededRandom(options.seed);
  let synced = 0;
  let kept = 0;
  await volume.mount("commit=1");
  for (let round = 0; round < options.rounds; round++) {
    const seed = options.seed * 1000 + round;
    const folder = join(volume.mountPoint, `round${round}`);
    mkdirSync(folder);
    const last = await killUnderLoad(volume, folder, seed, 100 + random.below(random.below(4) === 0 ? 2500 : 500));
    if (options.keep !== undefined) copySparsely(volume.volume, options.keep);
    // As after a crash: nobody has unmounted.
    volume.check();
    await volume.mount("commit=1");
    // The folder itself was made before, and nothing synced it but the load.
    const isThere = existsSync(folder);
    const found = isThere ? findState(seed, last, readState(folder)) : last === 0 ? 0 : "the folder is missing";
    if (typeof found === "string")
      throw new Error(
        `seed ${options.seed}, round ${round}: what the volume holds is no state at or after call ${last}, which ` +
          `was synced:\n${found}`,
      );
    synced += last;
    kept += found;
    rmSync(folder, { recursive: true, force: true });
    options.onRound?.({ rounds: round + 1, synced, kept });
  }
  await volume.unmount();
  volume.check();
  return { rounds: options.rounds, synced, kept };
}

/** The volume as the crash left it, for who looks for the defect. */
function copySparsely(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["--sparse=always", from, to], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the volume cannot be kept: ${stderr}`);
}

/** @returns the last call that the load said was synced */
async function killUnderLoad(volume: MountedVolume, folder: string, seed: number, afterMs: number): Promise<number> {
  const load = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", WORKLOAD, folder, String(seed)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let complaint = "";
  load.stdout.on("data", (chunk: Buffer) => void (said += chunk.toString("latin1")));
  load.stderr.on("data", (chunk: Buffer) => void (complaint += chunk.toString("latin1")));
  const ended = new Promise<number | null>((done) => load.on("close", (status) => done(status)));
  await Promise.race([new Promise((done) => load.stdout.once("data", done)), ended]);
  await delay(afterMs);
  process.kill(volume.serverPid(), "SIGKILL");
  const status = await ended;
  if (status !== 0) throw new Error(`seed ${seed}: the load failed: ${complaint}${volume.log()}`);
  return Number(said.trimEnd().split("\n").at(-1) ?? 0);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "1000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      keep: { type: "string" },
    },
  });
  const volume = await MountedVolume.create("512M");
  process.stdout.write(`seed ${values.seed}\n`);
  try {
    const report = await crashRounds(volume, {
      rounds: Number(values.rounds),
      seed: Number(values.seed),
      ...(values.keep === undefined ? {} : { keep: values.keep }),
      onRound: ({ rounds, synced, kept }) =>
        void (rounds % 10 === 0 && process.stdout.write(`${rounds} rounds: ${synced} calls synced, ${kept} kept\n`)),
    });
    process.stdout.write(`${report.rounds} passed, 0 failed\n`);
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n0 passed, 1 failed\n`);
    process.exitCode = 1;
  } finally {
    await volume.remove();
  }
}

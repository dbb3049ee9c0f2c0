/**
 * Kills `stratos compose run` at random moments, again and again: each time what it has made is whole or not there, no
 * process and no mount is left, and the next compose gives the bytes of one that nobody has stopped.
 *
 *     npm run crash:compose -- [--rounds N] [--seed S]
 *
 * The minimal system of the host's architecture is composed natively, from an empty store in half of the rounds, else
 * from what the killed one has left.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { hostArchitecture } from "../support/sample-archive.ts";
import { launcher, run } from "../support/stratos.ts";
import { TEST_HOME } from "../support/test-image.ts";
import { leftBehind } from "../support/left-behind.ts";

interface ComposeCrashReport {
  readonly rounds: number;
  readonly failures: string[];
}

/** @param folder  an empty one, which holds all that is made */
export async function composeCrashRounds(
  folder: string,
  options: { rounds: number; seed: number; onRound?: (round: number) => void },
): Promise<ComposeCrashReport> {
  const random = new SeededRandom(options.seed);
  const home = join(folder, "home"),
    out = join(folder, "out"),
    temporary = join(folder, "temporary"),
    treefile = join(folder, "minbase.yaml"),
    archive = join(out, "root.tar");
  for (const path of [home, temporary, join(TEST_HOME, "downloads")]) mkdirSync(path, { recursive: true });
  symlinkSync(join(TEST_HOME, "downloads"), join(home, "downloads"));
  writeFileSync(
    treefile,
    `name: crash\narchitectures: [${hostArchitecture()}]\nscripts: ["echo crash >/etc/crash"]\noutputs: {root: ` +
      "{format: tar, filename: root.tar}}\n",
  );
  const command = [...launcher, "compose", "run", treefile, "--runner", "native", "-o", out],
    env = { STRATOS_HOME: home, TMPDIR: temporary };
  const whole = async (): Promise<string> => {
    const { status, stderr } = await run(command, { env, timeoutMs: 600_000 });
    if (status !== 0) throw new Error(stderr);
    return digestOf(archive);
  };
  // Where it has to download, too, some rounds are over before they are killed.
  const start = performance.now(),
    expected = await whole(),
    wholeMs = performance.now() - start;
  const failures: string[] = [];
  let round = 0;
  for (; round < options.rounds && failures.length === 0; round++) {
    if (random.below(2) === 0) rmSync(join(home, "compose"), { recursive: true, force: true });
    rmSync(out, { recursive: true, force: true });
    const child = spawn(command[0]!, command.slice(1), {
      stdio: "ignore",
      env: { ...process.env, ...env },
      detached: true,
    });
    const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
    const delayMs = random.below(Math.ceil(wholeMs)),
      isAlone = random.below(2) === 0;
    await delay(delayMs);
    try {
      // Only the program itself, whose children must not outlive it; or all of it at once, as an OOM killer does.
      process.kill(isAlone ? child.pid! : -child.pid!, "SIGKILL");
    } catch {
      // It had ended already.
    }
    await ended;
    const name =
      `seed ${options.seed}, round ${round} (${delayMs} of ${Math.round(wholeMs)} ms, ` +
      `${isAlone ? "alone" : "all of it"})`;
    failures.push(...(await leftBehind(temporary)).map((what) => `${name}: ${what}`));
    if (existsSync(archive) && digestOf(archive) !== expected)
      failures.push(`${name}: half of an archive stands under its name`);
    if ((await whole()) !== expected) failures.push(`${name}: the next compose gives other bytes`);
    options.onRound?.(round + 1);
  }
  return { rounds: round, failures };
}

function digestOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "20" }, seed: { type: "string", default: "1" } },
  });
  const folder = mkdtempSync(join(tmpdir(), "stratos-crash-compose-"));
  try {
    const { rounds, failures } = await composeCrashRounds(folder, {
      rounds: Number(values.rounds),
      seed: Number(values.seed),
      onRound: (round) => void process.stdout.write(`round ${round}\n`),
    });
    for (const failure of failures) process.stdout.write(`${failure}\n`);
    process.stdout.write(`${rounds - failures.length} passed, ${failures.length} failed\n`);
    process.exitCode = failures.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

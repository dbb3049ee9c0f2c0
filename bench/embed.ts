/**
 * What it costs a program to have systems as values: the rows of sandboxes and recordings that no other group has, each
 * measured in processes of their own (embed-once.ts). Time on the wall, since that is what a caller waits.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ENGINE_FLAGS } from "@stratos/host-node/engine-flags";
import { must } from "./fuse/systems.ts";
import { median } from "./statistics.ts";

const PATIENCE_MS = 600_000;
type Figures = Readonly<Record<string, number>>;

/** A program that computes, calls the kernel and writes, for some seconds. */
const WORK = `
import hashlib, os
total = 0
for round in range(300):
  total += sum(i * i % 7 for i in range(10000))
  os.stat("/etc/passwd"); open("/tmp/x", "w").write(str(total))
  hashlib.sha256(b"x" * 100000).hexdigest()
  print(total)
`;
/** More than 10⁹ instructions. */
const LONG = "total = 0\nfor i in range(600000): total += i * i % 7\nprint(total)";

export function* measureEmbed(
  launcher: readonly string[],
  cache: string,
  rounds: number,
  image: string,
): Generator<string> {
  const once = (mode: string, ...rest: string[]): Figures => {
    const flags = ["--disable-warning=ExperimentalWarning", ...ENGINE_FLAGS.map(({ engine }) => engine)];
    const script = join(import.meta.dirname, "embed-once.ts");
    const all = Array.from({ length: rounds }, () => {
      return JSON.parse(must(process.execPath, [...flags, script, mode, image, ...rest], PATIENCE_MS)) as Figures;
    });
    return Object.fromEntries(Object.keys(all[0]!).map((name) => [name, median(all.map((figures) => figures[name]!))]));
  };
  const told = (figures: Figures, ...names: string[]): string[] => names.map((name) => ms(figures[name]!));
  const created = once("create");
  for (const isolation of ["process", "worker", "shared"]) {
    const names = ["First", "Later", "LaterLeast", "Ready", "ReadyLeast"].map((name) => isolation + name);
    const [first, later, laterLeast, ready, readyLeast] = told(created, ...names);
    yield `  Sandbox.create, ${isolation}: the first ${first}, others after a pause ${ready}, at best ${readyLeast}`;
    yield `    one right after the other ${later}, at best ${laterLeast}`;
  }
  const python = once("python");
  const [ours, oursLeast, native, nativeLeast] = told(python, "ours", "oursLeast", "native", "nativeLeast");
  yield `  python3 -c 'print(1)' in a sandbox: ${ours} (at best ${oursLeast}), native ${native} (${nativeLeast})`;
  const saved = once("saved");
  const [still, byFork, bySave, save, load] = told(saved, "undisturbed", "stopByFork", "stopBySave", "save", "load");
  yield `  python with 256 MB stands still for ${still} by itself, ${byFork} by fork, ${bySave} by save`;
  yield `  its save takes ${save}; from create with that to an answer ${load}`;
  const folder = join(cache, "embed");
  mkdirSync(folder, { recursive: true });
  yield* measureModes(launcher, folder, rounds, image);
  const long = join(folder, "long.rec");
  record(launcher, image, long, LONG);
  const back = once("back", long);
  const [end, firstStep, step, reverse] = told(back, "end", "firstStep", "step", "reverse");
  yield `  a recording of ${(back["instructions"]! / 1e9).toFixed(2)} · 10⁹ instructions: to its end ${end}`;
  yield `  one step back ${firstStep}, the next ones ${step}; reverse-continue to its beginning ${reverse}`;
}

function record(launcher: readonly string[], image: string, file: string, program: string): void {
  rmSync(file, { force: true });
  run(launcher, ["run", "-i", image, "--record", file, "--", "python3", "-c", program]);
}

/** Processor time of a program plain, deterministic, recorded and replayed, by turns, without what a start costs. */
function* measureModes(launcher: readonly string[], folder: string, rounds: number, image: string): Generator<string> {
  const file = join(folder, "work.rec");
  const modes = {
    plain: (program: string) => ["run", "-i", image, "--", "python3", "-c", program],
    deterministic: (program: string) => ["run", "-i", image, "--seed", "1", "--", "python3", "-c", program],
    recording: (program: string) => ["run", "-i", image, "--record", file, "--", "python3", "-c", program],
    replay: () => ["replay", file],
  } as const;
  const times: Record<string, number[]> = {};
  for (let round = 0; round < Math.max(rounds, 3); round++)
    for (const program of ["pass", WORK])
      for (const [mode, words] of Object.entries(modes)) {
        if (mode === "recording") rmSync(file, { force: true });
        (times[`${mode} ${program === WORK}`] ??= []).push(run(launcher, words(program)));
      }
  const worked = (mode: string): number => Math.min(...times[`${mode} true`]!) - Math.min(...times[`${mode} false`]!);
  const plain = worked("plain");
  const part = (mode: string): string => `${mode} ${ratio(plain / worked(mode))}`;
  const parts = ["deterministic", "recording", "replay"].map(part).join(", ");
  yield `  of plain speed (${ms(plain)} of the processor): ${parts}`;
}

/** @returns milliseconds of the processor */
function run(launcher: readonly string[], words: readonly string[]): number {
  const command = [...launcher, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const timed = spawnSync("bash", ["-c", `TIMEFORMAT='%U %S'; time ${command} > /dev/null`], { encoding: "utf8" });
  const [user, system] = timed.stderr.trim().split("\n").pop()!.split(" ").map(Number);
  if (timed.status !== 0) throw new Error(timed.stderr);
  return (user! + system!) * 1000;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}

function ratio(value: number): string {
  return `${value.toFixed(2)} ×`;
}

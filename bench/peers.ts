/**
 * Systems that run the rows: Stratos, and qemu-user on the same root. Each runs a script and returns what `measure`
 * printed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stratosHome } from "@stratos/host-node";
import type { Row } from "./rows.ts";

/** Whether a run finds the translations that earlier ones have left; qemu-user keeps none. */
export type Run = "first" | "later";

export interface Peer {
  readonly name: string;
  /** Nanoseconds of each run that counts, and what Stratos says that it cost. */
  measure(row: Row, run: Run): Measurement;
  /** Runs the row so that a later run finds all that is kept of it. */
  train(row: Row): void;
  /** Runs a command and returns its standard output. */
  output(command: string): string;
}

interface Measurement {
  readonly ns: readonly number[];
  readonly stats: RunStats | null;
}

/** Of `stratos run --stats`, what tells where the time went. */
export interface RunStats {
  readonly startMs: number;
  readonly runMs: number;
  readonly instructions: number;
  readonly interpretedInstructions: number;
  readonly translateMs: number;
  readonly translatedInstructions: number;
  readonly keptInstructions: number;
  readonly systemCalls: number;
  readonly faults: number;
}

/** Folders of the host that both have. */
interface BenchFolders {
  /** The programs, at /bench. */
  readonly programs: string;
  /** What rows work in, at /host. */
  readonly work: string;
}

export class StratosPeer implements Peer {
  readonly name = "stratos";
  readonly #launcher: readonly string[];
  readonly #image: string;
  readonly #folders: BenchFolders;
  /** What makes a run a first one; nothing where a tree of earlier days keeps no translations. */
  readonly #firstRun: readonly string[];

  constructor(options: { launcher: readonly string[]; image: string; folders: BenchFolders }) {
    this.#launcher = options.launcher;
    const [program, ...args] = [...options.launcher, "run", "--help"];
    this.#firstRun = spawn(program!, args, {}).stdout.includes("--no-cache") ? ["--no-cache"] : [];
    this.#image = options.image;
    this.#folders = options.folders;
  }

  measure(row: Row, run: Run): Measurement {
    waitForFillers();
    const result = this.#run(scriptOf(row), ["--stats", ...(run === "first" ? this.#firstRun : [])]);
    return { ns: timesOf(row, result.stderr), stats: statsOf(result.stderr) };
  }

  train(row: Row): void {
    this.#run(scriptOf(row), []);
    waitForFillers();
  }

  output(command: string): string {
    return this.#run(command, []).stdout;
  }

  #run(script: string, options: readonly string[]): { stdout: string; stderr: string } {
    const [program, ...args] = [
      ...this.#launcher,
      "run",
      ...options,
      "-i",
      this.#image,
      "-v",
      `${this.#folders.programs}:/bench:ro`,
      "-v",
      `${this.#folders.work}:/host`,
      "--",
      "sh",
      "-c",
      script,
    ];
    return spawn(program!, args, {});
  }
}

/** qemu-user through binfmt_misc, so that the programs which a program starts are emulated too. */
export class QemuPeer implements Peer {
  readonly name = "qemu-user";
  readonly #root: string;
  readonly #folders: BenchFolders;
  /** How its programs are told from the host's, where the host's own binfmt_misc doesn't: a line of its format. */
  readonly #format: string | null;

  /** @throws Error in words when this host cannot do it */
  constructor(options: { root: string; folders: BenchFolders }) {
    this.#root = options.root;
    this.#folders = options.folders;
    if (process.getuid?.() !== 0) throw new Error("qemu-user runs the guest's root by chroot(2): root is needed");
    const binfmt = "/proc/sys/fs/binfmt_misc/qemu-riscv64";
    const isEnabled = existsSync(binfmt) && readFileSync(binfmt, "utf8").startsWith("enabled");
    this.#format = isEnabled ? null : formatOfQemu();
  }

  measure(row: Row): Measurement {
    return { ns: timesOf(row, this.#run(scriptOf(row)).stderr), stats: null };
  }

  train(): void {}

  output(command: string): string {
    return this.#run(command).stdout;
  }

  #run(script: string): { stdout: string; stderr: string } {
    // binfmt_misc(5) of a user namespace of its own, where the host's doesn't know these programs (since Linux 6.7).
    const [ways, register] =
      this.#format === null
        ? [["-m"], ""]
        : [
            ["--user", "--map-root-user", "-m", "--pid", "--fork", "--mount-proc"],
            'mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc && printf "%s\\n" "$5" >' +
              "/proc/sys/fs/binfmt_misc/register && ",
          ];
    const enter =
      register +
      'mkdir -p "$1/bench" "$1/host" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && ' +
      'mount -t tmpfs tmpfs "$1/tmp" && mount --bind "$2" "$1/bench" && mount --bind "$3" "$1/host" && ' +
      'exec chroot "$1" /bin/sh -c "$4"';
    const environment = {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      TERM: "dumb",
    };
    const { programs, work } = this.#folders;
    const words = ["sh", "-c", enter, "sh", this.#root, programs, work, script, this.#format ?? ""];
    return spawn("unshare", [...ways, ...words], environment);
  }
}

/** What the package qemu-user-static has for systemd-binfmt(8). */
function formatOfQemu(): string {
  const file = "/usr/lib/binfmt.d/qemu-riscv64.conf";
  if (!existsSync(file)) throw new Error(`${file} is missing: install qemu-user-static`);
  return readFileSync(file, "utf8").trim();
}

/** How long a run's translations may be made after it, at the lowest priority. */
const FILL_SECONDS_MAX = 180;

/** Until no process makes translations: it would take a processor from what is measured. */
function waitForFillers(): void {
  const home = stratosHome();
  const isFiller = (pid: string): boolean => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return words.includes(home) && words.some((word) => /\bfill-translations\.\w+$/.test(word));
    } catch {
      return false; // it has ended
    }
  };
  for (let waited = 0; waited < FILL_SECONDS_MAX * 10; waited++) {
    if (!readdirSync("/proc").some((name) => /^\d+$/.test(name) && isFiller(name))) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  throw new Error(`translations are still being made after ${FILL_SECONDS_MAX} s: is another run of Stratos at work?`);
}

/** `measure` has its own descriptor's output on stderr, one number a line. */
function scriptOf(row: Row): string {
  const prepare = row.prepare === undefined ? "" : `(${row.prepare}) || exit 3; `;
  return (
    `${prepare}exec /bench/measure ${row.repeat} sh -c ` +
    `${quote(
      row.command.startsWith("bash ") || row.command.includes("|") || row.command.includes("=")
        ? row.command
        : `exec ${row.command}`,
    )}`
  );
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function timesOf(row: Row, stderr: string): number[] {
  const all = stderr
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
  if (all.length !== row.repeat)
    throw new Error(`${row.name}: ${all.length} of ${row.repeat} runs: ${stderr.slice(0, 400)}`);
  return row.take === "first" ? all.slice(0, 1) : all.slice(1);
}

function statsOf(stderr: string): RunStats | null {
  const line = stderr.split("\n").find((candidate) => candidate.startsWith("{"));
  return line === undefined ? null : (JSON.parse(line) as RunStats);
}

function spawn(
  program: string,
  args: readonly string[],
  environment: Record<string, string>,
): { stdout: string; stderr: string } {
  const result = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 15 * 60_000,
    stdio: ["ignore", "pipe", "pipe"],
    env: Object.keys(environment).length === 0 ? process.env : environment,
  });
  if (result.error !== undefined) throw new Error(`${program}: ${result.error.message}`);
  if (result.status !== 0)
    throw new Error(
      `${[program, ...args].join(" ").slice(0, 200)}: status ${result.status ?? result.signal}: ` +
        `${result.stderr.slice(0, 800)}`,
    );
  return result;
}

/** Path of a program of the host, or null. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(":"))
    if (existsSync(join(folder, name))) return join(folder, name);
  return null;
}

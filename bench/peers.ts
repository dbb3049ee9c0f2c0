/**
 * Systems that run the rows: Stratos, and qemu-user on the same root. Each runs a script and returns what `measure`
 * printed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "./rows.ts";

export interface Peer {
  readonly name: string;
  /** Nanoseconds of each run that counts, and what Stratos says that it cost. */
  measure(row: Row): Measurement;
  /** Runs a command and returns its standard output. */
  output(command: string): string;
}

interface Measurement {
  readonly ns: readonly number[];
  readonly stats: unknown;
}

export class StratosPeer implements Peer {
  readonly name = "stratos";
  readonly #launcher: readonly string[];
  readonly #image: string;
  readonly #benchFolder: string;

  constructor(options: { launcher: readonly string[]; image: string; benchFolder: string }) {
    this.#launcher = options.launcher;
    this.#image = options.image;
    this.#benchFolder = options.benchFolder;
  }

  measure(row: Row): Measurement {
    const result = this.#run(scriptOf(row), ["--stats"]);
    return { ns: timesOf(row, result.stderr), stats: statsOf(result.stderr) };
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
      `${this.#benchFolder}:/bench:ro`,
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
  readonly #benchFolder: string;

  /** @throws Error in words when this host cannot do it */
  constructor(options: { root: string; benchFolder: string }) {
    this.#root = options.root;
    this.#benchFolder = options.benchFolder;
    if (process.getuid?.() !== 0) throw new Error("qemu-user runs the guest's root by chroot(2): root is needed");
    const binfmt = "/proc/sys/fs/binfmt_misc/qemu-riscv64";
    if (!existsSync(binfmt) || !readFileSync(binfmt, "utf8").startsWith("enabled"))
      throw new Error(`${binfmt} is not enabled: install qemu-user-static, and mount binfmt_misc`);
  }

  measure(row: Row): Measurement {
    return { ns: timesOf(row, this.#run(scriptOf(row)).stderr), stats: null };
  }

  output(command: string): string {
    return this.#run(command).stdout;
  }

  #run(script: string): { stdout: string; stderr: string } {
    const enter =
      'mkdir -p "$1/bench" && mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && mount -t tmpfs tmpfs ' +
      '"$1/tmp" && mount --bind "$2" "$1/bench" && exec chroot "$1" /bin/sh -c "$3"';
    const environment = {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      TERM: "dumb",
    };
    return spawn("unshare", ["-m", "sh", "-c", enter, "sh", this.#root, this.#benchFolder, script], environment);
  }
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

function statsOf(stderr: string): unknown {
  const line = stderr.split("\n").find((candidate) => candidate.startsWith("{"));
  return line === undefined ? null : JSON.parse(line);
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

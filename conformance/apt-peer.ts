/** The host's real apt as a judge of package sets: in folders of its own, for any architecture, over a system that we describe. Nothing is installed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What apt would do, or that it refuses. */
export interface AptAnswer {
  /** `name version` of what would be there anew or in another version */
  install: Set<string>;
  /** names of what would go */
  remove: Set<string>;
  isRefused: boolean;
  cpuSeconds: number;
  text: string;
}

export class AptPeer {
  readonly #folder: string;
  readonly #architecture: string;

  constructor(folder: string, architecture: string) {
    this.#folder = folder;
    this.#architecture = architecture;
    for (const name of ["state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "etc/sources.list.d", "log"]) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "apt.conf"), [
      `Dir "${folder}";`, `Dir::State "${folder}/state";`, `Dir::State::status "${folder}/status";`, `Dir::Cache "${folder}/cache";`, `Dir::Etc "${folder}/etc";`, `Dir::Log "${folder}/log";`,
      `APT::Architecture "${architecture}";`, `APT::Architectures { "${architecture}"; };`, 'Acquire::Languages "none";', 'Debug::NoLocking "true";', 'APT::Sandbox::User "root";', "",
    ].join("\n"));
    this.setSystem("", "");
  }

  /** Whether the host has apt. */
  static isThere(): boolean {
    return existsSync("/usr/bin/apt-get");
  }

  /** @param sources  lines of sources.list(5) */
  update(sources: readonly string[]): void {
    writeFileSync(join(this.#folder, "etc/sources.list"), sources.map((line) => `${line}\n`).join(""));
    const result = this.run(["update", "-qq"]);
    if (result.status !== 0 || /^[EW]:/m.test(result.stderr)) throw new Error(`apt-get update failed: ${result.stderr}`);
  }

  /** What is installed: dpkg's status, and names of what came for others. */
  setSystem(status: string, extendedStates: string): void {
    writeFileSync(join(this.#folder, "status"), status, "latin1");
    writeFileSync(join(this.#folder, "state/extended_states"), extendedStates);
  }

  /** Throws away the parsed lists, so that the next question is a cold one. */
  forget(): void {
    for (const name of ["pkgcache.bin", "srcpkgcache.bin"]) rmSync(join(this.#folder, "cache", name), { force: true });
  }

  ask(args: readonly string[]): AptAnswer {
    const { status, stdout, stderr } = this.run(["-s", ...args]);
    const install = new Set<string>(), remove = new Set<string>();
    for (const line of stdout.split("\n")) {
      const inst = /^Inst (\S+?)(?::\S+)? (?:\[[^\]]*\] )?\((\S+)/.exec(line);
      if (inst !== null) install.add(`${inst[1]} ${inst[2]}`);
      const gone = /^(?:Remv|Purg) (\S+?)(?::\S+)? /.exec(line);
      if (gone !== null) remove.add(gone[1]!);
    }
    return { install, remove, isRefused: status !== 0, cpuSeconds: this.#cpuSeconds, text: stdout + stderr };
  }

  #cpuSeconds = 0;

  /** Runs apt-get and takes its processor time from the shell's `times`. */
  run(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    const result = spawnSync("bash", ["-c", 'apt-get "$@"; status=$?; times >&3; exit $status', "apt", ...args], {
      encoding: "utf8", env: { ...process.env, APT_CONFIG: join(this.#folder, "apt.conf"), LC_ALL: "C" }, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const children = String(result.output[3] ?? "").trim().split("\n")[1] ?? "";
    this.#cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, match) => sum + Number(match[1]) * 60 + Number(match[2]), 0);
    return { status: result.status, stdout: result.stdout, stderr: result.stderr };
  }

  get architecture(): string {
    return this.#architecture;
  }
}

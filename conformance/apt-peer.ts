/**
 * The host's real apt as a judge of package sets: in folders of its own, for any architecture, over a system that we
 * describe.
 *
 * Nothing is ever installed, and four things see to it: questions are asked with `--print-uris` or `-s`, which end
 * before anything is fetched; apt is told to download only; its dpkg is `false`; and where we are root, apt runs as
 * `nobody`.
 */
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
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

/** Debian's `nobody` and `nogroup`. */
const NOBODY = 65534;
const FOLDERS = [
  "state",
  "state/lists",
  "state/lists/partial",
  "cache",
  "cache/archives",
  "cache/archives/partial",
  "etc",
  "etc/apt.conf.d",
  "etc/preferences.d",
  "etc/trusted.gpg.d",
  "etc/sources.list.d",
  "log",
];

export class AptPeer {
  readonly #folder: string;
  readonly #architecture: string;
  readonly #identity: { uid?: number; gid?: number };

  constructor(folder: string, architecture: string) {
    this.#folder = folder;
    this.#architecture = architecture;
    const isRoot = process.getuid?.() === 0;
    this.#identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
    for (const name of ["", ...FOLDERS]) {
      mkdirSync(join(folder, name), { recursive: true });
      if (isRoot) chownSync(join(folder, name), NOBODY, NOBODY);
    }
    writeFileSync(
      join(folder, "apt.conf"),
      [
        `Dir "${folder}";`,
        `Dir::State "${folder}/state";`,
        `Dir::State::status "${folder}/status";`,
        `Dir::Cache "${folder}/cache";`,
        `Dir::Etc "${folder}/etc";`,
        `Dir::Log "${folder}/log";`,
        'Dir::Bin::dpkg "/bin/false";',
        'Debug::pkgDPkgPM "true";',
        'APT::Get::Download-Only "true";',
        `APT::Architecture "${architecture}";`,
        `APT::Architectures { "${architecture}"; };`,
        'Acquire::Languages "none";',
        'Debug::NoLocking "true";',
        "",
      ].join("\n"),
    );
    this.setSystem("", "");
  }

  /** Whether the host has apt. */
  static isThere(): boolean {
    return existsSync("/usr/bin/apt-get");
  }

  /**
   * @param sources  lines of sources.list(5)
   * @param preferences  a file of apt_preferences(5)
   */
  update(sources: readonly string[], preferences = ""): void {
    writeFileSync(join(this.#folder, "etc/sources.list"), sources.map((line) => `${line}\n`).join(""));
    writeFileSync(join(this.#folder, "etc/preferences"), preferences);
    const result = this.run(["update", "-qq"]);
    if (result.status !== 0 || /^[EW]:/m.test(result.stderr))
      throw new Error(`apt-get update failed: ${result.stderr}`);
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

  /**
   * What apt decides, from its summary: apt does not go on to simulate each step, which takes two to four times as
   * long.
   */
  decide(args: readonly string[]): AptAnswer {
    const { status, stdout, stderr } = this.run(["-V", "--print-uris", ...args]);
    const install = new Set<string>(),
      remove = new Set<string>();
    let section = "";
    for (const line of stdout.split("\n")) {
      // A version is told where there is a candidate; what goes may have none.
      const one = /^ {3}(\S+?)(?::\S+)?\*?(?: \((?:\S+ => )?(\S+)\))?$/.exec(line);
      if (one === null) section = line;
      else if (/^The following packages will be REMOVED/.test(section)) remove.add(one[1]!);
      else if (
        /^The following (NEW packages will be installed|packages will be (upgraded|DOWNGRADED|REINSTALLED))/.test(
          section,
        )
      )
        install.add(`${one[1]} ${one[2]}`);
    }
    const isDone = status === 0 && /^[0-9]+ upgraded, /m.test(stdout);
    return { install, remove, isRefused: !isDone, cpuSeconds: this.#cpuSeconds, text: stdout + stderr };
  }

  /** What apt says that it would do step by step: `apt-get -s`. */
  ask(args: readonly string[]): AptAnswer {
    const { status, stdout, stderr } = this.run(["-s", ...args]);
    const install = new Set<string>(),
      remove = new Set<string>();
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
      encoding: "utf8",
      env: { ...process.env, APT_CONFIG: join(this.#folder, "apt.conf"), LC_ALL: "C" },
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      cwd: "/",
      ...this.#identity,
    });
    // Killed, it has decided nothing: that is no refusal.
    if (result.status === null || result.status > 128)
      throw new Error(`apt-get ${args.join(" ")}: was ended by a signal`);
    const children =
      String(result.output[3] ?? "")
        .trim()
        .split("\n")[1] ?? "";
    this.#cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
      (sum, match) => sum + Number(match[1]) * 60 + Number(match[2]),
      0,
    );
    return { status: result.status, stdout: result.stdout, stderr: result.stderr };
  }

  get architecture(): string {
    return this.#architecture;
  }
}

/**
 * `npm run bench -- --only compose`: composing Debian's minimal system to a plain tar archive beside mmdebstrap, by
 * turns, the packages downloaded for both; and composing it again after one package has changed, beside the whole
 * compose. CPU seconds are those of the process and all that it has started; wall times are told with them, and are
 * worth what the machine's load lets them be.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findMirror } from "@stratos/tools-node/packages";
import { renewContent } from "../conformance/renew-package.ts";
import { findProgram } from "./peers.ts";
import type { SpecialResult } from "./report.ts";
import { median } from "./statistics.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Before the date of any index of trixie, so that it is seen. */
const REBUILT_AT = 1_700_000_000;

interface Cost {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly hasRunScripts: boolean;
}

/**
 * @param cache  for downloads, kept between runs  @param print  takes each row when it is known: all of them take
 *   minutes
 */
export function measureCompose(
  launcher: readonly string[],
  cache: string,
  rounds: number,
  print: (result: SpecialResult) => void,
): SpecialResult[] {
  // What users run: without a fresh bundle the launcher takes the sources, which start a CPU second later.
  must(process.execPath, [join(dirname(launcher.at(-1)!), "tools/bundle.ts")]);
  const folder = mkdtempSync(join(tmpdir(), "stratos-bench-compose-"));
  try {
    const results: SpecialResult[] = [];
    const add = (rows: readonly SpecialResult[]): void => {
      results.push(...rows);
      rows.forEach(print);
    };
    for (const [architecture, goal, runner] of [
      ["amd64", "≤ 0.5 ×", "native"],
      ["riscv64", "≤ 0.6 ×", "stratos"],
    ] as const) {
      const own = new OwnCompose(launcher, join(folder, architecture), join(cache, "compose-downloads"), {
        architecture,
        runner,
      });
      add(beside(architecture, own, join(cache, `mmdebstrap-${architecture}`), rounds, { goal, runner }));
      if (architecture === "amd64") for (const [name, how] of CHANGES) add(afterChange(own, name, how, rounds));
      if (architecture === "amd64") for (const name of ["tzdata", "bash", "libc6"]) add(ociReuse(own, name));
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * `npm run bench -- --only compose-each`: after a new version of each package of minbase in turn. @param print  takes a
 * line for each, and what comes of all
 */
export function measureEachChange(launcher: readonly string[], cache: string, print: (line: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "stratos-bench-compose-"));
  try {
    const own = new OwnCompose(launcher, folder, join(cache, "compose-downloads"), {
      architecture: "amd64",
      runner: "native",
    });
    own.whole(); // Downloads.
    const whole = [own.whole().cpuSeconds],
      changed: { cpuSeconds: number; hasRunScripts: boolean }[] = [];
    for (const [at, name] of own.packageNames().entries()) {
      const cost = own.afterChange(name, "version", at);
      changed.push(cost);
      print(`${name}: ${(cost.cpuSeconds / whole[0]!).toFixed(2)}${cost.hasRunScripts ? ", scripts have run" : ""}`);
      // What is kept of scripts is of the last time that they ran: the next change is one of what was there at first.
      if (cost.hasRunScripts) whole.push(own.whole().cpuSeconds);
    }
    for (const hasRunScripts of [false, true]) {
      const ratios = changed
        .filter((one) => one.hasRunScripts === hasRunScripts)
        .map(({ cpuSeconds }) => cpuSeconds / median(whole))
        .sort((left, right) => left - right);
      if (ratios.length > 0)
        print(
          `${ratios.length} of ${changed.length} ${hasRunScripts ? "have run scripts" : "have run none"}: ` +
            `${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)} of a whole compose, median ` +
            `${median(ratios).toFixed(2)}`,
        );
    }
    print(
      `all: median ${median(changed.map(({ cpuSeconds }) => cpuSeconds / median(whole))).toFixed(2)}; a whole ` +
        `compose ${median(whole).toFixed(1)} CPU s, ${whole.length} times`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function beside(
  architecture: string,
  own: OwnCompose,
  cache: string,
  rounds: number,
  about: { goal: string; runner: string },
): SpecialResult[] {
  const name =
    `minbase ${architecture} to tar, scripts ` +
    `${about.runner === "native" ? "on the host's kernel" : "inside Stratos"}`;
  const ours: Cost[] = [],
    theirs: Cost[] = [];
  let failure: string | null = null;
  try {
    own.whole(); // Downloads.
    const peer = findProgram("mmdebstrap") === null ? null : new Mmdebstrap(architecture, cache);
    for (let round = 0; round < rounds; round++) {
      ours.push(own.whole());
      if (peer !== null) theirs.push(peer.run());
    }
  } catch (error) {
    failure = (error as Error).message;
  }
  const row = (kind: "cpuSeconds" | "wallSeconds", unit: string): SpecialResult => ({
    name: `${name}, ${kind === "cpuSeconds" ? "CPU" : "wall"}`,
    ours: ours.length === 0 ? null : median(ours.map((cost) => cost[kind])),
    peer: theirs.length === 0 ? null : median(theirs.map((cost) => cost[kind])),
    peerName: architecture === "amd64" ? "mmdebstrap" : "mmdebstrap with qemu-user",
    unit,
    floor: "",
    goal: about.goal,
    failure,
  });
  return [row("cpuSeconds", "CPU s"), row("wallSeconds", "s")];
}

/**
 * A package with another file, as when a document is added; and a new version, whose programs, libraries and documents
 * are others and all of whose files are newer. Of libssl3t64's no script makes use, of bash's those of one stage, of
 * libc6's all.
 */
const CHANGES = [
  ["tzdata", "file"],
  ["bash", "file"],
  ["libc6", "file"],
  ["tzdata", "version"],
  ["libssl3t64", "version"],
  ["bash", "version"],
  ["libc6", "version"],
] as const;
type Change = (typeof CHANGES)[number][1];

function afterChange(own: OwnCompose, name: string, how: Change, rounds: number): SpecialResult[] {
  const again: number[] = [],
    whole: number[] = [];
  let failure: string | null = null;
  try {
    for (let round = 0; round < rounds; round++) {
      whole.push(own.whole().cpuSeconds);
      again.push(own.afterChange(name, how, round).cpuSeconds);
    }
  } catch (error) {
    failure = (error as Error).message;
  }
  return [
    {
      name:
        `compose again after ${name} ` +
        `${
          how === "file"
            ? "got another file"
            : "came in a new version, with other programs and libraries, all files newer"
        }`,
      ours: failure === null ? median(again) : null,
      peer: failure === null ? median(whole) : null,
      peerName: "the whole compose",
      unit: "CPU s",
      floor: "",
      goal: "≤ 0.2 ×",
      failure,
    },
  ];
}

/** Of an OCI image's layers, what a registry that has the image of before has already. */
function ociReuse(own: OwnCompose, name: string): SpecialResult[] {
  let reused = 0,
    total = 0,
    failure: string | null = null;
  try {
    const before = new Set(own.ociLayers("lock").map(({ digest }) => digest));
    own.changePackage(name, "version", 0);
    for (const { digest, size } of own.ociLayers("changed")) {
      total += size;
      if (before.has(digest)) reused += size;
    }
  } catch (error) {
    failure = (error as Error).message;
  }
  return [
    {
      name: `OCI bytes used again after ${name} came in a new version`,
      ours: failure === null ? reused / 1e6 : null,
      peer: failure === null ? total / 1e6 : null,
      peerName: "the whole image",
      unit: "MB",
      floor: "",
      goal: "≥ 0.9 ×",
      failure,
    },
  ];
}

class OwnCompose {
  readonly #launcher: readonly string[];
  readonly #folder: string;
  readonly #home: string;
  readonly #treefile: string;
  readonly #options: { architecture: string; runner: string };

  constructor(
    launcher: readonly string[],
    folder: string,
    downloads: string,
    options: { architecture: string; runner: string },
  ) {
    this.#launcher = launcher;
    this.#folder = folder;
    this.#home = join(folder, "home");
    this.#treefile = join(folder, "minbase.yaml");
    this.#options = options;
    mkdirSync(this.#home, { recursive: true });
    mkdirSync(downloads, { recursive: true });
    symlinkSync(downloads, join(this.#home, "downloads"));
    writeFileSync(
      this.#treefile,
      `name: minbase\nbase: minbase\narchitectures: [${options.architecture}]\noutputs: {root: {format: tar}}\n`,
    );
  }

  /** With nothing kept but the downloads and the lists. */
  whole(): Cost {
    for (const name of ["compose", "out"])
      rmSync(join(this.#folder, name === "out" ? name : "home/compose"), { recursive: true, force: true });
    return this.#run(join(this.#folder, "minbase.lock.json"));
  }

  packageNames(): string[] {
    const { images } = JSON.parse(readFileSync(join(this.#folder, "minbase.lock.json"), "utf8")) as {
      images: Record<string, { packages: { name: string }[] }>;
    };
    return Object.values(images)[0]!.packages.map(({ name }) => name);
  }

  /** With one package made anew: the store has all else. */
  afterChange(name: string, how: Change, round: number): Cost {
    return this.#run(this.changePackage(name, how, round));
  }

  /** Layers of an OCI image of the set. */
  ociLayers(set: "lock" | "changed"): readonly { digest: string; size: number }[] {
    const treefile = join(this.#folder, "oci.yaml"),
      out = join(this.#folder, "oci");
    rmSync(out, { recursive: true, force: true });
    writeFileSync(
      treefile,
      `name: minbase\nbase: minbase\narchitectures: [${this.#options.architecture}]\noutputs: {image: {format: ` +
        "oci, filename: image}}\n",
    );
    timed(
      [
        ...this.#launcher,
        "compose",
        "run",
        treefile,
        "--lock",
        join(this.#folder, set === "lock" ? "minbase.lock.json" : "changed.lock.json"),
        "--runner",
        this.#options.runner,
        "-o",
        out,
      ],
      { STRATOS_HOME: this.#home },
    );
    const blob = (digest: string): unknown =>
      JSON.parse(readFileSync(join(out, "image/blobs", digest.replace(":", "/")), "utf8"));
    let [found] = (
      JSON.parse(readFileSync(join(out, "image/index.json"), "utf8")) as {
        manifests: { digest: string; mediaType: string }[];
      }
    ).manifests;
    while (found!.mediaType.includes("index"))
      [found] = (blob(found!.digest) as { manifests: { digest: string; mediaType: string }[] }).manifests;
    return (blob(found!.digest) as { layers: { digest: string; size: number }[] }).layers;
  }

  /** A package as its maintainer would make it anew. @returns a lock file that names it */
  changePackage(name: string, how: Change, round: number): string {
    const lock = JSON.parse(readFileSync(join(this.#folder, "minbase.lock.json"), "utf8")) as {
      images: Record<string, { packages: { name: string; sha256: string; sizeBytes: number; url: string }[] }>;
    };
    const [image] = Object.values(lock.images);
    const one = image!.packages.find((candidate) => candidate.name === name)!;
    const deb = join(this.#folder, `${name}-${round}.deb`),
      unpacked = join(this.#folder, "unpacked");
    rmSync(unpacked, { recursive: true, force: true });
    must("dpkg-deb", ["-R", join(this.#home, "downloads/debs", one.sha256.slice(0, 2), `${one.sha256}.deb`), unpacked]);
    if (how === "file") {
      mkdirSync(join(unpacked, "usr/share/doc", name), { recursive: true });
      writeFileSync(join(unpacked, "usr/share/doc", name, "NEWS.bench"), `change ${round}\n`);
    } else renewContent(unpacked, REBUILT_AT + round, `${round}\n`);
    must("dpkg-deb", ["--root-owner-group", "-b", unpacked, deb]);
    const bytes = readFileSync(deb);
    Object.assign(one, {
      sha256: createHash("sha256").update(bytes).digest("hex"),
      sizeBytes: bytes.length,
      url: `file://${deb}`,
    });
    const changed = join(this.#folder, "changed.lock.json");
    writeFileSync(changed, JSON.stringify(lock));
    return changed;
  }

  #run(lock: string): Cost {
    return timed(
      [
        ...this.#launcher,
        "compose",
        "run",
        this.#treefile,
        "--lock",
        lock,
        "--runner",
        this.#options.runner,
        "--verbose",
        "-o",
        join(this.#folder, "out"),
      ],
      { STRATOS_HOME: this.#home },
    );
  }
}

class Mmdebstrap {
  readonly #architecture: string;
  readonly #cache: string;

  constructor(architecture: string, cache: string) {
    this.#architecture = architecture;
    this.#cache = cache;
    if (existsSync(cache) && readdirSync(cache).some((name) => name.endsWith(".deb"))) return;
    mkdirSync(cache, { recursive: true });
    this.#run(["--skip=essential/unlink", `--customize-hook=sync-out /var/cache/apt/archives ${cache}`]);
  }

  run(): Cost {
    return this.#run([
      '--setup-hook=mkdir -p "$1"/var/cache/apt/archives/',
      `--setup-hook=sync-in ${this.#cache} /var/cache/apt/archives/`,
    ]);
  }

  #run(hooks: readonly string[]): Cost {
    const keyring = existsSync(KEYRING) ? ` [signed-by=${KEYRING}]` : "";
    return timed(
      [
        "mmdebstrap",
        "--variant=minbase",
        `--architectures=${this.#architecture}`,
        "--format=tar",
        "--skip=download/empty",
        ...hooks,
        "trixie",
        "/dev/null",
        `deb${keyring} ${findMirror().uri} trixie main`,
      ],
      {},
    );
  }
}

function must(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

/** bash's own clock counts all that the command has started and waited for. */
function timed(command: readonly string[], environment: Readonly<Record<string, string>>): Cost {
  const { status, stdout, stderr } = spawnSync("bash", ["-c", 'TIMEFORMAT="%R %U %S"; time "$@"', "bash", ...command], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { ...process.env, ...environment },
  });
  const lines = stderr.trim().split("\n");
  if (status !== 0) throw new Error(`${command[0]!}: status ${String(status)}: ${lines.slice(-4, -1).join(" ")}`);
  const [wall, user, system] = lines.at(-1)!.split(" ").map(Number) as [number, number, number];
  return {
    wallSeconds: wall,
    cpuSeconds: user + system,
    hasRunScripts: `${stdout}${stderr}`.includes("scripts run again"),
  };
}

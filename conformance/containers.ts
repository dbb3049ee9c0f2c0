/**
 * Runs what we write as OCI images: in podman and in runc and crun, from layouts and archives, packed by gzip and zstd,
 * with Debian's busybox as their root; then the sample trees, composed, in the same ways, and one as an image of
 * Stratos in Stratos. Not part of `npm test`: podman is a large installation, and not every machine lets containers
 * start.
 *
 *     npm run conformance:containers -- [--record] [NAME…]
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { recordBoots, type BootRow } from "./results.ts";
import { refuseUnknown } from "../tests/support/known-names.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "stratos-containers-"));
const COMMAND = ["/bin/sh", "-c", 'echo "$(id -u) $(cat /etc/hostname-of-image) $GREETING"; exit 5'];
const EXPECTED = "0 box hello\n";
/**
 * Podman copies each layer to unpack it, and a busy machine takes its time; told to end, it says nothing and that all
 * is well.
 */
const TIMEOUT_MS = 600_000;
const COMPOSE_TIMEOUT_MS = 900_000;
const ARCHITECTURE = spawnSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).stdout.trim();
/** What a sample's own programs say in a container of it. */
const SAMPLE_COMMAND = [
  "/bin/sh",
  "-c",
  '. /etc/os-release; echo "$(id -u) $ID $VERSION_CODENAME $(dpkg --print-architecture)"; exit 5',
];
const SAMPLE_EXPECTED = `0 debian trixie ${ARCHITECTURE}\n`;
const OWN_IMAGE = "conformance-minimal";

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
interface Case {
  readonly name: string;
  readonly program: string;
  readonly run: () => Result;
  readonly expected?: string;
}

/** What containers.conf(5) calls default_ulimits raises limits, which a container's own host may forbid. */
const environment = {
  ...process.env,
  PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
  CONTAINERS_CONF: join(folder, "containers.conf"),
};
const PODMAN = [
  "--runtime",
  "runc",
  "--cgroup-manager",
  "cgroupfs",
  "--root",
  join(folder, "storage"),
  "--runroot",
  join(folder, "run"),
  "--storage-driver",
  "vfs",
];

const CASES: readonly Case[] = [
  ...(["gzip", "zstd"] as const).map((kind): Case => ({
    name: `podman, OCI layout, ${kind}`,
    program: "podman",
    run: () => podman(`oci:${basename(convert(`layout-${kind}`, "oci", kind))}:box`),
  })),
  {
    name: "podman, OCI archive",
    program: "podman",
    run: () => podman(`oci-archive:${basename(convert("image.tar", "oci-archive", "gzip"))}`),
  },
  { name: "runc, bundle of umoci", program: "runc", run: () => bundle("runc") },
  { name: "crun, bundle of umoci", program: "crun", run: () => bundle("crun", "--cgroup-manager=disabled") },
  ...(["container.yaml", "bootc.toml"] as const).flatMap((file): Case[] => {
    const sample = file.replace(/\..*/, "");
    return [
      {
        name: `the ${sample} sample, podman`,
        program: "podman",
        run: () => podman(`oci-archive:${basename(composed(file))}`, SAMPLE_COMMAND),
        expected: SAMPLE_EXPECTED,
      },
      {
        name: `the ${sample} sample, runc`,
        program: "runc",
        run: () => bundleOf(layoutOf(composed(file)), "runc", SAMPLE_COMMAND),
        expected: SAMPLE_EXPECTED,
      },
    ];
  }),
  {
    name: "the minimal sample, an image of Stratos in Stratos",
    program: process.execPath,
    run: ownImage,
    expected: "0 debian trixie riscv64\n",
  },
];

// Stopped from outside, it leaves nothing either.
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { values, positionals } = parseArgs({
  options: { record: { type: "boolean", default: false } },
  allowPositionals: true,
});
refuseUnknown(
  positionals,
  CASES.map(({ name }) => name),
);
const composes = new Map<string, string>(),
  rows: BootRow[] = [];
let passed = 0,
  failed = 0;
try {
  makeRoot();
  writeFileSync(join(folder, "containers.conf"), "[containers]\ndefault_ulimits = []\n");
  for (const { name, program, run, expected } of CASES.filter(
    (one) => positionals.length === 0 || positionals.some((text) => one.name.includes(text)),
  )) {
    const started = Date.now();
    const result =
      spawnSync("sh", ["-c", `command -v ${program}`], { env: environment }).status === 0
        ? run()
        : { status: null, stdout: "", stderr: `needs ${program}: apt-get install --no-install-recommends ${program}` };
    if (result.stderr.includes("cgroups in hybrid mode not supported")) {
      console.log(`skipped ${name}: this machine's control groups are not of a kind that ${program} takes`);
      continue;
    }
    const isRight = result.status === 5 && result.stdout === (expected ?? EXPECTED);
    rows.push({ name, isRight, seconds: Math.round((Date.now() - started) / 1000) });
    if (isRight) passed++;
    else failed++;
    console.log(
      isRight
        ? `ok ${name}`
        : `FAILED ${name}: status ${result.status}, printed ${JSON.stringify(result.stdout)}; ${result.stderr.trim()}`,
    );
  }
} catch (error) {
  console.log(`FAILED ${(error as Error).message}`);
  failed++;
} finally {
  spawnSync("podman", [...PODMAN, "rm", "-af"], { env: environment });
  rmSync(folder, { recursive: true, force: true });
}
if (values.record)
  recordBoots(
    "containers",
    { title: "Images in containers, and in Stratos", command: "npm run conformance:containers -- --record" },
    rows,
  );
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function makeRoot(): void {
  const tree = join(folder, "root"),
    downloads = join(folder, "downloads");
  mkdirSync(downloads);
  must("apt-get", ["download", "-qq", "busybox-static"], downloads);
  for (const file of readdirSync(downloads)) must("dpkg-deb", ["-x", join(downloads, file), tree]);
  for (const place of ["proc", "sys", "dev", "etc", "run", "tmp", "bin"])
    mkdirSync(join(tree, place), { recursive: true });
  const programs = readdirSync(join(tree, "bin")).includes("busybox") ? "busybox" : "../usr/bin/busybox";
  for (const name of ["sh", "id", "cat"]) symlinkSync(programs, join(tree, "bin", name));
  writeFileSync(join(tree, "etc/hostname-of-image"), "box\n");
  chmodSync(join(tree, "etc/hostname-of-image"), 0o644);
}

function convert(name: string, format: string, compression: string): string {
  const target = join(folder, name);
  must(process.execPath, [
    join(root, "stratos.mjs"),
    "image",
    "convert",
    join(folder, "root"),
    target,
    "--to",
    format,
    "-c",
    compression,
    "--name",
    "box",
    "--root",
    "--arch",
    ARCHITECTURE,
  ]);
  return target;
}

/** @returns path of the archive that a sample tree becomes */
function composed(file: string): string {
  const known = composes.get(file);
  if (known !== undefined) return known;
  const sample = file.replace(/\..*/, ""),
    target = join(folder, sample),
    treefile = join(folder, `${sample}.yaml`);
  writeFileSync(
    treefile,
    `include: [${join(root, "images", file)}]\noutputs: {root: null, commit: null, image: {format: oci-archive, ` +
      "compression: gzip}}\n",
  );
  must(process.execPath, [join(root, "stratos.mjs"), "compose", "run", treefile, "--arch", ARCHITECTURE, "-o", target]);
  const archive = readdirSync(target).find((name) => name.endsWith(".tar"));
  if (archive === undefined) throw new Error(`${file}: no archive was made`);
  // A short name without capitals, beside the others.
  const place = join(folder, `${sample}.tar`);
  renameSync(join(target, archive), place);
  composes.set(file, place);
  return place;
}

function layoutOf(archive: string): string {
  const layout = archive.replace(/\.tar$/, "-layout");
  must("skopeo", ["copy", "-q", `oci-archive:${archive}`, `oci:${layout}:box`]);
  return layout;
}

function ownImage(): Result {
  const treefile = join(folder, "own.yaml");
  writeFileSync(
    treefile,
    `include: [${join(root, "images/minimal.yaml")}]\noutputs: {root: null, image: {format: stratos, image: ` +
      `${OWN_IMAGE}}}\n`,
  );
  try {
    must(process.execPath, [
      join(root, "stratos.mjs"),
      "compose",
      "run",
      treefile,
      "--arch",
      "riscv64",
      "-o",
      join(folder, "own"),
    ]);
    return spawnSync(process.execPath, [join(root, "stratos.mjs"), "run", "-i", OWN_IMAGE, "--", ...SAMPLE_COMMAND], {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
    });
  } finally {
    spawnSync(process.execPath, [join(root, "stratos.mjs"), "image", "rm", OWN_IMAGE], { timeout: TIMEOUT_MS });
  }
}

function podman(image: string, command: readonly string[] = COMMAND): Result {
  // Podman makes a name of the path, in which capitals have no place; so it is a short one.
  const pulled = spawnSync("podman", [...PODMAN, "pull", "-q", image], {
    cwd: folder,
    encoding: "utf8",
    env: environment,
    timeout: TIMEOUT_MS,
  });
  if (pulled.status !== 0) return pulled;
  return spawnSync(
    "podman",
    [...PODMAN, "run", "--rm", "--network", "none", "--env", "GREETING=hello", pulled.stdout.trim(), ...command],
    { encoding: "utf8", env: environment, timeout: TIMEOUT_MS },
  );
}

function bundle(runtime: string, ...options: string[]): Result {
  return bundleOf(convert(`${runtime}-layout`, "oci", "gzip"), runtime, COMMAND, ...options);
}

function bundleOf(layout: string, runtime: string, command: readonly string[], ...options: string[]): Result {
  const place = `${layout}-bundle`;
  must("umoci", ["unpack", "--image", `${layout}:box`, place]);
  const path = join(place, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as {
    process: { terminal: boolean; args: readonly string[]; env: string[]; rlimits?: unknown };
    linux: { resources?: unknown };
    mounts: readonly { type: string }[];
  };
  config.process = {
    ...config.process,
    terminal: false,
    args: command,
    env: [...config.process.env, "GREETING=hello"],
  };
  delete config.process.rlimits;
  delete config.linux.resources;
  config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
  writeFileSync(path, JSON.stringify(config));
  return spawnSync(
    runtime,
    [...options, "--root", join(folder, `${runtime}-state`), "run", "-b", place, `stratos-${runtime}-${process.pid}`],
    { encoding: "utf8", env: environment, timeout: TIMEOUT_MS, input: "" },
  );
}

function must(program: string, args: readonly string[], cwd = folder): string {
  const result = spawnSync(program, args, {
    encoding: "utf8",
    cwd,
    env: environment,
    timeout: COMPOSE_TIMEOUT_MS,
    maxBuffer: 1 << 26,
  });
  if (result.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}

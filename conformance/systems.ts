/**
 * `npm run conformance:systems -- [--only bookworm,trixie,sid,host] [--user root,ordinary] [--keep FOLDER] [--record]`:
 * builder, hub and worker on Debian's releases of this processor, as root and as an ordinary user (conformance/systems/
 * inside.sh says what is tried). Each release is a root that `stratos compose` makes of the mirror, which becomes the
 * whole system of some processes: its programs, libraries, users and settings are that release's, the kernel and its
 * devices are this host's. `host` is this host itself, as root.
 *
 * Needs root and a bundle (`npm run build`). The last line is `N passed, N failed`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stratosHome } from "@stratos/host-node/home";
import { findMirror } from "@stratos/tools-node/packages";
import { NODE_FLAGS } from "@stratos/engine-node/node-flags";
import { packSource, writeSource } from "../tests/builder/sample-source.ts";
import { recordBoots, type BootRow } from "./results.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "host,bookworm,trixie" },
    user: { type: "string", default: "root,ordinary" },
    keep: { type: "string" },
    record: { type: "boolean", default: false },
  },
});
const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "stratos-systems-"));
const ARCHITECTURE = { x64: "amd64", arm64: "arm64" }[process.arch as string];
/** Of the ordinary user in the roots. */
const USER = { name: "ada", id: 1000, subordinate: 100_000 };
const PACKAGES = ["util-linux", "uidmap", "passwd", "procps"];
const COMPOSE_TIMEOUT_MS = 1_800_000;
const TRY_TIMEOUT_MS = 3_600_000;
/** Lines of inside.sh. */
const TRIED = 7;
const mirror = findMirror({ given: undefined, configured: undefined }).uri;
const rows: BootRow[] = [];

try {
  mkdirSync(folder, { recursive: true });
  for (const system of values.only.split(",")) {
    if (system === "host") {
      if (values.user.includes("root")) tryOut(`this host, ${hostName()}, root`, [], join(folder, "host"), "host");
      continue;
    }
    const root = composed(system);
    if (root === null) continue;
    for (const user of values.user.split(",")) tryIn(root, system, user);
  }
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}
const failed = rows.filter(({ isRight }) => !isRight).length;
if (values.record)
  recordBoots(
    "systems",
    {
      title: "Builder, hub and worker on systems",
      command: "npm run conformance:systems -- --record",
    },
    rows,
  );
process.stdout.write(`${rows.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;

function hostName(): string {
  const text = readFileSync("/etc/os-release", "utf8");
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? "unknown";
}

function add(name: string, isRight: boolean, seconds: number, why = ""): void {
  rows.push({ name, isRight, seconds: Math.round(seconds) });
  process.stdout.write(`${name}: ${isRight ? "ok" : `FAILED: ${why}`}\n`);
}

/** Null: it could not be made, which is told. */
function composed(suite: string): string | null {
  const treefile = join(folder, `${suite}.yaml`);
  const output = join(folder, suite);
  writeFileSync(
    treefile,
    `name: system\nversion: "1"\narchitectures: [${ARCHITECTURE}]\nsuite: ${suite}\nmirror: ${mirror}\n` +
      `packages: [${PACKAGES.join(", ")}]\nusers: {${USER.name}: {uid: ${USER.id}}}\n` +
      "outputs: {root: {format: folder}}\n",
  );
  const startedMs = performance.now();
  const { status, stderr } = stratos(["compose", "run", treefile, "-o", output], COMPOSE_TIMEOUT_MS);
  const root = join(output, `system-default-${ARCHITECTURE}`);
  const isMade = status === 0 && existsSync(join(root, "usr/bin/dpkg"));
  add(`${suite}: its root is composed`, isMade, (performance.now() - startedMs) / 1_000, stderr.slice(-600));
  if (!isMade) return null;
  for (const file of ["etc/subuid", "etc/subgid"]) {
    const path = join(root, file);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (!text.startsWith(`${USER.name}:`)) appendFileSync(path, `${USER.name}:${USER.subordinate}:65536\n`);
  }
  for (const file of ["/etc/resolv.conf", "/etc/hosts", process.env["NODE_EXTRA_CA_CERTS"] ?? ""]) {
    if (!existsSync(file)) continue;
    rmSync(join(root, file), { force: true });
    mkdirSync(dirname(join(root, file)), { recursive: true });
    copyFileSync(file, join(root, file));
  }
  return root;
}

function tryIn(root: string, suite: string, user: string): void {
  const place = `/srv/${user}`;
  const inside = user === "root" ? [] : ["setpriv", ...asUser()];
  const enter = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh"];
  enter.push(join(repository, "conformance/systems/enter.sh"), root, join(repository, "dist"), process.execPath);
  tryOut(`${suite}, ${user}`, [...enter, ...inside], join(root, place), place);
}

function asUser(): string[] {
  return [`--reuid=${USER.id}`, `--regid=${USER.id}`, "--init-groups"];
}

/** @param outside  the folder as this process sees it, `place` as the system does */
function tryOut(name: string, before: readonly string[], outside: string, place: string): void {
  const isHost = place === "host";
  rmSync(outside, { recursive: true, force: true });
  const own = join(outside, "own");
  mkdirSync(join(own, "home"), { recursive: true });
  packSource(outside, writeSource(outside));
  copyFileSync(join(repository, "conformance/systems/inside.sh"), join(outside, "inside.sh"));
  const downloads = join(stratosHome(), "downloads");
  if (existsSync(downloads)) cpSync(downloads, join(own, "home/downloads"), { recursive: true });
  if (name.endsWith("ordinary")) execFileSync("chown", ["-R", `${USER.id}:${USER.id}`, outside]);
  const at = isHost ? outside : place;
  const environment = {
    ...process.env,
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: `${at}/own`,
    STRATOS_MIRROR: mirror,
    STRATOS_NODE: isHost ? process.execPath : "/opt/node",
    STRATOS_PROGRAM: isHost ? join(repository, "dist/main.cjs") : "/opt/program/main.cjs",
    STRATOS_FLAGS: NODE_FLAGS.join(" "),
  };
  const startedMs = performance.now();
  const argv = [...before, "sh", `${at}/inside.sh`, at, `${at}/own`];
  const { stdout, stderr } = spawnSync(argv[0]!, argv.slice(1), {
    env: environment,
    encoding: "utf8",
    timeout: TRY_TIMEOUT_MS,
    maxBuffer: 1 << 26,
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  const lines = stdout.split("\n").filter((line) => line !== "");
  const wrong = lines.filter((line) => !line.endsWith(": ok"));
  const parts = lines.map((line) => line.split(": ")[0]!);
  const of = (part: RegExp): string[] => wrong.filter((line) => part.test(line));
  for (const [what, part] of [
    ["builder", /^builder/],
    ["hub and worker", /^(?:hub|worker|both)/],
  ] as const) {
    const isThere = parts.some((one) => part.test(one)) && parts.length === TRIED;
    add(`${name}: ${what}`, isThere && of(part).length === 0, seconds, [...of(part), stderr.slice(-600)].join(" "));
  }
  // A sixth of a gigabyte of layers, which belong to subordinate ids.
  rmSync(outside, { recursive: true, force: true });
}

function stratos(args: readonly string[], timeout: number): { status: number | null; stderr: string } {
  const argv = [...NODE_FLAGS, join(repository, "dist/main.cjs"), ...args];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout, maxBuffer: 1 << 26 });
  return { status, stderr };
}

/**
 * `npm run conformance:builder -- [--sources a,b] [--suite trixie] [--user NAME] [--keep FOLDER] [--record]`: source
 * packages built by `stratos builder build` and by sbuild in unshare mode, one after the other: each `.deb` must have
 * the same bytes. Told beside it: the CPU time of both, with all their children's, and of ours what is spent outside of
 * dpkg-buildpackage once layers are there.
 *
 * Needs root, sbuild and mmdebstrap, and a user with subordinate ids (`useradd -m NAME`), for whom the root of sbuild
 * is made when it is not there. A source that the mirror does not have whole is told, and counts as neither. The last
 * line is `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { BuildResult } from "@stratos/builder";
import { homeFolder, stratosHome } from "@stratos/host-node/home";
import { processTimes } from "../bench/process-times.ts";
import { recordBuilds } from "./results.ts";
import { SbuildPeer } from "./sbuild-peer.ts";

/** Of C, Perl, Python, Rust and documentation. */
const SOURCES =
  "hostname,figlet,sl,cowsay,netbase,libjson-perl,liburi-perl,libtest-warn-perl,libencode-locale-perl,dash,gzip," +
  "bzip2,zlib,lsof,jq,less,xz-utils,bash,hello,time,patchutils,sharutils,dh-autoreconf,reportbug,setuptools," +
  "rust-pin-utils,naturaldocs,docbook2x,texi2html";
const { values } = parseArgs({
  options: {
    sources: { type: "string", default: SOURCES },
    suite: { type: "string", default: "trixie" },
    user: { type: "string", default: "sbuilder" },
    keep: { type: "string" },
    record: { type: "boolean", default: false },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { suite, user } = values;
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "stratos-conformance-builder-"));

interface Row {
  readonly source: string;
  readonly packages: number;
  readonly ours: number;
  readonly theirs: number;
  readonly overhead: number;
  readonly differing: readonly string[];
}

let failed = 0;
const rows: Row[] = [];
try {
  mkdirSync(folder, { recursive: true });
  // The peer's user goes through it.
  chmodSync(folder, 0o711);
  const peer = new SbuildPeer(user, suite);
  for (const source of values.sources.split(",")) {
    const row = compare(source, peer);
    if (typeof row === "string") {
      process.stdout.write(`${source}: ${row}\n`);
      continue;
    }
    rows.push(row);
    if (row.differing.length > 0) failed++;
    if (values.record) record();
    process.stdout.write(
      `${source}: ` +
        `${
          row.differing.length === 0 ? `${row.packages} packages the same` : "differ: " + row.differing.join(", ")
        }; ` +
        `CPU ${row.ours.toFixed(1)} s, sbuild ${row.theirs.toFixed(1)} s (${(row.ours / row.theirs).toFixed(2)} x); ` +
        `outside of the build ${row.overhead.toFixed(1)} s\n`,
    );
  }
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${rows.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;

/** A text: why there is nothing to compare. */
function compare(source: string, peer: SbuildPeer): Row | string {
  const ours = join(folder, source, "ours"),
    theirs = join(folder, source, "theirs");
  for (const path of [ours, theirs]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  // The first time makes the layers; the second shows what a build costs when they are there.
  const first = build(source, ours);
  if (first.result.failure?.kind === "infrastructure") return `not compared: ${first.result.failure.message}`;
  const { result, cpu } = first.result.status === "built" ? build(source, ours) : first;
  if (result.status !== "built") {
    failed++;
    return `ours failed: ${result.failure!.stage} (${result.failure!.kind}): ${result.failure!.message}`;
  }
  peer.give(theirs);
  const dsc = bringSource(ours, theirs, peer);
  const before = childrenSeconds();
  const { status, output } = peer.build(theirs, dsc);
  const theirCpu = childrenSeconds() - before;
  writeFileSync(join(folder, source, "sbuild.log"), output);
  if (status !== 0) return `sbuild failed: ${output.trim().split("\n").slice(-3).join(" ")}`;
  const debs = (path: string): string[] =>
    readdirSync(path)
      .filter((name) => /\.u?deb$/.test(name))
      .sort();
  const names = [...new Set([...debs(ours), ...debs(theirs)])];
  const differing = names.filter((name) => hashOf(join(ours, name)) !== hashOf(join(theirs, name)));
  const inBuild = result.stages.find(({ name }) => name === "Build")!.cpuMs / 1000;
  return { source, packages: names.length, ours: cpu, theirs: theirCpu, overhead: cpu - inBuild, differing };
}

function build(source: string, output: string): { result: BuildResult; cpu: number } {
  const before = childrenSeconds(),
    program = existsSync(join(root, "dist/main.cjs"))
      ? join(root, "dist/main.cjs")
      : join(root, "packages/cli/src/main.ts");
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [program, "builder", "build", source, "--suite", suite, "-o", output, "--json"],
    { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] },
  );
  if (stdout === "") throw new Error(`${source}: ${stderr}`);
  return { result: JSON.parse(stdout) as BuildResult, cpu: childrenSeconds() - before };
}

/** The files that ours was built from, as its provenance names them. */
function bringSource(from: string, to: string, peer: SbuildPeer): string {
  const { predicate } = JSON.parse(readFileSync(join(from, "provenance.json"), "utf8")) as {
    predicate: { buildDefinition: { resolvedDependencies: { uri: string; digest: { sha256: string } }[] } };
  };
  let dsc = "";
  for (const {
    uri,
    digest: { sha256 },
  } of predicate.buildDefinition.resolvedDependencies) {
    const stored = join(homeFolder(stratosHome(), "downloads"), "sources", sha256.slice(0, 2), sha256),
      name = decodeURIComponent(uri.slice(uri.lastIndexOf("/") + 1));
    if (name.endsWith(".deb") || !existsSync(stored)) continue;
    peer.copy(stored, to, name);
    if (name.endsWith(".dsc")) dsc = name;
  }
  return dsc;
}

/** Processor time of all that this process has waited for. */
function childrenSeconds(): number {
  const { withEnded, own } = processTimes(process.pid)!;
  return (withEnded - own) / 1000;
}

function hashOf(path: string): string {
  return existsSync(path) ? createHash("sha256").update(readFileSync(path)).digest("hex") : "none";
}

function record(): void {
  const about = { title: "Builds beside sbuild's", command: "npm run conformance:builder -- --record" };
  recordBuilds(
    "builder",
    about,
    rows.map(({ source, ours, theirs, overhead, ...row }) => {
      return {
        name: source,
        packages: row.packages,
        differing: row.differing,
        cpu: ours,
        peerCpu: theirs,
        outside: overhead,
      };
    }),
  );
}

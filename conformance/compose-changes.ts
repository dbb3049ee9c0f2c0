/**
 * `npm run conformance:changes -- [--packages a,b] [--runner native|stratos] [--arch amd64]`: the minimal system
 * composed again after one of its packages has changed, in its files, in its scripts, as a new version changes it (all
 * programs, libraries and documents, and all times), or as a rebuild does (version and all times), beside a whole
 * compose of the same: both archives must be the same bytes. Says of each whether scripts ran, and why; the status is 1
 * when bytes differ. Needs dpkg-deb.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  lutimesSync,
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
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { renewContent } from "./renew-package.ts";

const { values } = parseArgs({
  options: {
    packages: { type: "string", default: "tzdata,bash,libc6,libssl3t64,coreutils,perl-base,login" },
    runner: { type: "string", default: "auto" },
    arch: { type: "string", default: "amd64" },
  },
});
const launcher = join(dirname(dirname(fileURLToPath(import.meta.url))), "stratos.mjs");
const KINDS = ["files", "script", "content", "rebuild"] as const;
/** Before the index's date, so that it is seen. */
const REBUILT_AT = 1_700_000_000;

interface Locked {
  name: string;
  version: string;
  sha256: string;
  sizeBytes: number;
  url: string;
}
interface LockFile {
  images: Record<string, { packages: Locked[] }>;
}

const folder = mkdtempSync(join(tmpdir(), "stratos-conformance-changes-"));
try {
  const treefile = join(folder, "minbase.yaml"),
    downloads = join(folder, "downloads"),
    lock = join(folder, "lock.json");
  mkdirSync(downloads);
  writeFileSync(
    treefile,
    `name: minbase\narchitectures: [${values.arch}]\noutputs: {root: {format: tar, filename: root.tar}}\n`,
  );
  const compose = (home: string, lockFile: string): { digest: string; words: string } => {
    if (!existsSync(join(folder, home))) mkdirSync(join(folder, home));
    if (!existsSync(join(folder, home, "downloads"))) symlinkSync(downloads, join(folder, home, "downloads"));
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        launcher,
        "compose",
        "run",
        treefile,
        "--lock",
        lockFile,
        "--runner",
        values.runner,
        "-v",
        "-o",
        join(folder, "out"),
      ],
      { encoding: "utf8", env: { ...process.env, STRATOS_HOME: join(folder, home) } },
    );
    if (status !== 0) throw new Error(stderr.trim().split("\n").slice(-5).join("\n"));
    return {
      digest: createHash("sha256")
        .update(readFileSync(join(folder, "out/root.tar")))
        .digest("hex"),
      words: stderr,
    };
  };
  compose("base", lock);
  let passed = 0,
    failed = 0;
  for (const name of values.packages.split(",")) {
    for (const kind of KINDS) {
      const changed = change(lock, downloads, name, kind);
      if (changed === undefined) continue;
      for (const home of ["again", "whole"]) rmSync(join(folder, home), { recursive: true, force: true });
      cpSync(join(folder, "base"), join(folder, "again"), { recursive: true, verbatimSymlinks: true });
      const again = compose("again", changed),
        whole = compose("whole", changed);
      const isSame = again.digest === whole.digest;
      if (isSame) passed++;
      else failed++;
      const why = [...again.words.matchAll(/scripts run again: (.*)/g)].map((match) => match[1]!);
      process.stdout.write(
        `${isSame ? "same" : "DIFFERENT"}  ${name} ${kind}: ${why.length === 0 ? "no script ran" : why.join("; ")}\n`,
      );
    }
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A lock file with the package changed; undefined when it has nothing of the kind. */
function change(lock: string, downloads: string, name: string, kind: (typeof KINDS)[number]): string | undefined {
  const file = JSON.parse(readFileSync(lock, "utf8")) as LockFile;
  const one = Object.values(file.images)[0]!.packages.find((candidate) => candidate.name === name);
  if (one === undefined) throw new Error(`${name} is not in the minimal system`);
  const unpacked = join(folder, "unpacked"),
    deb = join(folder, `${name}-${kind}.deb`),
    postinst = join(unpacked, "DEBIAN/postinst"),
    control = join(unpacked, "DEBIAN/control");
  rmSync(unpacked, { recursive: true, force: true });
  must("dpkg-deb", ["-R", join(downloads, "debs", one.sha256.slice(0, 2), `${one.sha256}.deb`), unpacked]);
  if (kind === "files") {
    mkdirSync(join(unpacked, "usr/share", `${name}-news`), { recursive: true });
    writeFileSync(join(unpacked, "usr/share", `${name}-news`, "news"), "news\n");
    const documents = join(unpacked, "usr/share/doc", name),
      first = existsSync(documents) ? readdirSync(documents)[0] : undefined;
    if (first !== undefined) rmSync(join(documents, first), { recursive: true });
  } else if (kind === "script") {
    if (!existsSync(postinst) || !readFileSync(postinst, "latin1").includes("set -e")) return undefined;
    writeFileSync(
      postinst,
      readFileSync(postinst, "latin1").replace("set -e", "set -e\necho changed >/etc/changed-by-script"),
      "latin1",
    );
  } else if (kind === "content") {
    renewContent(unpacked, REBUILT_AT);
  } else {
    one.version += "+b9";
    writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*$/m, `Version: ${one.version}`));
    for (const path of readdirSync(unpacked, { recursive: true, encoding: "utf8" }))
      lutimesSync(join(unpacked, path), REBUILT_AT, REBUILT_AT);
  }
  must("dpkg-deb", ["--root-owner-group", "-Zxz", "-b", unpacked, deb]);
  const bytes = readFileSync(deb);
  Object.assign(one, {
    sha256: createHash("sha256").update(bytes).digest("hex"),
    sizeBytes: bytes.length,
    url: `file://${deb}`,
  });
  const changed = join(folder, "changed.json");
  writeFileSync(changed, JSON.stringify(file));
  return changed;
}

function must(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

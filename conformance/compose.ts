/**
 * `npm run conformance:compose -- [--arch amd64|riscv64] [--runner native|stratos] [--packages a,b]`: the minimal system, with these packages, that Stratos composes beside
 * mmdebstrap's of the same: each file with its kind, mode, owner, time, target and content. Differences that ARCHITECTURE.md of `compose` lists are
 * counted, any other is told, and the status is 1.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { TarReader, type TarEntry } from "@stratos/formats";
import { findMirror } from "@stratos/host-node/packages";

const { values } = parseArgs({ options: { arch: { type: "string", default: "amd64" }, runner: { type: "string", default: "auto" }, packages: { type: "string", default: "" } } });
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** What mmdebstrap leaves and we take out, or the other way around. */
const ONLY_THEIRS = [/^etc\/apt\/sources\.list$/, /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/, /^var\/(cache|lib)\/apt\/.*lock$/, /^var\/lib\/dpkg\/(.*-old|lock|lock-frontend|triggers\/Lock)$/, /^var\/cache\/debconf\/.*-old$/];
const ONLY_OURS = [/^etc\/apt\/sources\.list\.d\/debian\.sources$/, /^etc\/hosts$/];
/** Files that hold what is the host's, the mirror's, or the choice of packages. */
const OTHER_CONTENT = [/^etc\/(hostname|hosts|resolv\.conf|fstab)$/, /^var\/lib\/apt\/extended_states$/];
/** apt gives the last to its own user when it first runs, which it does within mmdebstrap. */
const OTHER_MODE = [/^dev\/(console|shm)$/, /^var\/(lib|cache)\/apt\/.*partial$/];

interface Member { readonly entry: TarEntry; readonly digest: string }

const folder = mkdtempSync(join(tmpdir(), "stratos-conformance-compose-"));
try {
  const ours = compose(), epoch = Math.max(...[...ours.values()].map(({ entry }) => entry.mtime));
  const theirs = mmdebstrap(epoch);
  // dpkg sets the times of folders while it unpacks, and scripts' files have the newest: the epoch, or what mmdebstrap clamps to it.
  const known: string[] = [], unknown: string[] = [];
  const say = (isKnown: boolean, text: string): void => void (isKnown ? known : unknown).push(text);
  for (const path of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    const own = ours.get(path), other = theirs.get(path);
    if (own === undefined) say(ONLY_THEIRS.some((pattern) => pattern.test(path)), `${path}: only in mmdebstrap's`);
    else if (other === undefined) say(ONLY_OURS.some((pattern) => pattern.test(path)), `${path}: only in ours`);
    else compareMembers(path, own, other, epoch, say);
  }
  for (const line of unknown) process.stdout.write(`${line}\n`);
  process.stdout.write(`${ours.size} files; ${known.length} documented differences; ${unknown.length} others\n`);
  process.exitCode = unknown.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function compareMembers(path: string, own: Member, other: Member, epoch: number, say: (isKnown: boolean, text: string) => void): void {
  const isNamed = (patterns: readonly RegExp[]): boolean => patterns.some((pattern) => pattern.test(path));
  const differs = (name: string, left: unknown, right: unknown, isKnown: boolean): void => { if (left !== right) say(isKnown, `${path}: ${name} ${String(left)}, mmdebstrap's ${String(right)}`); };
  differs("kind", own.entry.type, other.entry.type, false);
  differs("mode", own.entry.mode.toString(8), other.entry.mode.toString(8), isNamed(OTHER_MODE) || isNamed(OTHER_CONTENT));
  differs("owner", `${own.entry.uid}:${own.entry.gid}`, `${other.entry.uid}:${other.entry.gid}`, isNamed(OTHER_MODE));
  differs("target", own.entry.linkPath, other.entry.linkPath, false);
  differs("content", own.digest, other.digest, isNamed(OTHER_CONTENT));
  differs("time", own.entry.mtime, other.entry.mtime, own.entry.type !== "0" || own.entry.mtime === epoch || other.entry.mtime === epoch);
}

function compose(): Map<string, Member> {
  const treefile = join(folder, "minbase.yaml");
  writeFileSync(treefile, `name: minbase\narchitectures: [${values.arch}]\npackages: [${values.packages}]\noutputs: {root: {format: tar, filename: root.tar}}\n`);
  must(process.execPath, [join(root, "stratos.mjs"), "compose", "run", treefile, "--runner", values.runner, "-o", folder], {});
  return readArchive(join(folder, "root.tar"));
}

function mmdebstrap(sourceDateEpoch: number): Map<string, Member> {
  const keyring = existsSync(KEYRING) ? ` [signed-by=${KEYRING}]` : "";
  must("mmdebstrap", ["--variant=minbase", ...(values.packages === "" ? [] : [`--include=${values.packages}`]), `--architectures=${values.arch}`, "trixie", join(folder, "peer.tar"), `deb${keyring} ${findMirror().uri} trixie main`], { SOURCE_DATE_EPOCH: String(sourceDateEpoch) });
  return readArchive(join(folder, "peer.tar"));
}

function readArchive(path: string): Map<string, Member> {
  const members = new Map<string, Member>();
  let current: TarEntry | undefined;
  let hash = createHash("sha256");
  const reader = new TarReader({
    entry: (entry) => { current = entry; hash = createHash("sha256"); },
    data: (bytes) => { hash.update(bytes); },
    end: () => {
      const relative = (name: string): string => name.replace(/^\.\/?/, "");
      // Of hard links either name may be the first; modes of links are their files'.
      const entry = { ...current!, linkPath: current!.type === "1" ? relative(current!.linkPath) : current!.linkPath };
      members.set(relative(entry.path), { entry, digest: hash.digest("hex") });
    },
  });
  const failure = reader.push(readFileSync(path)) ?? reader.finish();
  if (failure !== undefined) throw new Error(`${path}: ${failure}`);
  return members;
}

function must(program: string, args: readonly string[], environment: Readonly<Record<string, string>>): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ...environment } });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ended with status ${String(status)}: ${stderr.trim().split("\n").slice(-5).join("\n")}`);
}

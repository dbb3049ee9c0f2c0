/**
 * `npm run conformance:compose -- [--arch amd64|riscv64] [--runner native|stratos] [--base important|standard]
 * [--packages a,b] [--keep FOLDER] [--record]`: the minimal system, or the one of a priority, with these packages, that
 * Stratos composes beside mmdebstrap's of the same: each file with its kind, mode, owner, time, target and content.
 * Differences that ARCHITECTURE.md of `compose` lists are counted, any other is told, and the status is 1. Accounts
 * that packages make are compared by name: their numbers follow the order of configuration, which apt and dpkg choose.
 * With --keep both archives stay in the folder, and are taken from there the next time; with --record the outcome goes
 * into docs/conformance.md. Needs accessdb(8) where the root has man-db.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { TarReader, type TarEntry } from "@stratos/formats";
import { findMirror } from "@stratos/tools-node/packages";
import { recordRoots } from "./results.ts";

const { values } = parseArgs({
  options: {
    arch: { type: "string", default: "amd64" },
    runner: { type: "string", default: "auto" },
    base: { type: "string", default: "minbase" },
    packages: { type: "string", default: "" },
    keep: { type: "string" },
    record: { type: "boolean", default: false },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** What mmdebstrap leaves and we take out, or the other way around. */
const ONLY_THEIRS = [
  /^etc\/apt\/sources\.list$/,
  /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/,
  /^var\/(cache|lib)\/apt\/.*lock$/,
  /^var\/lib\/dpkg\/(.*-old|lock|lock-frontend|triggers\/Lock)$/,
  /^var\/cache\/debconf\/.*-old$/,
  /^etc\/ssh\/ssh_host_[a-z0-9]+_key(\.pub)?$/,
  /^etc\/ssl\/(certs\/ssl-cert-snakeoil\.pem|private\/ssl-cert-snakeoil\.key)$/,
];
const ONLY_OURS = [
  /^etc\/apt\/sources\.list\.d\/debian\.sources$/,
  /^etc\/hosts$/,
  /^run\/(?!lock)/,
  /^etc\/systemd\/system\/sshd-keygen\.service\.d(\/|$)/,
  /^etc\/systemd\/system\/(sysinit\.target\.wants\/)?ssl-cert-snakeoil\.service$/,
  /^var\/cache\/man\/[^/]+\/CACHEDIR\.TAG$/,
  /^var\/cache\/fontconfig\/[0-9a-f]+-le64\.cache-\d+$/,
];
/** Named by who it was made for. */
const SNAKEOIL_LINK = /^etc\/ssl\/certs\/[0-9a-f]{8}\.0 -> ssl-cert-snakeoil\.pem$/;
/**
 * Files that hold what is the host's, the mirror's, or the choice of packages; what scripts make by chance; the log of
 * what stands in ONLY_OURS.
 */
const OTHER_CONTENT = [
  /^etc\/ssl\/certs\/java\/cacerts$/,
  /^etc\/(hostname|hosts|resolv\.conf|fstab)$/,
  /^var\/lib\/apt\/extended_states$/,
  /^etc\/ssl\/(certs\/ssl-cert-snakeoil\.pem|private\/ssl-cert-snakeoil\.key)$/,
  /^var\/lib\/postgresql\/\d+\/main\/(global\/pg_control|pg_stat\/pgstat\.stat|pg_wal\/[0-9A-F]{24})$/,
  /^var\/log\/fontconfig\.log$/,
];
/** apt gives the third to its own user when it first runs, which it does within mmdebstrap. */
const OTHER_MODE = [/^dev\/(console|shm)$/, /^etc\/machine-id$/, /^var\/(lib|cache)\/apt\/.*partial$/];
/** Their lines are a set. */
const UNORDERED = [/^var\/lib\/dpkg\/triggers\/File$/];
/** Databases of gdbm(3), whose bytes tell in which order they grew. */
const MAN_INDEX = /^var\/cache\/man\/(.*\/)?index\.db$/;
/**
 * What mmdebstrap gets of our environment: all else goes on to maintainer scripts (PYTHONDONTWRITEBYTECODE, say), to
 * which ours hands nothing.
 */
const PASSED_ON = /^(PATH|HOME|TMPDIR|[a-z]+_proxy|[A-Z]+_PROXY)$/;
/** Files and symbolic links; of the others dpkg sets the times while it unpacks. */
const TIMED: readonly string[] = ["0", "2"];
/** Of a difference in lines. */
const LINES_SHOWN = 3;
const ACCOUNTS = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];

interface Member {
  readonly entry: TarEntry;
  readonly digest: string;
  readonly content: Buffer;
}
interface Root {
  readonly members: ReadonlyMap<string, Member>;
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}

const folder = values.keep ?? mkdtempSync(join(tmpdir(), "stratos-conformance-compose-"));
mkdirSync(folder, { recursive: true });
try {
  const ours = compose(),
    epoch = Math.max(...[...ours.members.values()].map(({ entry }) => entry.mtime));
  const theirs = mmdebstrap(epoch);
  // dpkg sets the times of folders while it unpacks, and scripts' files have the newest: the epoch, or what mmdebstrap
  // clamps to it.
  const known: string[] = [],
    unknown: string[] = [];
  const say = (isKnown: boolean, text: string): void => void (isKnown ? known : unknown).push(text);
  for (const path of [...new Set([...ours.members.keys(), ...theirs.members.keys()])].sort()) {
    const own = ours.members.get(path),
      other = theirs.members.get(path);
    const isLinkByName = SNAKEOIL_LINK.test(`${path} -> ${(own ?? other)!.entry.linkPath}`);
    if (own === undefined)
      say(isLinkByName || ONLY_THEIRS.some((pattern) => pattern.test(path)), `${path}: only in mmdebstrap's`);
    else if (other === undefined)
      say(isLinkByName || ONLY_OURS.some((pattern) => pattern.test(path)), `${path}: only in ours`);
    else compareMembers(path, { ours, own, theirs, other }, epoch, say);
  }
  for (const line of unknown) process.stdout.write(`${line}\n`);
  process.stdout.write(
    `${ours.members.size} files; ${known.length} documented differences; ${unknown.length} others\n`,
  );
  if (values.record) {
    const name =
      `${values.arch}, ${values.base}` +
      `${values.packages === "" ? "" : ` with ${values.packages.replaceAll(",", ", ")}`}` +
      `${values.runner === "stratos" ? ", scripts in Stratos" : ""}`;
    recordRoots(
      "compose",
      {
        title: "Composed roots, beside mmdebstrap's",
        command: "npm run conformance:compose -- [--arch A] [--runner R] [--base B] [--packages P] --record",
      },
      [{ name, files: ours.members.size, documented: known.length, others: unknown }],
    );
  }
  process.exitCode = unknown.length === 0 ? 0 : 1;
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}

interface Pair {
  readonly ours: Root;
  readonly own: Member;
  readonly theirs: Root;
  readonly other: Member;
}

function compareMembers(
  path: string,
  { ours, own, theirs, other }: Pair,
  epoch: number,
  say: (isKnown: boolean, text: string) => void,
): void {
  const isNamed = (patterns: readonly RegExp[]): boolean => patterns.some((pattern) => pattern.test(path));
  const differs = (name: string, left: unknown, right: unknown, isKnown: boolean): void => {
    if (left !== right) say(isKnown, `${path}: ${name} ${String(left)}, mmdebstrap's ${String(right)}`);
  };
  differs("kind", own.entry.type, other.entry.type, false);
  differs(
    "mode",
    own.entry.mode.toString(8),
    other.entry.mode.toString(8),
    isNamed(OTHER_MODE) || isNamed(OTHER_CONTENT),
  );
  differs("owner", ownerOf(ours, own), ownerOf(theirs, other), isNamed(OTHER_MODE));
  // Which of two names of one folder a link has that enables a unit depends on whether systemctl(1) was there when it
  // was made.
  differs("target", canonicalTarget(own.entry.linkPath), canonicalTarget(other.entry.linkPath), false);
  if (own.digest !== other.digest) {
    const left = wordsOf(path, ours, own),
      right = wordsOf(path, theirs, other);
    differs("content", lacking(left, right), lacking(right, left), isNamed(OTHER_CONTENT));
  }
  differs(
    "time",
    own.entry.mtime,
    other.entry.mtime,
    !TIMED.includes(own.entry.type) || own.entry.mtime === epoch || other.entry.mtime === epoch,
  );
}

function ownerOf({ users, groups }: Root, { entry: { uid, gid } }: Member): string {
  return `${users.get(uid) ?? uid}:${groups.get(gid) ?? gid}`;
}

function canonicalTarget(target: string): string {
  return target.replace(/^\/lib\/systemd\//, "/usr/lib/systemd/");
}

/** Lines beyond those of the other. */
function lacking(own: readonly string[], other: readonly string[]): string {
  const has = new Set(other),
    left = own.filter((line) => !has.has(line));
  return left.length > LINES_SHOWN
    ? `${left.slice(0, LINES_SHOWN).join("; ")} and ${left.length - LINES_SHOWN} more`
    : left.join("; ");
}

/** The content, as far as it must be the same, as a set of lines. */
function wordsOf(path: string, root: Root, { content, digest }: Member): string[] {
  const lines = (): string[] => content.toString("latin1").trimEnd().split("\n");
  if (UNORDERED.some((pattern) => pattern.test(path))) return lines();
  if (MAN_INDEX.test(path)) return indexWords(content);
  if (!ACCOUNTS.includes(path)) return [digest];
  return lines().map((line) => {
    const fields = line.split(":");
    if (path === "etc/passwd") fields[2] = fields[0]!;
    if (path === "etc/passwd") fields[3] = root.groups.get(Number(fields[3])) ?? fields[3]!;
    if (path === "etc/group") fields[2] = fields[0]!;
    return fields.join(":");
  });
}

/** What stands in man's index. */
function indexWords(content: Buffer): string[] {
  const file = join(folder, "index.db");
  writeFileSync(file, content);
  return must("accessdb", [file], process.env).trim().split("\n");
}

function compose(): Root {
  const treefile = join(folder, "minbase.yaml"),
    archive = join(folder, "root.tar");
  if (existsSync(archive)) return readArchive(archive);
  writeFileSync(
    treefile,
    `name: minbase\nbase: ${values.base}\narchitectures: [${values.arch}]\npackages: [${values.packages}]\n` +
      "outputs: {root: {format: tar, filename: root.tar}}\n",
  );
  must(
    process.execPath,
    [join(root, "stratos.mjs"), "compose", "run", treefile, "--runner", values.runner, "-o", folder],
    process.env,
  );
  return readArchive(archive);
}

function mmdebstrap(sourceDateEpoch: number): Root {
  const keyring = existsSync(KEYRING) ? ` [signed-by=${KEYRING}]` : "",
    archive = join(folder, "peer.tar");
  if (!existsSync(archive))
    must(
      "mmdebstrap",
      [
        `--variant=${values.base}`,
        ...(values.packages === "" ? [] : [`--include=${values.packages}`]),
        `--architectures=${values.arch}`,
        "trixie",
        archive,
        `deb${keyring} ${findMirror().uri} trixie main`,
      ],
      {
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED_ON.test(name))),
        SOURCE_DATE_EPOCH: String(sourceDateEpoch),
      },
    );
  return readArchive(archive);
}

function readArchive(path: string): Root {
  const members = new Map<string, Member>();
  let current: TarEntry | undefined,
    pieces: Buffer[] = [];
  let hash = createHash("sha256");
  const isKept = (name: string): boolean =>
    ACCOUNTS.includes(name) || MAN_INDEX.test(name) || UNORDERED.some((pattern) => pattern.test(name));
  const relative = (name: string): string => name.replace(/^\.\/?/, "");
  const reader = new TarReader({
    entry: (entry) => {
      current = entry;
      pieces = [];
      hash = createHash("sha256");
    },
    data: (bytes) => {
      hash.update(bytes);
      if (isKept(relative(current!.path))) pieces.push(Buffer.from(bytes));
    },
    end: () => {
      // Of hard links either name may be the first; modes of links are their files'.
      const entry = { ...current!, linkPath: current!.type === "1" ? relative(current!.linkPath) : current!.linkPath };
      members.set(relative(entry.path), { entry, digest: hash.digest("hex"), content: Buffer.concat(pieces) });
    },
  });
  const failure = reader.push(readFileSync(path)) ?? reader.finish();
  if (failure !== undefined) throw new Error(`${path}: ${failure}`);
  return { members, users: namesById(members.get("etc/passwd")), groups: namesById(members.get("etc/group")) };
}

function namesById(member: Member | undefined): Map<number, string> {
  return new Map(
    (member?.content.toString("latin1") ?? "")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(":"))
      .map(([name, , id]) => [Number(id), name!]),
  );
}

function must(program: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", env, maxBuffer: 64 << 20 });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(
      `${program} ended with status ${String(status)}: ${stderr.trim().split("\n").slice(-5).join("\n")}`,
    );
  return stdout;
}

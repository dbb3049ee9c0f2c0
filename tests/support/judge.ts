/**
 * The judge: the same program from the same root under qemu-riscv64, by chroot and binfmt_misc, so that the programs
 * which it starts are emulated too. Each run has mounts of its own and an empty /tmp.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { ImageStore } from "@stratos/images/store";
import { repository, run, type Result, type RunInput } from "./stratos.ts";
import { ensureJudgeRoot, judgeRoot, TEST_HOME, TEST_IMAGE } from "./test-image.ts";

const BINFMT = "/proc/sys/fs/binfmt_misc";
const OWN_ENTRY = "stratos-riscv64";
/**
 * ELF, 64 bits, little-endian, executable or shared object, machine 243. Source: qemu's scripts/qemu-binfmt-conf.sh.
 * Flags: P, a program is told the name by which it was called (many begin their errors with it); O, F, the emulator is
 * opened here, and not in the root.
 */
const REGISTRATION =
  `:${OWN_ENTRY}:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xf3\\x00:` +
  "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:/usr/bin/" +
  "qemu-riscv64-static:POF";

/** The guest's environment, as `stratos run` sets it up. */
const GUEST_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  USER: "root",
  LOGNAME: "root",
  SHELL: "/bin/bash",
  LANG: "C.UTF-8",
};

/** That it can be asked about the test image. @throws Error in words when this host has no judge */
export async function ensureJudgeOfImage(): Promise<void> {
  ensureJudge();
  await ensureJudgeRoot();
}

/** @throws Error in words when this host has no judge */
export function ensureJudge(): void {
  if (["qemu-riscv64", OWN_ENTRY].some(isRegistered)) return;
  if (!existsSync(`${BINFMT}/register`)) spawnSync("mount", ["-t", "binfmt_misc", "binfmt_misc", BINFMT]);
  try {
    writeFileSync(`${BINFMT}/register`, REGISTRATION);
  } catch (error) {
    // Another process may have been quicker.
    if (isRegistered(OWN_ENTRY)) return;
    throw new Error(
      `no judge: qemu-riscv64 is not registered in ${BINFMT}, and cannot be (${(error as Error).message}); ` +
        "install qemu-user-static and run as root",
    );
  }
}

/**
 * An entry without P gives programs another name than they have in Stratos; of several entries the kernel takes the
 * newest.
 */
function isRegistered(name: string): boolean {
  const entry = join(BINFMT, name);
  return existsSync(entry) && /^enabled\n(?:.*\n)*flags: .*P/.test(readFileSync(entry, "utf8"));
}

/** Beside the root. What is kept is of that root, this emulator and this kernel, or it is nothing. */
function answersPath(): string {
  return `${judgeRoot()}.answers.json`;
}

function identity(): string {
  const { ino, birthtimeMs } = statSync(judgeRoot());
  const emulator = spawnSync("qemu-riscv64-static", ["--version"], { encoding: "utf8" }).stdout;
  return [ino, birthtimeMs, emulator, release()].join(" ");
}

/** What `keepAnswers` kept. */
export function knownAnswers(): Readonly<Record<string, Result>> {
  try {
    const kept = JSON.parse(readFileSync(answersPath(), "utf8")) as Kept;
    return kept.identity === identity() ? kept.answers : {};
  } catch {
    return {};
  }
}

/** Replaces what was kept, so that nothing stays that nobody asks for. */
export function keepAnswers(answers: Kept["answers"]): void {
  const draft = `${answersPath()}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ identity: identity(), answers } satisfies Kept));
  renameSync(draft, answersPath());
}

/** Beside the scripts, in the repository. */
const RECORDED = join(repository, "tests/programs/answers.json");

interface Recorded {
  /** Of the image that was asked about. */
  readonly packages: string;
  readonly answers: Readonly<Record<string, Result>>;
}

/** What was recorded of an image with just the packages of the test's. */
export function recordedAnswers(): Readonly<Record<string, Result>> {
  const { packages, answers } = JSON.parse(readFileSync(RECORDED, "utf8")) as Recorded;
  return packages === packagesOfImage() ? answers : {};
}

export function recordAnswers(answers: Readonly<Record<string, Result>>): void {
  writeFileSync(RECORDED, `${JSON.stringify({ packages: packagesOfImage(), answers } satisfies Recorded, null, 1)}\n`);
}

/** Names the test image's packages and their versions. */
function packagesOfImage(): string {
  const { packages } = new ImageStore(TEST_HOME).require(TEST_IMAGE).description;
  const lines = packages.map(({ name, version }) => `${name} ${version}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}

interface Kept {
  readonly identity: string;
  readonly answers: Readonly<Record<string, Result>>;
}

interface JudgeInput extends RunInput {
  /** The root to run in; that of the test image if there is none. */
  readonly root?: string;
  /** A folder, and where in the root it is seen: by default at /suite. */
  readonly suite?: string;
  readonly suiteAt?: string;
}

/** Suites that run as root set vm.overcommit_memory and the like, which is this host's. */
const SETTINGS_STAY = 'mount --bind "$1/proc/sys" "$1/proc/sys" && mount -o remount,bind,ro "$1/proc/sys"';

/** So that no test sets the clock of this host, which is in no namespace, ends it or changes its kernel. */
const HOST_STAYS = ["setpriv", "--bounding-set=-sys_time,-sys_boot,-sys_module"];

/** Runs a program under qemu-user; with a time limit of its own, so that nothing which it started outlives it. */
export function judge(command: readonly string[], input: JudgeInput = {}): Promise<Result> {
  const isLimited = input.timeoutMs !== undefined;
  const share = input.suite === undefined ? "" : 'mkdir -p "$1$AT" && mount --bind "$SUITE" "$1$AT" && ';
  const enter =
    `mount -t proc proc "$1/proc" && ${SETTINGS_STAY} && mount --bind /dev "$1/dev" && ` +
    'mount -t tmpfs tmpfs "$1/tmp" && ' +
    `${share}root=$1 && shift && ${isLimited ? 'env -i "$@"; exit $?' : 'exec env -i "$@"'}`;
  const environment = Object.entries({ ...GUEST_ENVIRONMENT, ...input.env }).map(([name, value]) => `${name}=${value}`);
  const unshare = [
    "unshare",
    process.getuid?.() === 0 ? "-m" : "-rm",
    ...(isLimited ? ["--pid", "--fork", "--kill-child"] : []),
  ];
  const root = input.root ?? judgeRoot();
  return run([...unshare, "sh", "-c", enter, "sh", root, ...environment, ...HOST_STAYS, "chroot", root, ...command], {
    ...(input.stdin === undefined ? {} : { stdin: input.stdin }),
    ...(input.timeoutMs === undefined ? {} : { timeoutMs: input.timeoutMs }),
    ...(input.suite === undefined ? {} : { env: { SUITE: input.suite, AT: input.suiteAt ?? "/suite" } }),
  });
}

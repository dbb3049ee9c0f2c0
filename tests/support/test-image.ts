/**
 * The image that whole-system tests run in, built once for each machine with `stratos image build` itself, and, for
 * whom the judge is asked by, the same files as a folder. Both stay in a cache folder: STRATOS_TEST_HOME, else
 * `~/.cache/stratos-test`.
 */
import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isExtended } from "@stratos/base/testing";
import { NODE_FLAGS } from "@stratos/engine-node/node-flags";
import { lockFile } from "../../packages/host-node/src/file-lock.ts";
import { translatorVersion } from "../../packages/host-node/src/source-version.ts";
import { launcher, repository } from "./stratos.ts";

export const TEST_HOME = process.env["STRATOS_TEST_HOME"] ?? join(homedir(), ".cache/stratos-test");
/** A change of the list is a new image. */
export const TEST_PACKAGES = [
  "python3",
  "perl",
  "git",
  "gcc",
  "libc6-dev",
  "make",
  "sqlite3",
  "procps",
  "gawk",
  "bc",
  "file",
  "xz-utils",
  "zstd",
  "bzip2",
  "vim-tiny",
  "less",
  "curl",
  "ca-certificates",
  "net-tools",
];
export const TEST_IMAGE = "test-3";
/**
 * Of windows, screens and desktops. What draws, is heard and stands in a panel in other ways (ALSA, SoX, GTK by python)
 * brings three times as many packages: it is in the image of the extended run.
 */
export const SCREEN_IMAGE = isExtended ? "screens-3-extended" : "screens-3";
const EXTENDED_SCREEN_PACKAGES = [
  ...["alsa-utils", "libasound2-plugins", "sox", "libsox-fmt-pulse"],
  ...["python3-gi", "gir1.2-ayatanaappindicator3-0.1"],
];
const SCREEN_PACKAGES = [
  ...["foot", "fonts-dejavu-core", "libnotify-bin", "dbus-bin", "libdrm-tests", "evtest", "pulseaudio-utils"],
  ...(isExtended ? EXTENDED_SCREEN_PACKAGES : []),
];

const JUDGE_ROOT = join(TEST_HOME, `root-${TEST_IMAGE}`);
const BUILD_WAIT_MS = 20 * 60_000;

/** Builds what is missing; several test files may ask at once. */
export function ensureTestImage(): Promise<void> {
  return ensureImage(TEST_IMAGE, TEST_PACKAGES);
}

/** The test image's files as a folder. */
export async function ensureJudgeRoot(): Promise<void> {
  await ensureTestImage();
  await ensure("judge-root", () => existsSync(JUDGE_ROOT), exportRoot);
}

export function ensureScreenImage(): Promise<void> {
  return ensureImage(SCREEN_IMAGE, SCREEN_PACKAGES);
}

/** Where python looks for its own tests; the package with most of them puts them beside those of the image. */
export const PYTHON_TESTS = "/usr/lib/python3.13/test";
const PYTHON_TESTS_PACKAGE = "libpython3.13-testsuite";

/**
 * All of CPython's own tests, to be seen at `PYTHON_TESTS`. In the image the package would compile each of its files
 * when it is configured, which takes as long as all of the others together.
 *
 * @returns a folder
 */
export async function ensurePythonTests(): Promise<string> {
  await ensureTestImage();
  const folder = join(TEST_HOME, `python-tests-${TEST_IMAGE}`);
  const makeFolder = (): void => {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    command(["pkg", "download", "--image", TEST_IMAGE, "--output", partial, PYTHON_TESTS_PACKAGE]);
    const [archive] = readdirSync(partial);
    command(["pkg", "deb", "extract", join(partial, archive!), join(partial, "root")]);
    const tests = join(partial, "root", PYTHON_TESTS);
    pipe(["run", "-i", TEST_IMAGE, "--", "tar", "-C", PYTHON_TESTS, "-c", "."], `tar -x -C '${tests}'`);
    renameSync(tests, folder);
    rmSync(partial, { recursive: true });
  };
  await ensure("python-tests", () => existsSync(folder), makeFolder);
  return folder;
}

/** What Node for arm64 is linked with, for another architecture's computer: packages of every architecture. */
const ARM_LIBRARIES = ["libc6-arm64-cross", "libstdc++6-arm64-cross", "libgcc-s1-arm64-cross"];

/** @returns a folder with `lib`, for an emulator of arm64 (`-L`) */
export async function ensureArmLibraries(): Promise<string> {
  await ensureTestImage();
  const folder = join(TEST_HOME, "arm64-libraries");
  const makeFolder = (): void => {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    command(["pkg", "download", "--image", TEST_IMAGE, "--output", partial, ...ARM_LIBRARIES]);
    const libraries = join(partial, "lib");
    const archives = readdirSync(partial);
    mkdirSync(libraries);
    for (const archive of archives) {
      const root = join(partial, "root");
      command(["pkg", "deb", "extract", join(partial, archive), root]);
      const own = join(root, "usr/aarch64-linux-gnu/lib");
      for (const name of readdirSync(own)) renameSync(join(own, name), join(libraries, name));
      rmSync(root, { recursive: true });
      rmSync(join(partial, archive));
    }
    renameSync(partial, folder);
  };
  await ensure("arm64-libraries", () => existsSync(folder), makeFolder);
  return folder;
}

/**
 * A home that has the image `astra`, whose programs take a quarter of a minute to compile: who comes first does it.
 * They are compiled anew when their sources, or the compiler's, are others (`ensureAstraImage`).
 *
 * @returns STRATOS_HOME
 */
export async function ensureAstraHome(): Promise<string> {
  const home = join(TEST_HOME, "astra");
  let isFresh = false;
  await ensure(
    "astra-home",
    () => isFresh,
    () => {
      command(["run", "-i", "astra", "--", "true"], home);
      isFresh = true;
    },
  );
  return home;
}

const TRANSLATIONS = join(TEST_HOME, "translations");

/**
 * Translates what tests start most (`translate-programs.ts`), once for each version of the translator and of that list:
 * half of a start of python, and a third of one of the compiler, is work that each run would do again. Runs in a home
 * with translations use these and add none (`stratos.ts`). `tests/image.test.ts` sees to it, before all others.
 */
export async function ensureTranslations(): Promise<void> {
  await ensureTestImage();
  const program = join(repository, "tests/support/translate-programs.ts");
  const version = hash("sha256", `${process.version} ${translatorVersion()} ${readFileSync(program, "utf8")}`);
  const stamp = join(TEST_HOME, `translated-${version}`);
  const translate = (): void => {
    for (const name of readdirSync(TEST_HOME))
      if (name.startsWith("translated-")) rmSync(join(TEST_HOME, name), { recursive: true });
    const env = { ...ENVIRONMENT, STRATOS_NO_CACHE: "" };
    const { status, stderr } = spawnSync(process.execPath, [...NODE_FLAGS, program, TEST_HOME, TEST_IMAGE], {
      env,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${program} ended with status ${status}:\n${stderr}`);
    mkdirSync(stamp);
  };
  await ensure("translations-made", () => existsSync(stamp), translate);
}

/** Gives a home of a test's own what is translated. Such files are never written, only replaced: links will do. */
export function shareTranslations(home: string): void {
  const own = join(home, "translations");
  try {
    const names = readdirSync(TRANSLATIONS).filter((name) => name.endsWith(".code"));
    mkdirSync(own, { mode: 0o700 });
    for (const name of names) linkSync(join(TRANSLATIONS, name), join(own, name));
  } catch {
    // There are none yet, one is just replaced, or the home is on another file system: it translates itself.
  }
}

/** An image that some test files need. A change of the list is a new name. */
export function ensureImage(name: string, packages: readonly string[]): Promise<void> {
  const isBuilt = (): boolean => existsSync(join(TEST_HOME, "images", name));
  return ensure(name, isBuilt, () => buildImage(name, packages));
}

/** Does what is not done yet. @param name  of the lock: one process does it, the others wait */
export async function ensure(name: string, isReady: () => boolean, prepare: () => void): Promise<void> {
  mkdirSync(TEST_HOME, { recursive: true });
  const deadline = Date.now() + BUILD_WAIT_MS;
  while (!isReady()) {
    let unlock;
    try {
      unlock = lockFile(join(TEST_HOME, name));
    } catch (error) {
      if ((error as Error).name !== "Error" || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
      continue;
    }
    try {
      if (!isReady()) prepare();
    } finally {
      unlock();
    }
  }
}

export function judgeRoot(): string {
  return JUDGE_ROOT;
}

const ENVIRONMENT = { ...process.env, STRATOS_HOME: TEST_HOME, STRATOS_NO_CACHE: "1" };

function buildImage(name: string, packages: readonly string[]): void {
  command(["image", "build", name, "--packages", packages.join(",")]);
}

function command(args: readonly string[], home: string = TEST_HOME): void {
  const [node, ...rest] = launcher;
  const env = { ...ENVIRONMENT, STRATOS_HOME: home };
  const { status, stderr } = spawnSync(node!, [...rest, ...args], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with status ${status}:\n${stderr}`);
}

/** @param reader  a command of the shell, which reads what the command line writes */
function pipe(args: readonly string[], reader: string): void {
  const shell = ["-o", "pipefail", "-c", `"$@" | ${reader}`, "bash"];
  const { status, stderr } = spawnSync("bash", [...shell, ...launcher, ...args], {
    env: ENVIRONMENT,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with status ${status}:\n${stderr}`);
}

function exportRoot(): void {
  const partial = `${JUDGE_ROOT}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const owner = process.getuid?.() === 0 ? "--numeric-owner" : "--no-same-owner";
  pipe(["image", "export", TEST_IMAGE], `tar ${owner} --exclude='./dev/*' -xpf - -C '${partial}'`);
  renameSync(partial, JUDGE_ROOT);
}

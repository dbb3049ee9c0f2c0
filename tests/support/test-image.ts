/**
 * The image that whole-system tests run in, built once for each machine with `stratos image build` itself, and the same
 * files as a folder, for the judge. Both stay in a cache folder: STRATOS_TEST_HOME, else `~/.cache/stratos-test`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { lockFile } from "@stratos/host-node";
import { launcher } from "./stratos.ts";

export const TEST_HOME = process.env["STRATOS_TEST_HOME"] ?? join(homedir(), ".cache/stratos-test");
/** A change of the list is a new image. */
export const TEST_PACKAGES = [
  "python3",
  "libpython3.13-testsuite",
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
];
export const TEST_IMAGE = "test-2";

const JUDGE_ROOT = join(TEST_HOME, `root-${TEST_IMAGE}`);
const BUILD_WAIT_MS = 20 * 60_000;

/** Builds what is missing; several test files may ask at once. */
export async function ensureTestImage(): Promise<void> {
  mkdirSync(TEST_HOME, { recursive: true });
  const deadline = Date.now() + BUILD_WAIT_MS;
  while (!isReady()) {
    let unlock;
    try {
      unlock = lockFile(join(TEST_HOME, "test-image"));
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

function isReady(): boolean {
  return existsSync(join(TEST_HOME, "images", TEST_IMAGE)) && existsSync(JUDGE_ROOT);
}

function prepare(): void {
  const environment = { ...process.env, STRATOS_HOME: TEST_HOME };
  const [node, ...rest] = launcher;
  if (!existsSync(join(TEST_HOME, "images", TEST_IMAGE))) {
    const built = spawnSync(node!, [...rest, "image", "build", TEST_IMAGE, "--packages", TEST_PACKAGES.join(",")], {
      env: environment,
      encoding: "utf8",
    });
    if (built.status !== 0) throw new Error(`the test image cannot be built:\n${built.stderr}`);
  }
  const partial = `${JUDGE_ROOT}.partial`;
  rmSync(partial, { recursive: true, force: true });
  rmSync(JUDGE_ROOT, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const owner = process.getuid?.() === 0 ? "--numeric-owner" : "--no-same-owner";
  const unpack = spawnSync(
    "bash",
    [
      "-o",
      "pipefail",
      "-c",
      `"$@" | tar ${owner} --exclude='./dev/*' -xpf - -C '${partial}'`,
      "bash",
      ...launcher,
      "image",
      "export",
      TEST_IMAGE,
    ],
    { env: environment, encoding: "utf8" },
  );
  if (unpack.status !== 0) throw new Error(`the test image cannot be exported:\n${unpack.stderr}`);
  renameSync(partial, JUDGE_ROOT);
}

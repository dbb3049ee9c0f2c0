/**
 * What a bench run needs: the C programs, compiled; the guest's root as an image for us and as a folder for qemu-user.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

export const BENCH_IMAGE = "bench";
export const BENCH_PACKAGES = [
  ...["python3", "perl", "git", "gcc", "libc6-dev", "make", "sqlite3", "procps"],
  ...["openssl", "bzip2", "xz-utils", "zstd", "ruby", "php-cli", "nodejs", "npm", "default-jdk-headless"],
];

/** Compiles `bench/programs/*.c` statically for riscv64 into `folder`; those that are up to date stay. */
export function compilePrograms(source: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(source).filter((name) => name.endsWith(".c"))) {
    const target = join(folder, file.replace(/\.c$/, ""));
    if (existsSync(target) && statSync(target).mtimeMs > statSync(join(source, file)).mtimeMs) continue;
    compile("riscv64-linux-gnu-gcc", join(source, file), target);
  }
  cpSync(join(source, "debian"), join(folder, "debian"), { recursive: true });
}

/** @returns the program, or null when the host has no compiler */
export function compileNative(source: string, target: string): string | null {
  try {
    compile("gcc", source, target);
    return target;
  } catch {
    return null;
  }
}

function compile(compiler: string, source: string, target: string): void {
  // A program without a C library brings its own `_start`.
  const isFreestanding = /\.globl _start\b/.test(readFileSync(source, "utf8"));
  const flags = isFreestanding ? ["-nostdlib", "-ffreestanding", "-fno-builtin"] : ["-lm"];
  const result = spawnSync(compiler, ["-O2", "-static", source, "-o", target, ...flags], { encoding: "utf8" });
  if (result.error !== undefined)
    throw new Error(`${compiler}: ${result.error.message} (on Debian: apt-get install gcc-riscv64-linux-gnu)`);
  if (result.status !== 0) throw new Error(`${compiler} ${source}: ${result.stderr}`);
}

/** Builds the image when it is missing. */
export function ensureImage(launcher: readonly string[], image: string, packages: readonly string[]): void {
  const names = spawnSync(launcher[0]!, [...launcher.slice(1), "image", "ls", "--names"], {
    encoding: "utf8",
  }).stdout.split("\n");
  if (names.includes(image)) return;
  const result = spawnSync(
    launcher[0]!,
    [...launcher.slice(1), "image", "build", "--no-warm-code", image, "--packages", packages.join(",")],
    { stdio: "inherit" },
  );
  if (result.status !== 0) throw new Error(`image build ${image}: status ${result.status}`);
}

/** The image's files as a folder of the host, for qemu-user. */
export function exportRoot(launcher: readonly string[], image: string, folder: string): string {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const command = [...launcher, "image", "export", image].map((word) => `'${word}'`).join(" ");
  const result = spawnSync(
    "bash",
    ["-o", "pipefail", "-c", `${command} | tar --numeric-owner -xpf - -C '${partial}'`],
    { encoding: "utf8" },
  );
  if (result.status !== 0) throw new Error(`export of ${image}: ${result.stderr}`);
  renameSync(partial, folder);
  return folder;
}

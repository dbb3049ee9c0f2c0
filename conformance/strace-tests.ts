/** strace's own tests: each call with whatever a register may hold, traced by the strace that they belong to. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const TARGET = "riscv64-linux-gnu";

/** @returns names of scripts in the source's `tests`; programs and strace go to `folder/programs` */
export function buildStraceTests(folder: string): string[] {
  const programs = join(folder, "programs");
  if (!existsSync(programs)) build(folder, programs);
  return readFileSync(join(programs, "names"), "latin1").split("\n").filter(Boolean);
}

function build(folder: string, programs: string): void {
  const source = join(folder, "source");
  const partial = `${programs}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const options = ["--enable-mpers=no", "--enable-gcc-Werror=no", "--enable-bundled=yes", "CFLAGS=-O1 -w"];
  execFileSync(join(source, "configure"), [`--host=${TARGET}`, ...options], { cwd: partial, stdio: "ignore" });
  make(partial, ["all"]);
  // Some want a newer C library.
  make(join(partial, "tests"), ["-k", "check", "TESTS="]);
  const tests = join(partial, "tests");
  writeFileSync(
    join(partial, "names"),
    execFileSync("make", ["-s", "-C", tests, "--eval", "names: ; @printf '%s\\n' $(TESTS)", "names"]),
  );
  // The rest is copied into each guest.
  for (const name of readdirSync(partial))
    if (!/^(tests|src|names)$/.test(name)) rmSync(join(partial, name), { recursive: true });
  for (const part of ["tests", "src"]) strip(join(partial, part));
  cpSync(join(source, "tests"), join(partial, "scripts"), { recursive: true, filter: (path) => !/\.[ch]$/.test(path) });
  renameSync(partial, programs);
}

function strip(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (/\.(o|a|Po|Tpo)$/.test(name) || name === ".deps") rmSync(path, { recursive: true });
    else if (statSync(path).isFile()) spawnSync(`${TARGET}-strip`, [path], { stdio: "ignore" });
  }
}

function make(folder: string, args: readonly string[]): void {
  spawnSync("make", ["-s", "-j2", "-C", folder, ...args], { stdio: "ignore" });
}

/** File systems that mke2fs(8) made, and the judgement of e2fsck(8) on what became of them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { linkSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function withImage<Result>(bytes: Uint8Array, act: (path: string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), "stratos-ext4-"));
  try {
    const path = join(folder, "disk");
    writeFileSync(path, bytes);
    return act(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tool of e2fsprogs. @returns what it said; it must end with 0 */
function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, E2FSPROGS_FAKE_TIME: "1700000000" },
  });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${error?.message ?? ""}${stdout}${stderr}`);
  return stdout;
}

/** @param options  of mke2fs */
export function makeExt4(size: number, ...options: string[]): Uint8Array<ArrayBuffer> {
  return withImage(new Uint8Array(0), (path) => {
    truncateSync(path, size);
    run("mke2fs", "-q", "-F", ...options, path);
    return new Uint8Array(readFileSync(path));
  });
}

/** The same with files of these names, which are one. */
export function makeExt4Of(size: number, names: readonly string[], ...options: string[]): Uint8Array<ArrayBuffer> {
  const from = mkdtempSync(join(tmpdir(), "stratos-ext4-from-"));
  try {
    writeFileSync(join(from, names[0]!), "");
    for (const name of names.slice(1)) linkSync(join(from, names[0]!), join(from, name));
    return makeExt4(size, ...options, "-d", from);
  } finally {
    rmSync(from, { recursive: true, force: true });
  }
}

/** Each of `commands` by debugfs(8), which may write. @returns the image afterwards */
export function changeExt4(image: Uint8Array, ...commands: string[]): Uint8Array<ArrayBuffer> {
  return withImage(image, (path) => {
    writeFileSync(`${path}.commands`, commands.join("\n"));
    run("debugfs", "-w", "-f", `${path}.commands`, path);
    return new Uint8Array(readFileSync(path));
  });
}

/** Nothing is to be mended. */
export function checkExt4(image: Uint8Array): void {
  withImage(image, (path) => run("e2fsck", "-fn", path));
}

/** With hash trees for its folders. */
export function reindexExt4(image: Uint8Array): Uint8Array<ArrayBuffer> {
  return withImage(image, (path) => {
    // 1: something was mended, which is what was asked for.
    run("sh", "-c", `e2fsck -fyD ${path} || [ $? = 1 ]`);
    return new Uint8Array(readFileSync(path));
  });
}

/** `content` waits in the journal to be written to its place, from `block` on. */
export function writeJournal(image: Uint8Array, block: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return withImage(image, (path) => {
    writeFileSync(`${path}.content`, content);
    const blocks = `${block}-${block + content.length / 1024 - 1}`;
    const commands = ["journal_open", `journal_write -b ${blocks} ${path}.content`, "journal_close"];
    writeFileSync(`${path}.commands`, commands.join("\n"));
    run("debugfs", "-w", "-f", `${path}.commands`, path);
    return new Uint8Array(readFileSync(path));
  });
}

/** What debugfs(8) answers. */
export function askExt4(image: Uint8Array, command: string): string {
  return withImage(image, (path) => run("debugfs", "-R", command, path));
}

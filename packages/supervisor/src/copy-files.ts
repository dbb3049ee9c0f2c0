/** Files and folders between this host and a running system: links are followed, as by `cp -L`. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { type FileAccess, type FileStatus, StratosError } from "@stratos/sdk/api";

/** Links may lead in circles. */
const DEPTH_MAX = 200;

/** @param path  neither a file nor a folder */
type OnLeftOut = (path: string, kind: string) => void;

/** Null: there is no such file. */
export async function statusIfThere(files: FileAccess, path: string): Promise<FileStatus | null> {
  try {
    return await files.stat(path);
  } catch (error) {
    if (error instanceof StratosError && error.kind === "file") return null;
    throw error;
  }
}

/** From a system to this host. @throws StratosError; Node's own error for a file of this host */
export async function copyOut(
  files: FileAccess,
  { from, to }: { readonly from: string; readonly to: string },
  onLeftOut: OnLeftOut,
  depth = 0,
): Promise<void> {
  const { kind, mode: all } = await files.stat(from);
  // What the system's root gave away (set-user-id) is not this user's to give.
  const mode = all & 0o777;
  if (kind === "file") return writeFileSync(to, await files.read(from), { mode });
  if (kind !== "folder") return onLeftOut(from, kind);
  checkDepth(from, depth);
  mkdirSync(to, { recursive: true, mode: mode | 0o700 });
  for (const { name } of await files.list(from))
    await copyOut(files, { from: posix.join(from, name), to: join(to, name) }, onLeftOut, depth + 1);
}

/** From this host to a system. @throws StratosError; Node's own error for a file of this host */
export async function copyIn(
  files: FileAccess,
  { from, to }: { readonly from: string; readonly to: string },
  onLeftOut: OnLeftOut,
  depth = 0,
): Promise<void> {
  const status = statSync(from);
  const mode = status.mode & 0o7777;
  if (status.isFile()) return files.write(to, readFileSync(from), { mode });
  if (!status.isDirectory()) return onLeftOut(from, "device");
  checkDepth(from, depth);
  if ((await statusIfThere(files, to))?.kind !== "folder") await files.mkdir(to, { mode });
  for (const name of readdirSync(from))
    await copyIn(files, { from: join(from, name), to: posix.join(to, name) }, onLeftOut, depth + 1);
}

function checkDepth(path: string, depth: number): void {
  if (depth > DEPTH_MAX) throw new StratosError("file", `${path}: links lead in circles`, { path, code: "ELOOP" });
}

/** Files and folders between this host and a running system. Who names a link means its file; links in folders stay. */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join, posix } from "node:path";
import { failedAt } from "@stratos/host-node/files";
import { type FileAccess, type FileKind, type FileStatus, StratosError } from "@stratos/sdk/api";

/** @param path  neither file, folder nor link */
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

interface CopyPlace {
  readonly from: string;
  readonly to: string;
}

/** From a system to this host. @throws StratosError; Node's own error for a file of this host */
export async function copyOut(files: FileAccess, { from, to }: CopyPlace, onLeftOut: OnLeftOut): Promise<void> {
  const { kind, mode: all } = await files.stat(from);
  // What the system's root gave away (set-user-id) is not this user's to give.
  const mode = all & 0o777;
  if (kind === "file") return writeHere(to, await files.read(from), mode);
  if (kind !== "folder") return onLeftOut(from, kind);
  mkdirSync(to, { recursive: true, mode: mode | 0o700 });
  for (const { name, kind: below } of await files.list(from)) {
    // Who writes a volume by himself can name a file so, and it would stand at another place of this host.
    if (!isName(name))
      throw new StratosError("file", `${from}: a name in it is none: ${JSON.stringify(name)}`, {
        path: from,
        code: "EINVAL",
      });
    const place = { from: posix.join(from, name), to: join(to, name) };
    // A link of an earlier copy would lead the system's files to any place of this host.
    if (below === "link" || lstatSync(place.to, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      rmSync(place.to, { force: true });
    if (below === "link") symlinkSync(await files.readlink(place.from), place.to);
    else await copyOut(files, place, onLeftOut);
  }
}

function writeHere(path: string, bytes: Uint8Array, mode: number): void {
  try {
    writeFileSync(path, bytes, { mode });
  } catch (error) {
    throw failedAt(path, error);
  }
}

/** Of something in a folder of this host. */
function isName(name: string): boolean {
  return name !== "" && name !== "." && basename(name) === name && name !== ".." && !name.includes("\0");
}

/** From this host to a system. @throws StratosError; Node's own error for a file of this host */
export async function copyIn(files: FileAccess, { from, to }: CopyPlace, onLeftOut: OnLeftOut): Promise<void> {
  const status = statSync(from);
  const mode = status.mode & 0o7777;
  if (status.isFile()) return files.write(to, readFileSync(from), { mode });
  if (!status.isDirectory()) return onLeftOut(from, kindOf(status));
  if ((await statusIfThere(files, to))?.kind !== "folder") await files.mkdir(to, { mode });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const place = { from: join(from, entry.name), to: posix.join(to, entry.name) };
    if (entry.isSymbolicLink()) await linkIn(files, place);
    else await copyIn(files, place, onLeftOut);
  }
}

async function linkIn(files: FileAccess, { from, to }: CopyPlace): Promise<void> {
  const target = readlinkSync(from);
  try {
    await files.symlink(target, to);
  } catch (error) {
    if (!(error instanceof StratosError) || (error.data as { readonly code?: string }).code !== "EEXIST") throw error;
    await files.rm(to);
    await files.symlink(target, to);
  }
}

function kindOf(status: Stats): FileKind {
  return status.isFIFO() ? "fifo" : status.isSocket() ? "socket" : "device";
}

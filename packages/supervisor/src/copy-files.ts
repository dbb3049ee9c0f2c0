/** Files and folders between this host and a running system. Who names a link means its file; links in folders stay. */
import { isUtf8 } from "node:buffer";
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
import { hostReason } from "@stratos/host-node/home";
import { FILE_BYTES_MAX, madeUpPlaces } from "@stratos/sdk/wire";
import { type FailureData, type FileAccess, type FileKind, type FileStatus, StratosError } from "@stratos/sdk/api";

/**
 * @param why  completes "left out, since …"
 * @param isContent  a file or a link, and not what has none (fifos, sockets, devices)
 */
type OnLeftOut = (path: string, why: string, isContent: boolean) => void;

const NAME_IS_OTHER = "its name is not UTF-8",
  TARGET_IS_OTHER = "where it leads is not UTF-8";

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

/**
 * From a system to this host. What cannot be read below a folder (in a system that lives, files go between two looks)
 * is left out, and all else copied; so is what the kernel makes up, unless `from` is in it.
 *
 * @throws StratosError for `from` itself; Node's own error for a file of this host
 */
export async function copyOut(files: FileAccess, place: CopyPlace, onLeftOut: OnLeftOut): Promise<void> {
  await copyTreeOut(files, place, onLeftOut, await placesLeftOut(files, place.from));
}

async function placesLeftOut(files: FileAccess, from: string): Promise<ReadonlySet<string>> {
  try {
    return madeUpPlaces(await files.readText("/proc/mounts"), from);
  } catch (error) {
    // Without /proc nothing tells where they are; what is asked for is copied as it is.
    if (!(error instanceof StratosError) || error.kind !== "file") throw error;
    return new Set();
  }
}

async function copyTreeOut(
  files: FileAccess,
  { from, to }: CopyPlace,
  onLeftOut: OnLeftOut,
  madeUp: ReadonlySet<string>,
): Promise<void> {
  const { kind, mode: all, sizeBytes } = await files.stat(from);
  // What the system's root gave away (set-user-id) is not this user's to give.
  const mode = all & 0o777;
  if (kind === "file") {
    if (sizeBytes > FILE_BYTES_MAX) throw tooLarge(from);
    return writeHere(to, await files.read(from), mode);
  }
  if (kind !== "folder") return onLeftOut(from, `it is a ${kind}`, false);
  mkdirSync(to, { recursive: true, mode: mode | 0o700 });
  for (const { name, kind: below } of await files.list(from)) {
    // Who writes a volume by himself can name a file so, and it would stand at another place of this host.
    if (!isName(name))
      throw new StratosError("file", `${from}: a name in it is none: ${JSON.stringify(name)}`, {
        path: from,
        code: "EINVAL",
      });
    const place = { from: posix.join(from, name), to: join(to, name) };
    if (madeUp.has(place.from)) {
      onLeftOut(place.from, "the kernel makes it up", false);
      continue;
    }
    // Names come as text; a file of that very name may be there.
    if (name.includes("\uFFFD") && below !== "link" && (await statusIfThere(files, place.from)) === null) {
      onLeftOut(place.from, NAME_IS_OTHER, true);
      continue;
    }
    // A link of an earlier copy would lead the system's files to any place of this host.
    if (below === "link" || lstatSync(place.to, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      rmSync(place.to, { force: true });
    try {
      if (below === "link") await linkHere(files, place, onLeftOut);
      else await copyTreeOut(files, place, onLeftOut, madeUp);
    } catch (error) {
      if (!(error instanceof StratosError)) throw error;
      onLeftOut(place.from, reasonToGoOn(error, place.from), true);
    }
  }
}

/** Of one file of many; that a system is gone, or a disk full, is about all of them. @param path  that was read */
function reasonToGoOn(error: unknown, path: string): string {
  if (!(error instanceof StratosError)) return `it cannot be read (${hostReason(error)})`;
  const { path: at, code } = error.data as Partial<FailureData["file"]>;
  if (error.kind !== "file" || at !== path) throw error;
  const why = error.message.startsWith(`${path}: `) ? error.message.slice(path.length + 2) : error.message;
  return code === "EFBIG" ? why : `it cannot be read (${why})`;
}

async function linkHere(files: FileAccess, { from, to }: CopyPlace, onLeftOut: OnLeftOut): Promise<void> {
  try {
    const target = await files.readlink(from);
    if (target.includes("\uFFFD")) return onLeftOut(from, TARGET_IS_OTHER, true);
    symlinkSync(target, to);
  } catch (error) {
    if (!(error instanceof StratosError) || !from.includes("\uFFFD")) throw error;
    onLeftOut(from, NAME_IS_OTHER, true);
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

/**
 * From this host to a system. What cannot be read below a folder is left out, and all else copied.
 *
 * @throws StratosError for a file of the system; Node's own error for `from` itself
 */
export async function copyIn(files: FileAccess, { from, to }: CopyPlace, onLeftOut: OnLeftOut): Promise<void> {
  const status = statSync(from);
  const mode = status.mode & 0o7777;
  if (status.isFile()) {
    if (status.size > FILE_BYTES_MAX) throw tooLarge(from);
    return files.write(to, readFileSync(from), { mode });
  }
  if (!status.isDirectory()) return onLeftOut(from, `it is a ${kindOf(status)}`, false);
  if ((await statusIfThere(files, to))?.kind !== "folder") await files.mkdir(to, { mode });
  for (const entry of readdirSync(from, { withFileTypes: true, encoding: "buffer" })) {
    const name = entry.name.toString();
    const place = { from: join(from, name), to: posix.join(to, name) };
    try {
      if (!isUtf8(entry.name)) onLeftOut(place.from, NAME_IS_OTHER, true);
      else if (entry.isSymbolicLink()) await linkIn(files, place, onLeftOut);
      else await copyIn(files, place, onLeftOut);
    } catch (error) {
      onLeftOut(place.from, reasonToGoOn(error, place.from), true);
    }
  }
}

async function linkIn(files: FileAccess, { from, to }: CopyPlace, onLeftOut: OnLeftOut): Promise<void> {
  const bytes = readlinkSync(from, "buffer");
  if (!isUtf8(bytes)) return onLeftOut(from, TARGET_IS_OTHER, true);
  const target = bytes.toString();
  try {
    await files.symlink(target, to);
  } catch (error) {
    if (!(error instanceof StratosError) || (error.data as { readonly code?: string }).code !== "EEXIST") throw error;
    await files.rm(to);
    await files.symlink(target, to);
  }
}

function tooLarge(path: string): StratosError {
  return new StratosError(
    "file",
    `${path}: it is larger than 1 GiB, which is what a copy of a file holds; tar takes larger ones: ` +
      "`stratos exec NAME tar -c -C DIR .` writes a folder to stdout, `exec -i NAME tar -x -C DIR` reads one",
    { path, code: "EFBIG" },
  );
}

function kindOf(status: Stats): FileKind {
  return status.isFIFO() ? "fifo" : status.isSocket() ? "socket" : "device";
}

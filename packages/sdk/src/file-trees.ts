/**
 * Folders with all that is in them: copied, packed as a tar archive, and unpacked. Links are kept as links and never
 * followed below the folder; sockets, fifos and devices are left out, and so is what the kernel makes up (/proc, /sys),
 * unless it is asked for. What fails below the folder is named. One call reads FILE_BYTES_MAX at most.
 */
import { EFBIG, EINVAL, EISDIR, ENOENT, ERRNO_NAMES } from "@stratos/abi";
import { byteString, concatBytes, exactByteString, exactText } from "@stratos/base";
import { tarEnd, tarEntry, type TarEntry, tarHeader, tarPadding, TarType, visitTar } from "@stratos/formats/tar";
import { type FileStatus, StratosError } from "./api.ts";
import { FILE_BYTES_MAX, type FileOperations, makeFolders } from "./file-operations.ts";
import { madeUpPlaces } from "./made-up-places.ts";

/** cp -a. @param whole  folders, too. @returns 0, or −EISDIR, −EINVAL (into itself), or what an operation said */
export function copyFiles(
  files: FileOperations,
  { from, to }: { readonly from: string; readonly to: string },
  whole: boolean,
): number {
  const status = files.linkStatus(from);
  if (typeof status === "number") return status;
  if (status.kind === "folder" && !whole) return -EISDIR;
  if (`${plain(to)}/`.startsWith(`${plain(from)}/`)) return -EINVAL;
  const leftOut: ReadonlySet<string> = status.kind === "folder" ? placesLeftOut(files, from) : new Set();
  return isKept(status) ? copyEntry({ files, leftOut }, from, to, status) : -EINVAL;
}

interface Tree {
  readonly files: FileOperations;
  /** Places that are passed over. */
  readonly leftOut: ReadonlySet<string>;
}

function copyEntry(tree: Tree, from: string, to: string, status: FileStatus): number {
  const { files } = tree;
  if (status.kind === "folder") {
    const made = makeFolders(files, to, status.mode);
    if (made < 0) return made;
    const copy = (name: string, path: string, below: FileStatus): number =>
      copyEntry(tree, path, `${plain(to)}/${name}`, below);
    const failed = eachBelow(tree, from, copy);
    return failed < 0 ? failed : files.setAttributes(to, status);
  }
  const done = status.kind === "link" ? copyLink(files, from, to) : copyContent(files, from, to, status);
  return done < 0 ? done : files.setAttributes(to, status);
}

function copyLink(files: FileOperations, from: string, to: string): number {
  const target = files.readLink(from);
  if (typeof target === "number") return target;
  const cleared = clear(files, to);
  return cleared < 0 ? cleared : files.makeLink(target, to);
}

function copyContent(files: FileOperations, from: string, to: string, { mode }: FileStatus): number {
  const bytes = files.read(from);
  if (typeof bytes === "number") return bytes;
  const cleared = clear(files, to);
  return cleared < 0 ? cleared : files.write(to, bytes, mode);
}

/** A name that is there makes room. −EISDIR: it is a folder. */
function clear(files: FileOperations, path: string): number {
  const there = files.linkStatus(path);
  if (typeof there === "number") return there === -ENOENT ? 0 : there;
  return there.kind === "folder" ? -EISDIR : files.removeFile(path);
}

/** Whether copies and archives have it. */
function isKept({ kind }: FileStatus): boolean {
  return kind === "file" || kind === "folder" || kind === "link";
}

/** Where the kernel's own are, for a machine's files; a volume has none. */
function placesLeftOut(files: FileOperations, folder: string): ReadonlySet<string> {
  const mounts = files.read("/proc/mounts");
  return typeof mounts === "number" ? new Set() : madeUpPlaces(exactText(byteString(mounts)), plain(folder));
}

/**
 * What is directly in a folder and is kept, by name.
 *
 * @returns 0, or −EFBIG
 * @throws StratosError of kind file: what failed first, in which file
 */
function eachBelow(
  { files, leftOut }: Tree,
  folder: string,
  visit: (name: string, path: string, status: FileStatus) => number,
): number {
  const entries = files.list(folder);
  if (typeof entries === "number") return entries;
  for (const name of entries.map(({ name }) => name).sort()) {
    const path = `${plain(folder)}/${name}`;
    if (leftOut.has(path)) continue;
    const status = files.linkStatus(path);
    // Another program may have removed it.
    if (typeof status === "number" || !isKept(status)) continue;
    const failed = visit(name, path, status);
    // Of all that is packed.
    if (failed === -EFBIG) return failed;
    if (failed < 0) throw failureOf(path, failed);
  }
  return 0;
}

function failureOf(path: string, result: number): StratosError<"file"> {
  const code = ERRNO_NAMES[-result] ?? String(-result);
  return new StratosError("file", `${path}: ${code}`, { path, code });
}

/** What is in a folder as a tar archive, or −ENOTDIR, −EFBIG and the like. */
export function packFolder(files: FileOperations, folder: string): Uint8Array | number {
  const parts: Uint8Array[] = [];
  const tree = { files, leftOut: placesLeftOut(files, folder) };
  let total = 0;
  const add = (part: Uint8Array): number => {
    parts.push(part);
    total += part.length;
    return total > FILE_BYTES_MAX ? -EFBIG : 0;
  };
  const pack = (path: string, inside: string, status: FileStatus): number => {
    const { mode, uid, gid, modifiedMs } = status;
    const fields = { mode, uid, gid, mtime: Math.floor(modifiedMs / 1000) };
    const name = exactByteString(inside);
    if (status.kind === "folder") {
      const full = add(tarHeader(tarEntry(name, TarType.directory, fields)));
      return full < 0 ? full : below(path, `${inside}/`);
    }
    if (status.kind === "link") {
      const target = files.readLink(path);
      if (typeof target === "number") return target;
      return add(tarHeader(tarEntry(name, TarType.symbolicLink, { ...fields, linkPath: exactByteString(target) })));
    }
    const bytes = files.read(path);
    if (typeof bytes === "number") return bytes;
    add(tarHeader(tarEntry(name, TarType.file, { ...fields, size: bytes.length })));
    add(bytes);
    return add(new Uint8Array(tarPadding(bytes.length)));
  };
  const below = (path: string, inside: string): number =>
    eachBelow(tree, path, (name, each, status) => pack(each, inside + name, status));
  const failed = below(folder, "");
  if (failed < 0) return failed;
  add(tarEnd());
  return concatBytes(parts);
}

/** Unpacks into a folder, which is made. @returns 0 or a negated errno. @throws StratosError of kind archive */
export function unpackFolder(files: FileOperations, folder: string, tar: Uint8Array): number {
  const root = plain(folder);
  let failed = makeFolders(files, folder, 0o755);
  /** A folder's time is that of the archive once all is in it. */
  const folders: { readonly path: string; readonly entry: TarEntry }[] = [];
  const wrong = visitTar(tar, (entry, content) => {
    if (failed < 0) return;
    const inside = insideOf(entry.path);
    const path = inside === "" ? root : `${root}/${inside}`;
    if (entry.type === TarType.directory) {
      failed = makeFolders(files, path || "/", entry.mode);
      if (inside !== "") folders.push({ path, entry });
    } else failed = unpackEntry(files, { path, root }, entry, content);
  });
  if (wrong !== undefined) throw damaged(`not a tar archive that can be read: ${wrong}`);
  for (const { path, entry } of folders.reverse()) if (failed >= 0) failed = setAttributes(files, path, entry);
  return failed;
}

function unpackEntry(
  files: FileOperations,
  { path, root }: { readonly path: string; readonly root: string },
  entry: TarEntry,
  content: Uint8Array,
): number {
  const { type } = entry;
  if (type !== TarType.file && type !== TarType.symbolicLink && type !== TarType.hardLink) return 0;
  const parent = path.slice(0, path.lastIndexOf("/"));
  const made = parent === "" ? 0 : makeFolders(files, parent, 0o755);
  if (made < 0) return made;
  const cleared = clear(files, path);
  if (cleared < 0) return cleared;
  const target = exactText(entry.linkPath);
  if (type === TarType.hardLink) return files.addName(`${root}/${insideOf(entry.linkPath)}`, path);
  const done = type === TarType.file ? files.write(path, content, entry.mode) : files.makeLink(target, path);
  return done < 0 ? done : setAttributes(files, path, entry);
}

function setAttributes(files: FileOperations, path: string, { mode, uid, gid, mtime }: TarEntry): number {
  return files.setAttributes(path, { mode, uid, gid, modifiedMs: mtime * 1000 });
}

/** A name of an archive, relative to where it is unpacked. @throws StratosError of kind archive */
function insideOf(name: string): string {
  const words = exactText(name)
    .split("/")
    .filter((word) => word !== "" && word !== ".");
  if (words.includes("..")) throw damaged(`${name}: a name with ".." is not unpacked`);
  return words.join("/");
}

function damaged(reason: string): StratosError<"archive"> {
  return new StratosError("archive", reason, { reason });
}

/** Without a slash at its end: "" for the root. */
function plain(path: string): string {
  return path.replace(/\/+$/, "");
}

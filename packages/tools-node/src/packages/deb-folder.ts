/**
 * A folder as dpkg-deb takes one: `DEBIAN/` with the control part, and the tree beside it. Everything belongs to root.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { join } from "node:path";
import { hostReason } from "@stratos/host-node/home";
import { TarType, tarEntry } from "@stratos/formats";
import { DebError, type ControlFile, type DebEntry, type DebSource } from "@stratos/pkg";

/** @throws DebError  it is no folder of a package, or holds what no package can */
export function readDebFolder(folder: string): DebSource {
  const controlFiles: ControlFile[] = [];
  let control: string | undefined;
  let names: string[];
  try {
    names = readdirSync(join(folder, "DEBIAN"));
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT" && existsSync(folder);
    throw new DebError(`${folder}: ${isMissing ? "holds no folder DEBIAN" : hostReason(cause)}`, { cause });
  }
  for (const name of names.sort()) {
    const path = join(folder, "DEBIAN", name);
    const stats = lstatSync(path);
    if (!stats.isFile()) throw new DebError(`${path}: not a plain file`);
    if (name === "control") control = readFileSync(path, "latin1");
    else
      controlFiles.push({
        name,
        mode: stats.mode & 0o7777,
        mtime: Math.floor(stats.mtimeMs / 1000),
        content: readFileSync(path),
      });
  }
  if (control === undefined) throw new DebError(`${folder}/DEBIAN: holds no control`);
  const tree: DebEntry[] = [];
  readTree(Buffer.from(folder), "", tree, new Map());
  return { control, controlFiles, tree };
}

/** @param path  of the folder, relative, as a byte string */
function readTree(folder: Buffer, path: string, tree: DebEntry[], links: Map<string, string>): void {
  const names = readdirSync(folder, { encoding: "buffer" }).sort(Buffer.compare);
  for (const name of names) {
    const full = Buffer.concat([folder, Buffer.from("/"), name]);
    const own = path === "" ? name.toString("latin1") : `${path}/${name.toString("latin1")}`;
    if (own === "DEBIAN") continue;
    const stats = lstatSync(full);
    const fields = { mode: stats.mode & 0o7777, mtime: Math.max(0, Math.floor(stats.mtimeMs / 1000)) };
    const add = (
      type: TarType,
      more: Partial<Parameters<typeof tarEntry>[2]> = {},
      content: Partial<Pick<DebEntry, "content">> = {},
    ): void => {
      tree.push({ entry: tarEntry(own, type, { ...fields, ...more }), ...content });
    };
    if (stats.isDirectory()) {
      add(TarType.directory);
      readTree(full, own, tree, links);
    } else if (stats.isSymbolicLink())
      add(TarType.symbolicLink, {
        mode: 0o777,
        linkPath: readlinkSync(full, { encoding: "buffer" }).toString("latin1"),
      });
    else if (stats.isFile()) {
      const key = `${stats.dev}:${stats.ino}`;
      const first = stats.nlink > 1 ? links.get(key) : undefined;
      if (first !== undefined) {
        add(TarType.hardLink, { linkPath: first });
        continue;
      }
      if (stats.nlink > 1) links.set(key, own);
      add(
        TarType.file,
        { size: stats.size },
        { content: () => filePieces(full, { name: own, mtimeMs: stats.mtimeMs }) },
      );
    } else if (stats.isFIFO()) add(TarType.fifo);
    else throw new DebError(`${own}: neither file, folder nor link, and not fit for a package`);
  }
}

const PIECE_BYTES = 1 << 20;

/**
 * A file's bytes, in one buffer again and again. @throws DebError  it was changed since its attributes were read, or is
 * while this reads
 */
function* filePieces(path: Buffer, { name, mtimeMs }: { name: string; mtimeMs: number }): Iterable<Uint8Array> {
  const fd = openSync(path, "r"),
    buffer = Buffer.allocUnsafe(PIECE_BYTES);
  try {
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) yield buffer.subarray(0, count);
    if (fstatSync(fd).mtimeMs !== mtimeMs) throw new DebError(`${name}: changed while it was read`);
  } finally {
    closeSync(fd);
  }
}

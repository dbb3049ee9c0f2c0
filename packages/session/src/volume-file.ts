/** Reads and writes files of a volume by path, without a kernel: for what the host wants to know of an image. */
import { ENOENT, S_IFDIR, S_IFMT, S_IFREG } from "@stratos/abi";
import { Attributes, ROOT_INO, type Subvolume } from "@stratos/aegisfs";

const FILE_BYTES_MAX = 64 << 20;

/** Content of a file, or null when it is not there or is too large to be what we look for. No links are followed. */
export function readVolumeFile(files: Subvolume, path: string): Uint8Array | null {
  let ino = ROOT_INO;
  for (const name of path.split("/")) {
    ino = files.lookup(ino, name);
    if (ino < 0) return null;
  }
  const attributes = new Attributes();
  if (files.stat(ino, attributes) < 0 || attributes.size > FILE_BYTES_MAX) return null;
  const bytes = new Uint8Array(Number(attributes.size));
  for (let done = 0; done < bytes.length;) {
    const count = files.read(ino, done, bytes, done, bytes.length - done);
    if (count <= 0) return null;
    done += count;
  }
  return bytes;
}

/**
 * True when a walk of real folders ends at a name that is not there; false when it is there, or a link on the way leads
 * elsewhere.
 */
export function isAbsentFromVolume(files: Subvolume, path: string): boolean {
  const attributes = new Attributes();
  let ino = ROOT_INO;
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === ".." || files.stat(ino, attributes) < 0 || (attributes.mode & S_IFMT) !== S_IFDIR) return false;
    ino = files.lookup(ino, name);
    if (ino === -ENOENT) return true;
    if (ino < 0) return false;
  }
  return false;
}

/**
 * Puts a file (0644, root's) into a folder that is there, in place of what has the name. @returns false when that is
 * not possible
 */
export function writeVolumeFile(files: Subvolume, path: string, content: Uint8Array): boolean {
  const names = path.split("/");
  const last = names.pop()!;
  let folder = ROOT_INO;
  for (const name of names) {
    folder = files.lookup(folder, name);
    if (folder < 0) return false;
  }
  const removed = files.unlink(folder, last);
  if (removed < 0 && removed !== -ENOENT) return false;
  const ino = files.create(folder, last, S_IFREG | 0o644, 0, 0);
  if (ino < 0) return false;
  for (let done = 0; done < content.length;) {
    const count = files.write(ino, done, content, done, content.length - done);
    if (count <= 0) return false;
    done += count;
  }
  return true;
}

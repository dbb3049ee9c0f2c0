/**
 * What packages left in the image's /run. A booted system makes its folders anew from tmpfiles.d(5); here no such step
 * runs, and servers expect /run/postgresql, /run/sshd and their like with their owners. So a machine's /run, a tmpfs,
 * begins with what the image has there.
 */
import { PAGE_SIZE, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { directoryAt, type Inode, type Kernel, readFileBytes } from "@stratos/kernel";

/** An image may hold anything: entries and bytes beyond these stay behind. */
const ENTRIES_MAX = 4096;
const FILE_BYTES_MAX = 1 << 20;

/** Copies folders, links and small files below the directory `place` to the root of a new file system. */
export function copyFolder(kernel: Kernel, place: string, target: Inode): void {
  const folder = directoryAt(kernel, place);
  if (typeof folder === "number") return;
  copyEntries(kernel, folder.dentry.inode!, target, { entries: ENTRIES_MAX });
}

function copyEntries(kernel: Kernel, source: Inode, target: Inode, left: { entries: number }): void {
  const names: string[] = [];
  source.list(0, (name) => {
    names.push(name);
    return --left.entries > 0;
  });
  for (const name of names) {
    const inode = source.lookup(name);
    if (typeof inode === "number") continue;
    const copy = copyOne(kernel, name, inode, target);
    if (copy === null) continue;
    copy.setAttributes({ atime: inode.atime, mtime: inode.mtime });
    if (inode.isDirectory && left.entries > 0) copyEntries(kernel, inode, copy, left);
  }
}

/** @returns null for what has no place in a fresh /run: sockets, devices, large files */
function copyOne(kernel: Kernel, name: string, inode: Inode, target: Inode): Inode | null {
  const attributes = { mode: inode.mode, uid: inode.uid, gid: inode.gid, rdev: 0, now: inode.mtime };
  let copy: Inode | number;
  switch (inode.mode & S_IFMT) {
    case S_IFDIR:
      copy = target.mkdir(name, attributes);
      break;
    case S_IFLNK: {
      const text = inode.readlink(null);
      copy = typeof text === "number" ? text : target.symlink(name, text, attributes);
      break;
    }
    case S_IFREG:
      copy = inode.size > FILE_BYTES_MAX ? -1 : target.create(name, attributes);
      break;
    default:
      return null;
  }
  if (typeof copy === "number") return null;
  if (inode.isRegular) copyContent(kernel, inode, copy);
  return copy;
}

function copyContent(kernel: Kernel, from: Inode, to: Inode): void {
  const page = new Uint8Array(PAGE_SIZE);
  for (let index = 0; index * PAGE_SIZE < from.size; index++) {
    const count = readFileBytes(kernel, from, index * PAGE_SIZE, page, 0, PAGE_SIZE);
    const frame =
      count > 0 && to.prepareWrite(index * PAGE_SIZE, count) === 0 ? to.pages!.frameForOverwrite(index) : -1;
    if (frame < 0) return;
    kernel.physical.u8.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    kernel.physical.u8.set(page.subarray(0, count), frame * PAGE_SIZE);
    to.size = index * PAGE_SIZE + count;
  }
}

/** Files of a running machine, as its process 1 sees them: through its mounts and its page cache. */
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOSPC,
  EPERM,
  O_CREAT,
  O_DIRECTORY,
  O_NONBLOCK,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "@stratos/abi";
import { BytesCursor, concatBytes, exactByteString, exactText } from "@stratos/base";
import {
  changeMode,
  changeOwner,
  changeTimes,
  type Kernel,
  linkPaths,
  lookupPath,
  makeDirectory,
  makeSymlink,
  openPath,
  removeDirectory,
  removeFile,
  renameName,
  type OpenFile,
  type Task,
} from "@stratos/kernel";
import type { FileKind, FileStatus, FileUser } from "./api.ts";
import { FILE_BYTES_MAX, type FileAttributes, type FileOperations, kindOf, timeOf } from "./file-operations.ts";

/** Files without a size (/proc) are read in pieces. */
const PIECE = 1 << 16;

export class MachineFiles implements FileOperations {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get #init(): Task {
    // The work of calls is counted anew for each.
    this.#kernel.work.begin();
    return this.#kernel.tasks.tasks.get(1)!;
  }

  /** What `work` does with the files is done as that user, root or not. It waits for nothing. */
  asUser<T>({ uid, gid, groups = [] }: FileUser, work: () => T): T {
    const init = this.#init;
    const own = init.credentials;
    const capabilities = uid === 0 ? own.effective : 0;
    init.credentials = {
      ...own,
      ...{ uid, euid: uid, suid: uid, fsuid: uid, gid, egid: gid, sgid: gid, fsgid: gid, groups },
      ...{ effective: capabilities, permitted: capabilities },
    };
    try {
      return work();
    } finally {
      init.credentials = own;
    }
  }

  read(path: string): Uint8Array | number {
    const init = this.#init;
    // Nothing here may wait: a fifo would.
    const file = openPath(init, AT_FDCWD, exactByteString(path), O_RDONLY | O_NONBLOCK, 0);
    if (typeof file === "number") return file;
    try {
      const refused = mustBeContent(file);
      if (refused < 0) return refused;
      // Before all of a gibibyte is read for nothing.
      return (file.inode?.size ?? 0) > FILE_BYTES_MAX ? -EFBIG : readAll(init, file);
    } finally {
      file.release();
    }
  }

  write(path: string, bytes: Uint8Array, mode: number): number {
    const init = this.#init;
    const file = openPath(init, AT_FDCWD, exactByteString(path), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, mode);
    if (typeof file === "number") return file;
    try {
      const refused = mustBeContent(file);
      if (refused < 0) return refused;
      const cursor = new BytesCursor(bytes);
      while (cursor.remaining > 0) {
        const done = file.write(init, cursor, -1);
        if (done <= 0) return done === 0 ? -ENOSPC : done;
      }
      return 0;
    } finally {
      file.release();
    }
  }

  list(path: string): { name: string; kind: FileKind }[] | number {
    const init = this.#init;
    const file = openPath(init, AT_FDCWD, exactByteString(path), O_RDONLY | O_DIRECTORY, 0);
    if (typeof file === "number") return file;
    try {
      const names: string[] = [];
      for (;;) {
        const before = names.length;
        const failed = file.readDirectory(init, (name) => {
          if (name !== "." && name !== "..") names.push(exactText(name));
          return true;
        });
        if (failed < 0) return failed;
        if (names.length === before) break;
      }
      const folder = path === "/" ? "" : path;
      return names.map((name) => {
        const status = this.linkStatus(`${folder}/${name}`);
        return { name, kind: typeof status === "number" ? "file" : status.kind };
      });
    } finally {
      file.release();
    }
  }

  status(path: string): FileStatus | number {
    return this.#status(path, 0);
  }

  linkStatus(path: string): FileStatus | number {
    return this.#status(path, AT_SYMLINK_NOFOLLOW);
  }

  #status(path: string, flags: number): FileStatus | number {
    const place = lookupPath(this.#init, AT_FDCWD, exactByteString(path), flags);
    if (typeof place === "number") return place;
    const { mode, uid, gid, size, mtime } = place.dentry.inode!;
    return {
      kind: kindOf(mode),
      sizeBytes: size,
      mode: mode & 0o7777,
      uid,
      gid,
      modifiedMs: mtime.seconds * 1000 + mtime.nanoseconds / 1e6,
    };
  }

  makeFolder(path: string, mode: number): number {
    return makeDirectory(this.#init, AT_FDCWD, exactByteString(path), mode);
  }

  rename(from: string, to: string): number {
    return renameName(this.#init, AT_FDCWD, exactByteString(from), AT_FDCWD, exactByteString(to), 0);
  }

  removeFile(path: string): number {
    return removeFile(this.#init, AT_FDCWD, exactByteString(path));
  }

  removeFolder(path: string): number {
    return removeDirectory(this.#init, AT_FDCWD, exactByteString(path));
  }

  readLink(path: string): string | number {
    const init = this.#init;
    const place = lookupPath(init, AT_FDCWD, exactByteString(path), AT_SYMLINK_NOFOLLOW);
    if (typeof place === "number") return place;
    const target = place.dentry.inode!.readlink(init);
    return typeof target === "number" ? target : exactText(target);
  }

  makeLink(target: string, path: string): number {
    return makeSymlink(this.#init, exactByteString(target), AT_FDCWD, exactByteString(path));
  }

  addName(path: string, name: string): number {
    const [from, to] = [path, name].map(exactByteString);
    return linkPaths(this.#init, AT_FDCWD, from!, AT_FDCWD, to!, AT_SYMLINK_NOFOLLOW);
  }

  setAttributes(path: string, { mode, uid, gid, modifiedMs }: FileAttributes): number {
    const init = this.#init;
    const place = lookupPath(init, AT_FDCWD, exactByteString(path), AT_SYMLINK_NOFOLLOW);
    if (typeof place === "number") return place;
    const [seconds, nanoseconds] = timeOf(modifiedMs);
    const isLink = (place.dentry.inode!.mode & S_IFMT) === S_IFLNK;
    // The owner first: giving a file away takes its set-ID bits.
    const failed = changeOwner(init, place, uid, gid);
    // As cp -a does it for who is not root: it is theirs, without set-ID bits, which were meant for another owner.
    const isTheirs = failed === -EPERM && init.credentials.fsuid !== 0;
    if (failed < 0 && !isTheirs) return failed;
    const refused = isLink ? 0 : changeMode(init, place, isTheirs ? mode & 0o1777 : mode);
    return refused < 0 ? refused : changeTimes(init, place, null, { seconds, nanoseconds });
  }
}

/** Streams and devices are for programs. */
function mustBeContent(file: OpenFile): number {
  const type = (file.inode?.mode ?? 0) & S_IFMT;
  if (type === S_IFREG) return 0;
  return file.inode?.isDirectory === true ? -EISDIR : -EINVAL;
}

function readAll(task: Task, file: OpenFile): Uint8Array | number {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const left = (file.inode?.size ?? 0) - total;
    const cursor = new BytesCursor(new Uint8Array(Math.min(Math.max(left, PIECE), FILE_BYTES_MAX)));
    while (cursor.remaining > 0) {
      const done = file.read(task, cursor, -1);
      if (done < 0) return done;
      if (done === 0) break;
    }
    if (cursor.position === 0) return pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
    total += cursor.position;
    if (total > FILE_BYTES_MAX) return -EFBIG;
    pieces.push(cursor.bytes.subarray(0, cursor.position));
  }
}

/**
 * A file, or a folder with all that is in it, watched from outside by the marks that inotify(7) sets, too. Bound:
 * FOLDERS_MAX folders.
 */
import {
  AT_FDCWD,
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
} from "@stratos/abi";
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import type { EventLoop } from "@stratos/host";
import { addMark, type Inode, type InotifyMark, type Kernel, lookupPath, removeMark } from "@stratos/kernel";
import type { FileEvent } from "./api.ts";
import type { MachineFiles } from "./machine-files.ts";

const FOLDERS_MAX = 4096;
const MASK =
  IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVED_TO;

/** Something outside that looks into the machine, and lets go while that is saved. */
export interface Onlooker {
  detach(): void;
  attach(): void;
}

export class FileWatch {
  readonly #kernel: Kernel;
  readonly #loop: EventLoop;
  readonly #files: MachineFiles;
  readonly #root: string;
  readonly #isRecursive: boolean;
  readonly #tell: (event: FileEvent) => void;
  readonly #marks = new Map<Inode, PathMark>();
  /** Of this turn: what is written many times is told once. */
  #modified = new Set<string>();
  #newFolders: string[] = [];
  #isDue = false;
  #isClosed = false;

  /** @returns a negated errno of open(2) when the path cannot be watched */
  static open(
    { kernel, loop, files }: { readonly kernel: Kernel; readonly loop: EventLoop; readonly files: MachineFiles },
    { path, isRecursive }: { readonly path: string; readonly isRecursive: boolean },
    tell: (event: FileEvent) => void,
  ): FileWatch | number {
    const watch = new FileWatch(kernel, loop, files, path.replace(/(?<=.)\/+$/, ""), isRecursive, tell);
    const failed = watch.#add(watch.#root);
    return failed < 0 ? failed : watch;
  }

  private constructor(
    kernel: Kernel,
    loop: EventLoop,
    files: MachineFiles,
    root: string,
    isRecursive: boolean,
    tell: (event: FileEvent) => void,
  ) {
    this.#kernel = kernel;
    this.#loop = loop;
    this.#files = files;
    this.#root = root;
    this.#isRecursive = isRecursive;
    this.#tell = tell;
  }

  /** @param isNew  what is in it already came after the folder did */
  #add(path: string, isNew = false): number {
    this.#kernel.work.begin();
    const place = lookupPath(this.#kernel.tasks.tasks.get(1)!, AT_FDCWD, utf8ToByteString(path), 0);
    if (typeof place === "number") return place;
    const inode = place.dentry.inode!;
    if (this.#marks.has(inode)) return 0;
    if (this.#marks.size >= FOLDERS_MAX) {
      this.#tell({ kind: "lost", path: this.#root });
      return 0;
    }
    const mark = new PathMark(
      path,
      (mask, name) => this.#happened(mark, mask, name),
      () => this.#drop(inode),
    );
    this.#marks.set(inode, mark);
    addMark(this.#kernel, inode, mark);
    if (!this.#isRecursive || !inode.isDirectory) return 0;
    const entries = this.#files.list(path);
    if (typeof entries === "number") return 0;
    for (const { name, kind } of entries) {
      if (isNew) this.#tell({ kind: "created", path: below(path, name) });
      if (kind === "folder") this.#add(below(path, name), isNew);
    }
    return 0;
  }

  /** In the midst of a system call: folders are looked at after it. */
  #happened(mark: PathMark, mask: number, name: string): void {
    // A folder's own news are those of its name in the one above.
    if (name === "" && mark.path !== this.#root) return;
    const path = name === "" ? mark.path : below(mark.path, byteStringToUtf8(name));
    const kind = kindOf(mask);
    if (kind === null || (kind === "modified" && this.#modified.has(path))) return;
    if (kind === "modified") {
      this.#modified.add(path);
      this.#soon();
    }
    this.#tell({ kind, path });
    if (!this.#isRecursive || (mask & IN_ISDIR) === 0) return;
    if ((mask & IN_MOVED_FROM) !== 0)
      for (const [inode, each] of this.#marks) if (`${each.path}/`.startsWith(`${path}/`)) this.#drop(inode);
    if ((mask & (IN_CREATE | IN_MOVED_TO)) !== 0) {
      this.#newFolders.push(path);
      this.#soon();
    }
  }

  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#loop.callSoon(() => {
      this.#isDue = false;
      this.#modified.clear();
      const folders = this.#newFolders;
      this.#newFolders = [];
      if (!this.#isClosed) for (const path of folders) this.#add(path, true);
    });
  }

  #drop(inode: Inode): void {
    const mark = this.#marks.get(inode);
    if (mark === undefined) return;
    this.#marks.delete(inode);
    removeMark(this.#kernel, inode, mark);
    if (inode.users === 0) inode.evictUnused();
  }

  /** For a while in which the machine is saved: the marks are not its own. */
  detach(): void {
    for (const [inode, mark] of this.#marks) removeMark(this.#kernel, inode, mark);
  }

  attach(): void {
    for (const [inode, mark] of this.#marks) addMark(this.#kernel, inode, mark);
  }

  close(): void {
    this.#isClosed = true;
    for (const inode of [...this.#marks.keys()]) this.#drop(inode);
  }
}

class PathMark implements InotifyMark {
  readonly mask = MASK;
  readonly isOnlyLinked = true;
  readonly path: string;
  readonly #tell: (mask: number, name: string) => void;
  readonly #gone: () => void;

  constructor(path: string, tell: (mask: number, name: string) => void, gone: () => void) {
    this.path = path;
    this.#tell = tell;
    this.#gone = gone;
  }

  notify(mask: number, _cookie: number, name: string): void {
    this.#tell(mask, name);
  }

  ignored(): void {
    this.#gone();
  }
}

function kindOf(mask: number): FileEvent["kind"] | null {
  if ((mask & IN_CREATE) !== 0) return "created";
  if ((mask & (IN_DELETE | IN_DELETE_SELF)) !== 0) return "removed";
  if ((mask & (IN_MOVED_FROM | IN_MOVED_TO)) !== 0) return "moved";
  if ((mask & (IN_MODIFY | IN_CLOSE_WRITE)) !== 0) return "modified";
  return (mask & IN_ATTRIB) !== 0 ? "attributes" : null;
}

function below(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

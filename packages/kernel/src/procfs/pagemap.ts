import { CAP_SYS_ADMIN, EINVAL, ESRCH, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isCapable } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { putWhole, type IoCursor } from "../ground/io-cursor.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { PseudoFile, type PseudoFileSystem, FOUND_BY_NAME } from "../pseudo/pseudo-inodes.ts";
import { hasMemory, mayInspect } from "../task/task-access.ts";
import { belongToUser, seekWithoutEnd } from "./process-file.ts";

/** /proc/PID/pagemap: 64 bits for each page. Source: Linux Documentation/admin-guide/mm/pagemap.rst. */
const ENTRY_SIZE = 8;
/**
 * In the high word: bit 63 the page is present, 61 it is of a file or shared memory, 56 nobody else maps it. The low 55
 * bits are its frame, for administrators.
 */
const PRESENT = 0x80000000,
  FILE_OR_SHARED = 0x20000000,
  EXCLUSIVE = 0x01000000;
/** Sv39: user addresses end here. */
const ADDRESS_END = 2 ** 38;
/** Entries of one read; more are read by further calls. */
const ENTRIES_MAX = 8192;
const bytes = new Uint8Array(ENTRIES_MAX * ENTRY_SIZE);
const view = new DataView(bytes.buffer);

class PagemapFile extends OpenFile {
  #pagemap: Pagemap;

  constructor(flags: number, inode: Pagemap, path: Path) {
    super(flags, inode, path);
    this.#pagemap = inode;
  }

  override hasIterator(_isWrite: boolean): boolean {
    return false;
  }

  /** −EINVAL: not whole entries. */
  override read(task: Task, to: IoCursor, offset: number): number {
    const at = offset < 0 ? this.position : offset;
    const { target } = this.#pagemap;
    if (!hasMemory(target)) return 0;
    if (at % ENTRY_SIZE !== 0 || to.remaining % ENTRY_SIZE !== 0) return -EINVAL;
    const first = (at / ENTRY_SIZE) * PAGE_SIZE;
    if (first >= ADDRESS_END) return 0;
    const end = Math.min(ADDRESS_END, first + Math.min(to.remaining / ENTRY_SIZE, ENTRIES_MAX) * PAGE_SIZE);
    const count = ((end - first) / PAGE_SIZE) * ENTRY_SIZE;
    fillEntries(target, first, end, isCapable(task.credentials, CAP_SYS_ADMIN) && !task.kernel.isRepeatable);
    const moved = putWhole(to, bytes, 0, count);
    if (moved > 0 && offset < 0) this.position = at + moved;
    return moved;
  }

  override seek(offset: number, whence: number): number {
    return seekWithoutEnd(this, offset, whence);
  }

  static {
    stateClass("PagemapFile", this, {
      save: (it) => ({ pagemap: it.#pagemap }),
      load: (it, from) => ({ pagemap: it.#pagemap } = from),
    });
  }
}

function fillEntries(task: Task, first: number, end: number, showsFrames: boolean): void {
  const { space, kernel } = task;
  bytes.fill(0, 0, ((end - first) / PAGE_SIZE) * ENTRY_SIZE);
  space.table.forEach(first, end, (address, entry) => {
    const at = ((address - first) / PAGE_SIZE) * ENTRY_SIZE;
    const frame = Math.floor((entry >>> 0) / PAGE_SIZE);
    const area = space.areaAt(address);
    const shared = area !== undefined && area.pages !== null ? FILE_OR_SHARED : 0;
    view.setUint32(at, showsFrames ? frame : 0, true);
    view.setUint32(at + 4, (PRESENT | shared | (kernel.frames.sharers(frame) === 1 ? EXCLUSIVE : 0)) >>> 0, true);
  });
}

export class Pagemap extends PseudoFile {
  #target: () => Task;

  constructor(fileSystem: PseudoFileSystem, target: () => Task) {
    super(fileSystem, () => "", { mode: 0o400 });
    this.#target = target;
    this.refresh();
  }

  get target(): Task {
    return this.#target();
  }

  override refresh(): number {
    belongToUser(this, this.#target());
    return 0;
  }

  override open(task: Task, flags: number, path: Path): OpenFile | number {
    if (!hasMemory(this.#target())) return -ESRCH;
    const refused = mayInspect(task, this.#target(), "fs");
    return refused < 0 ? refused : new PagemapFile(flags, this, path);
  }

  static {
    stateClass(
      "Pagemap",
      this,
      {
        save: (it) => ({ target: it.#target }),
        load: (it, from) => ({ target: it.#target } = from),
      },
      FOUND_BY_NAME,
    );
  }
}

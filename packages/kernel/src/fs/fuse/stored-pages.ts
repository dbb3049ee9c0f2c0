import { PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** Pages of all files of a file system: 4 MiB. */
const PAGES_MAX = 1024;

/**
 * What a server has stored of its files (FUSE_NOTIFY_STORE), so that it can have it back (FUSE_NOTIFY_RETRIEVE); calls
 * ask the server itself. Of too many pages those of the file that was first stored go: a cache may forget.
 */
export class StoredPages {
  /** By node and index of the page. */
  readonly files = new Map<number | string, Map<number, Uint8Array>>();
  count = 0;

  page(node: number | string, index: number): Uint8Array | undefined {
    return this.files.get(node)?.get(index);
  }

  add(node: number | string, index: number): Uint8Array {
    const page = new Uint8Array(PAGE_SIZE);
    let pages = this.files.get(node);
    if (pages === undefined) this.files.set(node, (pages = new Map()));
    if (!pages.has(index)) this.count++;
    pages.set(index, page);
    for (const [other, { size }] of this.files) {
      if (this.count <= PAGES_MAX) break;
      if (other === node) {
        const oldest = pages.keys().next().value!;
        pages.delete(oldest);
        this.count--;
      } else {
        this.files.delete(other);
        this.count -= size;
      }
    }
    return page;
  }

  /** Changes bytes of those that are there. */
  update(node: number | string, offset: number, bytes: Uint8Array): void {
    const pages = this.files.get(node);
    if (pages === undefined) return;
    for (let at = 0; at < bytes.length;) {
      const within = (offset + at) % PAGE_SIZE;
      const part = Math.min(PAGE_SIZE - within, bytes.length - at);
      pages.get((offset + at - within) / PAGE_SIZE)?.set(bytes.subarray(at, at + part), within);
      at += part;
    }
  }

  /** Those that a range touches go. */
  drop(node: number | string, offset = 0, end = Infinity): void {
    const pages = this.files.get(node);
    if (pages === undefined) return;
    for (const index of pages.keys()) {
      if ((index + 1) * PAGE_SIZE <= offset || index * PAGE_SIZE >= end) continue;
      pages.delete(index);
      this.count--;
    }
    if (pages.size === 0) this.files.delete(node);
  }

  static {
    stateClass("StoredPages", this);
  }
}

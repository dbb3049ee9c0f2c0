import { FUSE_NAME_MAX, FuseDirent, FuseEntryOut, FuseInHeader, FuseOutHeader } from "@stratos/abi/fuse";
import type { Struct } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { WaitQueue } from "../../ground/wait-queue.ts";
import { putFields, viewOf } from "../../ground/words.ts";
import type { TakenPages } from "./written-pages.ts";

export const HEADER_SIZE: number = FuseInHeader.size,
  REPLY_HEADER_SIZE: number = FuseOutHeader.size;

/** A number of 64 bits that only the server knows the meaning of: a node, a handle. */
export interface Opaque {
  readonly low: number;
  readonly high: number;
}

export const NO_NODE: Opaque = { low: 0, high: 0 };

export function opaqueAt(view: DataView, at: number): Opaque {
  return { low: view.getUint32(at, true), high: view.getUint32(at + 4, true) };
}

export function putOpaque(view: DataView, at: number, { low, high }: Opaque): void {
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
}

/** What tells it from others: exact, whatever the server's numbers are. */
export function keyOf({ low, high }: Opaque): number | string {
  return high < 0x200000 ? high * 0x100000000 + low : `${high}:${low}`;
}

/**
 * The structure of a request, and byte strings or bytes that follow it; a string gets a zero byte.
 *
 * @param handle  goes where `fh` is
 */
export function message<Name extends string>(
  layout: Struct<Name> | null,
  values: { readonly [N in Name]?: number },
  handle: Opaque | null = null,
  ...tail: readonly (string | Uint8Array)[]
): Uint8Array {
  let length = layout?.size ?? 0;
  for (const part of tail) length += part.length + (typeof part === "string" ? 1 : 0);
  const bytes = new Uint8Array(HEADER_SIZE + length);
  let at = HEADER_SIZE;
  if (layout !== null) {
    const view = viewOf(bytes);
    putFields(view, layout, values, at);
    if (handle !== null) putOpaque(view, at + (layout.offset as { fh?: number }).fh!, handle);
    at += layout.size;
  }
  for (const part of tail) {
    if (typeof part === "string") {
      for (let index = 0; index < part.length; index++) bytes[at++] = part.charCodeAt(index);
      at++;
    } else {
      bytes.set(part, at);
      at += part.length;
    }
  }
  return bytes;
}

/** `fuse_direntplus`: an entry, and a name behind it. */
const LISTED_SIZE = FuseEntryOut.size + FuseDirent.size;

/**
 * Each whole entry of a reply to READDIRPLUS, up to one that can't be.
 * @param visit  gets the entry, the place of its `fuse_dirent` in `reply` and the length of its name
 * @returns whether there was none that can't be
 */
export function forEachListed(
  reply: Uint8Array,
  visit: (entry: DataView, at: number, length: number) => void,
): boolean {
  const view = viewOf(reply);
  for (let at = 0; at + LISTED_SIZE <= reply.length;) {
    const direntAt = at + FuseEntryOut.size;
    const length = view.getUint32(direntAt + FuseDirent.offset.namelen, true);
    const end = at + LISTED_SIZE + length;
    if (length === 0 || length > FUSE_NAME_MAX) return false;
    if (end > reply.length) break;
    visit(viewOf(reply.subarray(at, direntAt)), direntAt, length);
    at += Math.ceil((LISTED_SIZE + length) / 8) * 8;
  }
  return true;
}

/** Not so of the folder itself and the one above, of which a listing tells no node that counts, and of no name. */
export function isNameOfOther(name: string): boolean {
  return name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0");
}

/** What holds something for a call while that is executed again: a node, a handle. */
export interface Held {
  retain(): void;
  release(): void;
}

/** What a call asks the server, or what it is told without a call that waits. */
export class FuseRequest {
  readonly opcode: number;
  readonly unique: number;
  readonly node: Opaque;
  /** By which a call that is executed again finds it. */
  readonly key: string;
  /** All that the server reads. */
  readonly bytes: Uint8Array;
  /** Bytes that the reply may have behind its header. */
  readonly least: number;
  readonly most: number;
  state: "queued" | "sent" | "done" = "queued";
  /** 0 or a negated errno. */
  error = 0;
  reply: Uint8Array = NOTHING;
  /** Nobody waits for the reply. */
  isPosted = false;
  /** The server is, or will be, told that it needn't finish. */
  isInterrupted = false;
  /** The reply was looked at: what it leads to is `held`, and isn't taken twice. */
  isTaken = false;
  /** Found by the execution under way of its call. */
  isUsed = false;
  held: Held | null = null;
  /** What mappings wrote and it carries. */
  pages: TakenPages | null = null;
  /** Bytes that count for what nobody waits for. */
  postedBytes = 0;
  /** Whose it is. */
  inode: Held | null = null;
  readonly queue = new WaitQueue();

  constructor(
    what: { opcode: number; unique: number; node: Opaque; key: string; bytes: Uint8Array },
    least: number,
    most: number,
  ) {
    this.opcode = what.opcode;
    this.unique = what.unique;
    this.node = what.node;
    this.key = what.key;
    this.bytes = what.bytes;
    this.least = least;
    this.most = most;
  }

  /** @param credentials  who asks, as the server's user namespace has them */
  address(credentials: { readonly uid: number; readonly gid: number; readonly pid: number }): void {
    putFields(viewOf(this.bytes), FuseInHeader, {
      len: this.bytes.length,
      opcode: this.opcode,
      unique: this.unique,
      uid: credentials.uid,
      gid: credentials.gid,
      pid: credentials.pid,
    });
    putOpaque(viewOf(this.bytes), FuseInHeader.offset.nodeid, this.node);
  }

  hold(held: Held): void {
    held.retain();
    this.held = held;
  }

  drop(): void {
    const { held } = this;
    this.held = null;
    held?.release();
  }

  /** What it carries has arrived, or waits again. */
  endPages(): void {
    if (this.error < 0) this.pages?.putBack(0);
    else this.pages?.arrived();
  }

  static {
    stateClass("FuseRequest", this);
  }
}

const NOTHING = new Uint8Array(0);

import type { Dentry } from "../../vfs/dentry.ts";
import type { FileSystem } from "../../vfs/file-system.ts";
import type { Inode } from "../../vfs/inode.ts";
import type { FsKernel } from "../fs-kernel.ts";
import type { FuseConnection } from "./fuse-connection.ts";
import type { FuseHandle } from "./fuse-handle.ts";
import type { FuseRequest, Held, Opaque } from "./fuse-request.ts";
import type { StoredPages } from "./stored-pages.ts";
import type { WrittenPages } from "./written-pages.ts";

/** A file of a server (fuse-inode.ts), as its descriptions know it. */
export interface ServedNode extends Inode, Held {
  readonly fileSystem: FileSystem & {
    readonly kernel: FsKernel;
    readonly connection: FuseConnection;
    readonly stored: StoredPages | null;
  };
  readonly node: Opaque;
  /** Open descriptions' handles. */
  readonly handles: Set<FuseHandle>;
  /** Up to when (monotonic) the attributes are what they are. */
  attributesUntil: number;
  /** @param handle  by which the server is asked; null: by none */
  refresh(handle?: FuseHandle | null): number;
  /** By a call here: what the server was asked before tells no attributes of it any more. */
  isChanged(): void;
  /** The state of the content that `pages` have; with a number behind it, up to that page. */
  loadedAs: string;
  /** −EIO: it is another file by now; −EACCES: the caller may not come near. */
  readonly refused: number;
  /** What shared mappings have written; null: nothing. */
  readonly written: WrittenPages | null;
  /** As fuse-inode.ts has them, of a folder. */
  wantsEntries: boolean;
  noteListed(parent: Dentry, name: string, entry: DataView, unique: number): void;
  /** fsync(2), fdatasync(2). */
  syncBy(handle: FuseHandle, dataOnly: boolean): number;
  /**
   * Bytes of the content are others: what mappings see of them. Before the size is that of afterwards.
   * @param request  by which they were written: a page that was stored since without them is stored once more
   */
  changePages(offset: number, bytes: Uint8Array, request?: number): void;
  /** One for the call under way; whoever wants it for longer retains it. @param flags  O_* that the server gets */
  openHandle(flags: number): FuseHandle | number;
  /** Asks for it as FuseConnection.ask does, of this node. */
  ask(opcode: number, key: string, make: () => Uint8Array | number, least: number, most?: number): FuseRequest | number;
}

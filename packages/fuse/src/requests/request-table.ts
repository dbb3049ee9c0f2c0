/**
 * Which function serves which request. Those that are missing are answered with ENOSYS, after which the kernel does
 * without.
 */
import type { Subvolume } from "@stratos/aegisfs";
import type { Mount } from "../mount.ts";
import * as op from "@stratos/abi/fuse";
import { getAttributes, setAttributes, statx } from "./attributes.ts";
import { copyRange, fallocate, readContent, seek, syncAll, syncFile, writeContent } from "./content.ts";
import { ioctl } from "./ioctl.ts";
import { listFolder, listFolderPlus } from "./listing.ts";
import {
  link,
  lookup,
  makeFolder,
  makeNode,
  makeUnnamed,
  readLink,
  removeFolder,
  rename,
  rename2,
  symlink,
  unlink,
} from "./names.ts";
import {
  acknowledge,
  batchForget,
  destroy,
  forget,
  initialize,
  interrupt,
  statFileSystem,
  takeMark,
} from "./session.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "./xattrs.ts";

/**
 * Serves the request at hand. Returns the bytes of the reply's payload, a negated errno, or NO_REPLY.
 */
type Request = (mount: Mount, files: Subvolume, ino: number) => number;

/**
 * OPEN, OPENDIR, CREATE, RELEASE and FLUSH are missing on purpose: the kernel opens without asking then, makes files by
 * MKNOD, and never closes: two messages for a new file instead of four (ARCHITECTURE.md).
 */
export const REQUESTS: (Request | undefined)[] = new Array<Request | undefined>(op.OPCODES).fill(undefined);
REQUESTS[op.FUSE_LOOKUP] = lookup;
REQUESTS[op.FUSE_FORGET] = forget;
REQUESTS[op.FUSE_BATCH_FORGET] = batchForget;
REQUESTS[op.FUSE_GETATTR] = getAttributes;
REQUESTS[op.FUSE_SETATTR] = setAttributes;
REQUESTS[op.FUSE_STATX] = statx;
REQUESTS[op.FUSE_READLINK] = readLink;
REQUESTS[op.FUSE_SYMLINK] = symlink;
REQUESTS[op.FUSE_MKNOD] = makeNode;
REQUESTS[op.FUSE_MKDIR] = makeFolder;
REQUESTS[op.FUSE_TMPFILE] = makeUnnamed;
REQUESTS[op.FUSE_UNLINK] = unlink;
REQUESTS[op.FUSE_RMDIR] = removeFolder;
REQUESTS[op.FUSE_RENAME] = rename;
REQUESTS[op.FUSE_RENAME2] = rename2;
REQUESTS[op.FUSE_LINK] = link;
REQUESTS[op.FUSE_READ] = readContent;
REQUESTS[op.FUSE_WRITE] = writeContent;
REQUESTS[op.FUSE_FALLOCATE] = fallocate;
REQUESTS[op.FUSE_LSEEK] = seek;
REQUESTS[op.FUSE_COPY_FILE_RANGE] = copyRange;
REQUESTS[op.FUSE_FSYNC] = syncFile;
REQUESTS[op.FUSE_FSYNCDIR] = syncFile;
REQUESTS[op.FUSE_SYNCFS] = syncAll;
REQUESTS[op.FUSE_READDIR] = listFolder;
REQUESTS[op.FUSE_READDIRPLUS] = listFolderPlus;
REQUESTS[op.FUSE_GETXATTR] = getXattr;
REQUESTS[op.FUSE_SETXATTR] = setXattr;
REQUESTS[op.FUSE_LISTXATTR] = listXattrs;
REQUESTS[op.FUSE_REMOVEXATTR] = removeXattr;
REQUESTS[op.FUSE_STATFS] = statFileSystem;
REQUESTS[op.FUSE_INIT] = initialize;
REQUESTS[op.FUSE_DESTROY] = destroy;
REQUESTS[op.FUSE_INTERRUPT] = interrupt;
REQUESTS[op.FUSE_NOTIFY_REPLY] = takeMark;
REQUESTS[op.FUSE_RELEASE] = acknowledge;
REQUESTS[op.FUSE_RELEASEDIR] = acknowledge;
REQUESTS[op.FUSE_IOCTL] = ioctl;

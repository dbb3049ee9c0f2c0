/** What is done to names, and descriptors that come and go. Source: Linux 6.12 io_uring/openclose.c, fs.c, xattr.c. */
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  EBADF,
  EINVAL,
  EPERM,
  ENOENT,
  O_CLOEXEC,
  OpenHow,
  SYSCALL_NUMBERS,
  isErrno,
} from "@stratos/abi";
import {
  IORING_FIXED_FD_NO_CLOEXEC,
  IORING_OP_CLOSE,
  IORING_OP_EPOLL_CTL,
  IORING_OP_FGETXATTR,
  IORING_OP_FIXED_FD_INSTALL,
  IORING_OP_FSETXATTR,
  IORING_OP_GETXATTR,
  IORING_OP_LINKAT,
  IORING_OP_MKDIRAT,
  IORING_OP_OPENAT,
  IORING_OP_OPENAT2,
  IORING_OP_RENAMEAT,
  IORING_OP_SETXATTR,
  IORING_OP_STATX,
  IORING_OP_SYMLINKAT,
  IORING_OP_UNLINKAT,
  IOSQE_FIXED_FILE,
} from "@stratos/abi/io-uring";
import { loadPath } from "../path-argument.ts";
import { closeFixed } from "./fixed-files.ts";
import { call, refuseUnless, type OperationTable } from "./operation.ts";
import type { Request } from "./request.ts";
import { REQUEST_FD, type RequestTask } from "./request-task.ts";
import { RingFile } from "./ring-file.ts";

const SYS = (name: string): number => SYSCALL_NUMBERS.get(name)!;
const SYS_OPENAT = SYS("openat"),
  SYS_OPENAT2 = SYS("openat2"),
  SYS_STATX = SYS("statx"),
  SYS_RENAMEAT2 = SYS("renameat2"),
  SYS_UNLINKAT = SYS("unlinkat"),
  SYS_MKDIRAT = SYS("mkdirat"),
  SYS_SYMLINKAT = SYS("symlinkat"),
  SYS_LINKAT = SYS("linkat"),
  SYS_SETXATTR = SYS("setxattr"),
  SYS_GETXATTR = SYS("getxattr"),
  SYS_FSETXATTR = SYS("fsetxattr"),
  SYS_FGETXATTR = SYS("fgetxattr"),
  SYS_EPOLL_CTL = SYS("epoll_ctl"),
  SYS_CLOSE = SYS("close");

/** A name is found from a descriptor, never from a slot. */
function refuseFixed({ flags }: Request): number {
  return (flags & IOSQE_FIXED_FILE) !== 0 ? -EBADF : 0;
}

/** Names are looked at when the request is submitted, and found when it is executed. */
function checkName({ owner }: Request, address: number, mayBeEmpty = false): number {
  const path = loadPath(owner, address);
  if (isErrno(path)) return path;
  return path === "" && !mayBeEmpty ? -ENOENT : 0;
}

/** The second one is at `addr2`. */
function checkNames(request: Request): number {
  return checkName(request, request.address, isEmptyAllowed(request)) || checkName(request, request.secondAddress);
}

function isEmptyAllowed({ operationFlags }: Request): boolean {
  return (operationFlags & AT_EMPTY_PATH) !== 0;
}

/** What the calls make goes into the ring's table where `file_index` says so. */
export function intoTable(task: RequestTask, { fileIndex }: Request): void {
  if (fileIndex !== 0) task.own.fixedIndex = fileIndex;
}

function prepareOpen(request: Request): number {
  if (request.bufferIndex !== 0) return -EINVAL;
  const refused = refuseFixed(request);
  if (refused < 0) return refused;
  // A slot is closed by no exec.
  if (request.fileIndex !== 0 && (request.operationFlags & O_CLOEXEC) !== 0) return -EINVAL;
  return checkName(request, request.address);
}

function prepareOpenHow(request: Request): number {
  const refused = refuseFixed(request);
  if (refused < 0) return refused;
  const flags = request.owner.space.loadU32(request.secondAddress + OpenHow.offset.flags);
  if (flags < 0) return flags;
  if (request.length < OpenHow.size || (request.fileIndex !== 0 && (flags & O_CLOEXEC) !== 0)) return -EINVAL;
  return checkName(request, request.address);
}

/** Fields that are another's than a name's. */
function prepareName(request: Request): number {
  if (request.bufferIndex !== 0 || request.fileIndex !== 0) return -EINVAL;
  return refuseFixed(request);
}

function prepareClose(request: Request): number {
  if (
    request.offset !== 0 ||
    request.address !== 0 ||
    request.length !== 0 ||
    request.operationFlags !== 0 ||
    request.bufferIndex !== 0
  )
    return -EINVAL;
  if ((request.flags & IOSQE_FIXED_FILE) !== 0) return -EBADF;
  return refuseUnless(request.fileIndex === 0 || request.fd === 0);
}

function close(task: RequestTask, request: Request, ring: RingFile): number {
  if (request.fileIndex !== 0) return closeFixed(ring, request.fileIndex - 1);
  const file = request.owner.files.get(request.fd);
  return file === undefined || file instanceof RingFile ? -EBADF : call(task, SYS_CLOSE, request.fd);
}

function installFd(task: RequestTask, request: Request): number {
  const file = request.file!;
  if (!file.isPassable) return -EINVAL;
  const stays = (request.operationFlags & IORING_FIXED_FD_NO_CLOEXEC) !== 0;
  return request.owner.files.install(file.retain(), !stays, 0, task.descriptorLimit);
}

export const NAME_OPERATIONS: OperationTable = {
  [IORING_OP_OPENAT]: {
    prepare: prepareOpen,
    run: (task, request) => {
      intoTable(task, request);
      return call(task, SYS_OPENAT, request.fd, request.address, request.operationFlags, request.length);
    },
  },
  [IORING_OP_OPENAT2]: {
    prepare: prepareOpenHow,
    run: (task, request) => {
      intoTable(task, request);
      return call(task, SYS_OPENAT2, request.fd, request.address, request.secondAddress, request.length);
    },
  },
  [IORING_OP_CLOSE]: { prepare: prepareClose, run: close },
  [IORING_OP_FIXED_FD_INSTALL]: {
    needsFile: true,
    prepare: (request) => {
      if (
        request.offset !== 0 ||
        request.address !== 0 ||
        request.length !== 0 ||
        request.bufferIndex !== 0 ||
        request.fileIndex !== 0 ||
        request.thirdAddress !== 0
      )
        return -EINVAL;
      if ((request.flags & IOSQE_FIXED_FILE) === 0) return -EBADF;
      // The task's own credentials count for what comes among its descriptors.
      if (request.personality !== 0) return -EPERM;
      return refuseUnless((request.operationFlags & ~IORING_FIXED_FD_NO_CLOEXEC) === 0);
    },
    run: installFd,
  },
  [IORING_OP_STATX]: {
    prepare: (request) => prepareName(request) || checkName(request, request.address, isEmptyAllowed(request)),
    run: (task, { fd, address, operationFlags, length, secondAddress }) =>
      call(task, SYS_STATX, fd, address, operationFlags, length, secondAddress),
  },
  [IORING_OP_RENAMEAT]: {
    prepare: (request) =>
      prepareName(request) || checkName(request, request.address) || checkName(request, request.secondAddress),
    run: (task, { fd, address, length, secondAddress, operationFlags }) =>
      call(task, SYS_RENAMEAT2, fd, address, length | 0, secondAddress, operationFlags),
  },
  [IORING_OP_UNLINKAT]: {
    prepare: (request) =>
      request.offset !== 0 || request.length !== 0 || (request.operationFlags & ~AT_REMOVEDIR) !== 0
        ? -EINVAL
        : prepareName(request) || checkName(request, request.address),
    run: (task, { fd, address, operationFlags }) => call(task, SYS_UNLINKAT, fd, address, operationFlags),
  },
  [IORING_OP_MKDIRAT]: {
    prepare: (request) =>
      request.offset !== 0 || request.operationFlags !== 0
        ? -EINVAL
        : prepareName(request) || checkName(request, request.address),
    run: (task, { fd, address, length }) => call(task, SYS_MKDIRAT, fd, address, length),
  },
  [IORING_OP_SYMLINKAT]: {
    prepare: (request) =>
      request.length !== 0 || request.operationFlags !== 0
        ? -EINVAL
        : prepareName(request) || checkName(request, request.address) || checkName(request, request.secondAddress),
    run: (task, { fd, address, secondAddress }) => call(task, SYS_SYMLINKAT, address, fd, secondAddress),
  },
  [IORING_OP_LINKAT]: {
    prepare: (request) => prepareName(request) || checkNames(request),
    run: (task, { fd, address, length, secondAddress, operationFlags }) =>
      call(task, SYS_LINKAT, fd, address, length | 0, secondAddress, operationFlags),
  },
  [IORING_OP_SETXATTR]: {
    prepare: (request) => refuseFixed(request) || checkName(request, request.thirdAddress, true),
    run: (task, { thirdAddress, address, secondAddress, length, operationFlags }) =>
      call(task, SYS_SETXATTR, thirdAddress, address, secondAddress, length, operationFlags),
  },
  [IORING_OP_GETXATTR]: {
    prepare: (request) =>
      request.operationFlags !== 0 ? -EINVAL : refuseFixed(request) || checkName(request, request.thirdAddress, true),
    run: (task, { thirdAddress, address, secondAddress, length }) =>
      call(task, SYS_GETXATTR, thirdAddress, address, secondAddress, length),
  },
  [IORING_OP_FSETXATTR]: {
    needsFile: true,
    run: (task, { address, secondAddress, length, operationFlags }) =>
      call(task, SYS_FSETXATTR, REQUEST_FD, address, secondAddress, length, operationFlags),
  },
  [IORING_OP_FGETXATTR]: {
    needsFile: true,
    prepare: (request) => refuseUnless(request.operationFlags === 0),
    run: (task, { address, secondAddress, length }) =>
      call(task, SYS_FGETXATTR, REQUEST_FD, address, secondAddress, length),
  },
  [IORING_OP_EPOLL_CTL]: {
    prepare: (request) => refuseUnless(request.bufferIndex === 0 && request.fileIndex === 0),
    run: (task, { fd, length, offset, address }) => call(task, SYS_EPOLL_CTL, fd, length, offset, address),
  },
};

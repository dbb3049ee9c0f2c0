/**
 * Extended attributes of a server's files: of any name (fs/fuse/xattr.c). Lists of acl(5) are passed on, and nobody
 * here keeps to them (fs/fuse/acl.c); they are none of who mounted it in a user namespace of its own (−EOPNOTSUPP).
 */
import {
  ACL_DEFAULT_NAME,
  E2BIG,
  EACCES,
  EIO,
  ENODATA,
  ENOSYS,
  EOPNOTSUPP,
  ERANGE,
  PAGE_SIZE,
  XATTR_LIST_MAX,
  XATTR_SIZE_MAX,
  isAclName,
  isErrno,
  parseAcl,
} from "@stratos/abi";
import {
  FUSE_GETXATTR,
  FUSE_LISTXATTR,
  FUSE_REMOVEXATTR,
  FUSE_SETXATTR,
  FuseGetxattrIn,
  FuseGetxattrOut,
  FuseSetxattrIn,
} from "@stratos/abi/fuse";
import { byteString } from "@stratos/base";
import { putFields, viewOf } from "../../ground/words.ts";
import { message } from "./fuse-request.ts";
import type { ServedNode } from "./served-node.ts";

function passesLists(inode: ServedNode): boolean {
  return inode.fileSystem.connection.userNamespace.parent === null;
}

/** As Inode.getXattr. */
export function servedAttribute(inode: ServedNode, name: string, room: number = XATTR_SIZE_MAX): Uint8Array | number {
  const isList = isAclName(name);
  if (isList && !passesLists(inode)) return -EOPNOTSUPP;
  const answer = ask(inode, FUSE_GETXATTR, name, isList ? PAGE_SIZE : Math.min(room, XATTR_SIZE_MAX));
  if (isErrno(answer)) return isList && answer === -ERANGE ? -E2BIG : answer;
  if (!isList) return room === 0 ? Math.min(XATTR_SIZE_MAX, sizeIn(answer)) : answer;
  const list = answer.length === 0 ? [] : parseAcl(answer);
  return isErrno(list) ? list : list.length === 0 ? -ENODATA : answer;
}

/** As Inode.listXattrs. */
export function servedAttributes(inode: ServedNode, room: number = XATTR_LIST_MAX): string[] | number {
  const answer = ask(inode, FUSE_LISTXATTR, "", Math.min(room, XATTR_LIST_MAX));
  if (isErrno(answer)) return answer;
  if (room === 0) return Math.min(XATTR_LIST_MAX, sizeIn(answer));
  const text = byteString(answer);
  if (text === "") return [];
  return text.endsWith("\0") && !text.includes("\0\0") && text[0] !== "\0" ? text.slice(0, -1).split("\0") : -EIO;
}

/** With no room the size alone is asked for (a `fuse_getxattr_out`). */
function ask(inode: ServedNode, opcode: number, name: string, room: number): Uint8Array | number {
  const tail = opcode === FUSE_GETXATTR ? [name] : [];
  const bytes = (): Uint8Array => message(FuseGetxattrIn, { size: room }, null, ...tail);
  const { size } = FuseGetxattrOut;
  const answer = inode.ask(opcode, `${room} ${name}`, bytes, room === 0 ? size : 0, room === 0 ? size : room);
  if (isErrno(answer)) return unlessUnknown(answer);
  answer.isTaken = true;
  return answer.reply;
}

function sizeIn(reply: Uint8Array): number {
  return viewOf(reply).getUint32(FuseGetxattrOut.offset.size, true);
}

function unlessUnknown(error: number): number {
  return error === -ENOSYS ? -EOPNOTSUPP : error;
}

export function setServedAttribute(inode: ServedNode, name: string, value: Uint8Array, flags: number): number {
  const isList = isAclName(name);
  if (isList) {
    if (!passesLists(inode)) return -EOPNOTSUPP;
    const list = value.length === 0 ? [] : parseAcl(value);
    if (isErrno(list)) return list;
    if (name === ACL_DEFAULT_NAME && !inode.isDirectory) return list.length === 0 ? 0 : -EACCES;
    if (list.length === 0) return removeServedAttribute(inode, name);
    if (value.length > PAGE_SIZE) return -E2BIG;
  }
  const bytes = (): Uint8Array => {
    // Without FUSE_SETXATTR_EXT.
    const head = new Uint8Array(FuseSetxattrIn.offset.setxattr_flags);
    putFields(viewOf(head), FuseSetxattrIn, { size: value.length, flags: isList ? 0 : flags });
    return message(null, {}, null, head, name, value);
  };
  const answer = inode.ask(FUSE_SETXATTR, name, bytes, 0);
  if (isErrno(answer)) return unlessUnknown(answer);
  inode.attributesUntil = 0;
  return 0;
}

export function removeServedAttribute(inode: ServedNode, name: string): number {
  if (isAclName(name)) {
    if (!passesLists(inode)) return -EOPNOTSUPP;
    if (name === ACL_DEFAULT_NAME && !inode.isDirectory) return 0;
  }
  const answer = inode.ask(FUSE_REMOVEXATTR, name, () => message(null, {}, null, name), 0);
  if (isErrno(answer)) return unlessUnknown(answer);
  inode.attributesUntil = 0;
  return 0;
}

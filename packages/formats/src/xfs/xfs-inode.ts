/**
 * An inode of version 3: 512 bytes, of which 336 are its data and its attributes. Source: xfs_format.h (`xfs_dinode`).
 */
import { viewOf, writeU64 } from "../disk/disk.ts";
import { sealCrc } from "./xfs-blocks.ts";
import { INODE_SIZE } from "./xfs-geometry.ts";

const CORE = 176;
/** What a data fork and an attribute fork share. */
export const FORK_BYTES = INODE_SIZE - CORE;

export const FORM = { device: 0, local: 1, extents: 2, tree: 3 } as const;
export type Form = (typeof FORM)[keyof typeof FORM];

/** `XFS_DIFLAG_NEWRTBM`. */
export const FLAG_NEW_BITMAP = 4;
const BIG_TIME = 8;
const NONE = 0xffffffff;
const CRC = 100;

export interface Inode {
  mode: number;
  uid: number;
  gid: number;
  links: number;
  /** seconds since 1970, all of its times */
  time: number;
  size: number;
  /** blocks of data, attributes and of the trees that tell where they are */
  blocks: number;
  flags: number;
  form: Form;
  data: Uint8Array;
  extents: number;
  /** bytes of the data fork; FORK_BYTES where there are no attributes */
  dataBytes: number;
  attributeForm: Form;
  attributes: Uint8Array;
  attributeExtents: number;
}

export function newInode(mode: number, time: number): Inode {
  return {
    mode,
    uid: 0,
    gid: 0,
    links: 1,
    time,
    size: 0,
    blocks: 0,
    flags: 0,
    form: FORM.extents,
    data: new Uint8Array(0),
    extents: 0,
    dataBytes: FORK_BYTES,
    attributeForm: FORM.extents,
    attributes: new Uint8Array(0),
    attributeExtents: 0,
  };
}

/** @param inode  null for one that is free */
export function encodeInode(
  bytes: Uint8Array,
  inode: Inode | null,
  place: { readonly number: number; readonly uuid: Uint8Array },
): void {
  const view = viewOf(bytes);
  bytes.fill(0);
  view.setUint16(0, 0x494e); // "IN"
  bytes[4] = 3;
  view.setUint32(96, NONE);
  writeU64(view, 152, place.number, false);
  bytes.set(place.uuid, 160);
  if (inode !== null) {
    view.setUint16(2, inode.mode);
    bytes[5] = inode.form;
    view.setUint32(8, inode.uid);
    view.setUint32(12, inode.gid);
    view.setUint32(16, inode.links);
    for (const at of [32, 40, 48, 144]) putTime(view, at, inode.time);
    writeU64(view, 56, inode.size, false);
    writeU64(view, 64, inode.blocks, false);
    view.setUint32(76, inode.extents);
    view.setUint16(80, inode.attributeExtents);
    bytes[82] = inode.dataBytes === FORK_BYTES ? 0 : inode.dataBytes / 8;
    bytes[83] = inode.attributeForm;
    view.setUint16(90, inode.flags);
    view.setUint32(124, BIG_TIME);
    bytes.set(inode.data, CORE);
    bytes.set(inode.attributes, CORE + inode.dataBytes);
  }
  sealCrc(bytes, CRC);
}

/** Nanoseconds since 1901-12-13 20:45:52, as far back as 32 bits of seconds reached (bigtime). */
function putTime(view: DataView, at: number, time: number): void {
  const seconds = Math.floor(time);
  const clamped = Math.min(Math.max(seconds, -(2 ** 31)), 2 ** 34 - 2 ** 31 - 1);
  const nanoseconds = clamped === seconds ? Math.floor((time - seconds) * 1e9) : 0;
  view.setBigUint64(at, BigInt(clamped + 2 ** 31) * 1_000_000_000n + BigInt(nanoseconds));
}

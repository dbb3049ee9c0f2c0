/** Items inside one leaf: search, room, insertion, removal. Layout: format/node-layout.ts. */
import { NODE_SIZE } from "../format/geometry.ts";
import {
  NODE_AT_GARBAGE,
  NODE_AT_VALUES,
  NODE_HEADER_SIZE,
  NODE_HEADER_WORDS,
  SLOT_AT_VALUE,
  SLOT_WORDS,
} from "../format/node-layout.ts";
import type { TreeNode } from "./node-cache.ts";

/** First index of `count` records of `stride` words (keys in front) whose key is not below the given one. */
export function lowerBound(
  words: Uint32Array,
  count: number,
  stride: number,
  k0: number,
  k1: number,
  k2: number,
): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = NODE_HEADER_WORDS + middle * stride;
    const w0 = words[at]!;
    let below = w0 < k0;
    if (w0 === k0) {
      const w1 = words[at + 1]!;
      below = w1 < k1 || (w1 === k1 && words[at + 2]! < k2);
    }
    if (below) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function slotAt(slot: number): number {
  return NODE_HEADER_WORDS + slot * SLOT_WORDS;
}

/** Byte offset of a slot's value in the node. */
export function valueOffset(node: TreeNode, slot: number): number {
  return node.words[NODE_HEADER_WORDS + slot * SLOT_WORDS + SLOT_AT_VALUE]! >>> 16;
}

export function valueLength(node: TreeNode, slot: number): number {
  return node.words[NODE_HEADER_WORDS + slot * SLOT_WORDS + SLOT_AT_VALUE]! & 0xffff;
}

/** Bytes that new items may take, their slots included. */
export function leafRoom(node: TreeNode): number {
  return node.words[NODE_AT_VALUES]! + node.words[NODE_AT_GARBAGE]! - NODE_HEADER_SIZE - node.count * SLOT_WORDS * 4;
}

export function itemSize(length: number): number {
  return ((length + 3) & ~3) + SLOT_WORDS * 4;
}

export function initializeLeaf(node: TreeNode): void {
  node.bytes.fill(0);
  node.words[NODE_AT_VALUES] = NODE_SIZE;
  node.count = 0;
}

/**
 * Makes an item of `length` bytes at `slot`; there must be room. Returns the value's byte offset; its bytes are
 * undefined.
 */
export function leafInsert(node: TreeNode, slot: number, k0: number, k1: number, k2: number, length: number): number {
  const words = node.words;
  const padded = (length + 3) & ~3;
  if (words[NODE_AT_VALUES]! - padded < NODE_HEADER_SIZE + (node.count + 1) * SLOT_WORDS * 4) compact(node);
  // A value of no bytes is nowhere: were it at the lowest value, that one's removal would leave it below all of them.
  const offset = length === 0 ? NODE_SIZE : words[NODE_AT_VALUES]! - padded;
  if (length > 0) words[NODE_AT_VALUES] = offset;
  const at = NODE_HEADER_WORDS + slot * SLOT_WORDS;
  if (slot < node.count) words.copyWithin(at + SLOT_WORDS, at, NODE_HEADER_WORDS + node.count * SLOT_WORDS);
  words[at] = k0;
  words[at + 1] = k1;
  words[at + 2] = k2;
  words[at + SLOT_AT_VALUE] = ((offset << 16) | length) >>> 0;
  // The padding is part of the checksum: it must not carry old bytes.
  if (padded !== length) words[(offset + padded - 4) >>> 2] = 0;
  node.count++;
  return offset;
}

export function leafRemove(node: TreeNode, slot: number): void {
  const words = node.words;
  const at = NODE_HEADER_WORDS + slot * SLOT_WORDS;
  const value = words[at + SLOT_AT_VALUE]!;
  const padded = ((value & 0xffff) + 3) & ~3;
  if (value >>> 16 === words[NODE_AT_VALUES]) words[NODE_AT_VALUES] = (value >>> 16) + padded;
  else words[NODE_AT_GARBAGE] = words[NODE_AT_GARBAGE]! + padded;
  words.copyWithin(at, at + SLOT_WORDS, NODE_HEADER_WORDS + node.count * SLOT_WORDS);
  node.count--;
  if (node.count === 0) {
    words[NODE_AT_VALUES] = NODE_SIZE;
    words[NODE_AT_GARBAGE] = 0;
  }
}

/** Moves the items from `first` on to the end of the leaf `target`, whose keys are all below. */
export function leafMoveTail(node: TreeNode, first: number, target: TreeNode): void {
  for (let slot = first; slot < node.count; slot++) {
    const at = NODE_HEADER_WORDS + slot * SLOT_WORDS;
    const value = node.words[at + SLOT_AT_VALUE]!;
    const offset = value >>> 16;
    const length = value & 0xffff;
    const to = leafInsert(target, target.count, node.words[at]!, node.words[at + 1]!, node.words[at + 2]!, length);
    target.bytes.set(node.bytes.subarray(offset, offset + length), to);
  }
  let freed = 0;
  for (let slot = first; slot < node.count; slot++) freed += (valueLength(node, slot) + 3) & ~3;
  node.words[NODE_AT_GARBAGE] = node.words[NODE_AT_GARBAGE]! + freed;
  node.count = first;
  compact(node);
}

const scratch = new Uint8Array(NODE_SIZE);

/** Packs the values again, so that all unused bytes lie together. */
function compact(node: TreeNode): void {
  const words = node.words;
  const low = words[NODE_AT_VALUES]!;
  scratch.set(node.bytes.subarray(low), low);
  let end = NODE_SIZE;
  for (let at = NODE_HEADER_WORDS + SLOT_AT_VALUE, last = at + node.count * SLOT_WORDS; at < last; at += SLOT_WORDS) {
    const value = words[at]!;
    const offset = value >>> 16;
    const padded = ((value & 0xffff) + 3) & ~3;
    if (padded === 0) {
      words[at] = (NODE_SIZE << 16) >>> 0;
      continue;
    }
    end -= padded;
    if (end !== offset) copyBytes(scratch, offset, node.bytes, end, padded);
    words[at] = ((end << 16) | (value & 0xffff)) >>> 0;
  }
  words[NODE_AT_VALUES] = end;
  words[NODE_AT_GARBAGE] = 0;
}

/** Values are mostly short: a loop beats making a view of the source. */
function copyBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, length: number): void {
  if (length > 64) target.set(source.subarray(from, from + length), to);
  else for (let index = 0; index < length; index++) target[to + index] = source[from + index]!;
}

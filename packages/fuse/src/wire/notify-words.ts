/**
 * Messages that we send unasked (FUSE_NOTIFY_*), put together at `words[at …)`: the header's length and code, unique 0,
 * and what follows it.
 */
import { FUSE_NOTIFY_INC_EPOCH, FUSE_NOTIFY_INVAL_INODE, FUSE_NOTIFY_RETRIEVE } from "@stratos/abi/fuse";
import { REPLY_HEADER_SIZE } from "./layout.ts";

const HEADER_WORDS = REPLY_HEADER_SIZE / 4;
/** With fuse_notify_inval_inode_out; with fuse_notify_retrieve_out; alone. */
export const INVAL_INODE_WORDS: number = HEADER_WORDS + 6,
  RETRIEVE_WORDS: number = HEADER_WORDS + 8,
  INC_EPOCH_WORDS: number = HEADER_WORDS;

/** The kernel forgets a node's attributes and all of its content: from offset 0, without an end. */
export function putInvalidation(words: Uint32Array, at: number, node: number, tree: number): void {
  putHeader(words, at, INVAL_INODE_WORDS, FUSE_NOTIFY_INVAL_INODE);
  words[at + HEADER_WORDS] = node;
  words[at + HEADER_WORDS + 1] = tree;
}

/** The kernel forgets a node's attributes, and nothing else: for the whole of an offset below 0. */
export function putAttributeInvalidation(words: Uint32Array, at: number, node: number, tree: number): void {
  putInvalidation(words, at, node, tree);
  words.fill(0xffffffff, at + HEADER_WORDS + 2, at + HEADER_WORDS + 4);
}

/** The kernel sends `mark` back to us, behind what it has to say: nothing of the node's content is asked for. */
export function putRetrieval(words: Uint32Array, at: number, mark: number, node: number, tree: number): void {
  putHeader(words, at, RETRIEVE_WORDS, FUSE_NOTIFY_RETRIEVE);
  words[at + HEADER_WORDS] = mark;
  words[at + HEADER_WORDS + 2] = node;
  words[at + HEADER_WORDS + 3] = tree;
}

/** All names that the kernel knows are to be looked up anew. */
export function putEpoch(words: Uint32Array, at: number): void {
  putHeader(words, at, INC_EPOCH_WORDS, FUSE_NOTIFY_INC_EPOCH);
}

function putHeader(words: Uint32Array, at: number, length: number, code: number): void {
  words.fill(0, at, at + length);
  words[at] = length * 4;
  words[at + 1] = code;
}

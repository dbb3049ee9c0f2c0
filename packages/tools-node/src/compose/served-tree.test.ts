/**
 * A served tree answers the kernel. Goal: each thing is noted when it is first asked for, and what the kernel may keep
 * it is told to keep.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import {
  B,
  BODY_AT,
  D,
  ENTRY_SIZE,
  FUSE_GETATTR,
  FUSE_LOOKUP,
  HEADER_SIZE,
  Q_LENGTH,
  Q_NODE,
  Q_OPCODE,
  REPLY_HEADER_SIZE,
  VALID_SECONDS,
} from "@stratos/fuse/wire";
import { SERVED_MEMORY_SIZE, ServedTree, type ServedEntry } from "./served-tree.ts";

const entry = (path: string, kind: ServedEntry["kind"]): ServedEntry => ({
  path,
  kind,
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  sizeBytes: 0,
  target: "",
  pack: 0,
  offset: 0,
  xattrs: [],
});
/** Words of an answer to a lookup: how long the name holds, how long the attributes. */
const NAME_VALID = D + 4,
  ATTRIBUTES_VALID = D + 6;

class Kernel {
  readonly memory = new ArrayBuffer(SERVED_MEMORY_SIZE);
  readonly words = new Uint32Array(this.memory);
  readonly sent: number[] = [];
  readonly tree = new ServedTree(
    this,
    [entry("", "directory"), entry("folder", "directory"), entry("folder/file", "file")],
    () => 0,
  );

  receive(): number {
    return 0;
  }
  send(_at: number, length: number): number {
    return this.sent.push(length);
  }

  ask(opcode: number, node: number, name = ""): void {
    const length = HEADER_SIZE + name.length + 1;
    this.words.fill(0, B, B + 8);
    new Uint8Array(this.memory).set(Buffer.from(`${name}\0`, "latin1"), BODY_AT);
    this.words[Q_LENGTH] = length;
    this.words[Q_OPCODE] = opcode;
    this.words[Q_NODE] = node;
    this.tree.handle(length);
  }
}

test("a folder's attributes do not come with its name, and are kept once they were asked for", () => {
  const kernel = new Kernel();
  kernel.ask(FUSE_LOOKUP, 1, "folder");
  assert.equal(kernel.sent.at(-1), REPLY_HEADER_SIZE + ENTRY_SIZE);
  const folder = kernel.words[D]!;
  assert.deepEqual([kernel.words[NAME_VALID], kernel.words[ATTRIBUTES_VALID]], [VALID_SECONDS, 0]);
  assert.deepEqual(kernel.tree.observations.attributes, []);
  kernel.ask(FUSE_GETATTR, folder);
  assert.equal(kernel.words[D], VALID_SECONDS);
  assert.deepEqual(kernel.tree.observations.attributes, ["folder"]);
  kernel.ask(FUSE_LOOKUP, folder, "file");
  assert.deepEqual([kernel.words[NAME_VALID], kernel.words[ATTRIBUTES_VALID]], [VALID_SECONDS, VALID_SECONDS]);
  assert.deepEqual(kernel.tree.observations.names, ["folder", "folder/file"]);
});

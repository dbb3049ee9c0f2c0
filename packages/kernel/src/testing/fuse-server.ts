/** A FUSE server of one descriptor that a test drives request by request. */
import assert from "node:assert/strict";
import {
  AT_FDCWD,
  EAGAIN,
  ENOENT,
  FUSE_DEVICE_MINOR,
  MISC_MAJOR,
  O_NONBLOCK,
  O_RDWR,
  S_IFCHR,
  S_IFDIR,
  S_IFREG,
} from "@stratos/abi";
import * as op from "@stratos/abi/fuse";
import { byteString } from "@stratos/base";
import { getU64, putFields, viewOf } from "../ground/words.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { endAsking } from "../vfs/fanotify-marks.ts";
import type { Call, TestKernel } from "./fake-task.ts";
import { BUFFER, FileTask } from "./file-system-task.ts";

/** A request. */
export interface Asked {
  readonly opcode: number;
  readonly unique: number;
  readonly node: number;
  /** Behind the header. */
  readonly body: Uint8Array;
}

/** The node of the file that the root has. */
export const FILE = 2;

class FuseServer {
  readonly user: FileTask;
  readonly fd: number;
  /** All that was asked. */
  readonly log: number[] = [];

  /** @param flags  FUSE_* that it agrees on */
  constructor(user: FileTask, flags: number) {
    this.user = user;
    user.call("mknodat", AT_FDCWD, "/fuse", S_IFCHR | 0o666, makeDevice(MISC_MAJOR, FUSE_DEVICE_MINOR));
    user.call("mkdirat", AT_FDCWD, "/m", 0o755);
    this.fd = user.open("/fuse", O_RDWR | O_NONBLOCK);
    const options = `fd=${this.fd},rootmode=40755,user_id=0,group_id=0`;
    assert.equal(user.call("mount", "none", "/m", "fuse", 0, options), 0);
    const init = this.next()!;
    assert.equal(init.opcode, op.FUSE_INIT);
    const body = new Uint8Array(op.FuseInitOut.size);
    putFields(viewOf(body), op.FuseInitOut, { major: 7, minor: 31, max_write: 4096, flags });
    assert.equal(this.reply(init, 0, body), op.FuseOutHeader.size + body.length);
  }

  next(): Asked | null {
    const count = this.user.call("read", this.fd, BUFFER, 0x4000);
    if (count === -EAGAIN) return null;
    assert.ok(count >= op.FuseInHeader.size, String(count));
    const bytes = this.user.memory.u8.slice(BUFFER, BUFFER + count);
    const view = viewOf(bytes);
    const { offset } = op.FuseInHeader;
    assert.equal(view.getUint32(offset.len, true), count);
    const opcode = view.getUint32(offset.opcode, true);
    this.log.push(opcode);
    return {
      opcode,
      unique: getU64(view, offset.unique),
      node: getU64(view, offset.nodeid),
      body: bytes.subarray(op.FuseInHeader.size),
    };
  }

  reply({ unique }: { unique: number }, error: number, body: Uint8Array = new Uint8Array(0)): number {
    const { u8, view } = this.user.memory;
    putFields(view, op.FuseOutHeader, { len: op.FuseOutHeader.size + body.length, error, unique }, BUFFER);
    u8.set(body, BUFFER + op.FuseOutHeader.size);
    return this.user.call("write", this.fd, BUFFER, op.FuseOutHeader.size + body.length);
  }

  /** What it says unasked. */
  tell(code: number, body: Uint8Array): number {
    const { u8, view } = this.user.memory;
    putFields(view, op.FuseOutHeader, { len: op.FuseOutHeader.size + body.length, error: code, unique: 0 }, BUFFER);
    u8.set(body, BUFFER + op.FuseOutHeader.size);
    return this.user.call("write", this.fd, BUFFER, op.FuseOutHeader.size + body.length);
  }

  /** Executes a call to its end: each request is answered by `answer`, or as a folder with one file would. */
  finish(client: FileTask, call: Call, answer: (asked: Asked) => Uint8Array | number | null = () => null): number {
    for (let step = 0; call.isBlocked && step < 100; step++) {
      const asked = this.next();
      if (asked !== null) {
        const made = answer(asked) ?? usualAnswer(asked);
        if (typeof made === "number") this.reply(asked, made);
        else if (asked.opcode !== op.FUSE_FORGET && asked.opcode !== op.FUSE_BATCH_FORGET) this.reply(asked, 0, made);
      }
      call.resume();
    }
    assert.ok(call.result !== null, "the call ends");
    if (client.task.permissions !== null) endAsking(client.task);
    return call.result;
  }
}

/** A `fuse_attr`. */
function servedAttributes(node: number, mode = node === 1 ? S_IFDIR | 0o755 : S_IFREG | 0o644): Uint8Array {
  const bytes = new Uint8Array(op.FuseAttr.size);
  putFields(viewOf(bytes), op.FuseAttr, { ino: node, mode, nlink: 1, size: 5 });
  return bytes;
}

/** A `fuse_entry_out`. */
export function servedEntry(node: number, mode?: number): Uint8Array {
  const bytes = new Uint8Array(op.FuseEntryOut.size);
  putFields(viewOf(bytes), op.FuseEntryOut, { nodeid: node });
  bytes.set(servedAttributes(node, mode), op.FuseEntryOut.offset.attr);
  return bytes;
}

/** What an ordinary server with one file answers. */
export function usualAnswer({ opcode, node, body }: Asked): Uint8Array | number {
  switch (opcode) {
    case op.FUSE_LOOKUP:
      return byteString(body) === "f\0" ? servedEntry(FILE) : -ENOENT;
    case op.FUSE_GETATTR: {
      const bytes = new Uint8Array(op.FuseAttrOut.size);
      bytes.set(servedAttributes(node), op.FuseAttrOut.offset.attr);
      return bytes;
    }
    case op.FUSE_OPEN:
    case op.FUSE_OPENDIR:
      return new Uint8Array(op.FuseOpenOut.size);
    case op.FUSE_CREATE:
      return new Uint8Array([...servedEntry(3), ...new Uint8Array(op.FuseOpenOut.size)]);
    case op.FUSE_WRITE: {
      const bytes = new Uint8Array(op.FuseWriteOut.size);
      bytes.set(body.subarray(op.FuseWriteIn.offset.size, op.FuseWriteIn.offset.size + 4));
      return bytes;
    }
    default:
      return new Uint8Array(0);
  }
}

/** A server, and a client of it. */
export function servedScene(flags = 0): { test: TestKernel; server: FuseServer; client: FileTask } {
  const { test, user } = FileTask.create();
  const server = new FuseServer(user, flags);
  const client = new FileTask(test.kernel, user);
  server.log.length = 0;
  return { test, server, client };
}

/** A `fuse_attr_out`. */
export function servedAttributesOut(node: number, mode?: number): Uint8Array {
  const bytes = new Uint8Array(op.FuseAttrOut.size);
  bytes.set(servedAttributes(node, mode), op.FuseAttrOut.offset.attr);
  return bytes;
}

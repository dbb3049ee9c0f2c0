/** A kernel for tests: hands out prepared requests, and keeps what is answered. */
import { ENODEV } from "@stratos/abi";
import type { FuseDevice } from "../device.ts";
import { MEMORY_SIZE } from "../wire/layout.ts";
import { FUSE_NOTIFY_REPLY, FUSE_NOTIFY_RETRIEVE } from "@stratos/abi/fuse";

interface Reply {
  readonly unique: number;
  readonly error: number;
  readonly payload: Uint8Array;
}

export class ScriptedDevice implements FuseDevice {
  readonly memory = new ArrayBuffer(MEMORY_SIZE);
  readonly replies: Reply[] = [];
  readonly notified: Uint8Array[] = [];
  readonly #bytes = new Uint8Array(this.memory);
  readonly #requests: Uint8Array[] = [];
  #unique = 0;

  /** Puts a request into the queue; its unique number is returned. `body` is words, or bytes. */
  request(opcode: number, node: number, ...body: (number | string)[]): number {
    const bytes: number[] = [];
    for (const part of body) {
      if (typeof part === "string") for (const character of `${part}\0`) bytes.push(character.charCodeAt(0));
      else bytes.push(part & 255, (part >>> 8) & 255, (part >>> 16) & 255, part >>> 24);
    }
    const message = new Uint8Array(40 + bytes.length);
    const words = new Uint32Array(message.buffer, 0, 10);
    words.set([message.length, opcode, ++this.#unique, 0, node, 0, 1000, 1000, 1]);
    message.set(bytes, 40);
    this.raw(message);
    return this.#unique;
  }

  /** The request that waits under that number is for a node of another tree. */
  at(unique: number, tree: number): void {
    const message = this.#requests.find((candidate) => new Uint32Array(candidate.buffer, 0, 10)[2] === unique);
    if (message === undefined) throw new Error(`request ${unique} does not wait`);
    new Uint32Array(message.buffer, 0, 10)[5] = tree;
  }

  /** Puts any bytes into the queue. */
  raw(message: Uint8Array): void {
    this.#requests.push(message);
  }

  receive(at: number, sizeMax: number): number {
    const message = this.#requests.shift();
    if (message === undefined) return -ENODEV;
    this.#bytes.set(message.subarray(0, sizeMax), at);
    return Math.min(message.length, sizeMax);
  }

  send(at: number, length: number): number {
    const words = new DataView(this.memory, at, 20);
    if (words.getInt32(4, true) === FUSE_NOTIFY_RETRIEVE && words.getUint32(8, true) === 0)
      return this.#sendBack(words.getUint32(16, true));
    this.replies.push({
      unique: words.getUint32(8, true),
      error: words.getInt32(4, true),
      payload: this.#bytes.slice(at + 16, at + length),
    });
    return words.getUint32(0, true) === length ? 0 : -22;
  }

  /** A message with the number that was asked for, behind all that waits. */
  #sendBack(unique: number): number {
    const message = new Uint8Array(80);
    new Uint32Array(message.buffer).set([message.length, FUSE_NOTIFY_REPLY, unique, 0, 1]);
    this.raw(message);
    return 0;
  }

  notify(messages: Uint8Array): void {
    this.notified.push(messages);
  }

  /** Of these, marks come back at once: nothing is gathered here. */
  notifyLater(messages: Uint8Array): void {
    this.notified.push(messages);
    const words = new DataView(messages.buffer);
    for (let at = 0; at < messages.length; at += words.getUint32(at, true))
      if (words.getInt32(at + 4, true) === FUSE_NOTIFY_RETRIEVE) this.#sendBack(words.getUint32(at + 16, true));
  }

  /** Tokens that `askForAll` got; a test answers them. */
  readonly asked: string[] = [];

  askForAll(token: string): boolean {
    this.asked.push(token);
    return this.canAskForAll;
  }

  canAskForAll = true;

  /** The answer to a request. */
  answer(unique: number): Reply {
    const reply = this.replies.find((candidate) => candidate.unique === unique);
    if (reply === undefined) throw new Error(`no answer to request ${unique}`);
    return reply;
  }
}

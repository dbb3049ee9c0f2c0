/** A program on a bus, without a machine: it says what a test tells it to, and keeps what it is told. */
import { byteString } from "@stratos/base";
import type { Bus } from "../bus/bus.ts";
import type { Transport, TransportEvents } from "../bus/connection.ts";
import {
  bodyOf,
  type Message,
  messageSize,
  METHOD_CALL,
  readMessage,
  valuesOf,
  writeMessage,
} from "../wire/message.ts";
import { BUS_NAME, BUS_PATH } from "../wire/names.ts";
import type { Value } from "../wire/value-reader.ts";

export class BusClient {
  #events: TransportEvents;
  readonly transport: Transport;
  readonly #sent = new Map<number, object>();
  #lastFile = 0;
  readonly messages: (Message & { readonly values: readonly Value[]; readonly files: readonly object[] })[] = [];
  readonly released: object[] = [];
  /** What was said before messages. */
  lines = "";
  isEnded = false;
  /** Messages that it reads; then its connection is reset, as one of a program that does not read. */
  readsMax = Infinity;
  #serial = 0;

  /** @param key  of its connection, for a bus that goes on */
  constructor(bus: Bus, uid = 1000, key = 1) {
    this.transport = {
      key,
      files: this.#sent,
      peer: { uid, pid: 7 },
      send: (bytes, files) => (this.messages.length < this.readsMax ? this.#take(bytes, files) : this.leave()),
      release: (file) => {
        this.released.push(file);
        for (const [number, sent] of this.#sent) if (sent === file) this.#sent.delete(number);
      },
      close: () => void (this.isEnded = true),
    };
    this.#events = bus.connect(this.transport);
  }

  /** Another bus goes on with it. */
  goOn(events: TransportEvents): void {
    this.#events = events;
  }

  /** One that may send files, and has its name. */
  static named(bus: Bus, key = 1): BusClient {
    const client = new BusClient(bus, 1000, key);
    client.say("\0AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    client.call("Hello");
    return client;
  }

  get unique(): string {
    return this.messages[0]!.values[0] as string;
  }

  say(text: string): void {
    this.push(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
  }

  push(bytes: Uint8Array, files: readonly object[] = []): void {
    for (const file of files) this.#sent.set(++this.#lastFile, file);
    this.#events.onData(bytes, files);
  }

  leave(): void {
    this.#events.onEnd();
  }

  /** A method of the bus. @returns its answer */
  call(member: string, signature = "", values: readonly Value[] = []): Message & { readonly values: readonly Value[] } {
    const head = { destination: BUS_NAME, path: BUS_PATH, interface: BUS_NAME, member };
    const serial = this.send({ ...head, signature, body: bodyOf(signature, values) });
    return this.messages.find(({ replySerial }) => replySerial === serial)!;
  }

  /** @returns its number */
  send(message: Partial<Message>, files: readonly object[] = []): number {
    const serial = ++this.#serial;
    const empty = { type: METHOD_CALL, flags: 0, signature: "", body: new Uint8Array(0), isLittle: true };
    this.push(writeMessage({ ...empty, ...message, serial, fileCount: files.length }), files);
    return serial;
  }

  #take(bytes: Uint8Array, files: readonly object[]): void {
    // No line has such a byte, and each message has: the protocol's version.
    if (bytes[3] !== 1) return void (this.lines += byteString(bytes));
    if (messageSize(bytes) !== bytes.length) throw new Error("more or less than a message");
    const message = readMessage(bytes.slice());
    this.messages.push({ ...message, values: valuesOf(message), files });
  }
}

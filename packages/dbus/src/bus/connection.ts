/**
 * A program's connection: bytes in, messages out. One that breaks the protocol is ended; nothing that it sends reaches
 * anybody but as a whole message, with the name of who sent it.
 */
import { concatBytes } from "@stratos/base";
import { bytes, flag, list, maybe, record, text, whole } from "@stratos/base/value-check";
import { type Message, messageSize, readMessage, writeMessage } from "../wire/message.ts";
import { WireError } from "../wire/value-reader.ts";
import { Authentication, isSavedAuthentication, type SavedAuthentication } from "./authentication.ts";
import { MatchRule } from "./match-rule.ts";
import type { Credentials, Peer, SharedFile } from "./peer.ts";

/** Files that came and belong to no message yet: of one message (SCM_MAX_FD). */
const FILES_MAX = 253;
/** Of a message that is not whole; so many are joined: each one costs more than its bytes. */
const PIECES_MAX = 256;

/** The other end, as the host has it. */
export interface Transport {
  /** By which a bus that goes on from a saved one finds it again. */
  readonly key: number;
  /** Those that came over it and were not released, by numbers that are theirs for good. */
  readonly files: ReadonlyMap<number, SharedFile>;
  readonly peer: Credentials | null;
  /** In order, whatever room there is. The files go with the first of the bytes, and stay the sender's. */
  send(bytes: Uint8Array, files: readonly SharedFile[]): void;
  release(file: SharedFile): void;
  close(): void;
}

/** What the host tells of it. */
export interface TransportEvents {
  /** The bytes hold until the call returns. */
  onData(bytes: Uint8Array, files: readonly SharedFile[]): void;
  onEnd(): void;
}

export interface SavedConnection {
  readonly key: number;
  readonly unique: string;
  readonly rules: readonly string[];
  readonly authentication: SavedAuthentication | null;
  readonly takesFiles: boolean;
  /** What has come of messages that are not whole. */
  readonly waiting: Uint8Array;
  /** That belong to no message yet, by their numbers. */
  readonly files: readonly number[];
}

const number = whole(1, 2 ** 48);
/** A message, and what was taken with its end. */
const WAITING_MAX = 1 << 22;
export const isSavedConnection = record({
  key: number,
  unique: text(64),
  rules: list(text(1024), 2048),
  authentication: maybe(isSavedAuthentication),
  takesFiles: flag,
  waiting: bytes(WAITING_MAX),
  files: list(number, FILES_MAX),
});

interface ConnectionOwner {
  readonly guid: string;
  /** A whole message of it. @returns false: the connection is to be ended */
  take(from: Connection, message: Message, files: readonly SharedFile[]): boolean;
  gone(connection: Connection): void;
  /** What has come of messages that are not whole is not too much, with that of all others. */
  hasRoom(): boolean;
}

export class Connection implements Peer, TransportEvents {
  readonly unique: string;
  readonly credentials: Credentials | null;
  readonly rules: MatchRule[] = [];
  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  #authentication: Authentication | null;
  #takesFiles = false;
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  #wanted = 0;
  #files: SharedFile[] = [];
  #isOver = false;

  constructor(unique: string, transport: Transport, owner: ConnectionOwner) {
    this.unique = unique;
    this.credentials = transport.peer;
    this.#owner = owner;
    this.#transport = transport;
    this.#authentication = new Authentication({
      uid: transport.peer?.uid ?? null,
      guid: owner.guid,
      send: (line) =>
        transport.send(
          Uint8Array.from(line, (letter) => letter.charCodeAt(0)),
          [],
        ),
    });
  }

  save(): SavedConnection {
    const numbers = new Map([...this.#transport.files].map(([number, file]) => [file, number]));
    return {
      key: this.#transport.key,
      unique: this.unique,
      rules: this.rules.map(({ text: said }) => said),
      authentication: this.#authentication?.save() ?? null,
      takesFiles: this.#takesFiles,
      waiting: concatBytes(this.#pieces),
      files: this.#files.map((file) => numbers.get(file)!),
    };
  }

  /** @returns false: it cannot have been so */
  goOn({ rules, authentication, takesFiles, waiting, files }: SavedConnection): boolean {
    const parsed = rules.map((said) => MatchRule.parse(said));
    if (!parsed.every((rule) => rule !== null)) return false;
    this.rules.push(...parsed);
    if (authentication === null) this.#authentication = null;
    else this.#authentication!.goOn(authentication);
    this.#takesFiles = takesFiles;
    this.#pieces = waiting.length === 0 ? [] : [waiting];
    this.#waiting = waiting.length;
    for (const number of files) {
      const file = this.#transport.files.get(number);
      if (file === undefined || this.#files.includes(file)) return false;
      this.#files.push(file);
    }
    return true;
  }

  get takesFiles(): boolean {
    return this.#takesFiles;
  }

  /** What has come of messages that are not whole. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  get waitingFiles(): number {
    return this.#files.length;
  }

  onData(bytes: Uint8Array, files: readonly SharedFile[]): void {
    if (this.#isOver) return;
    this.#files.push(...files);
    if (this.#files.length > FILES_MAX || (files.length > 0 && !this.#maySendFiles)) return this.end();
    let rest = bytes;
    if (this.#authentication !== null) {
      const left = this.#authentication.take(bytes);
      if (left === "over") return this.end();
      if (left === null) return this.#keep();
      this.#takesFiles = this.#authentication.takesFiles;
      this.#authentication = null;
      rest = left;
    }
    this.#pieces.push(rest.slice());
    this.#waiting += rest.length;
    this.#messages();
    this.#keep();
  }

  /** What waits for the rest. */
  #keep(): void {
    if (this.#pieces.length > PIECES_MAX) this.#pieces = [concatBytes(this.#pieces)];
    if (this.#waiting + this.#files.length > 0 && !this.#owner.hasRoom()) this.end();
  }

  get #maySendFiles(): boolean {
    return this.#takesFiles || this.#authentication?.takesFiles === true;
  }

  /** Those that are whole. Pieces are joined once for a message, and not with each that comes. */
  #messages(): void {
    if (this.#waiting < this.#wanted) return;
    let bytes = this.#pieces.length === 1 ? this.#pieces[0]! : concatBytes(this.#pieces);
    try {
      for (;;) {
        const size = messageSize(bytes);
        this.#wanted = Math.max(size, 1);
        if (size === 0 || size > bytes.length) break;
        if (!this.#message(bytes.subarray(0, size))) return this.end();
        bytes = bytes.subarray(size);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.end();
    }
    this.#pieces = bytes.length === 0 ? [] : [bytes];
    this.#waiting = bytes.length;
  }

  /** @throws WireError */
  #message(bytes: Uint8Array): boolean {
    const message = readMessage(bytes);
    if (message.fileCount > this.#files.length) return false;
    const files = this.#files.splice(0, message.fileCount);
    const goesOn = this.#owner.take(this, message, files);
    for (const file of files) this.#transport.release(file);
    return goesOn && !this.#isOver;
  }

  receive(message: Message, files: readonly SharedFile[]): void {
    if (!this.#isOver) this.#transport.send(writeMessage(message), files);
  }

  onEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const file of this.#files) this.#transport.release(file);
    this.#files = [];
    this.#pieces = [];
    this.#waiting = 0;
    this.#owner.gone(this);
  }

  end(): void {
    if (this.#isOver) return;
    this.onEnd();
    this.#transport.close();
  }
}

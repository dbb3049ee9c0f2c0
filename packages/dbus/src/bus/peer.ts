/** What is on a bus: a program's connection, or a service of the host. */
import type { Message } from "../wire/message.ts";
import type { MatchRule } from "./match-rule.ts";

/** A program's open file; a handle of the transport's. */
export type SharedFile = object;

export interface Credentials {
  readonly uid: number;
  readonly pid: number;
}

/** A D-Bus error: its name, and a sentence for people. */
export class BusError extends Error {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name.startsWith("org.") ? name : `org.freedesktop.DBus.Error.${name}`;
  }
}

export interface Peer {
  /** Such as `:1.7`. */
  readonly unique: string;
  /** Null: it is of the host. */
  readonly credentials: Credentials | null;
  /** Messages with descriptors can be sent to it. */
  readonly takesFiles: boolean;
  readonly rules: MatchRule[];
  /** The files stay the sender's. */
  receive(message: Message, files: readonly SharedFile[]): void;
}

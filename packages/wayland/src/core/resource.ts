/** An object of a client, as the wire names it: by a number, with an interface and the version that it was bound at. */
import { assert } from "@stratos/base";
import { flag, maybe, whole } from "@stratos/base/value-check";
import type { Client } from "./client.ts";
import type { SharedFile } from "./ports.ts";
import { a, savedClass } from "../saved/saved-class.ts";

/** A request or an event: wl_message of libwayland. */
export interface MessageType {
  readonly name: string;
  /** The version of the interface that brought it. */
  readonly since: number;
  /** A letter for each argument: i, u, f (24.8), s, o, n, a, h (file); `?` before one that may be null. */
  readonly signature: string;
  /** Of the objects among the arguments, interfaces by name; null: any. */
  readonly types: readonly (string | null)[];
  /** The object is no more, once the request is done. */
  readonly isDestructor?: boolean;
}

export interface Interface {
  readonly name: string;
  readonly version: number;
  readonly requests: readonly MessageType[];
  readonly events: readonly MessageType[];
}

export type Value = number | string | Uint8Array | Resource | SharedFile | null;

/** Requests by their names. */
export type Handler = Readonly<Record<string, (...values: never[]) => void>>;

/** What an object stands for, where that is more than its requests. */
export interface Part {
  /** Handles its object's requests from here on: of one that was made, and of one that was loaded. */
  serve(): void;
}

export class Resource {
  readonly client: Client;
  readonly id: number;
  readonly interface: Interface;
  readonly version: number;
  isDestroyed = false;
  /** What it stands for; null: nothing any more, and requests but destructors have no effect. */
  handler: Handler | null = null;
  part: Part | null = null;
  #onDestroy: (() => void)[] = [];

  constructor(client: Client, id: number, type: Interface, version: number) {
    this.client = client;
    this.id = id;
    this.interface = type;
    this.version = version;
  }

  onDestroy(callback: () => void): void {
    this.#onDestroy.push(callback);
  }

  /** Sends an event, unless the client's version of the object does not know it. */
  send(opcode: number, values: readonly Value[]): void {
    const type = this.interface.events[opcode];
    assert(type !== undefined, `${this.interface.name} has event ${opcode}`);
    if (!this.isDestroyed && this.version >= type.since) this.client.sendEvent(this, opcode, type, values);
  }

  /** @returns never: the client's request ends here, and then the client */
  fail(code: number, message: string): never {
    throw new ProtocolError(this, code, message);
  }

  /** Whoever holds what it stands for is told; its number is free again. */
  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.client.forget(this);
    for (const callback of this.#onDestroy.splice(0)) callback();
  }

  static {
    savedClass(
      "Resource",
      this,
      {
        client: a("Client"),
        id: whole(1, 2 ** 32 - 1),
        interface: (value) => typeof value === "object" && value !== null && "requests" in value,
        version: whole(1, 64),
        isDestroyed: flag,
        part: maybe(isPart),
      },
      null,
      { keeps: ["handler", "#onDestroy"], loaded: (it) => it.#loaded() },
    );
  }

  #loaded(): void {
    if (this.isDestroyed) return;
    if (this.part !== null) this.part.serve();
    else this.client.serveAgain(this);
  }
}

function isPart(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as Partial<Part>).serve === "function";
}

/** What a client did wrong (wl_display.error): it is told, and disconnected. */
export class ProtocolError extends Error {
  readonly resource: Resource;
  readonly code: number;

  constructor(resource: Resource, code: number, message: string) {
    super(message);
    this.resource = resource;
    this.code = code;
  }
}

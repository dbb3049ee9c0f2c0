/**
 * A bus as bytes: who is on it, what names and rules they have, and who waits for an answer or for a service. What is
 * loaded was a file: it is checked as what programs send is.
 */
import { loadState, saveState, StateError } from "@stratos/base";
import { bytes, list, record, text, uint32, whole } from "@stratos/base/value-check";
import { type Message, readMessage } from "../wire/message.ts";
import { WireError } from "../wire/value-reader.ts";
import { isSavedConnection, type SavedConnection } from "./connection.ts";
import { VARIABLES_MAX, VARIABLES_TEXT_MAX } from "./driver.ts";

const FORMAT = 1;

type Pairs<Value> = readonly (readonly [string, Value])[];

interface Held<Content> {
  readonly sender: string;
  readonly message: Content;
}

/** Peers by their unique names. */
interface SavedBus<Content> {
  /** Programs have seen it. */
  readonly guid: string;
  readonly last: number;
  readonly serial: number;
  readonly environment: Pairs<string>;
  readonly connections: readonly SavedConnection[];
  /** Those that have said Hello, in order, and services of the host. */
  readonly peers: readonly string[];
  readonly monitors: readonly string[];
  /** By the names that they serve under. */
  readonly hosts: Pairs<string>;
  readonly names: Pairs<readonly { readonly owner: string; readonly flags: number }[]>;
  readonly replies: Pairs<readonly (readonly [number, string])[]>;
  readonly held: Pairs<readonly Held<Content>[]>;
}

const unique = text(64);
const name = text(255);

function pairs(value: (value: unknown) => boolean, most: number): (value: unknown) => boolean {
  return list((each) => Array.isArray(each) && each.length === 2 && name(each[0]) && value(each[1]), most);
}

const isSavedBus = record({
  format: (value) => value === FORMAT,
  guid: text(32),
  last: whole(0, 2 ** 48),
  serial: uint32,
  environment: list(
    (each) => Array.isArray(each) && each.length === 2 && each.every(text(VARIABLES_TEXT_MAX)),
    VARIABLES_MAX,
  ),
  connections: list(isSavedConnection, 256),
  peers: list(unique, 512),
  monitors: list(unique, 256),
  hosts: pairs(unique, 64),
  names: pairs(list(record({ owner: unique, flags: uint32 }), 512), 4096),
  replies: pairs(
    list((each) => Array.isArray(each) && each.length === 2 && uint32(each[0]) && unique(each[1]), 4096),
    512,
  ),
  held: pairs(list(record({ sender: unique, message: bytes(1 << 22) }), 64), 1024),
});

export function saveBus(state: SavedBus<Uint8Array>): Uint8Array {
  return saveState({ format: FORMAT, ...state }, new Map());
}

/** @throws StateError */
export function loadBus(saved: Uint8Array): SavedBus<Message> {
  const state = loadState(saved, { ports: new Map(), given: new Map(), classes: new Set() });
  if (!isSavedBus(state)) throw damagedBus("what it holds");
  const bus = state as SavedBus<Uint8Array>;
  const held = bus.held.map(([service, its]) => {
    const calls = its.map(({ sender, message }) => ({ sender, message: messageOf(message) }));
    return [service, calls] as const;
  });
  return { ...bus, held };
}

/** What `Bus.save` has of the bus's name, which programs have seen: whoever goes on has that. @throws StateError */
export function guidOf(saved: Uint8Array): string {
  return loadBus(saved).guid;
}

function messageOf(written: Uint8Array): Message {
  try {
    return readMessage(written);
  } catch (error) {
    if (error instanceof WireError) throw damagedBus(error.message);
    throw error;
  }
}

export function damagedBus(what: string): StateError {
  return new StateError("damaged", `the saved bus is damaged: ${what}`);
}

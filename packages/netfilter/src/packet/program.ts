/**
 * A ruleset as packets run through it: one list of numbers, with jumps, instead of rules and expressions.
 *
 *     RULE next | PAYLOAD base offset length register | CMP operation register length constant | … | RULE next | END
 *
 * A step that doesn't match goes on at `next`; END returns to where a chain was called from.
 */
import type { Expression, NftSet } from "../rules/ruleset.ts";

/** Steps; each says what numbers follow. */
export const Step = {
  /** Where the next rule begins. */
  rule: 0,
  end: 1,
  accept: 2,
  drop: 3,
  jump: 4,
  goto: 5,
  /** Base, offset, length, register in bytes. */
  payload: 6,
  /** Operation, register in bytes, length, constant. */
  compare: 7,
  /** Register in bytes, length, mask, xor (constants), target in bytes. */
  mask: 8,
  /** Target in bytes, length, constant. */
  load: 9,
  /** Set, register in bytes, isInverted. */
  lookup: 10,
  /** Set, register in bytes, target in bytes. */
  map: 11,
  /** Set, register in bytes. */
  verdictMap: 12,
  /** Key, target in bytes. */
  meta: 13,
  /** Key, target in bytes, direction. */
  connection: 14,
  /** Counts of an expression. */
  counter: 15,
  /** An expression that is evaluated as it is. */
  other: 16,
  break: 17,
} as const;

/** Where packets enter. */
export interface Entry {
  readonly family: number;
  readonly type: string;
  readonly priority: number;
  readonly start: number;
  /** NF_ACCEPT or NF_DROP. */
  policy(): number;
  readonly counters: Float64Array | null;
  /** Interfaces whose packets come by, where that matters (isDeviceOf). */
  readonly devices: readonly string[];
}

export interface Program {
  readonly code: Int32Array;
  readonly constants: readonly Uint8Array[];
  readonly sets: readonly NftSet[];
  readonly counters: readonly Float64Array[];
  readonly others: readonly Expression[];
  /** By place (rules/chain-places.ts), in the order in which they are run. */
  readonly entries: readonly (readonly Entry[])[];
  /** Somebody asks for connections, or translates. */
  readonly tracks: boolean;
  readonly translates: boolean;
  /** Some connections may go by the rules (flow tables). */
  readonly offloads: boolean;
}

/**
 * A key that a program is asked to make (request_key(2), request-key(8)): until it has, the key is under construction,
 * and whoever finds it waits. Who has the authority, a key of a type of its own, may fill it or reject it, and searches
 * the keyrings of who has asked beside his own (keyctl_assume_authority(3)).
 */
import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";
import type { Key } from "./key.ts";

/** Type of the authority's key; its description is the number of the key that it is about, in hexadecimal. */
export const AUTHORITY_TYPE = ".request_key_auth";

export class KeyRequest {
  readonly target: Key;
  readonly authority: Key;
  /** Keyrings of who has asked. */
  readonly rings: readonly Key[];
  /** Where the key lies, and KEY_SPEC_REQUESTOR_KEYRING. */
  readonly destination: Key;
  /** Process that makes it; 0: none yet. */
  helper = 0;
  readonly queue = new WaitQueue();

  constructor(target: Key, authority: Key, rings: readonly Key[], destination: Key) {
    this.target = target;
    this.authority = authority;
    this.rings = rings;
    this.destination = destination;
  }

  get held(): readonly Key[] {
    return [this.target, this.authority, ...this.rings, this.destination];
  }

  static {
    stateClass("KeyRequest", this);
  }
}

import { FUSE_POLL } from "@stratos/abi/fuse";
import { stateClass } from "@stratos/base";
import { permissionsOf } from "../../vfs/fanotify-marks.ts";
import type { Caller } from "../../vfs/vfs-kernel.ts";
import type { FsCaller } from "../fs-kernel.ts";
import type { FuseRequest, Held } from "./fuse-request.ts";

/** Who was asked: a connection (fuse-connection.ts). */
interface Server {
  /** The call is over, or has its answer for good. */
  leave(request: FuseRequest): void;
}

/**
 * What one call has asked servers. It is executed again after each answer and asks the same again, in the same order;
 * what was answered is found here, so that nothing is done twice. Bound: names of a path and links in it, and pieces of
 * a transfer.
 */
export class FuseAnswers {
  readonly asked: { readonly connection: Server; readonly request: FuseRequest }[] = [];
  /** What it knew without asking, in the order in which it comes to that. */
  readonly known: { readonly of: Held; readonly name: string; readonly found: Held | null }[] = [];
  /** How far the execution under way has come in them. */
  knownAt = 0;
  /** Which execution `isUsed`, `at` and `knownAt` are about; −1: none yet. */
  execution = -1;
  /** Where the next one is looked for first. */
  at = 0;
  /** The call has waited for an event of files. */
  hasPolled = false;

  /** An earlier question of the call that this execution hasn't come to yet. */
  find(execution: number, connection: Server, key: string): FuseRequest | null {
    const index = this.#indexOf(execution, connection, key);
    if (index < 0) return null;
    this.at = index + 1;
    return this.asked[index]!.request;
  }

  has(execution: number, connection: Server, key: string): boolean {
    return this.#indexOf(execution, connection, key) >= 0;
  }

  /** An execution of the call has come to its first question, or goes on. */
  #begin(execution: number): void {
    if (this.execution === execution) return;
    this.execution = execution;
    this.at = this.knownAt = 0;
    for (const { request } of this.asked) request.isUsed = false;
  }

  #indexOf(execution: number, connection: Server, key: string): number {
    this.#begin(execution);
    for (let step = 0; step < this.asked.length; step++) {
      const index = (this.at + step) % this.asked.length;
      const { request, connection: own } = this.asked[index]!;
      if (!request.isUsed && own === connection && request.key === key) return index;
    }
    return -1;
  }

  remember(execution: number, of: Held, name: string, found: Held | null): void {
    this.#begin(execution);
    found?.retain();
    this.known.splice(this.knownAt++, 0, { of, name, found });
  }

  recall(execution: number, of: Held, name: string): Held | null | undefined {
    this.#begin(execution);
    for (let at = this.knownAt; at < this.known.length; at++) {
      const one = this.known[at]!;
      if (one.of !== of || one.name !== name) continue;
      this.knownAt = at + 1;
      return one.found;
    }
    return undefined;
  }

  add(connection: Server, request: FuseRequest): void {
    this.asked.push({ connection, request });
    this.at = this.asked.length;
  }

  /** Its answer was used for good, and is not asked for again. */
  drop(request: FuseRequest): void {
    const index = this.asked.findIndex((each) => each.request === request);
    if (index < 0) return;
    this.asked.splice(index, 1);
    if (this.at > index) this.at--;
  }

  /** The call looks at files anew when it is woken, and asks again what they are ready for. */
  forgetPolls(): void {
    for (let index = this.asked.length - 1; index >= 0; index--) {
      const { connection, request } = this.asked[index]!;
      if (request.opcode !== FUSE_POLL) continue;
      this.asked.splice(index, 1);
      connection.leave(request);
    }
    this.at = 0;
    this.hasPolled = true;
  }

  /** The call is over. */
  end(): void {
    for (const { connection, request } of this.asked.splice(0)) connection.leave(request);
    for (const { found } of this.known.splice(0)) found?.release();
  }

  static {
    stateClass("FuseAnswers", this);
  }
}

/** Before a call waits for an event of files that it has looked at. */
export function forgetPolls({ permissions }: Caller): void {
  const served = permissions?.served;
  if (served instanceof FuseAnswers) served.forgetPolls();
}

export function answersOf(caller: FsCaller): FuseAnswers {
  const permissions = permissionsOf(caller);
  return (permissions.served ??= new FuseAnswers()) as FuseAnswers;
}

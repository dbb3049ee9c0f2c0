/** One operation of the console's REST service. */
import type { RestOperation } from "@stratos/volumes/serve";
import type { Role } from "@stratos/volumes/roles";
import type { Identity } from "./access/sign-in.ts";

export interface ConsoleRequest {
  /** Who asks. */
  readonly identity: Identity;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Checked by the route's schema. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Whoever asked has gone. */
  readonly signal: AbortSignal;
}

/** @typeParam Parts  what operations of its kind are done with */
export interface ConsoleRoute<Parts> extends RestOperation {
  /** Who may. */
  readonly role: Role;
  readonly handle: (request: ConsoleRequest & Parts) => unknown;
}

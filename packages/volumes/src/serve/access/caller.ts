/** Who asks a service. */
import { Refusal } from "../rest-input.ts";
import { mayAct, type Role } from "./role.ts";

export interface Caller {
  /** Of the key; the owner's is `owner`. */
  readonly name: string;
  readonly role: Role;
}

/** Who has the token; also of a service that asks nobody who he is. */
export const OWNER: Caller = { name: "owner", role: "administrator" };

/** @throws Refusal where the caller's role may not what needs that one */
export function requireRole({ name, role }: Caller, needed: Role): void {
  if (!mayAct(role, needed)) throw new Refusal(403, `${name} is ${role}; this needs the role ${needed}`);
}

/** What the views of a volume have in common. */
import type { Role } from "@stratos/volumes/roles";

export interface ViewContext {
  /** `/volumes/NAME`, below the service's root. */
  readonly at: string;
  readonly role: Role;
  /** The service changes nothing. */
  readonly readOnly: boolean;
  /** Behind the view's name in the address: a path, a snapshot. */
  readonly rest: string;
  /** Does something, tells why it did not work, and draws the view anew. */
  readonly attempt: (work: () => Promise<unknown>) => void;
  /** Shows another place of this view. */
  readonly go: (rest: string) => void;
  readonly notice: (words: string) => void;
}

/** @returns the view's content. @throws as ask */
export type View = (context: ViewContext) => Promise<readonly Node[]>;

/** It is offered to those alone who may. */
export function mayChange({ role, readOnly }: ViewContext, needed: Role): boolean {
  return !readOnly && (role === "administrator" || role === needed);
}

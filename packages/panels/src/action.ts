/** What somebody can do with what a panel shows: the same in a page and in a terminal, which draw it differently. */
import type { Role } from "@stratos/volumes/roles";

/** A request to the service. @throws Error with the service's words */
export type Ask = <T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: object) => Promise<T>;

/** @typeParam Word  of the panel's words */
export interface Action<Word extends string> {
  readonly word: Word;
  /** That it needs; it is offered to nobody else. */
  readonly needs: Role;
  /** What is asked before, naming what will be lost; null: nothing will. */
  readonly question: string | null;
  /** @returns what is to be told of it; null: what is seen says it. @throws as Ask */
  readonly run: (ask: Ask) => Promise<string | null>;
}

/** What the views of the page have in common. */
import { mayAct, type Role } from "@stratos/volumes/roles";
import { element } from "../elements.ts";
import { ask } from "./rest.ts";

export interface ViewContext {
  readonly role: Role;
  /** What it is asked for. */
  readonly parts: readonly string[];
  /** Does something, tells why it did not work, and draws the view anew, unless it only adds to what is there. */
  readonly attempt: (work: () => Promise<unknown>, adds?: "adds") => void;
  readonly go: (view: string, ...parts: readonly string[]) => void;
}

/** @returns the view's content. @throws as ask */
export type View = (context: ViewContext) => Promise<readonly Node[]>;

/** Starts a command, and shows what becomes of it. */
export function startJob({ attempt, go }: ViewContext, command: readonly string[]): void {
  attempt(async () => {
    const { id } = await ask<{ readonly id: number }>("POST", "/jobs", { command });
    go("jobs", String(id));
  });
}

export function administers({ role }: ViewContext): boolean {
  return mayAct(role, "administrator");
}

export function operates({ role }: ViewContext): boolean {
  return mayAct(role, "operator");
}

/** Its page stays where it is when it is sent. */
export function form(onSubmit: () => void, ...children: readonly (Node | string)[]): HTMLFormElement {
  const made = element("form", { className: "row" }, ...children);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    onSubmit();
  });
  return made;
}

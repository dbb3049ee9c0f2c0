/** What the person has granted applications and refused them, in a file of the host; and what they did, beside it. */
import { existsSync, readFileSync } from "node:fs";
import { appendToLog, replaceFile } from "@stratos/host-node/files";
import type { PermissionStore } from "../machine/sandboxed-applications.ts";

type Decisions = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** Then it becomes `….1`. */
const AUDIT_BYTES_MAX = 1 << 20;
const SHOWN_BYTES = 1 << 18;

export class PermissionsFile implements PermissionStore {
  readonly #path: string;
  #decisions: Decisions = {};

  /** What cannot be read has granted nothing. */
  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    try {
      this.#decisions = checked(JSON.parse(readFileSync(path, "utf8")));
    } catch {
      // The next decision writes it anew.
    }
  }

  decision(id: string, permission: string): boolean | null {
    const of = Object.hasOwn(this.#decisions, id) ? this.#decisions[id]! : {};
    return Object.hasOwn(of, permission) ? of[permission]! : null;
  }

  /** @param isGranted  null: it is asked again */
  decide(id: string, permission: string, isGranted: boolean | null): void {
    const { [permission]: _, ...rest } = Object.hasOwn(this.#decisions, id) ? this.#decisions[id]! : {};
    this.#decisions = {
      ...this.#decisions,
      [id]: isGranted === null ? rest : { ...rest, [permission]: isGranted },
    };
    replaceFile(this.#path, `${JSON.stringify(this.#decisions, null, 2)}\n`, { mode: 0o600 });
  }
}

function checked(value: unknown): Decisions {
  const applications = Object.entries(value as Record<string, Record<string, unknown>>);
  return Object.fromEntries(
    applications.map(([id, of]) => [
      id,
      Object.fromEntries(Object.entries(of).filter(([, each]) => typeof each === "boolean")) as Record<string, boolean>,
    ]),
  );
}

/** A line for each: when, which application, what, and what became of it. */
export class ApplicationAudit {
  readonly #path: string;
  readonly #onDefect: (words: string) => void;

  /** @param onDefect  told when a line cannot be written */
  constructor(path: string, onDefect: (words: string) => void) {
    this.#path = path;
    this.#onDefect = onDefect;
  }

  add(id: string, what: string, outcome: string): void {
    try {
      const at = new Date().toISOString();
      const words = [id, what, outcome].map((each) => each.replace(/[\0-\x1f\x7f]/g, "?"));
      appendToLog(this.#path, `${at} ${words.join("  ")}`, AUDIT_BYTES_MAX);
    } catch (error) {
      this.#onDefect(`the audit of applications cannot be written: ${(error as Error).message}`);
    }
  }

  /** The last lines. */
  get text(): string {
    return existsSync(this.#path) ? readFileSync(this.#path, "utf8").slice(-SHOWN_BYTES) : "";
  }
}

/**
 * Who did what: a line of JSON for each request that changes something or was refused to somebody, and for each
 * terminal that somebody may type into. `serve.audit`; when that is full it becomes `serve.audit.1`.
 */
import { appendFileSync, readFileSync, renameSync, statSync } from "node:fs";

interface AuditEntry {
  readonly atMs: number;
  readonly name: string;
  readonly role: string;
  readonly operation: string;
  /** What it was done to, of the path and the body. */
  readonly target: string;
  /** Of the answer. */
  readonly status: number;
}

const FILE_MAX = 1 << 22;
const TARGET_MAX = 300;

export class AuditLog {
  readonly #path: string;
  readonly #onDefect: (words: string) => void;

  /** @param onDefect  told when an entry cannot be written: what it is about has happened all the same */
  constructor(path: string, onDefect: (words: string) => void) {
    this.#path = path;
    this.#onDefect = onDefect;
  }

  add(entry: Omit<AuditEntry, "atMs">): void {
    const target = entry.target.length > TARGET_MAX ? `${entry.target.slice(0, TARGET_MAX)}…` : entry.target;
    try {
      if ((statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) > FILE_MAX)
        renameSync(this.#path, `${this.#path}.1`);
      const line = JSON.stringify({ atMs: Date.now(), ...entry, target } satisfies AuditEntry);
      appendFileSync(this.#path, `${line}\n`, { mode: 0o600 });
    } catch (error) {
      this.#onDefect(`the audit log cannot be written: ${(error as Error).message}`);
    }
  }

  /** The last ones, the newest first. */
  last(count: number): AuditEntry[] {
    const entries: AuditEntry[] = [];
    for (const path of [this.#path, `${this.#path}.1`])
      if (entries.length < count) entries.push(...readEntries(path).reverse());
    return entries.slice(0, count);
  }
}

/** A line that a power cut left half is none. */
function readEntries(path: string): AuditEntry[] {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as AuditEntry];
      } catch {
        return [];
      }
    });
}

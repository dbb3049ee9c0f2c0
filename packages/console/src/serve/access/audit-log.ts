/**
 * Who did what: a line of JSON for each request that changes something or was refused to somebody, and for each
 * terminal that somebody may type into. Each role has a file (`serve.audit.viewer`), which becomes `….1` when it is
 * full: however often somebody is refused, what those with more rights did stays.
 */
import { readFileSync, statSync } from "node:fs";
import { appendToLog } from "@stratos/host-node/files";
import { ROLES, type Role } from "@stratos/volumes/roles";

interface AuditEntry {
  readonly atMs: number;
  readonly name: string;
  readonly role: Role;
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
  readonly #bytesMax: number;

  /** @param onDefect  told when an entry cannot be written: what it is about has happened all the same */
  constructor(path: string, onDefect: (words: string) => void, bytesMax = FILE_MAX) {
    this.#path = path;
    this.#onDefect = onDefect;
    this.#bytesMax = bytesMax;
  }

  add(entry: Omit<AuditEntry, "atMs">): void {
    const target = entry.target.length > TARGET_MAX ? `${entry.target.slice(0, TARGET_MAX)}…` : entry.target;
    const path = `${this.#path}.${entry.role}`;
    try {
      const line = JSON.stringify({ atMs: Date.now(), ...entry, target } satisfies AuditEntry);
      appendToLog(path, line, this.#bytesMax);
    } catch (error) {
      this.#onDefect(`the audit log cannot be written: ${(error as Error).message}`);
    }
  }

  /** The last ones, the newest first. */
  last(count: number): AuditEntry[] {
    const entries = ROLES.flatMap((role) => this.#lastOf(`${this.#path}.${role}`, count));
    return entries.sort((one, other) => other.atMs - one.atMs).slice(0, count);
  }

  #lastOf(path: string, count: number): AuditEntry[] {
    const entries = readEntries(path).reverse();
    if (entries.length < count) entries.push(...readEntries(`${path}.1`).reverse());
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
        return (JSON.parse(line) as AuditEntry | null) ?? [];
      } catch {
        return [];
      }
    });
}

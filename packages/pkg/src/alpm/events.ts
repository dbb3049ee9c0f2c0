/** What a transaction tells while it runs, and what it asks. The face decides how it looks. */
import type { AlpmPackage, InstalledPackage, SyncPackage } from "./alpm-package.ts";
import type { Candidate } from "./package-pool.ts";

export type AlpmEvent =
  | { kind: "refresh"; repository: string; state: "fetching" | "unchanged" | "done" | "failed"; why?: string }
  | { kind: "resolve" }
  | { kind: "download"; name: string; doneBytes: number; totalBytes: number; doneFiles: number; totalFiles: number }
  | { kind: "check"; what: "integrity" | "files" | "keyring" }
  | {
      kind: "package";
      operation: "install" | "upgrade" | "downgrade" | "reinstall" | "remove";
      name: string;
      version: string;
      index: number;
      total: number;
    }
  | { kind: "hook"; when: "PreTransaction" | "PostTransaction"; name: string; description: string }
  | { kind: "scriptlet"; package: string; name: string }
  | { kind: "output"; text: string }
  | { kind: "saved"; path: string; as: string }
  | { kind: "optional"; package: string; dependencies: readonly string[] }
  | { kind: "recovered"; title: string }
  | { kind: "warning"; text: string };

/** Yes or no. */
export type AlpmQuestion =
  | { kind: "conflict"; incoming: AlpmPackage; installed: InstalledPackage; because: string }
  | { kind: "replace"; installed: InstalledPackage; replacement: SyncPackage }
  | { kind: "ignored"; package: AlpmPackage }
  | { kind: "hold"; package: InstalledPackage }
  | { kind: "keep-back"; packages: readonly AlpmPackage[]; explanation: readonly string[] }
  | { kind: "overwrite"; path: string; package: string; owner: string | undefined };

export interface AlpmListener {
  event(event: AlpmEvent): void;
  confirm(question: AlpmQuestion): Promise<boolean>;
  /** which of several packages shall provide `dependency`; an index */
  chooseProvider(dependency: string, neededBy: Candidate, providers: readonly Candidate[]): Promise<number>;
  /** which members of a group to take; indices */
  chooseMembers(group: string, members: readonly Candidate[]): Promise<readonly number[]>;
}

/** Answers as `pacman --noconfirm` does: the standard answer to each question. */
export function standardListener(onEvent: (event: AlpmEvent) => void = () => {}): AlpmListener {
  return {
    event: onEvent,
    confirm: async (question) => question.kind === "replace" || question.kind === "ignored",
    chooseProvider: async () => 0,
    chooseMembers: async (_, members) => members.map((_member, index) => index),
  };
}

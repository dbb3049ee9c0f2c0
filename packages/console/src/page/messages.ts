/** What the page and the machine's worker tell each other, beside the terminal's own port. */
import type { RelaySettings, RelayState } from "@stratos/host-browser";

/**
 * Where what programs write goes: files of the origin; a copy of those, which another tab has open, in memory; memory,
 * because the browser gives this page no files.
 */
export type Keeping = "files" | "copy" | "memory";

/** Of what a machine is made, and where its files are. */
export interface Where {
  /** URL of the pack's folder. */
  readonly image: string;
  readonly zstdUrl: string;
  /** Name of the folder of the origin where the system keeps its files. */
  readonly folder: string;
  readonly keeping: Keeping;
  /** Of the file with the copy, where `keeping` is one. */
  readonly copy: string;
  readonly memoryBytes: number;
  /** The way to the network; null: there is none. */
  readonly relay: RelaySettings | null;
}

export interface StartMessage extends Where {
  readonly kind: "start";
  readonly rows: number;
  readonly columns: number;
  readonly console: MessagePort;
}

/** What the page asks of a machine that runs; each is answered. */
export type Request =
  | { readonly kind: "sync" }
  /** The page may go, or be left for long: what runs is kept by now, as far as the browser gives the time. */
  | { readonly kind: "hidden" }
  /** Ends the machine; its files are at rest afterwards. What runs goes on where they are opened next, or is over. */
  | { readonly kind: "stop"; readonly goesOn: boolean }
  | { readonly kind: "snapshot"; readonly name: string }
  | { readonly kind: "snapshots" }
  /** Ends the machine, whose files are then those of the snapshot. */
  | { readonly kind: "rollback"; readonly id: number }
  | { readonly kind: "delete snapshot"; readonly id: number }
  /** Copies the files, as they are now, into another file of the folder. */
  | { readonly kind: "copy"; readonly name: string }
  | { readonly kind: "missing" }
  | { readonly kind: "fetch missing" }
  | { readonly kind: "write"; readonly path: string; readonly bytes: Uint8Array }
  | { readonly kind: "read"; readonly path: string }
  | { readonly kind: "list"; readonly path: string }
  | { readonly kind: "usage" }
  /** Another way to the network; what went over the one before ends. */
  | { readonly kind: "relay"; readonly relay: RelaySettings | null };

export type AskMessage = { readonly kind: "ask"; readonly id: number; readonly request: Request };

export interface SnapshotInfo {
  readonly id: number;
  readonly name: string;
  /** Seconds since 1970. */
  readonly seconds: number;
}

export interface Usage {
  /** Bytes of the pieces that are kept, of all pieces, and of the file of changes. */
  readonly piecesBytes: number;
  readonly imageBytes: number;
  readonly changesBytes: number;
  readonly fetchedBytes: number;
  readonly requests: number;
  /** A reload would go on with what runs as it is now. */
  readonly isKept: boolean;
  /** Milliseconds that keeping what runs took of the worker's time by now. */
  readonly keepingMs: number;
}

export interface FolderEntry {
  readonly name: string;
  readonly kind: string;
}

export type WorkerMessage = Told | Answer;

type Answer =
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly words: string };

export type Told =
  /** Words for people about what is done before programs run. */
  | { readonly kind: "progress"; readonly words: string }
  /** Programs run: the first one, or those that ran before. */
  | { readonly kind: "started"; readonly goesOn: boolean }
  /** The first program has written something. */
  | { readonly kind: "prompted" }
  /** It has ended; words for people. */
  | { readonly kind: "ended"; readonly words: string }
  /** The machine could not start or go on; words for people. */
  | { readonly kind: "failed"; readonly words: string }
  /** A program waits for a piece; null: no more. */
  | { readonly kind: "waiting"; readonly words: string | null }
  /** Something that people should know, while programs run. */
  | { readonly kind: "told"; readonly words: string }
  /** How it stands with the way to the network. */
  | { readonly kind: "relay"; readonly state: RelayState }
  /** Bytes that are still to be fetched. */
  | { readonly kind: "left"; readonly bytes: number };

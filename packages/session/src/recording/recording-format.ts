/**
 * What a recording (`stratos run --record FILE`) holds: what a deterministic run got from outside, and when.
 *
 * Time in the machine is counted in instructions, so a moment is named by the instructions retired and the virtual
 * clock at the beginning of a turn of the pump. A replay comes to the same moments, because everything between two
 * events follows from the first. What the machine asks the host for within a turn has no moment: the answers are in
 * the order of the questions (host-answers.ts).
 *
 * How it lies in a file: recording-pieces.ts; those of older versions: recording-lines.ts.
 */
import type { HostStat, HostUsage } from "@stratos/host";
import type { Disturbance } from "@stratos/kernel/faults";
import {
  isRecordedNetwork,
  isSocketNews,
  type RecordedNetwork,
  type SocketAnswer,
  type SocketNews,
} from "./socket-news.ts";

/** The newest; a file says it. */
export const RECORDING_VERSION = 6;
export type RecordingFormat = 1 | 2 | 3 | 4 | 5 | typeof RECORDING_VERSION;

export interface RecordingHeader {
  /**
   * 1: system calls were not bounded; 2: `callWork` says how they were, so that slices end at the same instructions
   * again; 3: with checksums and the host's answers; 4: 3 with a network; 5: in pieces, with a network or without;
   * 6: with what the run read of its image.
   */
  readonly format: RecordingFormat;
  /** Units of work of a system call at a time (kernel, ground/call-work.ts); absent in format 1. */
  readonly callWork?: number;
  readonly image: string;
  /** Tells whether the image is still the one that was recorded. */
  readonly imageCreatedAt: string;
  readonly imageLayers: number;
  /** Byte strings. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly seed: number;
  readonly memoryBytes: number;
  readonly harts: number;
  /** Size of the terminal; null when the standard files were pipes or files. */
  readonly terminal: { readonly rows: number; readonly columns: number } | null;
  readonly isErrorTerminal: boolean;
  /** What programs saw of the host's files; absent in formats 1 and 2, which have none. */
  readonly folders?: readonly RecordedFolder[];
  /** From format 4 on: what it was connected to. */
  readonly network?: RecordedNetwork;
  /** Its clock at the start, milliseconds since 1970; absent: as each seeded run. */
  readonly startMs?: number;
  /** What was done to the programs on purpose (explore); absent: nothing. */
  readonly disturbances?: readonly Disturbance[];
  /** In which order things happened (schedule.ts); absent: 0. */
  readonly schedule?: number;
}

/** A HostFolder without its tree, whose answers are recorded. */
interface RecordedFolder {
  readonly place: string;
  readonly file?: string;
  readonly source: string;
  readonly name: string;
  readonly isReadOnly: boolean;
}

/** The moment of an event: instructions retired, and nanoseconds of the machine's clock. */
export interface Moment {
  readonly instructions: number;
  readonly ns: number;
}

/** What comes from outside on its own. */
export type Happening =
  | { readonly kind: "input"; readonly data: Uint8Array }
  | { readonly kind: "end" }
  | { readonly kind: "resize"; readonly rows: number; readonly columns: number }
  | { readonly kind: "signal"; readonly signal: number }
  | SocketNews;

export type RecordedEvent = Moment & Happening;

export type Answer = number | string | null | readonly string[] | Uint8Array | HostStat | HostUsage | SocketAnswer;

/** What the host said when the machine asked. */
export interface RecordedAnswer {
  readonly kind: "host";
  readonly question: string;
  readonly answer: Answer;
}

/** How the run ended, for the replay to be compared with. */
export interface RecordingEnd extends Moment {
  readonly kind: "exit";
  readonly status: number;
  /** SHA-256 of all output, in order. */
  readonly output: string;
}

/** Blocks of a layer of the image, as the run has read them. */
export interface RecordedBlocks {
  readonly kind: "blocks";
  /** From the bottom up, from 0. */
  readonly layer: number;
  readonly layerBytes: number;
  /** Numbers of blocks of 4096 bytes, whose contents `data` has one behind the other. */
  readonly blocks: readonly number[];
  readonly data: Uint8Array;
}

export type RecordedEntry = RecordedEvent | RecordedAnswer | RecordingEnd;
export type StoredEntry = RecordedEntry | RecordedBlocks;

/** Entries in order, which may come from a file when they are asked for. */
export interface RecordedList<Entry> {
  readonly length: number;
  /** @param index  0 … length; undefined: there is none. @throws RecordingError */
  at(index: number): Entry | undefined;
}

export interface Recording {
  readonly header: RecordingHeader;
  readonly events: RecordedList<RecordedEvent>;
  readonly answers: RecordedList<RecordedAnswer>;
  /** Null: it was cut short. */
  readonly end: RecordingEnd | null;
  /** What the run has read of its image; nothing: it is an older one, or was cut short. @throws RecordingError */
  imageParts(): Iterable<RecordedBlocks>;
}

/** What is wrong with what should be a recording. */
type RecordingFailure =
  | { readonly kind: "foreign" }
  /** Of a later version of Stratos. */
  | { readonly kind: "version"; readonly found: number }
  /** Of formats 1 to 4; the first is 1. */
  | { readonly kind: "damaged"; readonly line: number }
  /** From format 5 on; 0: what is before the first piece. */
  | { readonly kind: "damaged piece"; readonly piece: number }
  /** It tells of one that is not open then. */
  | { readonly kind: "no socket"; readonly socket: number };

export class RecordingError extends Error {
  readonly failure: RecordingFailure;

  constructor(failure: RecordingFailure) {
    super(wordsOf(failure));
    this.failure = failure;
  }
}

/** More than any image has. */
const LAYERS_MAX = 1024;

function wordsOf(failure: RecordingFailure): string {
  switch (failure.kind) {
    case "foreign":
      return "is no recording";
    case "version":
      return `is a recording of format ${failure.found}; this version reads formats 1 to ${RECORDING_VERSION}`;
    case "damaged":
      return `is no recording: line ${failure.line} is damaged`;
    case "damaged piece":
      return failure.piece === 0
        ? "is no recording: its head is damaged"
        : `is no recording: piece ${failure.piece} is damaged`;
    case "no socket":
      return `is no recording of this run: it tells of socket ${failure.socket}, which is not there`;
  }
}

/** Of what was added in format 4. */
export function isSoundHeader({ format, network, startMs }: RecordingHeader): boolean {
  const hasNetwork = format >= 5 ? network !== undefined : format === 4;
  if (!hasNetwork) return network === undefined && startMs === undefined;
  return isRecordedNetwork(network) && (startMs === undefined || Number.isFinite(startMs));
}

export function isSoundEntry(value: StoredEntry, { network }: RecordingHeader): boolean {
  if (value.kind === "blocks") return isSoundPart(value);
  if (value.kind === "input") return (value.data as unknown) instanceof Uint8Array;
  return value.kind !== "socket" || (network !== undefined && isSocketNews(value));
}

function isSoundPart({ layer, layerBytes, blocks, data }: RecordedBlocks): boolean {
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  return (
    isCount(layer) &&
    layer < LAYERS_MAX &&
    isCount(layerBytes) &&
    Array.isArray(blocks) &&
    blocks.every(isCount) &&
    (data as unknown) instanceof Uint8Array &&
    data.length === blocks.length * 4096
  );
}

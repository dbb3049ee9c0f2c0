/**
 * A recording (`stratos run --record FILE`): what a deterministic run got from outside, and when. Lines of JSON: a
 * header, events in order, an end. From format 3 on a space and a checksum end each line: CRC-32C of all bytes of the
 * recording before it, so that a byte that was changed, or a line that was lost, is known by its line.
 *
 * Time in the machine is counted in instructions, so a moment is named by the instructions retired and the virtual
 * clock at the beginning of a turn of the pump. A replay comes to the same moments, because everything between two
 * events follows from the first. What the machine asks the host for within a turn has no moment: the answers are in
 * the order of the questions (host-answers.ts).
 */
import { byteString, byteStringOf, byteStringToUtf8, crc32c, utf8ToByteString } from "@stratos/base";
import type { HostStat, HostUsage } from "@stratos/host";
import type { Disturbance } from "@stratos/kernel/faults";
import {
  isRecordedNetwork,
  isSocketNews,
  type RecordedNetwork,
  type SocketAnswer,
  type SocketNews,
} from "./socket-news.ts";

const FORMATS = ["stratos-recording-1", "stratos-recording-2", "stratos-recording-3", "stratos-recording-4"] as const;

export interface RecordingHeader {
  /**
   * 1: system calls were not bounded; 2: `callWork` says how they were, so that slices end at the same instructions
   * again; 3: with checksums and the host's answers; 4: 3 with a network.
   */
  readonly format: (typeof FORMATS)[number];
  /** Units of work of a system call at a time (kernel, task/call-work.ts); absent in format 1. */
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
  /** Format 4: what it was connected to. */
  readonly network?: RecordedNetwork;
  /** Its clock at the start, milliseconds since 1970; absent: as each seeded run. */
  readonly startMs?: number;
  /** What was done to the programs on purpose (explore); absent: nothing. */
  readonly disturbances?: readonly Disturbance[];
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
  | { readonly kind: "input"; readonly data: string }
  | { readonly kind: "end" }
  | { readonly kind: "resize"; readonly rows: number; readonly columns: number }
  | { readonly kind: "signal"; readonly signal: number }
  | SocketNews;

export type RecordedEvent = Moment & Happening;

export type Answer = number | string | null | readonly string[] | HostStat | HostUsage | SocketAnswer;

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

export interface Recording {
  readonly header: RecordingHeader;
  readonly events: readonly RecordedEvent[];
  readonly answers: readonly RecordedAnswer[];
  /** Null: it was cut short. */
  readonly end: RecordingEnd | null;
}

/** What is wrong with what should be a recording. */
type RecordingFailure =
  | { readonly kind: "foreign" }
  | { readonly kind: "damaged"; readonly line: number }
  /** It tells of one that is not open then. */
  | { readonly kind: "no socket"; readonly socket: number };

export class RecordingError extends Error {
  readonly failure: RecordingFailure;

  constructor(failure: RecordingFailure) {
    super(wordsOf(failure));
    this.failure = failure;
  }
}

function wordsOf(failure: RecordingFailure): string {
  if (failure.kind === "foreign") return "is no recording of this version";
  if (failure.kind === "damaged") return `is no recording: line ${failure.line} is damaged`;
  return `is no recording of this run: it tells of socket ${failure.socket}, which is not there`;
}

/** Of a checksum as text, with the space before it. */
const CHECKSUM_LENGTH = 9;

/** Makes the lines of a recording one by one, so that one of a run that is killed is good as far as it goes. */
export class RecordingWriter {
  readonly #write: (line: Uint8Array) => void;
  #checksum = 0;

  constructor(header: RecordingHeader, write: (line: Uint8Array) => void) {
    this.#write = write;
    this.#line(header);
  }

  add(event: RecordedEvent | RecordedAnswer | RecordingEnd): void {
    this.#line(event);
  }

  #line(value: unknown): void {
    const json = utf8ToByteString(JSON.stringify(value));
    this.#checksum = checksumOf(json, this.#checksum);
    this.#write(byteStringOf(`${json}${textOf(this.#checksum)}\n`));
  }
}

/**
 * @returns a recording that was cut short without the line that is half there
 * @throws RecordingError
 */
export function readRecording(bytes: Uint8Array): Recording {
  const lines = byteString(bytes).split("\n");
  // What is behind the last newline: nothing, or a line that a killed run did not come to write whole.
  const rest = lines.pop()!;
  const header = parseLine(lines[0] ?? "") as RecordingHeader | undefined;
  if (header === undefined || !FORMATS.includes(header.format)) throw new RecordingError({ kind: "foreign" });
  const hasNetwork = header.format === "stratos-recording-4";
  const hasChecksums = hasNetwork || header.format === "stratos-recording-3";
  let checksum = 0;
  const events: RecordedEvent[] = [];
  const answers: RecordedAnswer[] = [];
  let end: RecordingEnd | null = null;
  const check = (line: string): boolean => {
    const json = line.slice(0, -CHECKSUM_LENGTH);
    checksum = checksumOf(json, checksum);
    return line.slice(-CHECKSUM_LENGTH) === textOf(checksum);
  };
  for (const [index, line] of lines.entries()) {
    const damaged: RecordingFailure = { kind: "damaged", line: index + 1 };
    // A line with a checksum is none of the older formats: then the format is what was changed.
    const isWhole = hasChecksums ? check(line) : line.endsWith("}");
    const value = parseLine(line) as RecordedEvent | RecordedAnswer | RecordingEnd | undefined;
    if (!isWhole || value === undefined || end !== null) throw new RecordingError(damaged);
    const isSound = index === 0 ? isSoundHeader(header) : isSoundEvent(value, hasNetwork);
    if (!isSound) throw new RecordingError(damaged);
    if (index === 0) continue;
    if (value.kind === "exit") end = value;
    else if (value.kind === "host") answers.push(value);
    else events.push(value);
  }
  // A whole line whose newline alone is another byte was not cut, but changed.
  if (end !== null ? rest !== "" : hasChecksums && rest !== "" && check(rest.slice(0, -1)))
    throw new RecordingError({ kind: "damaged", line: lines.length + 1 });
  return { header, events, answers, end };
}

/** Of what is new in format 4. */
function isSoundHeader({ format, network, startMs }: RecordingHeader): boolean {
  if (format !== "stratos-recording-4") return network === undefined && startMs === undefined;
  return isRecordedNetwork(network) && (startMs === undefined || Number.isFinite(startMs));
}

function isSoundEvent(value: RecordedEvent | RecordedAnswer | RecordingEnd, hasNetwork: boolean): boolean {
  return value.kind !== "socket" || (hasNetwork && isSocketNews(value));
}

/** The object of a line, with a checksum or without; undefined: there is none. */
function parseLine(line: string): object | undefined {
  try {
    const json = / [0-9a-f]{8}$/.test(line) ? line.slice(0, -CHECKSUM_LENGTH) : line;
    const value: unknown = JSON.parse(byteStringToUtf8(json));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function checksumOf(json: string, before: number): number {
  return crc32c(byteStringOf(json), 0, json.length, before);
}

function textOf(checksum: number): string {
  return ` ${checksum.toString(16).padStart(8, "0")}`;
}

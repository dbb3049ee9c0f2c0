/**
 * Recordings of formats 1 to 4, which older versions wrote: lines of JSON, with bytes in Base64. A header, events in
 * order, an end. From format 3 on a space and a checksum end each line: CRC-32C of all bytes of the recording before
 * it, so that a byte that was changed, or a line that was lost, is known by its line.
 */
import { byteString, byteStringToUtf8, crc32c, fromBase64 } from "@stratos/base";
import {
  isSoundEntry,
  isSoundHeader,
  type RecordedAnswer,
  type RecordedEntry,
  type RecordedEvent,
  type Recording,
  RecordingError,
  type RecordingFormat,
  type RecordingHeader,
} from "./recording-format.ts";

const FORMATS: ReadonlyMap<unknown, RecordingFormat> = new Map([
  ["stratos-recording-1", 1],
  ["stratos-recording-2", 2],
  ["stratos-recording-3", 3],
  ["stratos-recording-4", 4],
]);

/** Of a checksum as text, with the space before it. */
const CHECKSUM_LENGTH = 9;
const NEWLINE = 10;

/**
 * @returns a recording that was cut short without the line that is half there
 * @throws RecordingError
 */
export function readRecordingLines(bytes: Uint8Array): Recording {
  const [first, ...lines] = linesOf(bytes);
  const header = first === undefined ? undefined : headerOf(byteString(first));
  if (header === undefined) throw new RecordingError({ kind: "foreign" });
  const hasChecksums = header.format >= 3;
  let checksum = 0;
  const events: RecordedEvent[] = [];
  const answers: RecordedAnswer[] = [];
  let end: Recording["end"] = null;
  const check = (line: Uint8Array): boolean => {
    const length = Math.max(0, line.length - CHECKSUM_LENGTH);
    checksum = crc32c(line, 0, length, checksum);
    return byteString(line, length) === textOf(checksum);
  };
  // A line with a checksum is none of the older formats: then the format is what was changed.
  const isWhole = (line: Uint8Array): boolean => (hasChecksums ? check(line) : line.at(-1) === 0x7d);
  if (!isWhole(first!) || !isSoundHeader(header)) throw new RecordingError({ kind: "damaged", line: 1 });
  for (const [index, line] of lines.entries()) {
    const value: RecordedEntry | undefined = isWhole(line) && end === null ? entryOf(byteString(line)) : undefined;
    if (value === undefined || !isSoundEntry(value, header))
      throw new RecordingError({ kind: "damaged", line: index + 2 });
    if (value.kind === "exit") end = value;
    else if (value.kind === "host") answers.push(value);
    else events.push(value);
  }
  // What is behind the last newline: nothing, or a line that a killed run did not come to write whole. A whole line
  // whose newline alone is another byte was not cut, but changed.
  const rest = bytes.subarray(bytes.lastIndexOf(NEWLINE) + 1);
  if (end !== null ? rest.length > 0 : hasChecksums && rest.length > 0 && check(rest.subarray(0, -1)))
    throw new RecordingError({ kind: "damaged", line: lines.length + 2 });
  return { header, events, answers, end, imageParts: () => [] };
}

/** Those that end with a newline, without it. A recording may be longer than a string. */
function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function headerOf(line: string): RecordingHeader | undefined {
  const header = parseLine(line) as Omit<RecordingHeader, "format"> & { readonly format?: unknown };
  const format = FORMATS.get(header?.format);
  return format === undefined ? undefined : { ...header, format };
}

function entryOf(line: string): RecordedEntry | undefined {
  const value = parseLine(line) as (RecordedEntry & { readonly data?: unknown }) | undefined;
  if (value === undefined) return undefined;
  if (value.kind === "host") {
    const { question, answer } = value;
    const bytes = String(question).startsWith("read(") && typeof answer === "string" ? fromBase64(answer) : undefined;
    return bytes === undefined ? value : { ...value, answer: bytes };
  }
  if (value.data === undefined) return value;
  const data = typeof value.data === "string" ? fromBase64(value.data) : undefined;
  return data === undefined ? undefined : ({ ...value, data } as RecordedEvent);
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

function textOf(checksum: number): string {
  return ` ${checksum.toString(16).padStart(8, "0")}`;
}

/**
 * What a terminal was shown, with its sizes: shown to another one in this order, that looks the same. What is kept has
 * a bound; of what is left out, the modes that programs have set (the alternate screen, mouse, pasting) and the size
 * stay, and the rest begins with a line of its own, behind a picture that would be cut.
 */
import { concatBytes } from "@stratos/base";
import { ControlStrings } from "@stratos/base/control-strings";
import type { TerminalSize } from "@stratos/sdk/api";
import type { Frame } from "@stratos/sdk/wire";

/** Times are in milliseconds since 1970. */
export type LogEntry =
  | { readonly stream: 1 | 2; readonly atMs: number }
  /** From here on the terminal has this size. */
  | { readonly size: TerminalSize; readonly atMs: number };

const NEWLINE = 10;
/** xterm, Control Sequences: DECSET and DECRST. */
const MODES = /\x1b\[\?([\d;]+)([hl])/g;

export function sizeFrame(size: TerminalSize): Frame {
  return { head: { size, atMs: Date.now() } satisfies LogEntry, bytes: new Uint8Array(0) };
}

/** What a frame takes besides its bytes: terminals that are resized without end have a bound, too. */
const FRAME_COST = 128;

export function costOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { bytes }) => sum + bytes.length + FRAME_COST, 0);
}

/** Bytes of writes that become one frame: many programs write a word at a time, and a frame costs more than that. */
const JOINED_BYTES = 1 << 12;

/** What was written in small pieces to one stream, one after the other, as larger ones. */
function joined(frames: readonly Frame[]): Frame[] {
  const whole: Frame[] = [];
  let run: Frame[] = [];
  let runBytes = 0;
  const end = (): void => {
    if (run.length > 0) whole.push({ head: run[0]!.head, bytes: concatBytes(run.map(({ bytes }) => bytes)) });
    [run, runBytes] = [[], 0];
  };
  for (const frame of frames) {
    const stream = streamOf(frame);
    const goesOn = stream !== null && run.length > 0 && stream === streamOf(run[0]!) && runBytes < JOINED_BYTES;
    if (!goesOn) end();
    if (stream === null) whole.push(frame);
    else {
      run.push(frame);
      runBytes += frame.bytes.length;
    }
  }
  end();
  return whole;
}

function streamOf({ head }: Frame): 1 | 2 | null {
  const entry = head as LogEntry;
  return "stream" in entry ? entry.stream : null;
}

/** The last of `given`, which cost at most `costMax`, but for the modes of a terminal. */
export function lastOfHistory(given: readonly Frame[], costMax: number, isTerminal = true): Frame[] {
  // Of what is no terminal's each piece has its time.
  const frames = isTerminal ? joined(given) : given;
  let first = frames.length;
  let left = costMax;
  while (first > 0 && frames[first - 1]!.bytes.length + FRAME_COST <= left)
    left -= frames[--first]!.bytes.length + FRAME_COST;
  if (first === 0) return [...frames];
  const cut = frames[first - 1]!;
  const from = cut.bytes.indexOf(NEWLINE, Math.max(0, cut.bytes.length - left)) + 1;
  const isCut = from > 0 && from < cut.bytes.length;
  const last = [...(isCut ? [{ head: cut.head, bytes: cut.bytes.subarray(from) }] : []), ...frames.slice(first)];
  if (!isTerminal) return last;
  const omitted = frames.slice(0, first);
  if (isCut) omitted[first - 1] = { head: cut.head, bytes: cut.bytes.subarray(0, from) };
  const size = omitted.findLast(({ head }) => "size" in (head as LogEntry));
  const modes = Buffer.from(modesOf(omitted), "latin1");
  return [
    ...(size === undefined ? [] : [size]),
    ...(modes.length === 0 ? [] : [{ head: { stream: 1, atMs: 0 } satisfies LogEntry, bytes: modes }]),
    ...withoutCutString(omitted, last),
  ];
}

/** What is shown first is no part of a picture or a title that began in what is left out. */
function withoutCutString(omitted: readonly Frame[], last: readonly Frame[]): Frame[] {
  const strings = new ControlStrings();
  for (const { bytes } of omitted) strings.take(bytes);
  return last.flatMap((frame) => {
    const rest = strings.rest(frame.bytes);
    if (rest === 0) return [frame];
    return rest === frame.bytes.length ? [] : [{ head: frame.head, bytes: frame.bytes.subarray(rest) }];
  });
}

/** Each mode as it was set last, in the order of that. */
function modesOf(frames: readonly Frame[]): string {
  const modes = new Map<string, string>();
  const text = Buffer.concat(frames.map(({ bytes }) => bytes)).toString("latin1");
  for (const [, numbers, how] of text.matchAll(MODES))
    for (const number of numbers!.split(";")) {
      modes.delete(number);
      modes.set(number, how!);
    }
  return [...modes].map(([number, how]) => `\x1b[?${number}${how}`).join("");
}

/** A log as lines that can be compared, and the part of it that failed. */

const LINE_MAX = 1_000;
const LINES_MAX = 20_000;

// Escape sequences of terminals (ECMA-48, 5.4), and titles (OSC).
const ESCAPES = new RegExp(
  "\u001b(?:\\[[0-9;?]{0,32}[ -/]{0,4}[@-~]|\\][^\u0007\u001b]{0,256}(?:\u0007|\u001b\\\\)?)",
  "g",
);
const CONTROLS = new RegExp("[\u0000-\u0008\u000b-\u001f\u007f]", "g");

/** @param isCut  its beginning is missing: the first line is a part of one */
export function logLines(bytes: Uint8Array, isCut: boolean): string[] {
  const all = new TextDecoder().decode(bytes).split("\n", LINES_MAX * 50);
  const lines = all.slice(Math.max(isCut ? 1 : 0, all.length - LINES_MAX));
  return lines.map((line) => {
    // A carriage return begins the line anew, as bars of progress do.
    const shown = line.endsWith("\r") ? line.slice(0, -1) : line;
    return shown
      .slice(shown.lastIndexOf("\r") + 1)
      .slice(0, LINE_MAX)
      .replace(ESCAPES, "")
      .replace(CONTROLS, "")
      .trimEnd();
  });
}

/** As the builder heads its stages. */
const STAGE = /^==== ([A-Za-z][A-Za-z-]{0,30}) ====$/;

/** What the builder itself says of a stage's end, at the end of the log: it names no cause. */
const TOLD = /^(?:[A-Z][A-Za-z-]{1,20} failed \([a-z-]+\): |[A-Z][A-Za-z-]{1,20}: (?:done|failed) \(\d|stratos: )/;

export interface LogPart {
  /** Empty: the log has no stages. */
  readonly stage: string;
  readonly lines: readonly string[];
}

/** The last stage that was begun, without what the builder says of its end. */
export function lastPart(lines: readonly string[]): LogPart {
  const at = lines.findLastIndex((line) => STAGE.test(line));
  return {
    stage: at < 0 ? "" : STAGE.exec(lines[at]!)![1]!,
    lines: lines.slice(at + 1).filter((line) => !TOLD.test(line)),
  };
}

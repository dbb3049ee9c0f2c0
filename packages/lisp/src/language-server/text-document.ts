/** A text that an editor has open, its lines, and its changes. LSP 3.17, "Text Documents", "Position". */
import type { Position, Range } from "vscode-languageserver-types";

export interface TextChange {
  /** Absent: all of the text. */
  readonly range?: Range;
  readonly text: string;
}

/** Where lines begin: places in characters are lines and UTF-16 units for editors, offsets for us. */
export class TextLines {
  readonly text: string;
  #starts: number[] | null;

  constructor(text: string) {
    this.text = text;
    this.#starts = null;
  }

  /** Lines end by \n, \r\n or \r. */
  get starts(): readonly number[] {
    if (this.#starts !== null) return this.#starts;
    const starts = [0];
    const { text } = this;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 13 && text.charCodeAt(at + 1) === 10) at++;
      if (code === 13 || code === 10) starts.push(at + 1);
    }
    return (this.#starts = starts);
  }

  /** What is beyond the text or the line is at its end. */
  offsetAt({ line, character }: Position): number {
    const { starts, text } = this;
    if (!(line >= 0)) return 0;
    if (line >= starts.length) return text.length;
    const start = starts[Math.trunc(line)]!;
    let end = starts[Math.trunc(line) + 1] ?? text.length;
    while (end > start && (text[end - 1] === "\n" || text[end - 1] === "\r")) end--;
    return Math.min(start + Math.trunc(Math.max(0, character)), end);
  }

  positionAt(offset: number): Position {
    const { starts } = this;
    let low = 0,
      high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: offset - starts[low]! };
  }

  range(start: number, end: number): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  /** The line without its end. */
  line(index: number): string {
    return this.text.slice(this.starts[index]!, this.starts[index + 1] ?? this.text.length).replace(/[\r\n]+$/, "");
  }
}

export class TextDocument {
  readonly uri: string;
  /** As errors and libraries name it. */
  readonly file: string;
  version: number;
  lines: TextLines;

  constructor(uri: string, file: string, version: number, text: string) {
    this.uri = uri;
    this.file = file;
    this.version = version;
    this.lines = new TextLines(text);
  }

  get text(): string {
    return this.lines.text;
  }

  change(changes: readonly TextChange[], version: number): void {
    for (const { range, text } of changes) {
      const before = this.text;
      const start = range === undefined ? 0 : this.lines.offsetAt(range.start);
      const end = range === undefined ? before.length : Math.max(start, this.lines.offsetAt(range.end));
      this.lines = new TextLines(before.slice(0, start) + text + before.slice(end));
    }
    this.version = version;
  }
}

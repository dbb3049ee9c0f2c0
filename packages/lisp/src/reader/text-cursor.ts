/** Where the reader takes its characters from: a whole text, or a port that gets more when it is asked. */

/** One character at a time, with its place. Codes are Unicode scalar values; -1 is the end. */
export interface CharSource {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 0-based, in UTF-16 units. */
  readonly column: number;
  readonly offset: number;
  peek(): number;
  next(): number;
}

export class TextCursor implements CharSource {
  readonly file: string;
  line: number;
  column: number;
  offset: number;
  readonly #text: string;
  /**
   * Begins elsewhere than at a file's first line where the text is a part of something larger.
   *
   * @param range  what of the text is read, from the beginning of a line; offsets are those of all of it
   */
  constructor(
    text: string,
    file: string,
    line = 1,
    range: { readonly start: number; readonly end: number } | null = null,
  ) {
    this.#text = range === null ? text : text.slice(0, range.end);
    this.file = file;
    this.line = line;
    this.column = 0;
    this.offset = range?.start ?? 0;
  }

  startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.offset);
  }

  peek(): number {
    const unit = this.#text.charCodeAt(this.offset);
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    if (Number.isNaN(unit)) return -1;
    const code = this.#text.codePointAt(this.offset)!;
    return code > 0xffff ? code : 0xfffd;
  }

  next(): number {
    const code = this.peek();
    if (code < 0) return code;
    const width = code > 0xffff ? 2 : 1;
    this.offset += width;
    if (code === 10) {
      this.line++;
      this.column = 0;
    } else this.column += width;
    return code;
  }
}

/** What a run printed, on one stream or on both together: how long it is, and where its lines begin. */
export class PrintedText {
  readonly name: string;
  bytes = 0;
  readonly lineStarts: number[] = [0];
  /** Where a byte of this is in the output of both streams, and so all behind it up to the next one. */
  readonly #pieces: { readonly at: number; readonly output: number }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** @param output  bytes of both streams before it */
  add(text: Uint8Array, output: number): void {
    const at = this.bytes;
    const last = this.#pieces.at(-1);
    if (last === undefined || last.output - last.at !== output - at) this.#pieces.push({ at, output });
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, end + 1)) this.lineStarts.push(at + end + 1);
    this.bytes += text.length;
  }

  /** The place of a byte in the output of both streams. */
  placeOf(offset: number): number {
    const { at, output } = this.#pieces.findLast((piece) => piece.at <= offset)!;
    return output + offset - at;
  }
}

/** A file as a text area holds it, which knows line feeds alone, and back: what is not changed is the same bytes. */

interface TextContent {
  readonly text: string;
  readonly lineEnd: LineEnd;
  /** It would not be the same again: no UTF-8, zero bytes, or lines of several kinds. */
  readonly isFixed: boolean;
}

export type LineEnd = "\n" | "\r\n";

export function textContentOf(bytes: Uint8Array): TextContent {
  // A byte order mark is a part of the file.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const lines = text.replaceAll("\r\n", "\n");
  const lineEnd = lines.length < text.length ? "\r\n" : "\n";
  const isSame = !lines.includes("\r") && lines.replaceAll("\n", lineEnd) === text;
  return { text: lines, lineEnd, isFixed: !isSame || text.includes("\uFFFD") || text.includes("\0") };
}

export function bytesOfText(text: string, lineEnd: LineEnd): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text.replaceAll("\n", lineEnd));
}

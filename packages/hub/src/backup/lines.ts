/** Characters of a line; what is longer is no backup. */
const LINE_MAX = 64 << 20;

/**
 * The lines of UTF-8 text, as they are asked for: nothing is read before, and so nothing is lost that comes while the
 * reader still prepares itself (node:readline hands lines on whether anybody listens or not).
 *
 * @throws Error for a line of more than 64 Mi characters, and for bytes that are no UTF-8
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (piece?: Uint8Array): string => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined });
    } catch (error) {
      throw new Error("this is no backup of a hub, or it is damaged: it is no text", { cause: error });
    }
  };
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decode(piece)).split("\n");
    rest = lines.pop()!;
    if (rest.length > LINE_MAX) throw new Error("a line is too long for a backup");
    yield* lines;
  }
  rest += decode();
  if (rest !== "") yield rest;
}

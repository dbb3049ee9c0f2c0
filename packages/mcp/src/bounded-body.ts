/** What a server in a sandbox answers, which may have no end. */

const BODY_BYTES_MAX = 8 << 20;

/** @returns the first bytes of the content, and whether there were more */
export async function boundedBody(
  { body }: Response,
  most: number = BODY_BYTES_MAX,
): Promise<{ readonly bytes: Uint8Array; readonly isCut: boolean }> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const piece of body ?? []) {
    pieces.push(piece.subarray(0, most - length));
    length += piece.length;
    if (length > most) return { bytes: Buffer.concat(pieces), isCut: true };
  }
  return { bytes: Buffer.concat(pieces), isCut: false };
}

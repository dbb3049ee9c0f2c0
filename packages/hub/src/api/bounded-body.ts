/** What a request brings, up to a bound. */
import type { Context } from "hono";
import { HubError } from "../store/hub-error.ts";

/** Piece by piece. @throws HubError 413 */
export async function* boundedBody(context: Context, bytesMax: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of (context.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > bytesMax) throw new HubError(413, "too-large", `the body is larger than ${bytesMax} bytes`);
    yield piece;
  }
}

/** @throws HubError 413 */
export async function wholeBody(context: Context, bytesMax: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of boundedBody(context, bytesMax)) pieces.push(piece);
  return Buffer.concat(pieces);
}

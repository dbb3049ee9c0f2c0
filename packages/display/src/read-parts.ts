/** The other end of what screen-viewers.ts and the desktop's display-socket.ts write. */

/** @param pixels  red, green, blue and alpha, a byte each, row by row: a view of what came */
type TakePart = (x: number, y: number, width: number, height: number, pixels: Uint8ClampedArray<ArrayBuffer>) => void;

/** @param bytes  a message, in no shared memory. @param start  where the first rectangle is, in bytes */
export function readParts(bytes: Uint8Array, start: number, take: TakePart): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = start; at < bytes.length;) {
    const [width, height] = [view.getUint16(at + 4, true), view.getUint16(at + 6, true)];
    const pixels = new Uint8ClampedArray(bytes.buffer as ArrayBuffer, bytes.byteOffset + at + 8, 4 * width * height);
    take(view.getUint16(at, true), view.getUint16(at + 2, true), width, height, pixels);
    at += 8 + pixels.length;
  }
}

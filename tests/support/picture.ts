/** A PNG as pixels, as far as `run --screenshot` writes them: 8 bits of red, green and blue. */
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** "rrggbb" */
  pixel(x: number, y: number): string;
}

const SIGNATURE_BYTES = 8;

export function readPicture(file: string): Picture {
  const bytes = readFileSync(file);
  const parts: Buffer[] = [];
  for (let at = SIGNATURE_BYTES; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const rows = inflateSync(Buffer.concat(parts));
  const stride = 1 + 3 * width;
  if (rows.length !== height * stride) throw new Error(`${rows.length} bytes of pixels for ${width} × ${height}`);
  for (let at = stride; at < rows.length; at++)
    if (at % stride !== 0) rows[at] = (rows[at]! + rows[at - stride]!) & 255;
  const start = (x: number, y: number): number => y * stride + 1 + 3 * x;
  return { width, height, pixel: (x, y) => rows.toString("hex", start(x, y), start(x, y) + 3) };
}

/** Where a colour is: the smallest rectangle around all of it, and how many pixels of it have the colour. */
export function extentOf(
  { width, height, pixel }: Picture,
  colour: string,
): { x: number; y: number; width: number; height: number; count: number } {
  let [left, top, right, bottom, count] = [width, height, 0, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (pixel(x, y) !== colour) continue;
      [left, top, right, bottom] = [
        Math.min(left, x),
        Math.min(top, y),
        Math.max(right, x + 1),
        Math.max(bottom, y + 1),
      ];
      count++;
    }
  return { x: left, y: top, width: right - left, height: bottom - top, count };
}

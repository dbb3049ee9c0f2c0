/** PNG (ISO/IEC 15948), as much of it as a screenshot needs: 8 bits of red, green and blue, no alpha. */
import { deflateSync } from "node:zlib";
import { crc32 } from "@stratos/base";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const COLOUR_TRUE = 2;
/** Filter of a row: each byte less that of the row above, which is equal in most windows (§9.2). */
const FILTER_UP = 2;

/** @param pixels  0xAARRGGBB; alpha is left out */
export function encodePng(pixels: Uint32Array, width: number, height: number): Uint8Array {
  const rows = Buffer.alloc(height * (1 + 3 * width));
  let at = 0;
  for (let y = 0; y < height; y++) {
    rows[at++] = FILTER_UP;
    for (let x = 0; x < width; x++) {
      const pixel = pixels[y * width + x]!,
        above = y === 0 ? 0 : pixels[(y - 1) * width + x]!;
      for (const shift of [16, 8, 0]) rows[at++] = ((pixel >>> shift) & 255) - ((above >>> shift) & 255);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOUR_TRUE, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + content.length);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(content, 8);
  bytes.writeUInt32BE(crc32(bytes, 4, 8 + content.length) >>> 0, 8 + content.length);
  return bytes;
}

/**
 * Pictures of TIFF as programs write them for terminals: not compressed, eight bits of red, green, blue and, if need
 * be, alpha together for each pixel (chafa's inline images). Source: TIFF 6.0, sections 2, 6 and 18.
 */
const LITTLE = 0x4949,
  BIG = 0x4d4d;
const VERSION = 42;
const ENTRY_BYTES = 12;
/** Values of a tag; programs have one strip, or one for each row. */
const VALUES_MAX = 1 << 16;

const TAG = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  planar: 284,
} as const;
const SHORT = 3,
  LONG = 4;
const UNCOMPRESSED = 1,
  RGB = 2,
  TOGETHER = 1;

interface DecodedPicture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

export function isTiff(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const order = view.getUint16(0);
  return (order === LITTLE || order === BIG) && view.getUint16(2, order === LITTLE) === VERSION;
}

/** @returns null: damaged, of another kind, or of more than `pixelsMax` */
export function decodeTiff(bytes: Uint8Array, pixelsMax: number): DecodedPicture | null {
  if (!isTiff(bytes)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tags = readTags(view, view.getUint16(0) === LITTLE);
  const one = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const [width, height] = [one(TAG.width, 0), one(TAG.height, 0)];
  const samples = one(TAG.samplesPerPixel, 1);
  const isKnown =
    one(TAG.compression, UNCOMPRESSED) === UNCOMPRESSED &&
    one(TAG.photometric, 0) === RGB &&
    one(TAG.planar, TOGETHER) === TOGETHER &&
    (samples === 3 || samples === 4) &&
    tags.get(TAG.bitsPerSample)?.length === samples &&
    tags.get(TAG.bitsPerSample)!.every((bits) => bits === 8);
  if (!isKnown || width === 0 || height === 0 || width * height > pixelsMax) return null;

  const offsets = tags.get(TAG.stripOffsets) ?? [];
  const rowBytes = width * samples;
  const stripRows = Math.min(height, one(TAG.rowsPerStrip, height));
  if (stripRows === 0 || offsets.length < Math.ceil(height / stripRows)) return null;
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let row = 0; row < height; row++) {
    const strip = Math.floor(row / stripRows);
    const from = offsets[strip]! + (row - strip * stripRows) * rowBytes;
    if (from + rowBytes > bytes.length) return null;
    for (let column = 0; column < width; column++) {
      const source = from + column * samples,
        target = 4 * (row * width + column);
      for (let sample = 0; sample < 3; sample++) pixels[target + sample] = bytes[source + sample]!;
      pixels[target + 3] = samples === 4 ? bytes[source + 3]! : 255;
    }
  }
  return { width, height, pixels };
}

/** Of the first picture: numbers by their tag, as far as the file has them. */
function readTags(view: DataView, isLittle: boolean): Map<number, readonly number[]> {
  const tags = new Map<number, readonly number[]>();
  const folder = view.getUint32(4, isLittle);
  if (folder + 2 > view.byteLength) return tags;
  const count = view.getUint16(folder, isLittle);
  for (let index = 0; index < count; index++) {
    const entry = folder + 2 + index * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > view.byteLength) return tags;
    const type = view.getUint16(entry + 2, isLittle);
    const values = view.getUint32(entry + 4, isLittle);
    if ((type !== SHORT && type !== LONG) || values > VALUES_MAX) continue;
    const size = type === SHORT ? 2 : 4;
    // Four bytes are the values themselves; more lie elsewhere.
    const at = values * size <= 4 ? entry + 8 : view.getUint32(entry + 8, isLittle);
    if (at + values * size > view.byteLength) continue;
    const read = (each: number): number =>
      type === SHORT ? view.getUint16(at + 2 * each, isLittle) : view.getUint32(at + 4 * each, isLittle);
    tags.set(
      view.getUint16(entry, isLittle),
      Array.from({ length: values }, (_, each) => read(each)),
    );
  }
  return tags;
}

/**
 * How many bytes an `.xz` file unpacks to, read from its index, so that one buffer can be made beforehand.
 * The file's end: `… | index | footer 12 B: crc32 4 · backward size 4 · flags 2 · "YZ"`; the index lists for each
 * block its packed and unpacked size. Source: the .xz file format 1.2.1, sections 2.1.2, 2.2 and 4.
 *
 * @returns the sum over all blocks of the last stream, or undefined when there is more than one stream, or the index is
 *   damaged
 */
export function xzUnpackedSize(file: Uint8Array): number | undefined {
  let end = file.length;
  // Stream padding: zero bytes in groups of four.
  while (end >= 4 && file[end - 1] === 0 && file[end - 2] === 0 && file[end - 3] === 0 && file[end - 4] === 0) end -= 4;
  if (end < 32 || file[end - 2] !== 0x59 || file[end - 1] !== 0x5a) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const indexSize = (view.getUint32(end - 8, true) + 1) * 4;
  const indexStart = end - 12 - indexSize;
  if (indexStart < 12 || file[indexStart] !== 0) return undefined;
  let at = indexStart + 1;
  const indexEnd = end - 12 - 4;
  const varint = (): number => {
    let value = 0,
      scale = 1;
    for (let count = 0; count < 8 && at < indexEnd; count++, scale *= 128) {
      const byte = file[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return Number.isSafeInteger(value) ? value : NaN;
    }
    return NaN;
  };
  const records = varint();
  if (!(records <= indexSize)) return undefined;
  let packed = 0,
    unpacked = 0;
  for (let index = 0; index < records; index++) {
    packed += Math.ceil(varint() / 4) * 4;
    unpacked += varint();
  }
  // With one stream, header and blocks fill the file up to the index exactly.
  return packed + 12 === indexStart && Number.isSafeInteger(unpacked) ? unpacked : undefined;
}

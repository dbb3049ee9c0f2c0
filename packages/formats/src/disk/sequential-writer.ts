import type { Disk } from "./disk.ts";

/**
 * Gathers writes that follow one another, so that many small files cost few calls of the host. Nothing is on the disk
 * before `flush`.
 */
export function sequentialWriter(
  disk: Disk,
  bufferBytes: number,
): { write(offset: number, bytes: Uint8Array): void; flush(): void } {
  const buffer = new Uint8Array(bufferBytes);
  let start = 0,
    fill = 0;
  const flush = (): void => {
    if (fill > 0) disk.write(start, buffer.subarray(0, fill));
    fill = 0;
  };
  return {
    write(offset, bytes) {
      if (fill > 0 && (offset !== start + fill || fill + bytes.length > bufferBytes)) flush();
      if (bytes.length >= bufferBytes) return disk.write(offset, bytes);
      if (fill === 0) start = offset;
      buffer.set(bytes, fill);
      fill += bytes.length;
    },
    flush,
  };
}

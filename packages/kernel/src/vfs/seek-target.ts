import { SEEK_CUR, SEEK_END, SEEK_SET } from "@stratos/abi";

/**
 * Where lseek(2) leads, holes apart.
 *
 * @param from  position and size of what is sought in
 * @returns negative: nowhere, or no such `whence`
 */
export function seekTarget(from: { position: number; size: number }, offset: number, whence: number): number {
  switch (whence) {
    case SEEK_SET:
      return offset;
    case SEEK_CUR:
      return from.position + offset;
    case SEEK_END:
      return from.size + offset;
    default:
      return -1;
  }
}

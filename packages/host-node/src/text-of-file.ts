/** Files that say what is to be done: a byte that is no text would be another one in what is made of them. */
import { isUtf8 } from "node:buffer";
import { OperationError, type OperationFailure } from "@stratos/operation";

/**
 * @param path  is named with line and column, in bytes, of the first that is not UTF-8
 * @throws OperationError
 */
export function textOfFile(bytes: Uint8Array, path: string, kind: OperationFailure): string {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isUtf8(file)) return file.toString();
  for (let start = 0, line = 1; ; line++) {
    const found = file.indexOf(10, start),
      end = found < 0 ? file.length : found;
    const text = file.subarray(start, end);
    if (isUtf8(text)) {
      start = end + 1;
      continue;
    }
    let column = 0;
    const again = Buffer.from(text.toString());
    while (text[column] === again[column]) column++;
    const byte = text[column]?.toString(16).padStart(2, "0");
    const what = byte === undefined ? "it ends within a character" : `byte 0x${byte}`;
    throw new OperationError(kind, `${path}:${line}:${column + 1}`, `is not UTF-8 (${what})`);
  }
}

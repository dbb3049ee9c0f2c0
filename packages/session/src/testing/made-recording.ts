/** Recordings that were made by hand, or changed, for tests: their checksums are right. */
import { byteStringOf, concatBytes, crc32c, toBase64, utf8ToByteString } from "@stratos/base";
import { zstdCodec } from "@stratos/host-node";
import type { RecordedEntry, Recording, RecordingFormat, RecordingHeader } from "../recording/recording-format.ts";
import { type RecordedRun, RecordingWriter } from "../recording/recording-writer.ts";

export function entriesOf({ events, answers, end }: Recording): RecordedEntry[] {
  const all = <Entry>(list: { readonly length: number; at(index: number): Entry | undefined }): Entry[] =>
    Array.from({ length: list.length }, (_, index) => list.at(index)!);
  return [...all(events), ...all(answers), ...(end === null ? [] : [end])];
}

/** @param perPiece  entries of a piece; the end has its own */
export function recordingOf(run: RecordedRun, entries: readonly object[], perPiece = Infinity): Uint8Array {
  return concatBytes(recordingParts(run, entries, perPiece));
}

/** The head, and each piece. */
export function recordingParts(run: RecordedRun, entries: readonly object[], perPiece = Infinity): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const writer = new RecordingWriter(run, { codec: zstdCodec, write: (bytes) => parts.push(bytes.slice()) });
  for (const [index, entry] of entries.entries()) {
    writer.add(entry as RecordedEntry);
    if ((index + 1) % perPiece === 0) writer.flush();
  }
  writer.flush();
  return parts;
}

/** As versions before the present format wrote them: lines of JSON. */
export function recordingLines(
  format: Exclude<RecordingFormat, 5>,
  { format: _, ...header }: RecordedRun & Partial<Pick<RecordingHeader, "format" | "callWork">>,
  entries: readonly object[],
): Uint8Array {
  let checksum = 0;
  const lines = [{ format: `stratos-recording-${format}`, ...header }, ...entries].map((entry) => {
    const json = utf8ToByteString(
      JSON.stringify(entry, (_key, value: unknown) => (value instanceof Uint8Array ? toBase64(value) : value)),
    );
    if (format < 3) return `${json}\n`;
    checksum = crc32c(byteStringOf(json), 0, json.length, checksum);
    return `${json} ${checksum.toString(16).padStart(8, "0")}\n`;
  });
  return byteStringOf(lines.join(""));
}

/**
 * What the last `apply` made of a list, kept in the system: so that what is no longer listed can be told from what was
 * there anyway, and what a file replaced can be brought back.
 */
import { byteString, byteStringToUtf8, utf8Of } from "@stratos/base";
import type { RootFiles } from "../root/root-files.ts";

export const LIST_FOLDER = "var/lib/stratos/list";
const RECORD_PATH = `${LIST_FOLDER}/applied.json`;

export interface RecordedNode {
  /** place in the root, a byte string */
  path: string;
  /** what the list had there: a digest of it, to see whether it was changed since */
  digest: string;
  /** what was there before is kept as `originals/N`; null when nothing was */
  original: number | null;
  reason: string | null;
}

export interface ListRecord {
  format: 1;
  /** names that the list had installed, by kind */
  alpm: string[];
  debian: string[];
  nodes: RecordedNode[];
}

export class ListRecordError extends Error {
  override name = "ListRecordError";
}

const NO_RECORD: ListRecord = { format: 1, alpm: [], debian: [], nodes: [] };

/** @throws ListRecordError  the record is damaged or newer */
export function readListRecord(files: RootFiles): ListRecord {
  if (files.look(RECORD_PATH)?.kind !== "file") return NO_RECORD;
  let record: ListRecord;
  try {
    record = JSON.parse(byteStringToUtf8(byteString(files.read(RECORD_PATH)))) as ListRecord;
  } catch (cause) {
    throw new ListRecordError(`/${RECORD_PATH}: is damaged`, { cause });
  }
  if (record.format !== 1) throw new ListRecordError(`/${RECORD_PATH}: was written by another version of Stratos`);
  return record;
}

export function originalPath(number: number): string {
  return `${LIST_FOLDER}/originals/${number}`;
}

/** The record's place and bytes; the same record gives the same bytes. */
export function recordFile(record: ListRecord): { path: string; content: Uint8Array } {
  const sorted: ListRecord = {
    format: 1,
    alpm: [...record.alpm].sort(),
    debian: [...record.debian].sort(),
    nodes: [...record.nodes].sort((one, other) => (one.path < other.path ? -1 : 1)),
  };
  return { path: RECORD_PATH, content: utf8Of(`${JSON.stringify(sorted, null, 1)}\n`) };
}

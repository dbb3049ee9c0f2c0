/** The audit log of a volume, for people and programs. */
import {
  auditHead,
  AuditLog,
  auditRecords,
  auditRetention,
  OPERATION_NAMES,
  readAuditBlock,
  verifyAudit,
  type AuditRecord,
  type FileOffset,
} from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";
import { toText } from "./file-tree.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { errnoWords, expectResult, expectValue } from "./volume-error.ts";

export function enableAudit({ path, volume }: OpenedVolume): void {
  expectResult(path, AuditLog.enable(volume));
}

/** `BLOCKS:HEX`: what one writes down elsewhere, to prove later that all up to here is unchanged. */
interface KnownHead {
  readonly blocks: number;
  readonly root: Uint8Array;
}

export function auditHeadText({ path, volume }: OpenedVolume): string {
  const head = auditHead(volume);
  if (head === null) throw noLog(path);
  return `${head.blocks}:${Buffer.from(head.root).toString("hex")}`;
}

export function parseKnownHead(text: string): KnownHead {
  const match = /^(\d{1,10}):([0-9a-f]{64})$/i.exec(text);
  if (match === null)
    throw new OperationError("option", "--head", `'${text}' is no head; \`stratos fs audit head\` prints one`);
  return { blocks: Number(match[1]), root: Buffer.from(match[2]!, "hex") };
}

function noLog(path: string): OperationError {
  return new OperationError("volume", path, "has no audit log; `stratos fs audit enable` begins one");
}

/** How much of its log a volume keeps; 0: no limit. What is there is told too. */
interface AuditKeeping {
  readonly sizeBytes: number;
  readonly days: number;
  readonly firstBlock: number;
  readonly blocks: number;
}

export function auditKeeping({ path, volume }: OpenedVolume): AuditKeeping {
  const head = auditHead(volume);
  if (head === null) throw noLog(path);
  const { blocks, seconds } = auditRetention(volume);
  return { sizeBytes: blocks * AUDIT_BLOCK_BYTES, days: seconds / DAY, firstBlock: head.first, blocks: head.blocks };
}

/** Limits that are not given stay as they are. What is too much goes at once. */
export function keepAudit(opened: OpenedVolume, limits: { readonly sizeBytes?: number; readonly days?: number }): void {
  const { path, volume } = opened;
  if (auditHead(volume) === null) throw noLog(path);
  const now = auditRetention(volume);
  expectResult(
    path,
    AuditLog.keep(volume, {
      blocks: limits.sizeBytes === undefined ? now.blocks : Math.ceil(limits.sizeBytes / AUDIT_BLOCK_BYTES),
      seconds: limits.days === undefined ? now.seconds : limits.days * DAY,
    }),
  );
}

/** Room that a block of the log takes at most. */
const AUDIT_BLOCK_BYTES = 4096;
const DAY = 86_400;

export interface AuditEntry {
  readonly block: number;
  readonly time: string;
  readonly operation: string;
  readonly subvolume: number;
  readonly ino: number;
  readonly name?: string;
  readonly other?: number;
  readonly otherName?: string;
  readonly offset?: FileOffset;
  readonly length?: FileOffset;
}

/**
 * Entries from a block on, block by block.
 *
 * @throws OperationError for a volume without a log, and where a block makes no sense
 */
export function* auditEntries({ path, volume }: OpenedVolume, fromBlock: number): Generator<AuditEntry> {
  if (auditHead(volume) === null) throw noLog(path);
  for (
    let block = readAuditBlock(volume, fromBlock);
    block !== null;
    block = readAuditBlock(volume, block.number + 1)
  ) {
    if (typeof block === "number")
      throw new OperationError("volume", path, `the audit log cannot be read: ${errnoWords(block)}`);
    const records = auditRecords(block);
    if (records === null)
      throw new OperationError(
        "volume",
        path,
        `block ${block.number} of the audit log makes no sense; \`stratos fs audit verify\` says more`,
      );
    for (const record of records) yield entryOf(block.number, record);
  }
}

function entryOf(block: number, record: AuditRecord): AuditEntry {
  return {
    block,
    time: new Date(record.seconds * 1000 + Math.floor(record.nanoseconds / 1e6)).toISOString(),
    operation: OPERATION_NAMES[record.operation] ?? `operation ${record.operation}`,
    subvolume: record.subvolume,
    ino: record.ino,
    ...(record.name === "" ? {} : { name: toText(record.name) }),
    ...(record.other === 0 ? {} : { other: record.other }),
    ...(record.otherName === "" ? {} : { otherName: toText(record.otherName) }),
    ...(record.offset === 0 && record.length === 0 ? {} : { offset: record.offset }),
    ...(record.length === 0 ? {} : { length: record.length }),
  };
}

interface AuditVerdict {
  readonly blocks: number;
  /** The first one that retention left. */
  readonly firstBlock: number;
  readonly records: number;
  readonly head: string;
  readonly intact: boolean;
  readonly problems: readonly { readonly firstBlock: number; readonly lastBlock: number; readonly what: string }[];
}

export function auditVerdict({ path, volume }: OpenedVolume, known: readonly KnownHead[]): AuditVerdict {
  const report = verifyAudit(volume, known);
  if (report === null) throw noLog(path);
  const { blocks, first: firstBlock, records, root, problems } = expectValue(path, report);
  return {
    blocks,
    firstBlock,
    records,
    head: `${blocks}:${Buffer.from(root).toString("hex")}`,
    intact: problems.length === 0,
    problems: problems.map(({ first, last, what }) => ({ firstBlock: first, lastBlock: last, what })),
  };
}

/** `stratos fs audit …`. */
import {
  auditEntries,
  auditHeadText,
  auditKeeping,
  auditVerdict,
  enableAudit,
  keepAudit,
  parseKnownHead,
  type AuditEntry,
  withVolume,
} from "@stratos/volumes";
import { UsageError } from "../command-error.ts";
import { formatSize } from "../option-values.ts";
import { jsonWithSizes } from "@stratos/images/content";

export interface AuditShowOptions {
  readonly from?: number;
  readonly last?: number;
  readonly json?: true;
}
export interface AuditVerifyOptions {
  readonly head: readonly string[];
  readonly json?: true;
}

export async function enableAuditCommand(path: string): Promise<number> {
  await withVolume(path, "write", enableAudit);
  return 0;
}

export async function auditHeadCommand(path: string): Promise<number> {
  process.stdout.write(`${await withVolume(path, "read", auditHeadText)}\n`);
  return 0;
}

export async function showAuditCommand(path: string, options: AuditShowOptions): Promise<number> {
  await withVolume(path, "read", (opened) => {
    let entries: Iterable<AuditEntry> = auditEntries(opened, options.from ?? 0);
    if (options.last !== undefined) entries = lastOf(entries, options.last);
    // A log is long: JSON comes as one object to a line.
    for (const entry of entries)
      process.stdout.write(options.json === true ? `${jsonWithSizes(entry, 0)}\n` : `${line(entry)}\n`);
  });
  return 0;
}

function lastOf<T>(items: Iterable<T>, count: number): T[] {
  const kept: T[] = [];
  for (const item of items) {
    kept.push(item);
    if (kept.length > 2 * count + 1000) kept.splice(0, kept.length - count);
  }
  return count === 0 ? [] : kept.slice(-count);
}

function line({ block, time, operation, subvolume, ino, name, other, otherName, offset, length }: AuditEntry): string {
  const parts = [`${time} ${block} ${operation}`, `subvolume ${subvolume}`, `inode ${ino}`];
  if (name !== undefined) parts.push(JSON.stringify(name));
  if (other !== undefined || otherName !== undefined)
    parts.push(
      "->",
      ...(other === undefined ? [] : [`inode ${other}`]),
      ...(otherName === undefined ? [] : [JSON.stringify(otherName)]),
    );
  if (operation === "create") parts.push(`mode ${(offset ?? 0).toString(8)}`);
  else if (length !== undefined) parts.push(`at ${offset ?? 0}, ${length} bytes`);
  else if (operation === "truncate") parts.push(`to ${offset ?? 0} bytes`);
  return parts.join(" ");
}

export interface AuditKeepOptions {
  readonly size?: number;
  readonly days?: number;
  readonly forever?: true;
  readonly json?: true;
}

/** Sets what is given, and shows what holds then. */
export async function auditRetentionCommand(path: string, options: AuditKeepOptions): Promise<number> {
  if (options.forever === true && (options.size ?? options.days) !== undefined)
    throw new UsageError("--forever", "is the opposite of --size and --days");
  const isSet = options.forever === true || options.size !== undefined || options.days !== undefined;
  const keeping = await withVolume(path, isSet ? "write" : "read", (opened) => {
    if (options.forever === true) keepAudit(opened, { sizeBytes: 0, days: 0 });
    else if (isSet)
      keepAudit(opened, {
        ...(options.size === undefined ? {} : { sizeBytes: options.size }),
        ...(options.days === undefined ? {} : { days: options.days }),
      });
    return auditKeeping(opened);
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify(keeping, null, 2)}\n`);
  else {
    const limits = [
      ...(keeping.sizeBytes > 0 ? [formatSize(keeping.sizeBytes)] : []),
      ...(keeping.days > 0 ? [`${keeping.days} days`] : []),
    ];
    process.stdout.write(
      `${path}: keeps ${limits.length === 0 ? "all of its audit log" : limits.join(" and ")}; blocks ` +
        `${keeping.firstBlock} to ${keeping.blocks - 1} are there\n`,
    );
  }
  return 0;
}

/** Exit status 1 when the log was tampered with. */
export async function verifyAuditCommand(path: string, options: AuditVerifyOptions): Promise<number> {
  const known = options.head.map(parseKnownHead);
  const verdict = await withVolume(path, "read", (opened) => auditVerdict(opened, known));
  if (options.json === true) process.stdout.write(`${JSON.stringify(verdict, null, 2)}\n`);
  else if (verdict.intact)
    process.stdout.write(`${path}: intact, ${verdict.records} records in ${verdict.blocks} blocks\n`);
  else
    for (const { firstBlock, lastBlock, what } of verdict.problems)
      process.stdout.write(
        `${path}: block ${firstBlock === lastBlock ? firstBlock : `${firstBlock} to ${lastBlock}`} ${what}\n`,
      );
  return verdict.intact ? 0 : 1;
}

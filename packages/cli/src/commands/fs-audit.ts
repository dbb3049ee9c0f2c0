/** `stratos fs audit …`. */
import { Command, Option } from "commander";
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
import { jsonWithSizes } from "@stratos/images/content";
import { parsePositiveCount, parseSize, parseWholeNumber } from "../volume-options.ts";
import { jsonOption, VOLUME_WORDS, type Finish } from "./row-options.ts";
import { UsageError } from "../command-error.ts";
import { formatSize } from "@stratos/operation";
import { collect } from "../option-values.ts";

export function auditCommand(finish: Finish): Command {
  const audit = new Command("audit")
    .summary("keep and verify a log of operations")
    .description(
      "Keeps a log of what is done to a volume, in the volume, whose blocks are chained by SHA-256 under a " +
        "Merkle root: what is changed in it afterwards shows.",
    )
    .usage("COMMAND");
  audit.addCommand(
    new Command("enable")
      .description(
        "Begins an audit log. From then on all changes are told in it, whoever makes them: commands, mounts, " +
          "machines. It cannot be ended.",
      )
      .summary("begin an audit log")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await enableAuditCommand(volume))),
  );
  audit.addCommand(
    new Command("show")
      .description("Prints the log.")
      .summary("print the log")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(new Option("--from <block>", "begin with this block").argParser(parseWholeNumber))
      .addOption(new Option("--last <n>", "only the last records").argParser(parseWholeNumber))
      .addOption(new Option("--json", "print JSON, one object to a line"))
      .action(async (volume: string, options: AuditShowOptions) => finish(await showAuditCommand(volume, options))),
  );
  audit.addCommand(
    new Command("head")
      .description(
        "Prints the log's head, BLOCKS:HASH. Kept elsewhere, it proves later that everything up to it is unchanged.",
      )
      .summary("print the log's head")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await auditHeadCommand(volume))),
  );
  audit.addCommand(
    new Command("retention")
      .description(
        "Says how much of the log a volume keeps, or shows it. What is older goes from then on; in its place " +
          "stays a hash that the rest proves, and that the log itself tells of.",
      )
      .summary("set or show how much of the log is kept")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(new Option("-s, --size <size>", "about so much, at most").argParser(parseSize))
      .addOption(new Option("-d, --days <n>", "about so many days, at most").argParser(parsePositiveCount))
      .option("--forever", "all of it")
      .addOption(jsonOption())
      .action(async (volume: string, options: AuditKeepOptions) =>
        finish(await auditRetentionCommand(volume, options)),
      ),
  );
  audit.addCommand(
    new Command("verify")
      .description("Checks the log and names the blocks that were tampered with. Exit status 1 when some were.")
      .summary("check that the log is what was written")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(
        new Option("--head <head>", "a head that was kept elsewhere (repeatable)")
          .argParser(collect)
          .default([], "none"),
      )
      .addOption(jsonOption())
      .action(async (volume: string, options: AuditVerifyOptions) => finish(await verifyAuditCommand(volume, options))),
  );
  return audit;
}

interface AuditShowOptions {
  readonly from?: number;
  readonly last?: number;
  readonly json?: true;
}
interface AuditVerifyOptions {
  readonly head: readonly string[];
  readonly json?: true;
}

async function enableAuditCommand(path: string): Promise<number> {
  await withVolume(path, "write", enableAudit);
  return 0;
}

async function auditHeadCommand(path: string): Promise<number> {
  process.stdout.write(`${await withVolume(path, "read", auditHeadText)}\n`);
  return 0;
}

async function showAuditCommand(path: string, options: AuditShowOptions): Promise<number> {
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

interface AuditKeepOptions {
  readonly size?: number;
  readonly days?: number;
  readonly forever?: true;
  readonly json?: true;
}

/** Sets what is given, and shows what holds then. */
async function auditRetentionCommand(path: string, options: AuditKeepOptions): Promise<number> {
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
async function verifyAuditCommand(path: string, options: AuditVerifyOptions): Promise<number> {
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

/** `stratos fs quota …`. */
import { Argument, Command, Option } from "commander";
import {
  assignProject,
  type ListedQuota,
  ownerNumber,
  requireQuotas,
  requireVolumePlace,
  setQuotaLimits,
  switchQuotas,
  withVolume,
} from "@stratos/volumes";
import { parseSize, parseWholeNumber } from "../volume-options.ts";
import { jsonOption, VOLUME_WORDS, type Finish } from "./row-options.ts";
import { UsageError } from "../command-error.ts";
import { formatSize } from "@stratos/operation";

export function quotaCommand(finish: Finish): Command {
  const quota = new Command("quota")
    .summary("limit what users, groups and projects own")
    .description(
      "Counts what users, groups and projects own in a volume, and limits it. A project is a number that folders " +
        "have; what is made in them belongs to it.",
    )
    .usage("COMMAND");
  quota.addCommand(
    new Command("on")
      .description(
        "Counts what is there, and from then on. Who passes a limit is told by write(2) in a volume that is mounted " +
          "afterwards; in one that is mounted already by close(2) and fsync(2), unless with -o writethrough.",
      )
      .summary("count what is owned")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await switchQuotasCommand(volume, true))),
  );
  quota.addCommand(
    new Command("off")
      .description("Stops counting, and forgets all limits.")
      .summary("stop counting")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await switchQuotasCommand(volume, false))),
  );
  quota.addCommand(
    new Command("set")
      .description(
        "Sets limits of one owner; those that are not given stay. 0 takes a limit away. A soft limit may be " +
          "passed for a week. Root's processes are not held to any, as on ext4.",
      )
      .summary("set limits")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(new Option("--user <user>", "of a user: name, as this host knows it, or number"))
      .addOption(new Option("--group <group>", "of a group: name or number"))
      .addOption(new Option("--project <number>", "of a project").argParser(parseWholeNumber))
      .addOption(new Option("--size <size>", "hard limit of content: 512M, 20G").argParser(parseSize))
      .addOption(new Option("--soft-size <size>", "soft limit of content").argParser(parseSize))
      .addOption(new Option("--inodes <n>", "hard limit of files and folders").argParser(parseWholeNumber))
      .addOption(new Option("--soft-inodes <n>", "soft limit of files and folders").argParser(parseWholeNumber))
      .action(async (volume: string, options: QuotaSetOptions) => finish(await setQuotaCommand(volume, options))),
  );
  quota.addCommand(
    new Command("project")
      .description("Gives a folder and all that is in it to a project; 0 to none.")
      .summary("give a folder to a project")
      .argument("<place>", "VOLUME:/PATH")
      .addArgument(new Argument("<number>", "of the project").argParser(parseWholeNumber))
      .action(async (place: string, number: number) => finish(await quotaProjectCommand(place, number))),
  );
  quota.addCommand(
    new Command("report")
      .alias("show")
      .description("Lists who owns how much, and the limits.")
      .summary("list usage and limits")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(jsonOption())
      .action(async (volume: string, options: { json?: true }) => finish(await quotaReportCommand(volume, options))),
  );
  return quota;
}

interface QuotaSetOptions {
  /** Names or numbers. */
  readonly user?: string;
  readonly group?: string;
  readonly project?: number;
  readonly size?: number;
  readonly softSize?: number;
  readonly inodes?: number;
  readonly softInodes?: number;
}

async function switchQuotasCommand(path: string, on: boolean): Promise<number> {
  const hosted = await withVolume(path, "write", (opened) => {
    switchQuotas(opened, on);
    return opened.hosted;
  });
  if (on && hosted?.gathersWrites === true)
    process.stderr.write(
      `stratos: ${path}: limits hold from now on; until it is mounted anew, who passes one is told by close and ` +
        'fsync (close says "Input/output error") rather than by write, because the kernel gathers what this mount ' +
        "writes\n",
    );
  return 0;
}

/** Limits that are not given stay as they are; 0 takes one away. */
async function setQuotaCommand(path: string, options: QuotaSetOptions): Promise<number> {
  const [kind, id] = ownerOf(options);
  const { size, softSize, inodes, softInodes } = options;
  await withVolume(path, "write", (opened) =>
    setQuotaLimits(opened, kind, id, {
      ...(size === undefined ? {} : { hardBytes: size }),
      ...(softSize === undefined ? {} : { softBytes: softSize }),
      ...(inodes === undefined ? {} : { hardInodes: inodes }),
      ...(softInodes === undefined ? {} : { softInodes }),
    }),
  );
  return 0;
}

function ownerOf({ user, group, project }: QuotaSetOptions): [ListedQuota["kind"], number] {
  const given: [ListedQuota["kind"], number][] = [];
  if (user !== undefined) given.push(["user", ownerNumber("user", user)]);
  if (group !== undefined) given.push(["group", ownerNumber("group", group)]);
  if (project !== undefined) given.push(["project", project]);
  if (given.length !== 1) throw new UsageError("quota set", "expected one of --user, --group and --project");
  return given[0]!;
}

async function quotaProjectCommand(text: string, project: number): Promise<number> {
  const place = requireVolumePlace(text);
  await withVolume(place.volume, "write", (opened) => assignProject(opened, place.path, project));
  return 0;
}

async function quotaReportCommand(path: string, options: { readonly json?: true }): Promise<number> {
  const quotas = await withVolume(path, "read", requireQuotas);
  process.stdout.write(options.json === true ? `${JSON.stringify(quotas, null, 2)}\n` : table(quotas));
  return 0;
}

function table(quotas: readonly ListedQuota[]): string {
  const rows = [["OWNER", "USED", "SOFT", "HARD", "INODES", "SOFT", "HARD"]];
  const limit = (value: number, text: string): string => (value === 0 ? "-" : text);
  for (const { kind, id, name, usedBytes, softBytes, hardBytes, inodes, softInodes, hardInodes } of quotas) {
    rows.push([
      `${kind} ${name ?? id}`,
      formatSize(usedBytes),
      limit(softBytes, formatSize(softBytes)),
      limit(hardBytes, formatSize(hardBytes)),
      String(inodes),
      limit(softInodes, String(softInodes)),
      limit(hardInodes, String(hardInodes)),
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** `stratos fs property|dedupe|defrag|tier`: how content is kept, and where. */
import { Command, Option } from "commander";
import {
  defragmentFile,
  joinPath,
  migrateFiles,
  shareContent,
  listTiers,
  toByteString,
  toText,
  expandPattern,
  filesOf,
  withVolume,
  type OpenedVolume,
  type VolumeAccess,
  requireVolumePlace,
  VolumeTree,
  contentProperties,
  setContentProperties,
} from "@stratos/volumes";
import { parseCompression, parsePercentage, type CompressionChoice } from "../volume-options.ts";
import { dryRunOption, jsonOption, PLACE_HELP, VOLUME_WORDS, type Finish } from "./row-options.ts";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";
import { withTerminalProgress } from "../terminal-progress.ts";

export function spaceCommands(finish: Finish): Command[] {
  const property = new Command("property")
    .description(
      "Shows or sets how the content of a file or folder is kept. What is made in a folder takes its properties. " +
        "They hold for content written from then on; `defrag` applies them to what is there.",
    )
    .summary("show and set compression, deduplication and tier")
    .argument("<place>", "file or folder of a volume: VOLUME:/PATH, or a path in a mounted volume")
    .addOption(
      new Option(
        "--compress <codec>",
        "none, lz4 or zstd, each with a :LEVEL; inherit: as the volume has it",
      ).argParser((text) => (text === "inherit" ? null : parseCompression(text))),
    )
    .addOption(new Option("--dedupe <when>", "share content that was written before").choices(["on", "off", "inherit"]))
    .addOption(new Option("--tier <where>", "keep on fast or slow devices").choices(["fast", "slow", "any", "inherit"]))
    .option("-r, --recursive", "also everything below")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: PropertyOptions) => finish(await propertyCommand(place, options)));
  const dedupe = new Command("dedupe")
    .description(
      "Finds equal content in all files and snapshots, and lets it share its place. What has equal checksums is " +
        "compared byte by byte first.",
    )
    .summary("share equal content")
    .argument("<volume>", VOLUME_WORDS)
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .action(async (volume: string, options: DedupeOptions) => finish(await dedupeCommand(volume, options)));
  const defrag = new Command("defrag")
    .description(
      "Writes files anew in long runs, with the properties that they have now: this is also how they are " +
        "compressed afterwards. What they share with snapshots they have for themselves then; files that share are " +
        "left out, unless --shared.",
    )
    .summary("write files anew, in few pieces")
    .argument("<place>", "file or folder of a volume: VOLUME:/PATH, or a path in a mounted volume")
    .option("-r, --recursive", "everything below a folder")
    .option("--shared", "also files that share content with snapshots or other files")
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: DefragmentOptions) => finish(await defragmentCommand(place, options)));
  return [property, dedupe, defrag, tierCommand(finish)];
}

function tierCommand(finish: Finish): Command {
  const tier = new Command("tier")
    .summary("fast and slow devices")
    .description(
      "Keeps what is used much on fast devices, the rest on slow ones (`device add --slow`). A file's heat is " +
        "its mean number of accesses in a week, the last days counting most.",
    )
    .usage("COMMAND");
  tier.addCommand(
    new Command("status")
      .description("Shows how full the tiers are, and which files are hot.")
      .summary("show tiers and heat")
      .argument("<volume>", VOLUME_WORDS)
      .option("--all", "all files, not only the twenty hottest")
      .addOption(jsonOption())
      .action(async (volume: string, options: TierStatusOptions) => finish(await tierStatusCommand(volume, options))),
  );
  tier.addCommand(
    new Command("pin")
      .description("Keeps a file or folder on a tier; `migrate` moves what is there.")
      .summary("keep files on a tier")
      .argument("<place>", "file or folder of a volume: VOLUME:/PATH, or a path in a mounted volume")
      .addArgument(new Command().createArgument("<tier>", "where to").choices(["fast", "slow", "any", "inherit"]))
      .option("-r, --recursive", "also everything below")
      .action(async (place: string, where: "fast" | "slow" | "any" | "inherit", options: { recursive?: true }) =>
        finish(await propertyCommand(place, { ...options, tier: where, quiet: true })),
      ),
  );
  tier.addCommand(
    new Command("migrate")
      .description(
        "Moves files to where they belong: pinned ones to their tier, then the hottest to the fast devices until " +
          "those are full enough.",
      )
      .summary("move files between tiers")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(
        new Option("--fill <percent>", "fill the fast devices to so much (default: 80)").argParser(parsePercentage),
      )
      .addOption(dryRunOption())
      .addOption(jsonOption())
      .action(async (volume: string, options: MigrateOptions) => finish(await migrateCommand(volume, options))),
  );
  return tier;
}

interface PropertyOptions {
  /** Null: inherit. */
  readonly compress?: CompressionChoice | null;
  readonly dedupe?: "on" | "off" | "inherit";
  readonly tier?: "fast" | "slow" | "any" | "inherit";
  readonly recursive?: true;
  readonly json?: true;
  /** Set without showing. */
  readonly quiet?: true;
}
interface DedupeOptions {
  readonly dryRun?: true;
  readonly json?: true;
}
interface DefragmentOptions {
  readonly recursive?: true;
  readonly shared?: true;
  readonly dryRun?: true;
  readonly json?: true;
}
interface TierStatusOptions {
  readonly all?: true;
  readonly json?: true;
}
interface MigrateOptions {
  readonly fill?: number;
  readonly dryRun?: true;
  readonly json?: true;
}

const HOTTEST = 20;

/** What a place names, and with `recursive` all that is below. */
async function withPlace<T>(
  text: string,
  access: VolumeAccess,
  recursive: boolean,
  work: (tree: VolumeTree, paths: string[], opened: OpenedVolume) => T,
): Promise<T> {
  const place = requireVolumePlace(text);
  return withVolume(place.volume, access, (opened) => {
    const tree = new VolumeTree(filesOf(opened, place.snapshot), place.volume);
    const paths = expandPattern(tree, toByteString(place.path));
    // What is found is looked into in turn.
    for (let at = 0; recursive && at < paths.length; at++) {
      if (tree.facts(paths[at]!)?.kind === "directory")
        for (const name of tree.names(paths[at]!)) paths.push(joinPath(paths[at]!, name));
    }
    return work(tree, paths, opened);
  });
}

async function propertyCommand(text: string, options: PropertyOptions): Promise<number> {
  const { compress: compression, dedupe, tier } = options;
  const sets = compression !== undefined || dedupe !== undefined || tier !== undefined;
  const shown = await withPlace(text, sets ? "write" : "read", options.recursive === true, (tree, paths) =>
    paths
      .filter((path) => options.recursive !== true || isContent(tree, path))
      .map((path) => {
        if (sets) setContentProperties(tree, path, { compression, dedupe, tier });
        return { path: toText(path), ...contentProperties(tree, path) };
      }),
  );
  if (options.quiet === true) return 0;
  if (options.json === true) process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  else if (!sets)
    process.stdout.write(
      formatTable(
        ["PATH", "COMPRESSION", "DEDUPE", "TIER"],
        shown.map((one) => [one.path, one.compression, one.dedupe, one.tier]),
      ),
    );
  return 0;
}

function isContent(tree: VolumeTree, path: string): boolean {
  const kind = tree.facts(path)?.kind;
  return kind === "file" || kind === "directory";
}

async function dedupeCommand(path: string, options: DedupeOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  const told = await withTerminalProgress((progress) =>
    withVolume(path, dryRun ? "read" : "write", (opened) => ({
      volume: path,
      dryRun,
      ...shareContent(opened, dryRun, progress),
    })),
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  else
    process.stdout.write(
      `${path}: ${formatSize(told.duplicateBytes)} of ${formatSize(told.contentBytes)} ` +
        `${dryRun ? "seem to be duplicates" : `were duplicates; ${formatSize(told.freedBytes)} more are free`}\n`,
    );
  return 0;
}

async function defragmentCommand(text: string, options: DefragmentOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  const recursive = options.recursive === true;
  const wanted = { dryRun, shared: options.shared === true };
  const rows = await withTerminalProgress((progress) =>
    withPlace(text, dryRun ? "read" : "write", recursive, (tree, paths, opened) =>
      paths
        .filter((path) => !recursive || tree.facts(path)?.kind === "file")
        .map((path) => defragmentFile(opened, tree, path, wanted, progress)),
    ),
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else {
    process.stdout.write(
      formatTable(
        ["PATH", "PIECES", "NOW", "SIZE", "STORED", ""],
        rows.map((row) => [
          row.path,
          String(row.runsBefore),
          dryRun ? "-" : String(row.runs),
          formatSize(row.bytes),
          formatSize(row.storedBytes),
          row.skipped ? "shared: left as it is" : "",
        ]),
      ),
    );
  }
  return 0;
}

async function tierStatusCommand(path: string, options: TierStatusOptions): Promise<number> {
  const { fast, slow, files } = await withVolume(path, "read", (opened) =>
    listTiers(opened, options.all === true ? Infinity : HOTTEST),
  );
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ volume: path, fast, slow, files }, null, 2)}\n`);
    return 0;
  }
  for (const [name, one] of [
    ["fast", fast],
    ["slow", slow],
  ] as const)
    process.stdout.write(`${name}: ${formatSize(one.sizeBytes)}, ${formatSize(one.freeBytes)} free\n`);
  process.stdout.write(
    `\n${formatTable(
      ["HEAT", "TIER", "FAST", "SLOW", "FILE"],
      files.map((file) => [
        file.heat.toFixed(1),
        file.tier === "inherit" ? "-" : file.tier,
        formatSize(file.fastBytes),
        formatSize(file.slowBytes),
        file.path ?? `inode ${file.inode} of subvolume ${file.subvolume}`,
      ]),
    )}`,
  );
  return 0;
}

async function migrateCommand(path: string, options: MigrateOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  const fill = options.fill === undefined ? undefined : options.fill / 100;
  const told = await withTerminalProgress((progress) =>
    withVolume(path, dryRun ? "read" : "write", (opened) => ({
      volume: path,
      dryRun,
      ...migrateFiles(opened, { fill, dryRun }, progress),
    })),
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  else
    process.stdout.write(
      `${path}: ${dryRun ? "would move" : "moved"} ${told.files} files: ` +
        `${formatSize(told.toFastBytes)} to fast devices, ${formatSize(told.toSlowBytes)} to slow ones` +
        `${told.leftFiles === 0 ? "" : `; ${told.leftFiles} stay where they are, for want of room`}\n`,
    );
  return 0;
}

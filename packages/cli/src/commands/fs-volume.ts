/** `stratos fs df|stats|check|resize`: a volume as a whole. */
import { Command, Option } from "commander";
import { AEGISFS_TYPE, readMountTable } from "@stratos/host-node/mounts";
import { formatSize, OperationError } from "@stratos/operation";
import {
  checkVolume,
  findVolume,
  mountOf,
  repairVolume,
  resizeVolume,
  withVolume,
  volumeSpace,
  volumeStatistics,
  type Loss,
  type Problem,
  type SizeChange,
  type VolumeSpace,
} from "@stratos/volumes";
import { jsonWithSizes } from "@stratos/images/content";
import { parseSizeChange, parseWholeNumber } from "../volume-options.ts";
import { dryRunOption, jsonOption, VOLUME_WORDS, type Finish } from "./row-options.ts";
import { statusOf } from "../command-error.ts";
import { formatTable } from "../text-table.ts";

export function volumeCommands(finish: Finish): Command[] {
  const space = new Command("df")
    .description(
      "Shows how full volumes are; without arguments, those that are mounted. FREE is what new files can take: " +
        "the rest of SIZE beside USED is kept back for the trees, without which nothing could be deleted from a " +
        "full volume. statfs(2), and so df(1), counts that as used.",
    )
    .summary("show how full volumes are")
    .argument("[volume...]", VOLUME_WORDS)
    .addOption(jsonOption())
    .action(async (volumes: string[], options: JsonOptions) => finish(await showSpace(volumes, options)));
  const statistics = new Command("stats")
    .description(
      "Explains where a volume's space went: files by kind, trees, what each snapshot alone holds and what is " +
        "shared. Reads all metadata.",
    )
    .summary("explain where the space went")
    .argument("<volume>", VOLUME_WORDS)
    .addOption(jsonOption())
    .action(async (volume: string, options: JsonOptions) => finish(await showStatistics(volume, options)));
  const checking = new Command("check")
    .description(
      "Proves every checksum and invariant of a volume that is not mounted, and names what is wrong. Exit status " +
        "1 when something is. With --repair: 0 when the volume is whole afterwards, 4 when something is lost (each " +
        "file is named; its lost content reads as an error, what lost its name is in /lost+found) or could not be " +
        "mended. Of blocks with copies one good copy is enough: `fs scrub` reads all of them, and mends those that " +
        "are not.",
    )
    .summary("prove that a volume is whole")
    .argument("<volume>", VOLUME_WORDS)
    .option("--metadata-only", "do not read the content of files")
    .option("--repair", "mend what can be mended")
    .option("-n, --dry-run", "with --repair: only say what would be mended, and what would be lost")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nA volume that is mounted is checked while it is used: what was durable when the check began, which its " +
        "server keeps so long. It is not repaired then.",
    )
    .action(async (volume: string, options: CheckVolumeOptions) => finish(await checkCommand(volume, options)));
  const resize = new Command("resize")
    .description(
      "Makes a volume larger or smaller, and its file with it; a block device must have grown already. What lies " +
        "behind the new end is moved.",
    )
    .summary("make a volume larger or smaller")
    .argument("<volume>", VOLUME_WORDS)
    .argument("<size>", "new size: 512M, 20G; +1G grows it, -1G shrinks it by so much", parseSizeChange)
    // Only so a size that begins with "-" is one.
    .allowUnknownOption()
    .addOption(
      new Option("--device <n>", "of a volume with several: which one (default: its first)").argParser(
        parseWholeNumber,
      ),
    )
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .action(async (volume: string, size: SizeChange, options: ResizeVolumeOptions) =>
      finish(await resizeCommand(volume, size, options)),
    );
  return [space, statistics, checking, resize];
}

interface JsonOptions {
  readonly json?: true;
}
interface CheckVolumeOptions {
  readonly json?: true;
  readonly metadataOnly?: true;
  readonly repair?: true;
  readonly dryRun?: true;
}
interface ResizeVolumeOptions {
  readonly device?: number;
  readonly json?: true;
  readonly dryRun?: true;
}

/** Of these volumes; none are given: of those that are mounted. */
async function showSpace(paths: readonly string[], options: JsonOptions): Promise<number> {
  const rows: (VolumeSpace & { mountPoint: string | null })[] = [];
  let status = 0;
  for (const path of paths.length > 0 ? paths : mountedVolumes()) {
    try {
      rows.push({
        ...(await withVolume(path, "read", volumeSpace)),
        mountPoint: mountOf(findVolume(path))?.mountPoint ?? null,
      });
    } catch (error) {
      // One that can't be shown doesn't hide the others; among all that are mounted it is nobody's mistake.
      if (!(error instanceof OperationError) || paths.length === 1) throw error;
      process.stderr.write(`stratos: ${error.message}\n`);
      if (paths.length > 0) status = statusOf(error);
    }
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else if (rows.length === 0 && status !== 0) return status;
  else if (rows.length === 0)
    process.stdout.write("no volume is mounted; `stratos fs df VOLUME` shows one that is not\n");
  else {
    process.stdout.write(
      formatTable(
        ["VOLUME", "LABEL", "SIZE", "USED", "FREE", "USE%", "FILES", "SNAPSHOTS", "MOUNTED ON"],
        rows.map((row) => [
          row.volume,
          row.label === "" ? "-" : row.label,
          formatSize(row.sizeBytes),
          formatSize(row.usedBytes),
          formatSize(row.freeBytes),
          `${Math.ceil((100 * row.usedBytes) / Math.max(1, row.usedBytes + row.freeBytes))}%`,
          String(row.files),
          String(row.snapshots),
          row.mountPoint ?? "-",
        ]),
      ),
    );
  }
  return status;
}

/** Each once, wherever it is mounted. */
function mountedVolumes(): string[] {
  return [
    ...new Set(
      readMountTable()
        .filter(({ type }) => type === AEGISFS_TYPE)
        .map(({ source }) => source),
    ),
  ];
}

async function showStatistics(path: string, options: JsonOptions): Promise<number> {
  const found = await withVolume(path, "read", volumeStatistics);
  if (options.json === true) {
    process.stdout.write(`${jsonWithSizes(found)}\n`);
    return 0;
  }
  const { largestFile } = found;
  const lines: readonly (readonly [string, string])[] = [
    ["Volume", `${found.volume}${found.label === "" ? "" : ` "${found.label}"`} ${found.uuid}`],
    [
      "Size",
      `${formatSize(found.sizeBytes)}, ${formatSize(found.usedBytes)} used, ${formatSize(found.freeBytes)} free ` +
        "for files",
    ],
    ["Commits", `${found.generation}`],
    [
      "Files",
      `${found.regularFiles} (${formatSize(Number(found.contentBytes))}), ${found.directories} directories, ` +
        `${found.symbolicLinks} symbolic links, ${found.others} others`,
    ],
    ["Largest", largestFile === null ? "-" : `${largestFile.path} (${formatSize(Number(largestFile.sizeBytes))})`],
    [
      "Layout",
      `${found.treeLevels} tree levels, ${found.extents} extents, ${found.sharedRanges} ranges of shared blocks`,
    ],
    ["To be freed", `${formatSize(found.droppedBytes)} of deleted snapshots`],
  ];
  process.stdout.write(lines.map(([name, text]) => `${name.padEnd(12)} ${text}\n`).join(""));
  process.stdout.write(
    `\n${formatTable(
      ["SUBVOLUME", "FILES", "DATA", "METADATA", "EXCLUSIVE", "SHARED"],
      found.subvolumes.map((one) => [
        one.name,
        String(one.files),
        formatSize(one.dataBytes),
        formatSize(one.metadataBytes),
        formatSize(one.exclusiveBytes),
        formatSize(one.sharedBytes),
      ]),
    )}`,
  );
  return 0;
}

/** Exit status 1 when there are problems. */
async function checkCommand(path: string, options: CheckVolumeOptions): Promise<number> {
  if (options.repair === true) return repairCommand(path, options);
  const { problems, isOnline } = await checkVolume(path, options.metadataOnly === true);
  if (options.json === true)
    process.stdout.write(
      `${JSON.stringify({ volume: path, clean: problems.length === 0, online: isOnline, problems }, null, 2)}\n`,
    );
  else if (problems.length === 0)
    process.stdout.write(
      `${path}: clean${isOnline ? " (checked while it is mounted: what was durable when the check began)" : ""}\n`,
    );
  else for (const problem of problems) process.stdout.write(`${path}: ${problemWords(problem)}\n`);
  return problems.length === 0 ? 0 : 1;
}

/**
 * Exit status 0 when the volume is whole now, 4 when something is lost or was left as it is (as of fsck(8)); of a dry
 * run, 1 when all of it can be repaired.
 */
async function repairCommand(path: string, options: CheckVolumeOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  const { status, found, fixed, left, lost, losses } = await repairVolume(path, dryRun);
  if (options.json === true)
    process.stdout.write(
      JSON.stringify(
        { volume: path, dryRun, clean: status === 0 || (status === 1 && !dryRun), found, fixed, left, lost, losses },
        null,
        2,
      ) + "\n",
    );
  else {
    for (const problem of fixed)
      process.stdout.write(`${path}: ${dryRun ? "to be repaired" : "repaired"}: ${problemWords(problem)}\n`);
    for (const problem of left)
      process.stdout.write(`${path}: ${dryRun ? "would not be repaired" : "not repaired"}: ${problemWords(problem)}\n`);
    for (const loss of losses)
      process.stdout.write(`${path}: ${dryRun ? "would be lost" : "lost"}: ${lossWords(loss)}\n`);
    const words =
      status === 0 || (status === 1 && !dryRun)
        ? "clean"
        : status === 1
          ? "all of it can be repaired"
          : dryRun
            ? "a repair would not bring back everything"
            : left.length > 0
              ? "not everything could be mended"
              : "not everything could be brought back; what is left of files without a name is in /lost+found";
    process.stdout.write(`${path}: ${words}\n`);
  }
  return status === 1 && !dryRun ? 0 : status;
}

function lossWords(loss: Loss): string {
  const { what, subvolume, subvolumeName, ino, lastIno, path, otherPaths, from, to, detail } = loss;
  const named = path === null ? null : [path, ...otherPaths].join(", ");
  const name = named ?? (ino < 0 ? "" : lastIno > ino ? `inodes ${ino} to ${lastIno}` : `inode ${ino}`);
  const place =
    subvolume >= 0
      ? ` (subvolume ${subvolumeName === "" ? subvolume : subvolumeName}` +
        `${path !== null && ino >= 0 ? `, inode ${ino}` : ""})`
      : "";
  return what === "content"
    ? `${name}: bytes ${from} to ${to - 1}: ${detail}${place}`
    : `${name === "" ? "" : `${name}: `}${detail}${place}`;
}

function problemWords({ what, subvolume, ino, block }: Problem): string {
  const places = [
    subvolume >= 0 ? `subvolume ${subvolume}` : "",
    ino >= 0 ? `inode ${ino}` : "",
    block >= 0 ? `block ${block}` : "",
  ].filter((place) => place !== "");
  return places.length === 0 ? what : `${what} (${places.join(", ")})`;
}

async function resizeCommand(path: string, size: SizeChange, options: ResizeVolumeOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  const result = await withVolume(path, dryRun ? "read" : "write", (opened) => ({
    volume: path,
    ...resizeVolume(opened, size, { device: options.device, dryRun }),
    dryRun,
  }));
  if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else if (dryRun)
    process.stdout.write(
      `${path}: would change from ${formatSize(result.beforeBytes)} to ${formatSize(result.sizeBytes)}\n`,
    );
  return 0;
}

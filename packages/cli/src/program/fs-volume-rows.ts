/** Rows of `stratos fs` for a volume as a whole. */
import { Command, Option } from "commander";
import { parseSizeChange, parseWholeNumber, type SizeChange } from "../volume-options.ts";
import type { CheckVolumeOptions, JsonOptions, ResizeVolumeOptions } from "../commands/fs-volume-commands.ts";
import { dryRunOption, jsonOption, VOLUME_WORDS, type Finish } from "./fs-rows.ts";

export function volumeCommands(finish: Finish): Command[] {
  const commands = () => import("../commands/fs-volume-commands.ts");
  const space = new Command("df")
    .description(
      "Shows how full volumes are; without arguments, those that are mounted. FREE is what new files can take: " +
        "the rest of SIZE beside USED is kept back for the trees, without which nothing could be deleted from a " +
        "full volume. statfs(2), and so df(1), counts that as used.",
    )
    .summary("show how full volumes are")
    .argument("[volume...]", VOLUME_WORDS)
    .addOption(jsonOption())
    .action(async (volumes: string[], options: JsonOptions) =>
      finish(await (await commands()).showSpace(volumes, options)),
    );
  const statistics = new Command("stats")
    .description(
      "Explains where a volume's space went: files by kind, trees, what each snapshot alone holds and what is " +
        "shared. Reads all metadata.",
    )
    .summary("explain where the space went")
    .argument("<volume>", VOLUME_WORDS)
    .addOption(jsonOption())
    .action(async (volume: string, options: JsonOptions) =>
      finish(await (await commands()).showStatistics(volume, options)),
    );
  const checking = new Command("check")
    .description(
      "Proves every checksum and invariant of a volume that is not mounted, and names what is wrong. Exit status " +
        "1 when something is. With --repair: 0 when the volume is whole afterwards, 4 when something is lost (each " +
        "file is named; its lost content reads as an error, what lost its name is in /lost+found) or could not be " +
        "mended.",
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
    .action(async (volume: string, options: CheckVolumeOptions) =>
      finish(await (await commands()).checkVolume(volume, options)),
    );
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
      new Option("--device <n>", "of a volume with several: which one (default: 0)").argParser(parseWholeNumber),
    )
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .action(async (volume: string, size: SizeChange, options: ResizeVolumeOptions) =>
      finish(await (await commands()).resizeVolume(volume, size, options)),
    );
  return [space, statistics, checking, resize];
}

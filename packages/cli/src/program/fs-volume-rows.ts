/** Rows of `stratos fs` for a volume as a whole. */
import { Command, Option } from "commander";
import { parseSize, parseWholeNumber } from "../fs/volume-options.ts";
import type { CheckVolumeOptions, JsonOptions, ResizeVolumeOptions } from "../commands/fs-volume-commands.ts";
import { dryRunOption, jsonOption, type Finish } from "./fs-rows.ts";

export function volumeCommands(finish: Finish): Command[] {
  const commands = () => import("../commands/fs-volume-commands.ts");
  const space = new Command("df")
    .description("Shows how full volumes are.")
    .summary("show how full volumes are")
    .argument("<volume...>", "files or devices")
    .addOption(jsonOption())
    .action(async (volumes: string[], options: JsonOptions) => finish(await (await commands()).showSpace(volumes, options)));
  const statistics = new Command("stats")
    .description("Explains where a volume's space went: files by kind, trees, what each snapshot alone holds and what is shared. Reads all metadata.")
    .summary("explain where the space went")
    .argument("<volume>", "file or device")
    .addOption(jsonOption())
    .action(async (volume: string, options: JsonOptions) => finish(await (await commands()).showStatistics(volume, options)));
  const checking = new Command("check")
    .description("Proves every checksum and invariant of a volume that is not mounted, and names what is wrong. Exit status 1 when something is. With --repair: 0 when the volume is whole afterwards, 4 when something is lost (each file is named; its lost content reads as an error, what lost its name is in /lost+found) or could not be mended.")
    .summary("prove that a volume is whole")
    .argument("<volume>", "file or device")
    .option("--metadata-only", "do not read the content of files")
    .option("--repair", "mend what can be mended")
    .option("-n, --dry-run", "with --repair: only say what would be mended, and what would be lost")
    .addOption(jsonOption())
    .action(async (volume: string, options: CheckVolumeOptions) => finish(await (await commands()).checkVolume(volume, options)));
  const resize = new Command("resize")
    .description("Makes a volume larger or smaller, and its file with it; a block device must have grown already. What lies behind the new end is moved.")
    .summary("make a volume larger or smaller")
    .argument("<volume>", "file or device")
    .argument("<size>", "new size: 512M, 20G", parseSize)
    .addOption(new Option("--device <n>", "of a volume with several: which one (default: 0)").argParser(parseWholeNumber))
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .action(async (volume: string, size: number, options: ResizeVolumeOptions) => finish(await (await commands()).resizeVolume(volume, size, options)));
  return [space, statistics, checking, resize];
}

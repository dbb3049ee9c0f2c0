/** Rows of `stratos fs` for files. */
import { Command, Option } from "commander";
import { parseMode } from "../volume-options.ts";
import type { CopyFilesOptions } from "../commands/fs-copy-command.ts";
import type {
  LinkFileOptions,
  ListFilesOptions,
  MakeDirectoryOptions,
  MoveFileOptions,
  RemoveFilesOptions,
} from "../commands/fs-file-commands.ts";
import { dryRunOption, jsonOption, PLACE_HELP, type Finish } from "./fs-rows.ts";

export function fileCommands(finish: Finish): Command[] {
  const commands = () => import("../commands/fs-file-commands.ts");
  const list = new Command("ls")
    .description("Lists files of a volume, mounted or not.")
    .summary("list files")
    .argument("<place>", "VOLUME or VOLUME:/PATH, or a path in a mounted volume")
    .option("-l, --long", "with type, permissions, links, owner, size and time")
    .option(
      "-F, --classify",
      "a mark behind each name: / folder, * program, @ link, | FIFO, = socket (default on a terminal)",
    )
    .option("-a, --all", "names that begin with a dot, too")
    .option("-R, --recursive", "folders in folders, too")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: ListFilesOptions) =>
      finish(await (await commands()).listFiles(place, options)),
    );
  const show = new Command("cat")
    .description("Writes files of a volume to standard output.")
    .summary("print files")
    .argument("<place...>", "VOLUME:/PATH, or a path in a mounted volume")
    .addHelpText("after", PLACE_HELP)
    .action(async (places: string[]) => finish(await (await commands()).showFiles(places)));
  const copy = new Command("cp")
    .description(
      "Copies files into a volume, out of it, between volumes or within one. A volume is committed once, when " +
        "all is copied. Holes and hard links stay what they are; extended attributes travel between volumes.",
    )
    .summary("copy files in, out or between volumes")
    .usage("[OPTIONS] SOURCE… TARGET")
    .argument("<path...>", "places or host paths, the target last; - is standard input or output")
    .option("-r, --recursive", "folders with all that is in them; links as links")
    .option("-p, --preserve", "owner, times and extended attributes, too")
    .option("-a, --archive", "the same as -rp")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (paths: string[], options: CopyFilesOptions) =>
      finish(await (await import("../commands/fs-copy-command.ts")).copyFiles(paths, options)),
    );
  const makeDirectory = new Command("mkdir")
    .description("Makes folders in a volume.")
    .summary("make folders")
    .argument("<place...>", "VOLUME:/PATH")
    .option("-p, --parents", "folders on the way, too; no error when it is there")
    .addOption(new Option("-m, --mode <mode>", "permissions, octal (default: 755)").argParser(parseMode))
    .action(async (places: string[], options: MakeDirectoryOptions) =>
      finish(await (await commands()).makeDirectories(places, options)),
    );
  const remove = new Command("rm")
    .description("Removes files from a volume.")
    .summary("remove files")
    .argument("<place...>", "VOLUME:/PATH")
    .option("-r, --recursive", "folders with all that is in them")
    .option("-f, --force", "do not mind what is not there")
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (places: string[], options: RemoveFilesOptions) =>
      finish(await (await commands()).removeFiles(places, options)),
    );
  const move = new Command("mv")
    .description("Moves or renames a file or folder within a volume, atomically.")
    .summary("move or rename")
    .argument("<from>", "VOLUME:/PATH")
    .argument("<to>", "VOLUME:/PATH, or a folder to move into")
    .option("--no-clobber", "fail when the target is there")
    .option("--exchange", "let the two change places")
    .action(async (from: string, to: string, options: MoveFileOptions & { clobber?: boolean }) =>
      finish(
        await (
          await commands()
        ).moveFile(from, to, {
          ...options,
          ...(options.clobber === false ? { noReplace: true } : {}),
        }),
      ),
    );
  const link = new Command("ln")
    .description("Makes a hard link, or with -s a symbolic link, in a volume.")
    .summary("make a link")
    .argument("<target>", "VOLUME:/PATH of the file; with -s any text")
    .argument("<link>", "VOLUME:/PATH of the new name")
    .option("-s, --symbolic", "a symbolic link")
    .action(async (target: string, place: string, options: LinkFileOptions) =>
      finish(await (await commands()).linkFile(target, place, options)),
    );
  return [list, show, copy, makeDirectory, remove, move, link];
}

/** `stratos image web`: an image as a page, for any web server of files. */
import { Command, Option } from "commander";
import { stratosHome } from "@stratos/host-node";
import { tabFiles, writeWebFolder } from "@stratos/console";
import { TAB_DESKTOP } from "@stratos/desktop/tab";
import { formatSize } from "@stratos/operation";
import { collect, parseImageState } from "../option-values.ts";
import { withProgress } from "../operation-progress.ts";
import type { Finish } from "./row-options.ts";

export function imageWebCommand(finish: Finish): Command {
  return new Command("web")
    .description(
      "Writes a folder for any web server of files: a page that runs the image in a browser's tab, and the image " +
        "in compressed pieces named by their content, those first that root's shell reads when it starts. What " +
        "another image left in the folder stays, for the tabs that still use it. Browsers keep files only for " +
        "pages that come by https, or from localhost.",
    )
    .summary("write an image as a page that runs it in a tab")
    .argument("<name>", "image, or a state of its past, NAME@CHANGE", parseImageState)
    .argument("<folder>", "is made, or brought up to date")
    .addOption(
      new Option("--warm <line>", "also fetch ahead what this line reads, given to root's shell (repeatable)")
        .argParser(collect)
        .default([] as readonly string[], "none"),
    )
    .action(async (image: string, folder: string, options: { readonly warm: readonly string[] }) => {
      const { piecesBytes } = await withProgress((progress) =>
        writeWebFolder(
          { image, home: stratosHome(), folder, lines: options.warm, page: () => tabFiles(TAB_DESKTOP) },
          (event) => {
            if (event.phase === "boot") progress.update("Starting the shell, to see what it reads", 0, 0);
            else progress.update("Compressing pieces", event.done, event.total);
          },
        ),
      );
      process.stdout.write(`${folder}: ${image}, ${formatSize(piecesBytes)} in pieces\n`);
      finish(0);
    });
}

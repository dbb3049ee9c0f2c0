import type { CommandHandlers } from "./program.ts";
import { COMPLETION_SHELLS, completionScript } from "./completion.ts";
import { manPage } from "./man-page.ts";
import { UsageError } from "../command-error.ts";

/** What each command does, loaded when it is run. */
export const commandHandlers: CommandHandlers = {
  shell: async (options) => (await import("../commands/shell-command.ts")).runShell(options),
  run: async (command, options) => (await import("../commands/run-command.ts")).runCommand(command, options),
  replay: async (file, options) => (await import("../commands/replay-command.ts")).replayCommand(file, options),
  trace: async (command, options) => (await import("../commands/trace-command.ts")).traceCommand(command, options),
  imageList: async (options) => (await import("../commands/image-list-command.ts")).listImages(options),
  imageBuild: async (name, options) => (await import("../commands/image-build-command.ts")).buildImage(name, options),
  imageRemove: async (names, options) =>
    (await import("../commands/image-remove-command.ts")).removeImages(names, options),
  imageExport: async (name, options) =>
    (await import("../commands/image-export-command.ts")).exportImage(name, options),
  imageImport: async (name, file) => (await import("../commands/image-import-command.ts")).importImage(name, file),
  completion: async (program, shell) => {
    process.stdout.write(completionScript(program, shell as (typeof COMPLETION_SHELLS)[number]));
    return 0;
  },
  man: async (program, page) => {
    const text = manPage(program, page === undefined ? [] : page.split(/[ -]/));
    if (text === null) throw new UsageError(page!, "no such command");
    process.stdout.write(text);
    return 0;
  },
};

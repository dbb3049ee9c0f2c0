import type { CommandHandlers } from "../program/program.ts";
import { COMPLETION_SHELLS, completionScript } from "../program/completion.ts";
import { manPage } from "../program/man-page.ts";
import { UsageError } from "../command-error.ts";

/** What each command does, loaded when it is run. */
export const commandHandlers: CommandHandlers = {
  shell: async (options) => (await import("./shell-command.ts")).runShell(options),
  run: async (command, options) => (await import("./run-command.ts")).runCommand(command, options),
  replay: async (file, options) => (await import("./replay-command.ts")).replayCommand(file, options),
  trace: async (command, options) => (await import("./trace-command.ts")).traceCommand(command, options),
  imageList: async (options) => (await import("./image-list-command.ts")).listImages(options),
  imageBuild: async (name, options) => (await import("./image-build-command.ts")).buildImage(name, options),
  imageRemove: async (names, options) => (await import("./image-remove-command.ts")).removeImages(names, options),
  imageExport: async (name, options) => (await import("./image-export-command.ts")).exportImage(name, options),
  imageImport: async (name, file) => (await import("./image-import-command.ts")).importImage(name, file),
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

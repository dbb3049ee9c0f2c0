import type { CommandHandlers } from "./program.ts";
import { COMPLETION_SHELLS, completionScript } from "./completion.ts";
import { manPage } from "./man-page.ts";
import type { SystemRunOptions } from "../systems/system-spec.ts";
import type { DebugOptions } from "../session/run-options.ts";
import { UsageError } from "../command-error.ts";

/** @throws UsageError for an option that only such a run has */
function isSystemRun(options: SystemRunOptions & DebugOptions): boolean {
  if (options.detach === true || options.name !== undefined) {
    if (options.gdb === undefined && options.dap === undefined) return true;
    throw new UsageError(options.gdb === undefined ? "--dap" : "--gdb", "is not for named systems");
  }
  for (const [option, value] of Object.entries({
    "--tty": options.tty,
    "--interactive": options.interactive,
    "--rm": options.rm,
    "--checkpoint-every": options.checkpointEvery,
  }))
    if (value !== undefined) throw new UsageError(option, "is for named systems: add --name NAME or -d");
  return false;
}

/** What each command does, loaded when it is run. */
export const commandHandlers: CommandHandlers = {
  shell: async (options) => (await import("../commands/shell-command.ts")).runShell(options),
  run: async (command, options) =>
    isSystemRun(options)
      ? (await import("../systems/run-system.ts")).runSystem(command, options)
      : (await import("../commands/run-command.ts")).runCommand(command, options),
  replay: async (file, command, options) =>
    (await import("../commands/replay-command.ts")).replayCommand(file, command, options),
  check: async (command, options) => (await import("../commands/check-command.ts")).checkCommand(command, options),
  trace: async (command, options) => (await import("../commands/trace-command.ts")).traceCommand(command, options),
  imageList: async (options) => (await import("../commands/image-list-command.ts")).listImages(options),
  imageBuild: async (name, options) => (await import("../commands/image-build-command.ts")).buildImage(name, options),
  imageRemove: async (names, options) =>
    (await import("../commands/image-remove-command.ts")).removeImages(names, options),
  imageExport: async (name, options) =>
    (await import("../commands/image-export-command.ts")).exportImage(name, options),
  imageImport: async (name, file, options) =>
    (await import("../commands/image-import-command.ts")).importImage(name, file, options),
  completion: async (program, shell) => {
    process.stdout.write(completionScript(program, shell as (typeof COMPLETION_SHELLS)[number]));
    return 0;
  },
  man: async (program, page) => {
    const text = manPage(
      program,
      page.flatMap((word) => word.split(/[ -]/)),
    );
    if (text === null) throw new UsageError(page.join(" "), "no such command");
    process.stdout.write(text);
    return 0;
  },
};

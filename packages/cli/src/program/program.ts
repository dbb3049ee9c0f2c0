/**
 * Every command and option, once: parsing, `--help`, the man pages (man-page.ts) and shell completion (completion.ts)
 * derive from this tree. What a command does is loaded only when it is run, so that `stratos run` starts quickly.
 */
import { Command, Option } from "commander";
import { VERSION } from "@stratos/sdk/version";
import {
  collect,
  parseImageName,
  parseImageState,
  parsePackages,
  parsePosition,
  parseProcess,
  parseScreen,
  parseWords,
} from "../option-values.ts";
import { DEFAULT_IMAGE, DEFAULT_PACKAGES, DEFAULT_SUITE } from "@stratos/images/defaults";
import {
  addDebugOptions,
  addMachineOptions,
  addSystemRunOptions,
  addRunOptions,
  scheduleOption,
  seedOption,
} from "../commands/run-options.ts";
import { COMPLETION_SHELLS } from "./completion.ts";
import { ProgramCommand } from "../program-command.ts";
import type { CheckOptions } from "../commands/check-command.ts";
import type { ReplayOptions } from "../commands/replay-command.ts";
import type {
  ImageBuildOptions,
  ImageExportOptions,
  ImageImportOptions,
  ListOptions,
  RemoveOptions,
} from "../commands/image-options.ts";
import type { SystemRunOptions } from "../systems/system-spec.ts";
import type { DebugOptions, RunOptions } from "../session/run-options.ts";
import { addCommands, namedAt, type CommandFile, type Finish, type Wanted } from "../command-files.ts";

/** What the commands do. `run-cli.ts` gives the real one; tests give one that records. Each returns the exit status. */
export interface CommandHandlers {
  shell(options: RunOptions): Promise<number>;
  run(command: readonly string[], options: RunOptions & SystemRunOptions & DebugOptions): Promise<number>;
  replay(file: string, command: readonly string[], options: ReplayOptions): Promise<number>;
  check(command: readonly string[], options: CheckOptions): Promise<number>;
  trace(
    command: readonly string[],
    options: RunOptions & { readonly output?: string; readonly summary?: true },
  ): Promise<number>;
  imageList(options: ListOptions): Promise<number>;
  imageBuild(name: string, options: ImageBuildOptions): Promise<number>;
  imageRemove(names: readonly string[], options: RemoveOptions): Promise<number>;
  imageExport(name: string, options: ImageExportOptions): Promise<number>;
  imageImport(name: string, file: string, options: ImageImportOptions): Promise<number>;
  completion(program: Command, shell: string): Promise<number>;
  man(program: Command, page: readonly string[]): Promise<number>;
}

/** Commands that are here whatever is wanted. */
const OWN_NAMES: readonly string[] = ["run", "trace", "replay", "check", "completion", "man"];

/** On named systems. */
const SYSTEM_COMMANDS: readonly string[] = [
  ...["ps", "exec", "attach", "logs", "start", "stop", "kill", "rm", "pause", "unpause", "rename", "wait", "cp"],
  ...["snapshot", "rollback", "checkpoint", "resume", "fork", "display"],
];

const FILES: readonly CommandFile[] = [
  { names: ["builder"], load: async (finish) => (await import("../commands/builder-rows.ts")).builderCommand(finish) },
  { names: ["cache"], load: async (finish) => (await import("../commands/cache-commands.ts")).cacheCommand(finish) },
  { names: ["compose"], load: async (finish) => (await import("../commands/compose-rows.ts")).composeCommand(finish) },
  {
    names: ["desktop"],
    load: async (finish) => (await import("../commands/desktop-command.ts")).desktopCommand(finish),
  },
  {
    names: ["explore"],
    load: async (finish) => (await import("../commands/explore-rows.ts")).exploreCommand(finish),
  },
  { names: ["fs"], load: async (finish, below) => (await import("../commands/fs-rows.ts")).fsCommand(finish, below) },
  {
    names: ["hub"],
    load: async (finish, below) => (await import("../commands/hub-rows.ts")).hubCommand(finish, below),
  },
  { names: ["install"], load: async (finish) => (await import("../commands/install.ts")).installCommand(finish) },
  { names: ["lisp"], load: async (finish) => (await import("../commands/lisp.ts")).lispCommand(finish) },
  { names: ["mcp"], load: async (finish) => (await import("../commands/mcp-command.ts")).mcpCommand(finish) },
  { names: ["ostree"], load: async (finish) => (await import("../commands/ostree.ts")).ostreeCommand(finish) },
  {
    names: ["pkg"],
    load: async (finish, below) => (await import("../commands/pkg-rows.ts")).pkgCommand(finish, below),
  },
  { names: ["serve"], load: async (finish) => (await import("../commands/serve-command.ts")).serveCommand(finish) },
  {
    names: SYSTEM_COMMANDS,
    load: async (finish) => (await import("../commands/system-rows.ts")).systemCommands(finish),
  },
  { names: ["tui"], load: async (finish) => (await import("../commands/tui-command.ts")).tuiCommand(finish) },
  { names: ["why"], load: async (finish) => (await import("../commands/why-rows.ts")).whyCommand(finish) },
  { names: ["worker"], load: async (finish) => (await import("../commands/hub-rows.ts")).workerCommand(finish) },
];

/** All first words of command lines that mean something: who tells of another one loads none of what they are. */
export const FIRST_WORDS: readonly string[] = [...OWN_NAMES, "image", ...FILES.flatMap(({ names }) => names)];

/** What is before it says whose help is shown. */
function isHelp(word: string): boolean {
  return word === "-h" || word === "--help";
}

/**
 * @param finish  receives the exit status of the command that ran
 * @param wanted  which commands the tree has
 */
export async function createProgram(
  handlers: CommandHandlers,
  finish: Finish,
  wanted: NonNullable<Wanted>,
): Promise<Command> {
  const { scope } = wanted;
  const end = wanted.words.indexOf("--");
  const words = end < 0 ? wanted.words : wanted.words.slice(0, end);
  const program = new Command("stratos")
    .description("Runs unmodified Debian (riscv64) programs on a machine of its own, inside Node.")
    .usage("[OPTIONS] [COMMAND]")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .enablePositionalOptions()
    .showSuggestionAfterError();
  addRunOptions(program, "host")
    .allowExcessArguments(false)
    .addHelpText(
      "after",
      "\nWithout a command: a root shell on the terminal; the first time, the image is fetched and prepared.\n" +
        "Files are kept in $STRATOS_HOME (default: ~/.local/share/stratos).",
    )
    .action(async (options: RunOptions) => finish(await handlers.shell(options)));

  const run = new ProgramCommand("run")
    .description(
      "Runs a program in a fresh clone of an image. Standard streams, signals, terminal size and exit status pass " +
        "through; changes to the root are gone afterwards, unless --keep is given.",
    )
    .summary("run a program in a fresh clone of an image")
    .usage("[OPTIONS] [--] CMD [ARG…]")
    .argument("<cmd>", "program, looked up in the guest's PATH")
    .argument("[arg...]", "its arguments")
    .passThroughOptions();
  addDebugOptions(addSystemRunOptions(addRunOptions(run, "none")))
    .addOption(
      new Option(
        "--screen <size>",
        "give the machine a screen of WIDTHxHEIGHT pixels (/dev/dri/card0, /dev/fb0), a keyboard and a pointer " +
          "(/dev/input), for programs that take the screen themselves; --display and --screenshot then show it",
      ).argParser(parseScreen),
    )
    .option(
      "--display",
      "give the program a Wayland display of 1280 × 800, which a page of this computer shows; its address, for this " +
        "run and you alone, is told on stderr; that of a named system is shown by `stratos display`, and goes on " +
        "with it",
    )
    .option(
      "--screenshot <file>",
      "give the program a Wayland display of 1280 × 800 that nobody sees, and write what it shows as PNG: once " +
        "nothing was drawn for a second, at its end, or after --timeout (default: 60)",
    )
    .option(
      "--sound <file>",
      "give the program sound (PulseAudio's socket), and write what it plays as WAV of 48 kHz, 16 bits, two " +
        "channels; while nothing plays the file stands still",
    )
    .addHelpText(
      "after",
      "\nExit status: the program's; 128+N when signal N ended it; 124 after --timeout; 125 when Stratos itself " +
        "fails; 126 when CMD cannot be executed; 127 when it is not found; 2 for a mistaken command line; with " +
        "--screenshot: 0 when something was shown, else 125.",
    )
    .action(async (command: string, args: string[], options: RunOptions & SystemRunOptions & DebugOptions) =>
      finish(await handlers.run([command, ...args], options)),
    );

  const trace = new ProgramCommand("trace")
    .description(
      "Runs a program as `run` does and writes each system call, its arguments and its result, as strace(1) does.",
    )
    .summary("run a program and show its system calls")
    .usage("[OPTIONS] [--] CMD [ARG…]")
    .argument("<cmd>", "program, looked up in the guest's PATH")
    .argument("[arg...]", "its arguments")
    .passThroughOptions()
    .option("-o, --output <file>", "write there rather than to stderr")
    .option("-c, --summary", "count calls and errors, and print a table at the end");
  addRunOptions(trace, "none").action(async (command: string, args: string[], options: RunOptions) =>
    finish(await handlers.trace([command, ...args], options)),
  );

  const replay = addDebugOptions(new ProgramCommand("replay"))
    .description(
      "Repeats a run that `run --record` recorded, instruction by instruction, and shows its output again. Says so " +
        "when the outcome differs. With --to it stops at a position and tells where each program is; a program of " +
        "yours may then look at the system as it was (its files, its processes, their memory in /proc), which is " +
        "thrown away afterwards. With --gdb a debugger steps through a program in both directions.",
    )
    .summary("repeat a recorded run, go to any place of it")
    .usage("[OPTIONS] FILE [-- CMD [ARG…]]")
    .argument("<file>", "the recording")
    .argument("[cmd...]", "with --to: program to run in the system as it was there")
    .addOption(
      new Option(
        "--to <position>",
        "stop there: N (instructions), event:N (of what came from outside), line:N (of output), or end",
      ).argParser(parsePosition),
    )
    .addOption(
      new Option("--pid <n>", "with --gdb and --dap: the process to look at (default: the recorded one)").argParser(
        parseProcess,
      ),
    )
    .option("--programs", "list the programs that the run executes, with process and position, instead of its output")
    .option("--trace", "write system calls to stderr, as `trace` does")
    .option("--stats", "print what the run cost, as JSON, on stderr")
    .addHelpText(
      "after",
      "\nWith --gdb: `gdb-multiarch -ex 'target remote :PORT'`, then break, watch, continue, step, and the same " +
        "backwards: reverse-continue, reverse-stepi, reverse-next … Programs and libraries are read from the " +
        "recorded system; nothing can be written. `monitor help` lists what gdb has no command for.",
    )
    .action(async (file: string, command: string[], options: ReplayOptions) =>
      finish(await handlers.replay(file, command, options)),
    );

  const check = new ProgramCommand("check")
    .description(
      "Runs a program twice from one seed and with the same input, and compares what happens: each system call with " +
        "its result, the instruction at which it comes and the registers then, signals, output, what is read from -v " +
        "folders, and the memory that is held at the end (that of ended processes is not). Shows the output of the " +
        "first run, and names the first event that differs.",
    )
    .summary("run a program twice and name the first difference")
    .usage("[OPTIONS] [--] CMD [ARG…]")
    .argument("<cmd>", "program, looked up in the guest's PATH")
    .argument("[arg...]", "its arguments")
    .passThroughOptions();
  addMachineOptions(check)
    .addOption(seedOption().default(0))
    .addOption(scheduleOption())
    .option("--save <file>", "keep the events of the first run there, one to a line")
    .addHelpText(
      "after",
      "\nExit status: 0 when both runs are the same, whatever the program's own status is; 1 when they are not; 125 " +
        "when Stratos itself fails; 126, 127 and 2 as those of `run`.",
    )
    .action(async (command: string, args: string[], options: CheckOptions) =>
      finish(await handlers.check([command, ...args], { ...options, net: "none", publish: [] })),
    );

  const completion = new Command("completion")
    .description("Prints the completion script of a shell, to be sourced by it.")
    .summary("print a shell's completion script")
    .addArgument(program.createArgument("<shell>", "the shell").choices([...COMPLETION_SHELLS]))
    .action(async (shell: string) => finish(await handlers.completion(program, shell)));
  const man = new Command("man")
    .description("Prints a manual page, for man(1): `stratos man run | man -l -`.")
    .summary("print a manual page")
    .argument("[command...]", "the command, as `image build`; none: the overview")
    .action(async (page: readonly string[]) => finish(await handlers.man(program, page)));

  for (const command of [run, trace, replay, check]) program.addCommand(command);
  const files: CommandFile[] = [
    { names: OWN_NAMES, load: async () => [] },
    { names: ["image"], load: (_, below) => imageCommand(handlers, finish, below) },
    ...FILES,
  ];
  const at = namedAt(files, words);
  const word = words[at] ?? "";
  if (word === "completion" || word === "man") await addCommands(program, files, finish, { words, scope: "all" });
  else if (!OWN_NAMES.includes(word) && scope === "named" && (words.some(isHelp) || words.includes("help"))) {
    const help = words.findIndex(isHelp);
    const before = help < 0 ? words : words.slice(0, help);
    await addCommands(program, files, finish, { words: before, scope: "level" });
  }
  // A word that is none of them may be a slip: whoever fails asks again for the whole level.
  else if (scope !== "named" || at >= 0) await addCommands(program, files, finish, { words, scope });
  for (const command of [completion, man]) program.addCommand(command);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

const IMAGE_FILES: readonly CommandFile[] = [
  {
    names: ["convert", "push", "pull", "seed"],
    load: async (finish) => (await import("../commands/image-output.ts")).imageOutputCommands(finish),
  },
  { names: ["disk"], load: async (finish) => (await import("../commands/image-disk.ts")).diskCommand(finish) },
  {
    names: ["warm-start"],
    load: async (finish) => (await import("../commands/image-warm-start.ts")).imageWarmStartCommand(finish),
  },
  { names: ["web"], load: async (finish) => (await import("../commands/image-web.ts")).imageWebCommand(finish) },
];
const IMAGE_OWN: readonly string[] = ["ls", "build", "rm", "export", "import"];

async function imageCommand(handlers: CommandHandlers, finish: Finish, wanted: Wanted): Promise<Command> {
  const image = new Command("image")
    .enablePositionalOptions()
    .summary("list, build, remove, export and import images")
    .description("Lists, builds, removes, exports and imports images.")
    .usage("COMMAND");
  const json = (): Option => new Option("--json", "print JSON");

  const list = new Command("ls")
    .description("Lists the images.")
    .summary("list the images")
    .addOption(json())
    .addOption(new Option("--names", "print names only").conflicts("json"))
    .action(async (options: ListOptions) => finish(await handlers.imageList(options)));

  const build = new Command("build")
    .description(
      "Builds an image from Debian packages: fetches, verifies and unpacks them, and configures them inside Stratos.",
    )
    .summary("build an image from Debian packages")
    .usage("[OPTIONS] NAME")
    .argument("<name>", "the image's name", parseImageName)
    .addOption(
      new Option(
        "-p, --packages <names>",
        "packages beyond the minimal system, separated by commas (repeatable; default: none, but for the image " +
          `${DEFAULT_IMAGE}: ${DEFAULT_PACKAGES.join(", ")})`,
      )
        .argParser(parsePackages)
        .default([], "none"),
    )
    .option("--suite <suite>", "Debian suite", DEFAULT_SUITE)
    .option(
      "--mirror <url>",
      'Debian mirror (default: $STRATOS_MIRROR, "mirror" in config.json, or the host\'s apt sources)',
    )
    .option("--recommends", "also take the packages that they recommend")
    .addOption(
      new Option(
        "--lock <file>",
        "take exactly the packages of a lock (`pkg lock`); no list is needed, nor a net when they have been " +
          "downloaded before",
      ).conflicts(["packages", "recommends"]),
    )
    .option("--plan", "print what would be installed, and stop")
    .option("--force", "replace an image of this name")
    .option("--no-warm-code", "do not translate common programs in the background, for their first runs")
    .addOption(
      new Option(
        "--warm <command>",
        "let runs of this program start where it has imported what it needs, if it comes to wait (`image warm-start`;" +
          " of several, the first that does), and translate what it executes (repeatable)",
      )
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option(
        "--warm-start <command>",
        "the same for a program that must come to wait, or the command fails: \"python3 -c 'import json'\" (no shell " +
          "reads it)",
      ).argParser(parseWords),
    )
    .addOption(json())
    .action(async (name: string, options: ImageBuildOptions) => finish(await handlers.imageBuild(name, options)));

  const remove = new Command("rm")
    .description("Removes images.")
    .summary("remove images")
    .argument("<name...>", "images")
    .option("-f, --force", "do not mind images that do not exist")
    .action(async (names: string[], options: RemoveOptions) =>
      finish(await handlers.imageRemove(names.map(parseImageName), options)),
    );

  const exporting = new Command("export")
    .description("Writes an image's files as a tar archive.")
    .summary("write an image as a tar archive")
    .argument("<name>", "image, or a state of its past, NAME@CHANGE", parseImageState)
    .option("-o, --output <file>", "write there rather than to stdout")
    .action(async (name: string, options: ImageExportOptions) => finish(await handlers.imageExport(name, options)));

  const importing = new Command("import")
    .description(
      "Makes an image from a tar archive of a root folder (plain, gzip, xz or zstd), from an image for containers " +
        "in an archive (OCI, or `docker save`), or from the root of a disk image (raw or QCOW2, with ext4, btrfs, " +
        "EROFS or AegisFS).",
    )
    .summary("make an image from an archive or a disk")
    .argument("<name>", "the new image's name", parseImageName)
    .argument("<file>", "archive or disk image; - for an archive on stdin")
    .option("--no-warm-code", "do not translate common programs in the background, for their first runs")
    .action(async (name: string, file: string, options: ImageImportOptions) =>
      finish(await handlers.imageImport(name, file, options)),
    );

  for (const command of [list, build, remove, exporting, importing]) image.addCommand(command);
  const own: CommandFile = { names: IMAGE_OWN, load: async () => [] };
  await addCommands(image, [own, ...IMAGE_FILES], finish, wanted);
  return image;
}

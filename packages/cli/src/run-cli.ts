import { CommanderError, type Command } from "commander";
import { closestName, printable, slipsOfWord } from "@stratos/base";
import type { MountedCall } from "@stratos/tools-node/fuse";
import { OperationError } from "@stratos/operation";
import { SessionError, type SessionFailure } from "@stratos/session/session-error";
import { beginCall, VolumeInUseError } from "@stratos/volumes/call";
import { BrokenPipe, EXIT_BROKEN_PIPE } from "./broken-pipe.ts";
import { hostReason, statusOf, UsageError } from "./command-error.ts";
import {
  EXIT_FAILURE,
  EXIT_NOT_EXECUTABLE,
  EXIT_NOT_FOUND,
  EXIT_STRATOS_FAILED,
  EXIT_SUCCESS,
  EXIT_USAGE,
} from "./exit-status.ts";
import { checkGivenPlaces } from "./given-variable.ts";
import { givenArguments } from "./session/given-arguments.ts";
import { GONE_MODULE_WORDS, isGoneModule } from "./gone-module.ts";
import { commandHandlers } from "./program/command-handlers.ts";
import { wrapHelp } from "./program/help-width.ts";
import { createProgram, FIRST_WORDS, type CommandHandlers } from "./program/program.ts";
import { ProgramCommand } from "./program-command.ts";
import { adviceForHome, adviceForImage, adviceForMissing } from "./session/advice.ts";

/**
 * Runs one command line.
 *
 * @param given   what follows `stratos`
 * @param caller  the process that had it sent here; null: it is our user's
 * @returns the exit status; all failures have been told on stderr
 */
export async function runCli(
  given: readonly string[],
  handlers: CommandHandlers = commandHandlers,
  caller: MountedCall | null = null,
): Promise<number> {
  beginCall(caller);
  let args = given;
  let status = EXIT_SUCCESS;
  let failure = EXIT_FAILURE;
  const finish = (result: number): void => {
    status = result;
  };
  const tree = async (scope: "named" | "level"): Promise<Command> =>
    (await createProgram(handlers, finish, { words: args, scope })).hook("preAction", (_, command) => {
      // Without a command: the shell's status.
      if (command instanceof ProgramCommand || command.parent === null) failure = EXIT_STRATOS_FAILED;
    });
  try {
    if (caller === null) {
      checkGivenPlaces();
      args = givenArguments(given);
    }
    const first = args[args[0] === "help" ? 1 : 0];
    if (first !== undefined && !first.startsWith("-") && first !== "help" && !FIRST_WORDS.includes(first))
      throw unknownFirstWord(first);
    // Where no command is named it is the shell's own options that are mistaken, or what follows them is none.
    const isNamed = args.some((word) => FIRST_WORDS.includes(word));
    await parse(await tree("named"), args, isNamed ? () => tree("level") : undefined);
    return status;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_SUCCESS;
    // `stratos image`: its help, which was printed on stderr, says all.
    if (error instanceof CommanderError && error.code === "commander.help") return EXIT_USAGE;
    // Where it was our own output that broke, that ends us now; another pipe or socket is told.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") await new Promise((resolve) => setImmediate(resolve));
    const told = (caller === null ? await runElsewhere(error, args) : null) ?? tell(error);
    return told === EXIT_FAILURE ? failure : told;
  }
}

/**
 * @param wider  the tree with all that a word could have meant, for one that means nothing
 * @throws UsageError, and what commands throw
 */
async function parse(program: Command, args: readonly string[], wider?: () => Promise<Command>): Promise<void> {
  forEachCommand(program, (command) => wrapHelp(command.exitOverride().configureOutput({ outputError: () => {} })));
  const help = helpAsked(program, args);
  if (help.unknown !== null) {
    if (wider === undefined)
      throw unknownWord(
        help.unknown,
        help.of.commands.map((command) => command.name()),
      );
    return await parse(await wider(), args);
  }
  try {
    await program.parseAsync(help.args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode === 0 || error.code === "commander.help") throw error;
    if (wider === undefined) throw usageError(error, program);
    await parse(await wider(), args);
  }
}

/**
 * `help image build` as `image build --help`. Commander's own help command looks at one word, and where help is asked
 * of no command at all it shows that of the one before.
 *
 * @returns `unknown`: the word that is no command of `of`, where help is asked for; else null
 */
function helpAsked(
  program: Command,
  args: readonly string[],
): { readonly args: readonly string[]; readonly unknown: string | null; readonly of: Command } {
  const names: string[] = [];
  let of = program;
  let isAsked = false;
  let unknown: string | null = null;
  for (const word of args) {
    if (word.startsWith("-")) {
      if (word === "--help" || word === "-h") isAsked = true;
      break;
    }
    if (unknown !== null) continue;
    if (of.commands.length === 0) break;
    if (word === "help" && !isAsked) isAsked = true;
    else {
      const next = of.commands.find((command) => command.name() === word || command.aliases().includes(word));
      if (next !== undefined) {
        names.push(word);
        of = next;
      } else if (of.registeredArguments.length === 0) unknown = word;
      else break;
    }
  }
  if (!isAsked) return { args, unknown: null, of };
  return { args: names.length > 0 ? [...names, "--help"] : args, unknown, of };
}

/** A volume that is mounted is changed by the process that serves it. Null: it was not. */
async function runElsewhere(error: unknown, args: readonly string[]): Promise<number | null> {
  if (!(error instanceof VolumeInUseError)) return null;
  const { runWhereMounted } = await import("./run-where-mounted.ts");
  try {
    return await runWhereMounted(error.path, args);
  } catch (failure) {
    return tell(failure);
  }
}

function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) forEachCommand(child, visit);
}

/** Prints a failure as the conventions say; a defect of ours also says where, because that is what its report needs. */
export function tell(error: unknown): number {
  if (error instanceof BrokenPipe) return EXIT_BROKEN_PIPE;
  if (error instanceof OperationError) {
    const more = error.kind === "no-image" ? adviceForImage(error.what) : "";
    process.stderr.write(`stratos: ${printable(error.message)}${more}\n`);
    return statusOf(error);
  }
  if (error instanceof SessionError) {
    const isFolder = error.kind === "folder" || error.kind === "folder-denied";
    const more = isFolder ? " (--workdir)" : error.kind === "program-not-found" ? adviceForMissing(error.what) : "";
    process.stderr.write(`stratos: ${printable(error.message)}${more}\n`);
    return SESSION_STATUSES[error.kind];
  }
  if (isHostError(error)) {
    const what = error.syscall === "uv_cwd" ? "." : (error.path ?? error.syscall ?? "host");
    process.stderr.write(`stratos: ${printable(what)}: ${hostReason(error)}${adviceForHome(error)}\n`);
    return EXIT_FAILURE;
  }
  if (error instanceof RangeError && /^WebAssembly\.Memory\(\): could not allocate/.test(error.message)) {
    process.stderr.write(
      "stratos: memory: the host gives no room for a machine, which takes some 10 GiB of addresses besides its " +
        "memory (see `ulimit -v`)\n",
    );
    return EXIT_STRATOS_FAILED;
  }
  if (isGoneModule(error)) {
    process.stderr.write(`stratos: ${GONE_MODULE_WORDS}\n`);
    return EXIT_STRATOS_FAILED;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`stratos: internal error: ${printable(detail)}\n`);
  return EXIT_STRATOS_FAILED;
}

const SESSION_STATUSES: Readonly<Record<SessionFailure, number>> = {
  mount: EXIT_STRATOS_FAILED,
  place: EXIT_FAILURE,
  user: EXIT_USAGE,
  folder: EXIT_NOT_FOUND,
  "folder-denied": EXIT_NOT_EXECUTABLE,
  "program-not-found": EXIT_NOT_FOUND,
  "program-not-executable": EXIT_NOT_EXECUTABLE,
};

function isHostError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
}

/** commander's words as `what: why`, with its suggestion. */
function usageError(error: CommanderError, program: Command): UsageError {
  const message = error.message.replace(/^error: /, "");
  const suggestion = /\n\(Did you mean (.+)\?\)/.exec(message)?.[1];
  const hint =
    suggestion === undefined
      ? /^unknown command/.test(message)
        ? "; see --help"
        : ""
      : `; did you mean ${suggestion}?`;
  const unknown = /^unknown (option|command) '(.+?)'/.exec(message);
  if (unknown?.[1] === "command" && program.args[0] === "compose" && /\.(ya?ml|json)$/.test(unknown[2]!))
    return new UsageError(unknown[2]!, "unknown command; a treefile is composed by `stratos compose run FILE`");
  const isOfPackages = unknown?.[1] === "command" && program.args[0] === "pkg";
  if (isOfPackages && Object.hasOwn(OTHERS_WORDS, unknown[2]!))
    return new UsageError(unknown[2]!, `unknown command; here it is \`stratos pkg ${OTHERS_WORDS[unknown[2]!]!}\``);
  if (unknown !== null) return new UsageError(unknown[2]!, `unknown ${unknown[1]!}${hint}`);
  const bad =
    /^(?:option|command-argument) '(.+?)' argument '(.*?)' is invalid\. (.*)$/s.exec(message) ??
    /^command-argument value '(.*?)' is invalid for argument '(.*?)'\. (.*)$/s.exec(message);
  if (bad !== null) return new UsageError(bad[1]!.replace(/ [<[].*$/, ""), `'${bad[2]!}': ${lowerFirst(bad[3]!)}`);
  const missingValue = /^option '(.+?)' argument missing/.exec(message);
  if (missingValue !== null) return new UsageError(missingValue[1]!.replace(/ [<[].*$/, ""), "a value is missing");
  const needed = /^required option '(.+?)' not specified/.exec(message);
  if (needed !== null) return new UsageError(needed[1]!.replace(/ [<[].*$/, ""), "needed; see --help");
  const missing = /^missing required argument '(.+?)'/.exec(message);
  if (missing !== null) return new UsageError(missing[1]!.toUpperCase(), "missing; see --help");
  if (error.code === "commander.excessArguments") {
    const many = /^too many arguments for '(.+?)'\. (Expected \d+ arguments? but got \d+)/.exec(message);
    if (many !== null) return new UsageError(many[1]!, `too many arguments: ${many[2]!.toLowerCase()}`);
    // What is no command is an argument too many of the shell, which takes none.
    return unknownFirstWord(program.args[0]!);
  }
  return new UsageError("command line", message);
}

function unknownFirstWord(word: string): UsageError {
  return Object.hasOwn(OTHERS_FIRST_WORDS, word)
    ? new UsageError(word, `unknown command; here it is \`stratos ${OTHERS_FIRST_WORDS[word]!}\``)
    : unknownWord(word, FIRST_WORDS);
}

/** @param names  of the commands that there are */
function unknownWord(word: string, names: readonly string[]): UsageError {
  const meant = closestName(word, names, slipsOfWord);
  return new UsageError(word, `unknown command; ${meant === undefined ? "see --help" : `did you mean ${meant}?`}`);
}

/** First words of podman's, apt's, mount(8)'s and our own: who forgets the noun before them is told of it. */
const OTHERS_FIRST_WORDS: Readonly<Record<string, string>> = {
  docker: "run`, `stratos image` or `stratos ps",
  podman: "run`, `stratos image` or `stratos ps",
  shell: "run -- bash",
  sh: "run -- sh",
  bash: "run -- bash",
  create: "run -d",
  list: "ps` or `stratos image ls",
  ls: "ps` or `stratos image ls",
  top: "exec NAME top",
  inspect: "ps --json` or `stratos image ls --json",
  volume: "run -v` or `stratos fs",
  version: "--version",
  build: "image build` or `stratos compose run",
  pull: "image pull",
  push: "image push",
  images: "image ls",
  rmi: "image rm",
  load: "image import",
  import: "image import",
  export: "image export",
  save: "image export",
  apt: "pkg",
  "apt-get": "pkg",
  update: "pkg update",
  upgrade: "pkg upgrade",
  remove: "pkg remove",
  search: "pkg search",
  history: "pkg history",
  format: "fs format",
  mkfs: "fs format",
  mount: "fs mount",
  umount: "fs umount",
  fsck: "fs check",
  backup: "fs backup",
  boot: "compose boot",
  login: "hub login",
};

/** What other tools for packages call what `stratos pkg` does. */
const OTHERS_WORDS: Readonly<Record<string, string>> = {
  "dist-upgrade": "upgrade --full",
  "full-upgrade": "upgrade --full",
  info: "show",
  policy: "show --all-versions",
  madison: "show --all-versions",
  rdepends: "depends --reverse",
  mark: "hold` and `stratos pkg unhold",
  undo: "rollback",
  erase: "remove",
  uninstall: "remove",
};

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, "");
}

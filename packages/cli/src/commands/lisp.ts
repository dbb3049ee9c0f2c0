/** `stratos lisp`: a program, expressions, or the prompt. */
import { Command, Option } from "commander";
import { documentPrograms, Lisp, NATIVE_TARGETS, type NativeTarget } from "@stratos/lisp";
import {
  buildProgram,
  endOf,
  folderFinder,
  libraryFolders,
  type LispOptions,
  nodeSystem,
  profileProgram,
  programText,
} from "@stratos/tools-node/lisp";
import { OperationError } from "@stratos/operation";
import { jsonOption, type Finish } from "./row-options.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { statusOfEnd } from "../lisp/ended.ts";
import { runLispCommand } from "../lisp/run-command.ts";
import { parseCount } from "./hub-options.ts";
import { parseHeap, parseNursery } from "../lisp/heap-options.ts";
import { runTests, type TestOptions } from "../lisp/run-tests.ts";
import { lispPackageCommand } from "./lisp-package.ts";

const ALLOW_JAVASCRIPT = "--allow-javascript";
const ALLOW_JAVASCRIPT_TEXT =
  "programs may have JavaScript, by (stratos javascript), and with it all that this process may do";

const repeat = (value: string, all: readonly string[]): readonly string[] => [...all, value];

export function lispCommand(finish: Finish): Command {
  return makeLispCommand(finish, runLispCommand);
}

/** @param run  what a program or the prompt is given to */
export function makeLispCommand(finish: Finish, run: typeof runLispCommand): Command {
  return new Command("lisp")
    .enablePositionalOptions()
    .helpCommand(false)
    .summary("run a Scheme program, or talk to AstraLisp")
    .description(
      "Runs a program in Scheme (R7RS-small and more), with its arguments as (command-line). Without a file and " +
        "without -e: a prompt on the terminal; forms that come through a pipe are evaluated one after the other.",
    )
    .usage("[OPTIONS] [FILE [ARG…]] | COMMAND")
    .argument("[file]", "the program; a file that is named like a verb: ./test")
    .argument("[arg...]", "its arguments")
    .passThroughOptions()
    .option("-e, --eval <expr>", "evaluate this first (repeatable); nothing is printed but what it prints", repeat, [])
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable): (a b) is a/b.sld", repeat, [])
    .option(
      "--engine <name>",
      "what runs it: wasm (compiled to WebAssembly; programs by default), or interpreter (the prompt's)",
    )
    .addOption(
      new Option(
        "--seed <number>",
        "threads take turns in an order of this number's, and time goes on by waiting alone",
      ).argParser(parseCount(0)),
    )
    .addOption(
      new Option(
        "--heap <size>",
        "how much it may have in use, such as 64M; more is an error that it can handle",
      ).argParser(parseHeap),
    )
    .addOption(
      new Option("--nursery <size>", "how much it makes between two collections: 512K to 4M").argParser(parseNursery),
    )
    .option("--gc-report", "tell on standard error what was collected, and how long that took")
    .option(ALLOW_JAVASCRIPT, ALLOW_JAVASCRIPT_TEXT)
    .addHelpText(
      "after",
      "\nExit status: what the program says by (exit); 1 after an error that nobody handled; 2 for a mistaken " +
        "command line.",
    )
    .action(async (file: string | undefined, args: string[], options: LispOptions) =>
      finish(await run(file, args, options)),
    )
    .addCommand(buildCommand(finish))
    .addCommand(testCommand(finish))
    .addCommand(lispPackageCommand(finish))
    .addCommand(profileCommand(finish))
    .addCommand(docCommand(finish))
    .addCommand(languageServerCommand(finish))
    .addCommand(debugAdapterCommand(finish));
}

function debugAdapterCommand(finish: Finish): Command {
  return new Command("dap")
    .summary("serve an editor: break points, steps, variables of a program")
    .description(
      "Speaks the Debug Adapter Protocol on standard input and output, or at a port of this computer. The editor " +
        "starts a program, which is interpreted, stops it at lines, goes on step by step and looks at its variables. " +
        "docs/lisp/editors.md tells how to set up Neovim, Emacs and VS Code.",
    )
    .usage("[OPTIONS]")
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable)", repeat, [])
    .addOption(
      new Option("--port <number>", "wait for the editor at this port; 0: a free one, which is told").argParser(
        parseCount(0),
      ),
    )
    .addHelpText("after", "\nExit status: 0 when the editor has gone; 2 for a mistaken command line.")
    .action(async ({ libraryPath, port = "-" }: { libraryPath: readonly string[]; port?: number | "-" }) => {
      await (await import("../session/serve-lisp-debugger.ts")).serveLispDebugger(libraryPath, port);
      finish(EXIT_SUCCESS);
    });
}

function languageServerCommand(finish: Finish): Command {
  return new Command("lsp")
    .summary("serve an editor: errors as you type, completion, documentation, renaming")
    .description(
      "Speaks the Language Server Protocol on standard input and output, as editors start it. Texts are expanded and " +
        "not run; their macros run without files, for a few seconds at most. docs/lisp/editors.md tells how to set " +
        "up Neovim, Emacs and VS Code.",
    )
    .usage("[OPTIONS]")
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable)", repeat, [])
    .option("--stdio", "use standard input and output, which it does anyway: some editors say so")
    .addHelpText("after", "\nExit status: 0 after the editor has shut it down; 1 where the editor just went away.")
    .action(async ({ libraryPath }: { libraryPath: readonly string[] }) =>
      finish(await (await import("../lisp/serve-editor.ts")).serveEditor(libraryPath)),
    );
}

function buildCommand(finish: Finish): Command {
  return new Command("build")
    .summary("compile a program ahead into one file")
    .description(
      "Compiles a program, with the libraries that it uses, into one file that starts without expanding and " +
        "compiling: `stratos lisp OUT`, or OUT itself where stratos is in the PATH. Named OUT.mjs, it runs by Node " +
        "24 or later alone: `node OUT.mjs`. With --target it becomes machine code: a static program for Linux, " +
        "without any runtime beside it; one that uses C's functions, (stratos foreign), is linked to libc.",
    )
    .usage("[OPTIONS] FILE -o OUT")
    .argument("<file>", "the program")
    .requiredOption("-o, --output <file>", "write there; …mjs: for Node without Stratos")
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable)", repeat, [])
    .addOption(
      new Option("--target <name>", "what runs it: wasm (Stratos or Node), or a processor under Linux")
        .choices(["wasm", ...NATIVE_TARGETS])
        .default("wasm"),
    )
    .option(ALLOW_JAVASCRIPT, `of …mjs: ${ALLOW_JAVASCRIPT_TEXT}`)
    .option("--stats", "tell how many tests of types were left out, as the compiler has proved them")
    .addHelpText(
      "after",
      "\nA native program prints the same; what it lacks is told when it is built. One that uses eval, load or " +
        "environments\nhas an evaluator inside, about 1 MB, and the libraries that it imports whole: eval can import " +
        "these, and the\nsystem's own.\n\n" +
        "A built program runs with the build of Stratos that made it, and with no other; one in …mjs or for a " +
        "processor has\nit inside. What one for wasm evaluates by (eval) sees libraries anew, with a state of " +
        "their own.",
    )
    .action(async (file: string, { output, libraryPath, target, stats = false, ...options }: BuildOptions) => {
      const { allowJavascript = false } = options;
      if (allowJavascript && !output.endsWith(".mjs"))
        throw new OperationError("option", ALLOW_JAVASCRIPT, "is kept in …mjs only; others are given it when they run");
      const text = programText(file);
      const lisp = new Lisp({
        system: nodeSystem([file]),
        findLibrary: folderFinder(libraryFolders(libraryPath, file)),
      });
      finish(
        statusOfEnd(
          await endOf(lisp, () => {
            const proofs = buildProgram(lisp, {
              file,
              text,
              out: output,
              target: target === "wasm" ? null : target,
              allowJavascript,
            });
            if (stats)
              process.stdout.write(
                `tests of types: ${proofs.testsDropped} left out, ${proofs.testsKept} kept\n` +
                  `calls of procedures with types: ${proofs.callsUnchecked} without checks, ` +
                  `${proofs.callsChecked} with some\n`,
              );
            return EXIT_SUCCESS;
          }),
        ),
      );
    });
}

interface BuildOptions {
  readonly output: string;
  readonly libraryPath: readonly string[];
  readonly target: "wasm" | NativeTarget;
  readonly stats?: boolean;
  readonly allowJavascript?: boolean;
}

function profileCommand(finish: Finish): Command {
  return new Command("profile")
    .summary("run a program and draw where its time went")
    .description(
      "Runs a program compiled and looks each millisecond at what it does: a table of the procedures that took most " +
        "goes to standard error, the whole picture to a file, as a flame graph (.svg), for speedscope (.json) or as " +
        "collapsed stacks (.folded). A procedure that calls itself is one box; [host] is what Stratos does for " +
        "the program, [compile] what came before it ran.",
    )
    .usage("[OPTIONS] FILE [ARG…]")
    .argument("<file>", "the program")
    .argument("[arg...]", "its arguments")
    .passThroughOptions()
    .option("-o, --output <file>", "write there; its ending tells the format", "profile.svg")
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable)", repeat, [])
    .option(ALLOW_JAVASCRIPT, ALLOW_JAVASCRIPT_TEXT)
    .addHelpText("after", "\nExit status: the program's; 2 for a mistaken command line.")
    .action(async (file: string, args: string[], { output, libraryPath, allowJavascript }: ProfileOptions) => {
      const { end, table } = await profileProgram({
        file,
        args,
        libraryPath,
        out: output,
        ...(allowJavascript === undefined ? {} : { allowJavascript }),
      });
      process.stderr.write(table);
      finish(statusOfEnd(end));
    });
}

interface ProfileOptions {
  readonly output: string;
  readonly libraryPath: readonly string[];
  readonly allowJavascript?: boolean;
}

function docCommand(finish: Finish): Command {
  return new Command("doc")
    .summary("write a reference of Scheme files as Markdown")
    .description(
      "Writes what files define, with the text of docstrings (a string that begins a procedure's body) or of the " +
        "comments right above. Of a library its exports are told; nothing is run.",
    )
    .usage("FILE…")
    .argument("<file...>", "programs and libraries")
    .action(async (files: string[]) => {
      const programs = files.map((file) => ({ file, text: programText(file) }));
      const lisp = new Lisp();
      try {
        process.stdout.write(documentPrograms(lisp, programs));
        finish(EXIT_SUCCESS);
      } catch (error) {
        const words = lisp.describe(error);
        if (words === null) throw error;
        process.stderr.write(`stratos: ${words}\n`);
        finish(EXIT_FAILURE);
      }
    });
}

function testCommand(finish: Finish): Command {
  return new Command("test")
    .summary("run tests written with SRFI 64")
    .description(
      "Runs programs that hold tests of SRFI 64, each by itself, and tells what failed, with file and line, what was " +
        "expected and what came.",
    )
    .usage("[OPTIONS] FILE…")
    .argument("<file...>", "the programs")
    .addOption(jsonOption())
    .option("-I, --library-path <folder>", "look for libraries there, too (repeatable)", repeat, [])
    .option("--engine <name>", "wasm (default) or interpreter")
    .option(ALLOW_JAVASCRIPT, ALLOW_JAVASCRIPT_TEXT)
    .addHelpText(
      "after",
      "\nWith --json what programs print goes to standard error.\n" +
        "\nExit status: 0 when every test passed or failed as expected; 1 otherwise, and where a file has no test, " +
        "ends by an error or leaves a group open; 2 for a mistaken command line.",
    )
    .action(async (files: string[], options: TestOptions) => finish(await runTests(files, options)));
}

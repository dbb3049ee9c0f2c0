import { keepCompiledCode, ownProcess, stratosHome } from "@stratos/host-node/home";
import { EXIT_BROKEN_PIPE, endWithBrokenPipe } from "./broken-pipe.ts";
import { keepIgnoredSignals } from "./ignored-signals.ts";
import { plainArguments } from "./lisp/plain-arguments.ts";

// The bundle keeps more than Node does (bundle-main.ts).
if (import.meta.url.endsWith(".ts")) keepCompiledCode(stratosHome());
ownProcess();
keepIgnoredSignals();
process.on("uncaughtException", (error: Error) => {
  console.error(`stratos: internal error: ${error.stack ?? String(error)}`);
  process.exit(125);
});
// A command that a server has started (console's jobs/commands.ts) works on for nobody once that is gone.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
void main();

async function main(): Promise<void> {
  const plain = process.argv[2] === "lisp" ? plainArguments(process.argv.slice(3)) : null;
  if (plain !== null) return await runPlainLisp(plain);
  endWithBrokenPipe();
  const { runCli } = await import("./cli.ts");
  const status = await runCli(process.argv.slice(2));
  // What waits for a slow reader of a pipe would be lost with us, and nobody would know.
  for (const stream of [process.stdout, process.stderr])
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write("", () => resolve()));
  // A write that failed says so in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  // exit, not exitCode: a host stream that still has a listener must not keep a finished run alive.
  process.exit(status);
}

/** A program of AstraLisp writes by descriptors: Node's streams are not even made. */
async function runPlainLisp({ file, args, options }: NonNullable<ReturnType<typeof plainArguments>>): Promise<void> {
  const { runLispCommand } = await import("./lisp/run-command.ts");
  let status: number;
  try {
    status = await runLispCommand(file, args, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(EXIT_BROKEN_PIPE);
    const { tell } = await import("./run-cli.ts");
    status = tell(error);
  }
  process.exit(status);
}

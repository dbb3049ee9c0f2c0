import { keepCompiledCode, ownProcess, stratosHome } from "@stratos/host-node/home";
import { endWithBrokenPipe } from "./broken-pipe.ts";

// The bundle keeps more than Node does (bundle-main.ts).
if (import.meta.url.endsWith(".ts")) keepCompiledCode(stratosHome());
ownProcess();
endWithBrokenPipe();
process.on("uncaughtException", (error: Error) => {
  console.error(`stratos: internal error: ${error.stack ?? String(error)}`);
  process.exit(125);
});
void main();

async function main(): Promise<void> {
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

/** `stratos run --gdb` and `--dap`: a live program under a debugger, from its first instruction on. */
import { randomInt } from "node:crypto";
import { chosenSeed, openErrorOutputAlone, type Program } from "@stratos/images/run";
import { answerLive, DebugAdapter, DebugServer, LiveTarget, type MachineSession } from "@stratos/session";
import { UsageError } from "../command-error.ts";
import { serveDebugger } from "./serve-debugger.ts";
import type { DebugOptions, RunOptions } from "./run-options.ts";
import { runHere } from "./run-program.ts";

/** @throws UsageError for what cannot be had beside a debugger */
export async function runDebugged(program: Program, options: RunOptions & DebugOptions): Promise<number> {
  const { gdb, dap } = options;
  if (gdb !== undefined && dap !== undefined) throw new UsageError("--dap", "one debugger at a time: --gdb or --dap");
  if (options.record !== undefined)
    throw new UsageError("--record", "a run under a debugger is not recorded; record it, then `stratos replay --gdb`");
  const protocol = gdb === undefined ? "dap" : "gdb";
  const port = gdb ?? dap!;
  const stop = new AbortController();
  let served: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | null = null;
  const debug = async (session: MachineSession): Promise<void> => {
    const target = new LiveTarget(session);
    const monitor = (words: readonly string[]): Promise<readonly string[]> => answerLive(target, words);
    const Server = protocol === "gdb" ? DebugServer : DebugAdapter;
    try {
      await serveDebugger(protocol, port, (write) => new Server(target, { write, monitor }), stop.signal);
      target.detach();
    } catch (error) {
      failure = { error };
      session.stop();
    }
  };
  const status = await runHere(
    () => program,
    // Its time is virtual, so that it stands while the program does.
    { ...options, seed: chosenSeed(options) ?? randomInt(2 ** 31) },
    {
      attach: (session) => {
        served = debug(session);
      },
      ...(port === "-" ? { standard: openErrorOutputAlone } : {}),
    },
  );
  stop.abort();
  await served;
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return status;
}

/** `stratos run --gdb` and `--dap`: a live program under a debugger, from its first instruction on. */
import { randomInt } from "node:crypto";
import { openStreamOut } from "@stratos/host-node";
import { chosenSeed, type Program } from "@stratos/images/run";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import {
  answerLive,
  DebugAdapter,
  DebugServer,
  LiveTarget,
  type MachineSession,
  type StandardFiles,
} from "@stratos/session";
import type { HostStreamIn } from "@stratos/host";
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
      ...(port === "-" ? { standard: debuggerHasPipes } : {}),
    },
  );
  stop.abort();
  await served;
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return status;
}

const STDERR = 2;
const NO_INPUT: HostStreamIn = { read: () => 0, available: 0, isEnded: true, onReadable: () => {} };

/** Standard input and output are the debugger's: the program reads nothing, and writes to our standard error. */
function debuggerHasPipes({ machine: { kernel } }: MachineSession): StandardFiles {
  const output = openStreamOut(STDERR);
  return {
    files: [openHostInput(kernel, NO_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)],
    finish: () => output.drain(),
  };
}

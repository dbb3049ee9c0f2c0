/** `stratos run`, `trace` and the shell: one program in a clone of an image, from its options to its exit status. */
import { byteStringToUtf8 } from "@stratos/base";
import { stratosHome } from "@stratos/host-node";
import { defaultImage } from "@stratos/images";
import type { Machine } from "@stratos/machine";
import { exitStatusOf, type GuestUser, type HostFolder, type InputGate, type MachineSession } from "@stratos/session";
import { UsageError } from "../command-error.ts";
import { adviceFor } from "./advice.ts";
import { forwardSignals } from "./forward-signals.ts";
import { openNetwork } from "./host-network.ts";
import { ensureDefaultImage, memoryOf } from "./machine-options.ts";
import { openRunMachine, type Program } from "./run-machine.ts";
import type { RunOptions } from "./run-options.ts";
import { countsOf, runStatistics } from "./run-statistics.ts";
import { openStandardFiles, type StandardFiles } from "./standard-files.ts";

/** For who looks at a run, or steers it; such a run has no `warmProgram`. */
interface RunHooks {
  /** It may start from its image's warm start, and is this one: a byte string. */
  readonly warmProgram?: string;
  /** Folders of the host as the machine is to have them. */
  folders?(folders: readonly HostFolder[]): readonly HostFolder[];
  /** Before the program starts. */
  attach?(machine: Machine): void;
  /** What decides when something comes in; it has the session's turns. */
  gate?(session: MachineSession): InputGate;
  /** Instead of those of this process, whose signals are then its own. */
  standard?(session: MachineSession, gate: InputGate): StandardFiles;
  /** The machine has ended. */
  end?(session: MachineSession): void;
}

/** @param program  made when the user is known: a login shell is the user's */
export async function runProgram(
  program: (user: GuestUser) => Program,
  options: RunOptions,
  hooks: RunHooks = {},
): Promise<number> {
  const home = stratosHome();
  const image = options.image ?? defaultImage(home);
  const memoryBytes = memoryOf(options, home);
  await ensureDefaultImage(image);
  if (options.record !== undefined && options.net !== "none")
    throw new UsageError("--record", "what comes from the network is not recorded; use --net none");
  const wantsDisplay = options.display === true || options.screenshot !== undefined;
  const displays = wantsDisplay ? await import("../display/run-display.ts") : null;
  displays?.checkDisplay(options);
  const network = openNetwork(options.net, options.publish);
  const { warmProgram, folders = (given) => given } = hooks;
  const { session, user, recorder, warm, requestWith, close } = openRunMachine(
    { program, warmProgram, home, image, memoryBytes, network, folders },
    options,
  );
  let isWhole = false;
  try {
    hooks.attach?.(session.machine);
    const display = displays === null ? null : await displays.openRunDisplay(session, user, options);
    const request = requestWith(display?.environment ?? []);
    const gate = recorder?.attach(session) ?? hooks.gate?.(session) ?? null;
    const standard = hooks.standard?.(session, gate!) ?? openStandardFiles(session, gate);
    const stopForwarding = hooks.standard === undefined ? forwardSignals(gate ?? session) : () => {};
    const startMs = performance.now();
    const before = typeof warm === "string" ? null : countsOf(session.machine);
    let status: number;
    try {
      if (typeof warm === "string") session.start(request, standard.files);
      else {
        session.handOver(request.workingDirectory, standard.files);
        warm.request.ask(request);
      }
      status = exitStatusOf(await session.run(options.timeout ?? display?.timeoutMs));
      status = display?.finish(status) ?? status;
      recorder?.end(status);
      hooks.end?.(session);
    } finally {
      stopForwarding();
      display?.close();
      await standard.finish();
    }
    session.machine.sync(options.keep !== undefined);
    isWhole = true;
    if (hooks.standard !== undefined) return status;
    for (const line of adviceFor(session.machine.kernel.notices, {
      status,
      program: byteStringToUtf8(request.program),
      memoryBytes,
    })) {
      process.stderr.write(`stratos: ${line}\n`);
    }
    session.machine.processor.submitProfile();
    // Since this process began: what a user waits for.
    if (options.stats === true)
      process.stderr.write(
        JSON.stringify(
          runStatistics(session.machine, {
            wallMs: performance.now(),
            startMs,
            runMs: session.pump.runMs,
            coldBecause: typeof warm === "string" ? warm : "",
            before,
          }),
        ) + "\n",
      );
    return status;
  } finally {
    close(isWhole);
  }
}

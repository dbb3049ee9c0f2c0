/** One program in a clone of an image: from what is asked for to how it has ended. */
import { byteStringToUtf8 } from "@stratos/base";
import type { Notice } from "@stratos/kernel";
import {
  type EnvironmentSetting,
  exitStatusOf,
  type GuestUser,
  type InputGate,
  type MachineSession,
  type StandardFiles,
} from "@stratos/session";
import { type MachineSurroundings, openRunMachine, type RunRequest } from "./run-machine.ts";
import { countsOf, type RunStatistics, runStatistics } from "./run-statistics.ts";
import { type ColdStart, isCold } from "./warm-or-cold.ts";

/** Who has asked for a run: what it gets as its standard files, and what looks at it or steers it. */
export interface RunSurroundings extends Omit<MachineSurroundings, "hasDisplay" | "hasSound"> {
  /** @param gate  for runs that are recorded, or steered: what comes in goes through it */
  standard(session: MachineSession, gate: InputGate | null): StandardFiles;
  /** Hands the host's signals over. @returns what ends that */
  signals?(receiver: { sendSignal(signal: number): void }): () => void;
  /** Shows its windows. */
  display?(session: MachineSession, user: GuestUser): Promise<RunDisplay>;
  /** Hears what it plays. */
  sound?(session: MachineSession, user: GuestUser): RunSound;
  /** Before the program starts. */
  attach?(session: MachineSession): void;
  /** What decides when something comes in; it has the session's turns. */
  gate?(session: MachineSession): InputGate;
  /** The machine has ended. */
  end?(session: MachineSession): void;
  /** It was run before: nothing is learned of it. */
  readonly isRepeated?: true;
}

interface RunDisplay {
  readonly environment: readonly EnvironmentSetting[];
  /** When the run ends unless it is said. */
  readonly timeoutMs?: number;
  /** The run is over, with that status. @returns the one to end with */
  finish(status: number): number;
  /** The run is over in whatever way; after `finish` nothing is left to do. */
  close(): void;
}

interface RunSound {
  readonly environment: readonly EnvironmentSetting[];
  /** The run is over in whatever way. */
  close(): void;
}

export interface RunEnd {
  /** As a shell would say it. */
  readonly status: number;
  /** The first program as it was called. */
  readonly program: string;
  /** What programs asked for in vain. */
  readonly notices: ReadonlyMap<Notice, string>;
  /** null: not asked for. */
  readonly statistics: RunStatistics | null;
  /** Why it has not begun at the image's warm start; null: it has. */
  readonly cold: ColdStart | null;
}

/** @throws OperationError, SessionError and what the host says */
export async function runProgram(request: RunRequest, around: RunSurroundings): Promise<RunEnd> {
  const { session, user, recorder, warm, requestWith, close } = openRunMachine(request, {
    ...around,
    hasDisplay: around.display !== undefined,
    hasSound: around.sound !== undefined,
  });
  const { machine } = session;
  let isWhole = false;
  try {
    around.attach?.(session);
    const display = (await around.display?.(session, user)) ?? null;
    const sound = around.sound?.(session, user);
    const program = requestWith([...(display?.environment ?? []), ...(sound?.environment ?? [])]);
    const gate = recorder?.attach(session) ?? around.gate?.(session) ?? null;
    const standard = around.standard(session, gate);
    const stopSignals = around.signals?.(gate ?? session);
    const startMs = performance.now();
    const before = isCold(warm) ? null : countsOf(machine);
    let status: number;
    try {
      if (isCold(warm)) session.start(program, standard.files);
      else {
        session.handOver(program.workingDirectory, standard.files);
        warm.request.ask(program);
      }
      status = exitStatusOf(await session.run(request.timeout ?? display?.timeoutMs));
      status = display?.finish(status) ?? status;
      recorder?.end(status);
      around.end?.(session);
    } finally {
      stopSignals?.();
      display?.close();
      sound?.close();
      await standard.finish();
    }
    machine.sync(request.keep !== undefined);
    isWhole = true;
    if (around.isRepeated === undefined) machine.processor.submitProfile();
    const times = { wallMs: performance.now(), startMs, runMs: session.pump.runMs, isWarm: !isCold(warm), before };
    return {
      status,
      program: byteStringToUtf8(program.program),
      notices: machine.kernel.notices,
      statistics: request.stats === true ? runStatistics(machine, times) : null,
      cold: isCold(warm) ? warm : null,
    };
  } finally {
    close(isWhole);
  }
}

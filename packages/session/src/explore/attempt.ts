/**
 * One run of a program that is explored: from a fresh clone of its image, with the same seed, input and folders as all
 * others, and with what the plan says done to it. It always ends: who waits for what never comes, runs on far beyond
 * the undisturbed run, prints without end or takes more of the host's time than is allowed is killed (SIGKILL, let in
 * by the gate, so that a recording of the run has that moment, too).
 */
import { EAGAIN, SIGKILL } from "@stratos/abi";
import type { Volume } from "@stratos/aegisfs";
import type { HostStreamIn, MachinePorts } from "@stratos/host";
import { type Board, openHostInput, openHostOutput } from "@stratos/kernel";
import {
  type AppliedDisturbance,
  type DisturbancePlan,
  type DisturbancePoint,
  Disturber,
} from "@stratos/kernel/faults";
import type { Machine } from "@stratos/machine";
import { exitStatusOf } from "../exit-status.ts";
import type { HostFolder } from "../host-folders.ts";
import { MachineSession, type ProgramRequest } from "../machine-session.ts";
import { InputGate } from "../recording/input-gate.ts";
import { Recorder, toldFolders } from "../recording/recorder.ts";
import type { RecordingHeader } from "../recording/recording-format.ts";
import { CapturedOutput, type StreamOutput } from "./captured-output.ts";

/** What is explored. */
export interface ExploreTarget {
  readonly ports: MachinePorts;
  /** Attempts run on it one after the other, and share what was translated. */
  readonly board: Board;
  /** Of the image (SessionOptions). */
  readonly imageIdentity: string | undefined;
  /** A fresh clone of the image. */
  openVolume(): { readonly volume: Volume; close(): void };
  readonly memoryBytes: number;
  readonly harts: number;
  /** Of the machine: chance and layout, the same in all attempts. */
  readonly seed: number;
  /** Read-only ones. */
  readonly folders: readonly HostFolder[];
  readonly request: ProgramRequest;
  /** Standard input, the whole of it. */
  readonly input: Uint8Array;
  /** Longest that an attempt may take on the host. */
  readonly timeoutMs: number;
  /** Where instructions and virtual nanoseconds are more than in any sensible run. */
  readonly bounds: AttemptBounds | null;
}

export interface AttemptBounds {
  readonly instructions: number;
  readonly ns: number;
}

/** Why a run that did not end by itself was killed. */
type KillReason = "waits for ever" | "runs on" | "prints on" | "timed out";

export interface AttemptOutcome {
  /** As a shell has it; of a killed one 128 + SIGKILL. */
  readonly status: number;
  /** null: it ended by itself. */
  readonly killedBecause: KillReason | null;
  readonly stdout: StreamOutput;
  readonly stderr: StreamOutput;
  readonly instructions: number;
  /** Of the machine's clock. */
  readonly ns: number;
  readonly applied: readonly AppliedDisturbance[];
  /** Where something might have happened, if that was asked for. */
  readonly points: readonly DisturbancePoint[];
  /** Instructions of each task, by its number. */
  readonly tasks: ReadonlyMap<number, number>;
}

/** What is to be done beside running. */
export interface AttemptHooks {
  /** The machine before its program starts. */
  attach?(machine: Machine): void;
  readonly notesPoints?: boolean;
  /** It is recorded. */
  readonly record?: {
    readonly header: Omit<RecordingHeader, "format" | "callWork" | "folders">;
    readonly write: (line: Uint8Array) => void;
  };
}

/** @throws SessionError when the program cannot be started */
export async function runAttempt(
  target: ExploreTarget,
  plan: DisturbancePlan,
  hooks: AttemptHooks = {},
): Promise<AttemptOutcome> {
  const { board, folders, ports } = target;
  const recorder = hooks.record === undefined ? null : new Recorder(hooks.record.header, { ...hooks.record, folders });
  const { volume, close } = target.openVolume();
  let session: MachineSession | null = null;
  try {
    session = new MachineSession({
      ports,
      volume,
      board,
      imageIdentity: target.imageIdentity,
      memoryBytes: target.memoryBytes,
      harts: target.harts,
      seed: target.seed,
      // As a recording shows them, so that a recorded attempt is like the others.
      folders: recorder?.folders ?? toldFolders(folders, () => {}),
      log: () => {},
    });
    const disturber = new Disturber(plan, { notesPoints: hooks.notesPoints === true });
    session.machine.kernel.disturber = disturber;
    hooks.attach?.(session.machine);
    const gate = recorder?.attach(session) ?? new InputGate(session);
    const watch = new AttemptWatch(session, gate, target);
    session.pump.gate = watch;
    const cancel = ports.loop.callLater(target.timeoutMs, () => watch.kill("timed out"));
    try {
      const { kernel } = session.machine;
      const output = [watch.output(), watch.output()] as const;
      const files = [
        openHostInput(kernel, gate.streamIn(watch.input)),
        ...output.map(({ stream }) => openHostOutput(kernel, gate.streamOut(stream))),
      ];
      session.start(target.request, files);
      const status = exitStatusOf(await session.run());
      recorder?.end(status);
      const { instructions, ns } = gate.moment;
      return {
        status,
        killedBecause: watch.killedBecause,
        stdout: output[0].finish(),
        stderr: output[1].finish(),
        instructions,
        ns,
        applied: disturber.applied,
        points: disturber.points ?? [],
        tasks: disturber.instructions,
      };
    } finally {
      cancel();
    }
  } finally {
    session?.close();
    close();
  }
}

/** Has the turns of an attempt, by way of the gate, and ends it when it would not. */
class AttemptWatch {
  readonly input: HostStreamIn;
  killedBecause: KillReason | null = null;
  readonly #session: MachineSession;
  readonly #gate: InputGate;
  readonly #bounds: AttemptBounds;
  #left: Uint8Array;
  /** Instructions that were retired when all slept. */
  #idleAt = -1;

  constructor(session: MachineSession, gate: InputGate, { input, bounds }: ExploreTarget) {
    this.#session = session;
    this.#gate = gate;
    this.#bounds = bounds ?? { instructions: Infinity, ns: Infinity };
    this.#left = input;
    const left = (): Uint8Array => this.#left;
    this.input = {
      read: (into, at, count) => {
        if (this.#left.length === 0) return 0;
        const taken = Math.min(this.#left.length, count);
        into.set(this.#left.subarray(0, taken), at);
        this.#left = this.#left.subarray(taken);
        return taken > 0 ? taken : -EAGAIN;
      },
      get available() {
        return left().length;
      },
      get isEnded() {
        return left().length === 0;
      },
      onReadable: () => {},
    };
  }

  output(): CapturedOutput {
    return new CapturedOutput(() => this.kill("prints on"));
  }

  kill(reason: KillReason): void {
    if (this.killedBecause !== null) return;
    this.killedBecause = reason;
    this.#gate.sendSignal(SIGKILL);
  }

  get isBlocked(): boolean {
    return this.#gate.isBlocked;
  }

  beforeTurn(): void {
    const { instructions, ns } = this.#gate.moment;
    if (instructions > this.#bounds.instructions || ns > this.#bounds.ns) this.kill("runs on");
    this.#gate.beforeTurn();
  }

  /** All tasks sleep, and no timer is armed. */
  onIdle(): void {
    const { instructions } = this.#gate.moment;
    if (instructions === this.#idleAt) return this.kill("waits for ever");
    // The gate may have more input to let in, or its end.
    this.#idleAt = instructions;
    this.#session.pump.wake();
  }
}

/**
 * One run of a program that is explored: from a fresh clone of its image, with the same seed, input and folders as all
 * others, and with what the plan says done to it; or from a stem (stems.ts), which is the undisturbed run up to a
 * moment before the plan begins. It always ends: who waits for what never comes, runs on far beyond the
 * undisturbed run, prints without end or takes more of the host's time than is allowed is killed (SIGKILL, let in by
 * the gate, so that a recording of the run has that moment, too).
 */
import { LaterVolume, type Volume } from "@stratos/aegisfs";
import type { MachinePorts } from "@stratos/host";
import { type Board, openHostInput, openHostOutput } from "@stratos/kernel";
import {
  type AppliedDisturbance,
  cutPower,
  type Disturbance,
  type DisturbancePlan,
  type DisturbancePoint,
  Disturber,
  UnsyncedFiles,
} from "@stratos/kernel/faults";
import type { Machine } from "@stratos/machine";
import { exitStatusOf } from "../exit-status.ts";
import type { HostFolder } from "../host-folders.ts";
import { MachineSession, type ProgramRequest, type SessionOptions } from "../machine-session.ts";
import type { ImageReads } from "../recording/image-blocks.ts";
import type { RecordingEnd } from "../recording/recording-format.ts";
import { toldFolders } from "../recording/recorder.ts";
import { type RecordedRun, type RecordingSink, RecordingWriter } from "../recording/recording-writer.ts";
import { type AttemptBounds, AttemptGate, type KillReason } from "./attempt-gate.ts";
import type { StreamOutput } from "./captured-output.ts";

/** What is explored. */
export interface ExploreTarget {
  readonly ports: MachinePorts;
  /** A board for one machine at a time, or one and its forks. */
  createBoard(): Board;
  /** Of the image (SessionOptions). */
  readonly imageIdentity: string | undefined;
  /** A fresh clone of the image. */
  openVolume(): ClonedVolume;
  /** What all of these read of it goes into a recording: their machines share its pages. Absent: nobody notes it. */
  readonly reads?: ImageReads | undefined;
  readonly memoryBytes: number;
  readonly harts: number;
  /** Of the machine: chance and layout, the same in all attempts. */
  readonly seed: number;
  /** Read-only ones. */
  readonly folders: readonly HostFolder[];
  readonly request: ProgramRequest;
  /** Standard input, the whole of it. */
  readonly input: Uint8Array;
  /**
   * The power may fail; this program then looks at what is left, and has what was printed before as its standard input.
   * The clones are durable ones. null: the power does not fail.
   */
  readonly check: ProgramRequest | null;
  /** Longest that an attempt may take on the host. */
  readonly timeoutMs: number;
}

/** A clone of the image; each of these is closed. */
interface VolumeClone {
  close(): void;
  /** Of a durable one: what a power cut now leaves of it. */
  afterPowerCut?(): ForkedVolume;
  /** One with the changes that were committed by now. */
  fork(): ForkedVolume;
}
interface ClonedVolume extends VolumeClone {
  readonly volume: Volume;
}
interface ForkedVolume extends VolumeClone {
  /** Called once at most. */
  mount(): Volume;
}

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
  /** The power failed, and this is what was found then. */
  readonly cut: CheckedCut | null;
}

/** What is left when the power has failed. */
export interface PowerCut {
  readonly left: ForkedVolume;
  /** Files whose content was not written though their names were, as paths. */
  readonly lost: readonly string[];
  /** Standard output until then. */
  readonly told: StreamOutput;
}

/** What was found of it. */
export interface CheckedCut extends Pick<AttemptOutcome, "status" | "killedBecause" | "stdout" | "stderr"> {
  readonly lost: readonly string[];
}

/** How a run is written down. */
export interface AttemptRecord extends RecordingSink {
  readonly header: Omit<RecordedRun, "folders">;
}

export const NO_BOUNDS: AttemptBounds = { instructions: Infinity, ns: Infinity };

/** A machine that has begun, or goes on from another one. */
export class Attempt {
  readonly #target: ExploreTarget;
  readonly #session: MachineSession;
  readonly #gate: AttemptGate;
  readonly #clone: VolumeClone;
  readonly #disturber: Disturber;
  readonly #folders: readonly HostFolder[];
  /** What is recorded has ended. */
  readonly #recordEnd: (end: RecordingEnd) => void;
  #cut: PowerCut | null = null;

  private constructor(
    target: ExploreTarget,
    parts: {
      session: MachineSession;
      gate: AttemptGate;
      clone: VolumeClone;
      disturber: Disturber;
      folders: readonly HostFolder[];
      recordEnd?: (end: RecordingEnd) => void;
    },
  ) {
    this.#target = target;
    this.#session = parts.session;
    this.#gate = parts.gate;
    this.#clone = parts.clone;
    this.#disturber = parts.disturber;
    this.#folders = parts.folders;
    this.#recordEnd = parts.recordEnd ?? (() => {});
    this.#session.machine.kernel.disturber = this.#disturber;
    this.#gate.attach(this.#session);
    this.#disturber.onPowerCut = (lost) => this.#losePower(lost);
  }

  /** From the program's beginning. @throws SessionError when it cannot be started */
  static begin(
    target: ExploreTarget,
    board: Board,
    plan: DisturbancePlan,
    {
      bounds = NO_BOUNDS,
      notesPoints = false,
      record,
      onMachine,
    }: {
      bounds?: AttemptBounds;
      notesPoints?: boolean;
      record?: AttemptRecord | undefined;
      onMachine?: ((machine: Machine) => void) | undefined;
    } = {},
  ): Attempt {
    const writer = record === undefined ? null : writerFor(target, record);
    let isOver = false;
    // As a recording shows them, so that a recorded attempt is like the others.
    const folders = toldFolders(target.folders, (answer) => isOver || writer?.add(answer));
    const clone = target.openVolume();
    let session: MachineSession | null = null;
    try {
      session = new MachineSession({ ...optionsOf(target, board), volume: clone.volume, folders });
      const gate = new AttemptGate(target.input, bounds);
      if (writer !== null) gate.onEvent = (event) => writer.add(event);
      const disturber = new Disturber(plan, { notesPoints });
      const recorded = session;
      const recordEnd = (end: RecordingEnd): void => {
        if (writer === null) return;
        writer.add(end);
        target.reads?.addTo(writer, recorded, clone.volume);
      };
      const attempt = new Attempt(target, { session, gate, clone, disturber, folders, recordEnd });
      onMachine?.(session.machine);
      const { kernel } = session.machine;
      session.start(target.request, [
        openHostInput(kernel, gate.input),
        ...gate.outputs.map((stream) => openHostOutput(kernel, stream)),
      ]);
      return attempt;
    } catch (error) {
      isOver = true;
      session?.close();
      clone.close();
      throw error;
    }
  }

  /**
   * Another one that goes on from here, between two turns.
   *
   * @throws StateError when a program holds what cannot be in two machines, such as an open file of a folder
   */
  fork(plan: DisturbancePlan, bounds: AttemptBounds): Attempt {
    const target = this.#target;
    this.#session.commit();
    const clone = this.#clone.fork();
    try {
      const gate = new AttemptGate(this.#gate, bounds);
      const session = new MachineSession({
        ...optionsOf(target, this.#session.machine.kernel.board),
        volume: new LaterVolume(() => clone.mount()),
        folders: this.#folders,
        forked: {
          original: this.#session,
          identity: "same",
          streams: new Map<object, object>([
            [this.#gate.input, gate.input],
            ...this.#gate.outputs.map((stream, index): [object, object] => [stream, gate.outputs[index]!]),
            ...this.#folders.map(({ tree }): [object, object] => [tree, tree]),
          ]),
        },
      });
      const disturber = new Disturber(plan);
      disturber.goOnFrom(this.#disturber);
      return new Attempt(target, { session, gate, clone, disturber, folders: this.#folders });
    } catch (error) {
      clone.close();
      throw error;
    }
  }

  /** Has the moment gone by? */
  hasPassed(disturbance: Disturbance): boolean {
    return this.#disturber.hasPassed(disturbance);
  }

  get board(): Board {
    return this.#session.machine.kernel.board;
  }

  /** What the power left, if it failed; who takes it closes it. */
  takeCut(): PowerCut | null {
    const cut = this.#cut;
    this.#cut = null;
    return cut;
  }

  /** It has ended, and the power fails when all is written. */
  losePowerAtEnd(): void {
    this.#losePower(cutPower(this.#session.machine.kernel, new UnsyncedFiles(), "written"));
  }

  #losePower(lost: readonly string[]): void {
    const left = this.#clone.afterPowerCut?.();
    if (left !== undefined) this.#cut = { left, lost, told: this.#gate.stdout.soFar };
  }

  get instructions(): number {
    return this.#gate.moment.instructions;
  }

  /** @param onTurn  called between two turns of a run that goes on */
  async run(onTurn: (() => void) | null = null): Promise<AttemptOutcome> {
    const gate = this.#gate;
    const { machine } = this.#session;
    if (onTurn !== null) gate.onTurn = () => machine.isStopped || onTurn();
    const cancel = this.#target.ports.loop.callLater(this.#target.timeoutMs, () => gate.kill("timed out"));
    try {
      const status = exitStatusOf(await this.#session.run());
      this.#recordEnd(gate.end(status));
      const { instructions, ns } = gate.moment;
      return {
        status,
        killedBecause: gate.killedBecause,
        stdout: gate.stdout.soFar,
        stderr: gate.stderr.soFar,
        instructions,
        ns,
        applied: this.#disturber.applied,
        points: this.#disturber.points ?? [],
        tasks: this.#disturber.instructions,
        cut: null,
      };
    } finally {
      cancel();
    }
  }

  close(): void {
    this.#session.close();
    this.#clone.close();
    this.takeCut()?.left.close();
  }
}

function optionsOf(target: ExploreTarget, board: Board): Omit<SessionOptions, "volume"> {
  const { ports, imageIdentity, memoryBytes, harts, seed } = target;
  return { ports, board, imageIdentity, memoryBytes, harts, seed, log: () => {} };
}

function writerFor({ folders }: ExploreTarget, { header, ...sink }: AttemptRecord): RecordingWriter {
  const shown = folders.map(({ tree, ...folder }) => ({ ...folder, isReadOnly: tree.readOnly }));
  return new RecordingWriter({ ...header, folders: shown }, sink);
}

/** A recorded run once more: the same program with the same seed, fed from the recording instead of the host. */
import { LaterVolume, type Volume } from "@stratos/aegisfs";
import type { MachinePorts } from "@stratos/host";
import type { Board, OpenFile } from "@stratos/kernel";
import type { Disturber } from "@stratos/kernel/faults";
import { createBoard, MEMORY_BYTES_MAX } from "@stratos/machine";
import { disturberOf } from "./recorded-disturbances.ts";
import { exitStatusOf } from "../exit-status.ts";
import { TURN_MS } from "../machine-pump.ts";
import { findGuestUser } from "../guest-user.ts";
import type { HostFolder } from "../host-folders.ts";
import { MachineSession } from "../machine-session.ts";
import { readerOf } from "../volume-file.ts";
import { writeResolverConfiguration } from "../resolver.ts";
import { AnsweredFolder } from "./answered-folder.ts";
import { AnsweredSockets } from "./answered-sockets.ts";
import { RecordedAnswers, ReplayError } from "./host-answers.ts";
import { InputGate } from "./input-gate.ts";
import type { Recording, RecordingEnd, RecordingHeader } from "./recording-format.ts";

interface ReplayOptions {
  readonly ports: MachinePorts;
  /** A clone of the image that the recording names, as it was then; of a fork one that is mounted when it is needed. */
  readonly volume: Volume | LaterVolume;
  /** There will be forks: the board has more memory than the machine sees. */
  readonly hasForks?: boolean;
}

/** How a replay compares with what was recorded. */
type ReplayVerdict =
  | { readonly kind: "same" }
  /** The recording was cut short, and this is as far as it goes. */
  | { readonly kind: "cut" }
  /** It came to the recorded end by other instructions, as those of an older version may. */
  | { readonly kind: "other instructions"; readonly recorded: RecordingEnd }
  | { readonly kind: "other end"; readonly recorded: RecordingEnd }
  /** It waits for what never came. */
  | { readonly kind: "stuck" };

export interface ReplayOutcome {
  readonly verdict: ReplayVerdict;
  readonly end: RecordingEnd;
}

interface AnsweredHostFolder extends HostFolder {
  readonly tree: AnsweredFolder;
}

/** Frames of a machine come in pieces of so many bytes (PhysicalMemory). */
const MEMORY_PIECE = 65536;
/** Memory for forks where there is little: a WebAssembly memory beyond 2 GiB is slower. */
const FORKS_BYTES_MIN = 256 << 20;

/** A board with room for forks, and the machine's memory as it is on a board of its own. */
function forkingMemory(ports: MachinePorts, header: RecordingHeader): { board: Board; memoryBytes: number } {
  const memoryBytes = Math.ceil(header.memoryBytes / MEMORY_PIECE) * MEMORY_PIECE;
  const belowTwoGiB = MEMORY_BYTES_MAX - 2 ** 31;
  const wanted = Math.max(memoryBytes + FORKS_BYTES_MIN, belowTwoGiB);
  const { engine, codeArchive, loop } = ports;
  const board = createBoard({
    ...{ engine, codeArchive, nowMs: () => loop.nowMs() },
    memoryBytes: Math.min(wanted, MEMORY_BYTES_MAX),
  });
  return { board, memoryBytes };
}

/** null: it has no network. */
function recordedSockets({ network }: RecordingHeader, answers: RecordedAnswers): AnsweredSockets | null {
  return network === undefined ? null : new AnsweredSockets(answers, network, null);
}

export class Replay {
  readonly session: MachineSession;
  readonly gate: InputGate;
  /** The program's process number, once it is started. */
  firstPid = 0;
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  readonly #answers: RecordedAnswers;
  readonly #folders: readonly AnsweredHostFolder[];
  readonly #sockets: AnsweredSockets | null;
  readonly #disturber: Disturber | null;

  /** @param original  goes on from where that one is; @see fork. @throws SessionError, RecordingError, ReplayError */
  constructor(recording: Recording, options: ReplayOptions, original: Replay | null = null) {
    const { header, answers } = recording;
    this.#recording = recording;
    this.#options = options;
    this.#disturber = disturberOf(header);
    const host = (this.#answers = original === null ? new RecordedAnswers(answers) : original.#answers.fork());
    const sockets = original === null ? recordedSockets(header, host) : (original.#sockets?.fork(host) ?? null);
    this.#sockets = sockets;
    const common = {
      ...{ ports: options.ports, volume: options.volume, harts: header.harts, seed: header.seed, log: () => {} },
      ...{ callWork: header.callWork ?? Infinity, sockets },
      ...(header.startMs === undefined ? {} : { startMs: header.startMs }),
    };
    if (original !== null) {
      const { gate, streams } = original.gate.fork();
      const replaced = original.#folders.map(({ tree }) => tree.fork(host));
      this.#folders = original.#folders.map((folder, at) => ({
        ...folder,
        tree: replaced[at]!.get(folder.tree) as AnsweredFolder,
      }));
      this.session = new MachineSession({
        ...common,
        board: original.session.machine.kernel.board,
        memoryBytes: header.memoryBytes,
        folders: this.#folders,
        forked: {
          original: original.session,
          identity: "same",
          streams: new Map([...streams, ...replaced.flatMap((each) => [...each])]),
        },
      });
      this.session.machine.sleepsUntilNs = original.session.machine.sleepsUntilNs;
      this.firstPid = original.firstPid;
      this.gate = gate;
      gate.attach(this.session);
      if (original.#disturber !== null) this.#disturber?.goOnFrom(original.#disturber, true);
    } else {
      this.#folders = (header.folders ?? []).map((folder) => ({
        ...folder,
        tree: new AnsweredFolder(host, { file: undefined, ...folder, host: null }),
      }));
      const memory = options.hasForks === true ? forkingMemory(options.ports, header) : header;
      if (sockets !== null) writeResolverConfiguration(this.volume.root, sockets);
      this.session = new MachineSession({ ...common, ...memory, folders: this.#folders });
      if (options.hasForks === true) this.session.machine.kernel.board.promiseRest(this.session.machine.kernel);
      this.gate = new InputGate(this.session);
      this.gate.replay(recording.events);
      this.gate.attach(this.session);
    }
    if (sockets !== null) this.gate.useSockets(sockets);
    const { kernel } = this.session.machine;
    this.#answers.position = () => kernel.processor.retired(kernel.tally);
    kernel.disturber = this.#disturber;
  }

  /**
   * Another one that goes on from here, between two turns, on the same board.
   *
   * @param volume  what `commitForFork` has left in this one's
   * @throws StateError when a program holds what cannot be in two machines
   */
  fork(volume: LaterVolume): Replay {
    return new Replay(this.#recording, { ...this.#options, volume }, this);
  }

  /** @throws SessionError when it cannot be started; ReplayError */
  start(standardFiles: readonly OpenFile[]): void {
    const { header } = this.#recording;
    this.firstPid = this.session.start(
      { ...header, user: findGuestUser(readerOf(this.volume.root), header.user) },
      standardFiles,
    );
  }

  /**
   * From here on the machine does what was not recorded, by turns of the host's loop. What the recorded programs see of
   * the outside stays as it was: no more input comes, and folders of the host cannot be read.
   */
  leave(): void {
    const { machine, pump } = this.session;
    machine.leaveStop();
    this.#answers.isHeld = true;
    machine.isTimeHeld = false;
    pump.gate = null;
  }

  get header(): RecordingHeader {
    return this.#recording.header;
  }

  get volume(): Volume {
    const { volume } = this.#options;
    return volume instanceof LaterVolume ? volume.volume : volume;
  }

  /** It has ended as the run that was recorded has, as far as is known. */
  get isAtRecordedEnd(): boolean {
    const { end } = this.#recording;
    return end === null || end.instructions === this.gate.moment.instructions;
  }

  /** The recording has no end: the run was killed. */
  get isCut(): boolean {
    return this.#recording.end === null;
  }

  /**
   * One turn by hand, of a replay that was started and whose gate is held; one that stands goes on.
   *
   * @throws ReplayError
   */
  turn(): "goes on" | "stands" | "ended" | "stuck" {
    const { machine } = this.session;
    this.#answers.isHeld = false;
    if (!machine.stands) this.gate.beforeTurn();
    const waitMs = machine.run(TURN_MS);
    this.#answers.isHeld = true;
    if (machine.stands) return "stands";
    if (machine.isStopped) return "ended";
    return waitMs !== Infinity || this.gate.hasEventDue ? "goes on" : "stuck";
  }

  /** @throws SessionError when the program cannot be started; ReplayError */
  async run(standardFiles: readonly OpenFile[]): Promise<ReplayOutcome> {
    try {
      this.start(standardFiles);
      const end = this.gate.end(exitStatusOf(await this.session.run()));
      return { verdict: this.#verdict(end), end };
    } catch (error) {
      const isCut = error instanceof ReplayError && error.recorded === null && this.#recording.end === null;
      if (!isCut) throw error;
      return { verdict: { kind: "cut" }, end: this.gate.end(exitStatusOf({ kind: "stopped" })) };
    }
  }

  #verdict(end: RecordingEnd): ReplayVerdict {
    const { header, end: recorded } = this.#recording;
    if (recorded === null) return { kind: "cut" };
    if (this.gate.isStuck) return { kind: "stuck" };
    if (recorded.status !== end.status || recorded.output !== end.output) return { kind: "other end", recorded };
    if (recorded.instructions === end.instructions) return { kind: "same" };
    // The kernel has learnt since what programs may see (a line more in /proc/filesystems): what counts is what they
    // did.
    return { kind: header.format === 1 ? "other instructions" : "other end", recorded };
  }
}

/** A replay that was started, before its first turn. */
export interface StartedReplay {
  readonly replay: Replay;
  /** Waits until the host has taken the output; at once where there is none. */
  drain(): Promise<void>;
  /** What is written from now on is this one's. */
  enter(): void;
  /** One that goes on from here, between two turns. Each is closed. @throws StateError: it can't be in two machines */
  fork(): StartedReplay;
  /** Gives back what it has; nothing of it is used afterwards. */
  close(): void;
}

/** A recorded run once more: the same program with the same seed, fed from the recording instead of the host. */
import type { Volume } from "@stratos/aegisfs";
import type { MachinePorts } from "@stratos/host";
import type { OpenFile } from "@stratos/kernel";
import { disturberOf } from "./recorded-disturbances.ts";
import { exitStatusOf } from "../exit-status.ts";
import { TURN_MS } from "../machine-pump.ts";
import { findGuestUser } from "../guest-user.ts";
import { MachineSession } from "../machine-session.ts";
import { readerOf } from "../volume-file.ts";
import { AnsweredFolder } from "./answered-folder.ts";
import { RecordedAnswers, ReplayError } from "./host-answers.ts";
import { InputGate } from "./input-gate.ts";
import type { Recording, RecordingEnd, RecordingHeader } from "./recording-format.ts";

interface ReplayOptions {
  readonly ports: MachinePorts;
  /** A clone of the image that the recording names, as it was then. */
  readonly volume: Volume;
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

export class Replay {
  readonly session: MachineSession;
  readonly gate: InputGate;
  /** The program's process number, once it is started. */
  firstPid = 0;
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  readonly #answers: RecordedAnswers;

  /** @throws SessionError, RecordingError, ReplayError */
  constructor(recording: Recording, options: ReplayOptions) {
    const { header, answers } = recording;
    this.#recording = recording;
    this.#options = options;
    const disturber = disturberOf(header);
    const host = (this.#answers = new RecordedAnswers(answers));
    const session = new MachineSession({
      ...options,
      memoryBytes: header.memoryBytes,
      harts: header.harts,
      callWork: header.callWork ?? Infinity,
      seed: header.seed,
      folders: (header.folders ?? []).map((folder) => ({
        ...folder,
        tree: new AnsweredFolder(host, { file: undefined, ...folder, host: null }),
      })),
      log: () => {},
    });
    session.machine.kernel.disturber = disturber;
    this.session = session;
    this.gate = new InputGate(session);
    this.gate.replay(recording.events);
    session.pump.gate = this.gate;
  }

  /** @throws SessionError when it cannot be started; ReplayError */
  start(standardFiles: readonly OpenFile[]): void {
    const { header } = this.#recording;
    this.firstPid = this.session.start(
      { ...header, user: findGuestUser(readerOf(this.#options.volume.root), header.user) },
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
    pump.gate = null;
  }

  get header(): RecordingHeader {
    return this.#recording.header;
  }

  get volume(): Volume {
    return this.#options.volume;
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
    if (!machine.stands) this.gate.beforeTurn();
    this.#answers.isHeld = false;
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
    return { kind: header.format === "stratos-recording-1" ? "other instructions" : "other end", recorded };
  }
}

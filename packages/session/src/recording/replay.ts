/** A recorded run once more: the same program with the same seed, fed from the recording instead of the host. */
import type { Volume } from "@stratos/aegisfs";
import type { MachinePorts } from "@stratos/host";
import type { OpenFile } from "@stratos/kernel";
import { exitStatusOf } from "../exit-status.ts";
import { findGuestUser } from "../guest-user.ts";
import { MachineSession } from "../machine-session.ts";
import { readerOf } from "../volume-file.ts";
import { AnsweredFolder } from "./answered-folder.ts";
import { RecordedAnswers, ReplayError } from "./host-answers.ts";
import { InputGate } from "./input-gate.ts";
import type { Moment, Recording, RecordedEvent, RecordingEnd } from "./recording-format.ts";

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
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  #next = 0;
  #isStuck = false;

  /** @throws SessionError, ReplayError */
  constructor(recording: Recording, options: ReplayOptions) {
    const { header, answers } = recording;
    this.#recording = recording;
    this.#options = options;
    const host = new RecordedAnswers(answers);
    const session = new MachineSession({
      ...options,
      memoryBytes: header.memoryBytes,
      harts: header.harts,
      callWork: header.callWork ?? Infinity,
      seed: header.seed,
      folders: (header.folders ?? []).map(({ isReadOnly, ...folder }) => ({
        ...folder,
        tree: new AnsweredFolder(host, { name: folder.name, readOnly: isReadOnly, host: null }),
      })),
      log: () => {},
    });
    this.session = session;
    this.gate = new InputGate(session);
    this.gate.replay({ take: (moment) => this.#take(moment) });
    const { gate } = this;
    session.pump.gate = {
      get isBlocked() {
        return gate.isBlocked;
      },
      beforeTurn: () => gate.beforeTurn(),
      onIdle: () => this.#idle(),
    };
  }

  #take(moment: Moment): RecordedEvent[] {
    const { events } = this.#recording;
    const from = this.#next;
    while (this.#next < events.length && isAt(events[this.#next]!, moment)) this.#next++;
    return events.slice(from, this.#next);
  }

  /** An event of this very moment is let in by the next turn; without one the run waits for what never came. */
  #idle(): void {
    const event = this.#recording.events[this.#next];
    if (event !== undefined && isAt(event, this.gate.moment)) return this.session.pump.wake();
    this.#isStuck = true;
    this.session.stop();
  }

  /** @throws SessionError when the program cannot be started; ReplayError */
  async run(standardFiles: readonly OpenFile[]): Promise<ReplayOutcome> {
    const { header } = this.#recording;
    try {
      this.session.start(
        { ...header, user: findGuestUser(readerOf(this.#options.volume.root), header.user) },
        standardFiles,
      );
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
    if (this.#isStuck) return { kind: "stuck" };
    if (recorded.status !== end.status || recorded.output !== end.output) return { kind: "other end", recorded };
    if (recorded.instructions === end.instructions) return { kind: "same" };
    // The kernel has learnt since what programs may see (a line more in /proc/filesystems): what counts is what they
    // did.
    return { kind: header.format === "stratos-recording-1" ? "other instructions" : "other end", recorded };
  }
}

function isAt(event: RecordedEvent, moment: Moment): boolean {
  return event.instructions === moment.instructions && event.ns === moment.ns;
}

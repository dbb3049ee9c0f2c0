/**
 * What an explored run has of the outside: its whole input, let in at the beginning of a turn as an InputGate would let
 * it in, its output, and who ends it when it would not. All of it is plain state, so that a run can be forked; a
 * recording of it is what a recorder writes.
 */
import { SIGKILL } from "@stratos/abi";
import { hexOf, Sha256 } from "@stratos/base";
import type { HostStreamOut } from "@stratos/host";
import type { MachineSession } from "../machine-session.ts";
import type { TurnGate } from "../machine-pump.ts";
import { INPUT_MAX, OpenInput } from "../recording/open-input.ts";
import type { Happening, Moment, RecordedEvent, RecordingEnd } from "../recording/recording-format.ts";
import { CapturedOutput } from "./captured-output.ts";

/** Why a run that did not end by itself was killed. */
export type KillReason = "waits for ever" | "runs on" | "prints on" | "timed out";

export interface AttemptBounds {
  readonly instructions: number;
  /** Of the machine's clock. */
  readonly ns: number;
}

export class AttemptGate implements TurnGate {
  readonly isBlocked = false;
  killedBecause: KillReason | null = null;
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  /** The streams that programs hold. */
  readonly input: OpenInput;
  readonly outputs: readonly HostStreamOut[];
  /** Who writes down what happens. */
  onEvent: ((event: RecordedEvent) => void) | null = null;
  /** Looks on between turns. */
  onTurn: (() => void) | null = null;
  readonly #bounds: AttemptBounds;
  readonly #hash = new Sha256();
  #session: MachineSession | null = null;
  /** Not let in yet. */
  #left: Uint8Array;
  #mustKill = false;
  /** Instructions that were retired when all slept. */
  #idleAt = -1;

  /** @param from  the input, or the gate of a run that this one goes on from */
  constructor(from: Uint8Array | AttemptGate, bounds: AttemptBounds) {
    const before = from instanceof AttemptGate ? from : null;
    this.#bounds = bounds;
    this.#left = before === null ? (from as Uint8Array) : before.#left;
    const flood = (): void => this.kill("prints on");
    this.stdout = new CapturedOutput(flood, before?.stdout);
    this.stderr = new CapturedOutput(flood, before?.stderr);
    this.input = new OpenInput(() => this.#session!.pump.wake(), before?.input);
    this.outputs = [this.#streamOut(this.stdout), this.#streamOut(this.stderr)];
  }

  /** It decides over the session's turns from now on. */
  attach(session: MachineSession): void {
    this.#session = session;
    session.pump.gate = this;
  }

  get moment(): Moment {
    const { statistics, kernel } = this.#session!.machine;
    return { instructions: statistics.instructions, ns: kernel.now() };
  }

  kill(reason: KillReason): void {
    if (this.killedBecause !== null) return;
    this.killedBecause = reason;
    this.#mustKill = true;
    this.#session!.pump.wake();
  }

  beforeTurn(): void {
    const { moment } = this;
    if (moment.instructions > this.#bounds.instructions || moment.ns > this.#bounds.ns) this.kill("runs on");
    if (this.#mustKill) {
      this.#mustKill = false;
      this.#tell(moment, { kind: "signal", signal: SIGKILL });
      this.#session!.sendSignal(SIGKILL);
    }
    if (!this.input.isWaiting) return;
    if (this.#left.length === 0) {
      this.#tell(moment, { kind: "end" });
      return this.input.end();
    }
    const bytes = this.#left.subarray(0, INPUT_MAX);
    this.#left = this.#left.subarray(bytes.length);
    this.#tell(moment, { kind: "input", data: bytes });
    this.input.letIn(bytes);
  }

  afterTurn(): void {
    this.onTurn?.();
  }

  /** All tasks sleep, and no timer is armed. */
  onIdle(): void {
    const { instructions } = this.moment;
    if (instructions === this.#idleAt) return this.kill("waits for ever");
    // There may be more input to let in, or its end.
    this.#idleAt = instructions;
    this.#session!.pump.wake();
  }

  end(status: number): RecordingEnd {
    return { ...this.moment, kind: "exit", status, output: hexOf(this.#hash.digest()) };
  }

  #tell(moment: Moment, happening: Happening): void {
    this.onEvent?.({ ...moment, ...happening });
  }

  /** Output: the guest always finds room. */
  #streamOut(captured: CapturedOutput): HostStreamOut {
    return {
      write: (bytes, at, count) => {
        const piece = bytes.subarray(at, at + count);
        // Of the recording alone.
        if (this.onEvent !== null) this.#hash.update(piece);
        captured.take(piece);
        return count;
      },
      room: INPUT_MAX,
      isBroken: false,
      onWritable: () => {},
    };
  }
}

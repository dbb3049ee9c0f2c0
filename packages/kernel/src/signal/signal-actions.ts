import { SIG_DFL, SIG_IGN } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** What a process does with each signal (sigaction(2)). Addresses are user addresses; 0 SIG_DFL, 1 SIG_IGN. */
export interface SignalAction {
  handler: number;
  flags: number;
  restorer: number;
  maskLow: number;
  maskHigh: number;
}

const DEFAULT: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 };

/** Shared by the threads of a process (CLONE_SIGHAND). */
export class SignalActions {
  #actions: SignalAction[] = new Array<SignalAction>(65).fill(DEFAULT);
  users = 1;
  identity = 0;

  get(signal: number): SignalAction {
    return this.#actions[signal]!;
  }

  set(signal: number, action: SignalAction): void {
    this.#actions[signal] = action;
  }

  copy(): SignalActions {
    const copy = new SignalActions();
    for (let signal = 1; signal <= 64; signal++) copy.#actions[signal] = this.#actions[signal]!;
    return copy;
  }

  /** execve(2): handlers go back to default, ignored signals stay ignored. */
  resetHandlers(): void {
    for (let signal = 1; signal <= 64; signal++)
      if (this.#actions[signal]!.handler > SIG_IGN) this.#actions[signal] = DEFAULT;
  }

  static {
    stateClass("SignalActions", this, {
      save: (it) => ({ actions: it.#actions }),
      load: (it, from) => ({ actions: it.#actions } = from),
    });
  }
}

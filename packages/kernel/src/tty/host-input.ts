import { stateClass } from "@stratos/base";
import { ByteRing } from "./byte-ring.ts";
import type { Terminal } from "./terminal.ts";

/** Input that no program has taken, such as a long paste; more is lost, as on a serial line. */
const INPUT_CAPACITY = 1 << 20;

interface InputHost {
  /** Told how many bytes `typed` takes, whenever that may be more. */
  inputRoom?(bytes: number): void;
}

/** What was typed on a terminal of the host, until the line discipline has room for it. */
export class HostInput {
  #waiting = new ByteRing(INPUT_CAPACITY);
  #host: InputHost | null;
  #isFeeding = false;
  terminal: Terminal | null = null;

  constructor(host: InputHost | null = null) {
    this.#host = host;
  }

  typed(bytes: Uint8Array): void {
    const count = Math.min(bytes.length, this.#waiting.room);
    if (count > 0) this.#waiting.push(bytes, 0, count);
    this.feed();
  }

  /** Moves what waits to the terminal as it gets room. */
  feed(): void {
    const { terminal } = this;
    if (this.#isFeeding || terminal === null) return;
    this.#isFeeding = true;
    while (this.#waiting.length > 0 && terminal.inputRoom > 0) {
      const bytes = this.#waiting.peek();
      const count = Math.min(bytes.length, terminal.inputRoom);
      const part = bytes.slice(0, count);
      this.#waiting.drop(count);
      terminal.receive(part, 0, count);
    }
    this.#isFeeding = false;
    this.#host?.inputRoom?.(this.#waiting.room);
  }

  static {
    stateClass("HostInput", this, {
      save: (it) => ({ waiting: it.#waiting, host: it.#host, isFeeding: it.#isFeeding }),
      load: (it, from) => ({ waiting: it.#waiting, host: it.#host, isFeeding: it.#isFeeding } = from),
    });
  }
}

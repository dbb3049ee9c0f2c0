import { stateClass } from "@stratos/base";
import { ByteRing } from "./byte-ring.ts";
import type { Terminal } from "./terminal.ts";

/** Input that no program has taken, such as a long paste; more is lost, as on a serial line. */
const INPUT_CAPACITY = 1 << 20;

/** What was typed on a terminal of the host, until the line discipline has room for it. */
export class HostInput {
  #waiting = new ByteRing(INPUT_CAPACITY);
  #isFeeding = false;
  terminal: Terminal | null = null;

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
  }

  static {
    stateClass("HostInput", this, {
      save: (it) => ({ waiting: it.#waiting, isFeeding: it.#isFeeding }),
      load: (it, from) => ({ waiting: it.#waiting, isFeeding: it.#isFeeding } = from),
    });
  }
}

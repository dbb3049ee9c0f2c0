/** Compares what two runs did, event by event, while the second one is on its way. */

/** The first event at which they differ. */
export interface Difference {
  /** From 1. */
  readonly event: number;
  /** Byte strings; null: there is no such event, the run has ended before. */
  readonly first: TracedEvent | null;
  readonly second: TracedEvent | null;
  /** The last event that both have. */
  readonly before: TracedEvent | null;
}

export interface TracedEvent {
  /** Instructions that the machine has retired. */
  readonly position: number;
  /** Of the registers (machine-marks.ts). */
  readonly registers: string;
  readonly text: string;
}

export class TraceComparison {
  readonly #read: () => string;
  /** Of the first trace; its next event stands at `#at`. */
  #first = "";
  #at = 0;
  /** Of the second one: an event that is half there. */
  #second = "";
  #event = 0;
  /** The last event that both have. */
  #last: string | null = null;
  difference: Difference | null = null;

  /** @param read  the first trace, with marks, piece by piece; "" at its end */
  constructor(read: () => string) {
    this.#read = read;
  }

  /** Takes a piece of the second trace. */
  write(text: string): void {
    this.#second += text;
    let at = 0;
    for (let end: number; this.difference === null && (end = this.#second.indexOf("\n", at)) >= 0; at = end + 1)
      this.#compare(this.#nextOfFirst(), this.#second.slice(at, end));
    this.#second = this.#second.slice(at);
  }

  /** The second trace has ended. @returns where they differ; null: nowhere */
  finish(): Difference | null {
    if (this.difference === null) {
      const line = this.#nextOfFirst();
      if (line !== null) this.#compare(line, null);
    }
    return this.difference;
  }

  /** How many events both have. */
  get events(): number {
    return this.#event;
  }

  #compare(first: string | null, second: string | null): void {
    if (first === second) {
      this.#event++;
      this.#last = first!;
      return;
    }
    this.difference = {
      event: this.#event + 1,
      first: eventOf(first),
      second: eventOf(second),
      before: eventOf(this.#last),
    };
  }

  #nextOfFirst(): string | null {
    let end: number;
    while ((end = this.#first.indexOf("\n", this.#at)) < 0) {
      const more = this.#read();
      if (more === "") return null;
      this.#first = this.#first.slice(this.#at) + more;
      this.#at = 0;
    }
    const line = this.#first.slice(this.#at, end);
    this.#at = end + 1;
    return line;
  }
}

function eventOf(line: string | null): TracedEvent | null {
  if (line === null) return null;
  const [, position, registers, text] = /^(\d+) ([0-9a-f]+) (.*)$/s.exec(line)!;
  return { position: Number(position), registers: registers!, text: text! };
}

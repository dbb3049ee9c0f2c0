/**
 * Children of `fork-heap` on the compiling engine; scheme/stratos/heap-children.sld is its other half.
 *
 * A program that forks, calls a child or answers a call leaves its run with nothing on the host's stack
 * (`LeftForHeap`), the engine lets the version change here (`perform`) and enters the library's procedure, which finds
 * in the inbox what it is to do. Between versions go texts alone. A future is a child in another thread, where there
 * are threads: a copy of the heap that answers one call (running-heap.ts).
 */
import { MString, Pair, UNSPECIFIED, intern } from "../datum/datum.ts";
import { failure, wrongType } from "../datum/condition.ts";
import type { HeapVersion, HeapVersions } from "./heap-versions.ts";
import type { FutureOutcome, RunningFuture } from "./running-heap.ts";

/** The program leaves its run so that another version of the heap can be there. */
export class LeftForHeap extends Error {
  override readonly name = "LeftForHeap";
}

/** A child that is alone in its thread has answered the one call that it is there for. */
class FutureAnswered extends Error {
  override readonly name = "FutureAnswered";
  readonly text: string;
  constructor(text: string) {
    super("a future has its value");
    this.text = text;
  }
}

/** Children that are there at once: each has its roots, and words that differ. */
const CHILDREN_MAX = 1000;

export class Forks {
  readonly #versions: HeapVersions;
  readonly #hold: (procedure: unknown) => void;
  /** Copies the heap into a thread of its own; null: none is free. */
  readonly #startFuture: () => RunningFuture | null;
  readonly #children: Map<number, HeapVersion>;
  readonly #futures: Map<number, RunningFuture>;
  #nextNumber: number;
  /** Those who wait for an answer, the outermost first. */
  readonly #callers: HeapVersion[];
  #due: (() => void) | null;
  #inbox: Pair | null;

  constructor(versions: HeapVersions, hold: (procedure: unknown) => void, startFuture: () => RunningFuture | null) {
    this.#versions = versions;
    this.#hold = hold;
    this.#startFuture = startFuture;
    this.#children = new Map();
    this.#futures = new Map();
    this.#nextNumber = 1;
    this.#callers = [];
    this.#due = null;
    this.#inbox = null;
  }

  /** Whether a child runs. */
  get isInChild(): boolean {
    return this.#callers.length > 0;
  }

  /** The primitive `%heap`. @throws SchemeError, LeftForHeap */
  call(name: string, [operand, text]: readonly unknown[]): unknown {
    switch (name) {
      case "served":
      case "forks":
        return true;
      case "hold":
        this.#hold(operand);
        return UNSPECIFIED;
      case "inbox":
        return this.#inbox;
      case "fork":
      case "future": {
        const what = name === "fork" ? "fork-heap" : "future";
        if (this.#children.size + this.#futures.size >= CHILDREN_MAX)
          throw failure(`${what}: there are ${CHILDREN_MAX} children already; heap-close! or touch ends one`);
        return this.#leave(() => {
          const number = this.#nextNumber++;
          // Other versions are not copied.
          const future = name === "fork" || this.#versions.isForked ? null : this.#startFuture();
          if (future === null) this.#children.set(number, this.#versions.fork());
          else this.#futures.set(number, future);
          this.#send(future === null ? "forked" : "started", number);
        });
      }
      case "await": {
        const outcome = this.#futures.get(operand as number)!.wait(text === false ? Infinity : (text as number));
        return outcome !== null && new Pair(intern(outcome.kind), MString.of(outcome.text));
      }
      case "rehearse":
        return this.#leave(() => {
          this.#versions.rehearse();
          // No child has this number.
          this.#send("forked", 0);
        });
      case "call": {
        const child = this.#child(operand);
        return this.#leave(() => {
          const caller = this.#versions.current;
          this.#versions.switchTo(child);
          this.#callers.push(caller);
          this.#send("call", text);
        });
      }
      case "answer":
        if (!this.isInChild) throw new FutureAnswered((operand as MString).toString());
        return this.#leave(() => {
          this.#versions.switchTo(this.#callers.at(-1)!);
          this.#callers.pop();
          this.#send("answer", operand);
        });
      case "close": {
        this.#futures.get(operand as number)?.close();
        this.#futures.delete(operand as number);
        if (!this.#children.has(operand as number)) return UNSPECIFIED;
        const child = this.#child(operand);
        this.#children.delete(operand as number);
        this.#versions.close(child);
        return UNSPECIFIED;
      }
      default:
        throw wrongType("%heap", "an operation", intern(name));
    }
  }

  #child(number: unknown): HeapVersion {
    const child = this.#children.get(number as number);
    if (child === undefined) throw failure("heap-call: the child has ended");
    if (child === this.#versions.current || this.#callers.includes(child))
      throw failure("heap-call: the child is running");
    return child;
  }

  #leave(due: () => void): never {
    this.#due = due;
    throw new LeftForHeap();
  }

  #send(kind: string, content: unknown): void {
    this.#inbox = new Pair(intern(kind), content);
  }

  /** Of a heap that was copied into a thread of its own: its child is called. @param run  enters the library */
  answerAsFuture(run: () => void): FutureOutcome {
    this.#send("call", MString.of("()"));
    try {
      run();
      return { kind: "ended", text: "it came to its end" };
    } catch (error) {
      if (error instanceof FutureAnswered) return { kind: "answer", text: error.text };
      if (error instanceof Error) return { kind: "ended", text: error.message };
      throw error;
    }
  }

  /** Does what was asked for, at the base of the stack. */
  perform(): void {
    const due = this.#due!;
    this.#due = null;
    due();
  }

  /** The child that runs ended by an error or an exit: who called it is told. */
  end(reason: string): void {
    const child = this.#versions.current;
    this.#versions.abandonFor(this.#callers.pop()!);
    for (const [number, version] of this.#children) if (version === child) this.#children.delete(number);
    this.#send("ended", MString.of(reason));
  }
}

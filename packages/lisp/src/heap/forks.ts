/**
 * Children of `fork-heap` on the compiling engine; scheme/stratos/heap.sld is its other half.
 *
 * A program that forks, calls a child or answers a call leaves its run with nothing on the host's stack
 * (`LeftForHeap`), the engine lets the version change here (`perform`) and enters the library's procedure, which finds
 * in the inbox what it is to do. Between versions go texts alone.
 */
import { MString, Pair, UNSPECIFIED, intern } from "../datum/datum.ts";
import { failure, wrongType } from "../datum/condition.ts";
import type { HeapVersion, HeapVersions } from "./heap-versions.ts";

/** The program leaves its run so that another version of the heap can be there. */
export class LeftForHeap extends Error {
  override readonly name = "LeftForHeap";
}

/** Children that are there at once: each has its roots, and words that differ. */
const CHILDREN_MAX = 1000;

export class Forks {
  readonly #versions: HeapVersions;
  readonly #hold: (procedure: unknown) => void;
  readonly #children: Map<number, HeapVersion>;
  #nextNumber: number;
  /** Those who wait for an answer, the outermost first. */
  readonly #callers: HeapVersion[];
  #due: (() => void) | null;
  #inbox: Pair | null;

  constructor(versions: HeapVersions, hold: (procedure: unknown) => void) {
    this.#versions = versions;
    this.#hold = hold;
    this.#children = new Map();
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
        return true;
      case "hold":
        this.#hold(operand);
        return UNSPECIFIED;
      case "inbox":
        return this.#inbox;
      case "fork":
        if (this.#children.size === CHILDREN_MAX)
          throw failure(`fork-heap: there are ${CHILDREN_MAX} children already; heap-close! ends one`);
        return this.#leave(() => {
          const number = this.#nextNumber++;
          this.#children.set(number, this.#versions.fork());
          this.#send("forked", number);
        });
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
        return this.#leave(() => {
          this.#versions.switchTo(this.#callers.at(-1)!);
          this.#callers.pop();
          this.#send("answer", operand);
        });
      case "close": {
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

/** A value of JavaScript that Lisp has no form for: an object, a function, a symbol, null. Lisp sees a handle. */
import { failure } from "../datum/condition.ts";

export class JavaScriptValue {
  #value: unknown;
  #isDead: boolean;

  constructor(value: unknown) {
    this.#value = value;
    this.#isDead = false;
  }

  /** A handle whose value is gone: it was released, or came with a heap of another session. */
  static dead(): JavaScriptValue {
    const handle = new JavaScriptValue(undefined);
    handle.release();
    return handle;
  }

  /** @throws SchemeError  its value is gone */
  get value(): unknown {
    if (this.#isDead)
      throw failure("a dead handle: its JavaScript value was released, or belongs to another session:", this);
    return this.#value;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  release(): void {
    this.#value = undefined;
    this.#isDead = true;
  }

  /** As it is shown. Nothing of the value's own is asked: that could run its code. */
  toString(): string {
    const kind = this.#isDead ? "dead handle" : this.#value === null ? "null" : typeof this.#value;
    return `#<javascript ${kind}>`;
  }
}

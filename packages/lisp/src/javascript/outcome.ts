/** What an operation of JavaScript came to, as the library reads it: vectors that begin with one of these. */
export const Outcome = {
  /** value */
  value: 0,
  /** number of a procedure of Lisp's own */
  procedure: 1,
  /** number of an object that a procedure of Lisp raised */
  raised: 2,
  /** message, the value that JavaScript threw */
  thrown: 3,
  /** kind and message of an error of the bridge itself; irritants */
  refused: 4,
  /** an iterator has no more */
  end: 5,
  /** JavaScript calls: number of the procedure, its arguments as outcomes */
  call: 6,
} as const;

/** An object that a procedure of Lisp raised, on its way through JavaScript. */
export class LispError extends Error {
  override readonly name = "LispError";
  /** Of the raised object, in the library's table. */
  readonly number: number;
  constructor(number: number, message: string) {
    super(message);
    this.number = number;
  }
}

/**
 * The program leaves its run with nothing on the host's stack: JavaScript may call procedures of Lisp now, or time may
 * pass. What it goes on with, the library has kept.
 */
export class LeftForJavaScript extends Error {
  override readonly name = "LeftForJavaScript";
}

/** The same to let the host's event loop run: who runs the session goes on when `Bridge.somethingComes` is over. */
export class LeftForEvents extends LeftForJavaScript {}

/**
 * Between a session and JavaScript; scheme/stratos/javascript.sld is its other half.
 *
 * Lisp calls JavaScript with nothing of its own on the host's stack, where JavaScript might call back: the library
 * keeps the continuation and leaves its run (`LeftForJavaScript`), the runner lets the bridge do what was asked
 * (`perform`) and then enters the library's procedure, which finds the outcome in the inbox and goes on. A call by
 * JavaScript is the same procedure, entered with the call in the inbox. So both engines' continuations, threads and
 * collectors meet no frames of JavaScript, and no address of a Lisp object is ever held here: procedures and raised
 * objects have numbers in a table of the library's.
 *
 * While JavaScript has no procedure of Lisp it cannot call back: then operations are done at once.
 */
import { Condition, type ConditionKind, SchemeError, failure, limitReached } from "../datum/condition.ts";
import { MString, SchemeSymbol, UNSPECIFIED, intern, itemsOf } from "../datum/datum.ts";
import { Handles, toJavaScript } from "./convert.ts";
import { JavaScriptValue } from "./javascript-value.ts";
import { END, OPERATIONS, bytesOfBuffer, messageOf } from "./operations.ts";
import { LeftForEvents, LeftForJavaScript, LispError, Outcome } from "./outcome.ts";

/** JavaScript as a host gives it to a session that may have it. */
export interface JavaScriptHost {
  /** What `(js-global)` gives; with it a program may do whatever the host's own code may. */
  readonly global: object;
  /** Calls back once when nothing is left that could happen; null: the host cannot tell. @returns takes it back */
  readonly whenIdle: ((call: () => void) => () => void) | null;
}

/** What a bridge needs to know of the session's system (interpreter/system.ts). */
interface BridgeSystem {
  readonly javascript: JavaScriptHost | null;
  readonly isTimeVirtual: boolean;
}

/** The engine that the session runs on. */
interface BridgeRunner {
  /** Keeps the library's procedure. */
  hold(procedure: unknown): void;
  /** Runs it to its end, as a program of its own. @returns its value */
  enter(): unknown;
}

/** Calls of JavaScript by Lisp by JavaScript: each takes some of the host's stack. */
const DEPTH_MAX = 200;
/** Milliseconds that threads may have for themselves while one awaits a promise. */
const TURN_MS = 10;

export class Bridge {
  readonly #host: JavaScriptHost | null;
  readonly #isTimeVirtual: boolean;
  readonly #runner: BridgeRunner;
  readonly #handles: Handles;
  /** Functions that JavaScript has of Lisp, by their numbers; undefined: it was released, or collected. */
  readonly #functions: Map<number, WeakRef<object>>;
  readonly #numbers: WeakMap<object, number>;
  readonly #collected: FinalizationRegistry<number>;
  readonly #free: number[];
  readonly #settled: unknown[];
  readonly #deferred: Map<number, { resolve(value: unknown): void; reject(reason: unknown): void }>;
  #deferredCount: number;
  #watched: number;
  #request: { readonly name: string; readonly operands: readonly unknown[] } | null;
  #inbox: unknown;
  #depth: number;
  #wake: (() => void) | null;
  /** How long the program waits for events at most; null: until there is one. */
  #seconds: number | null;
  #isIdle: boolean;
  #lastTurn: number;
  /** Ends the program as soon as JavaScript has returned. */
  #fatal: { readonly error: unknown } | null;
  /** Whether who runs the session lets the event loop run when it asks for that. */
  canWait: boolean;

  constructor({ javascript, isTimeVirtual }: BridgeSystem, runner: BridgeRunner) {
    this.#host = javascript;
    this.#isTimeVirtual = isTimeVirtual;
    this.#runner = runner;
    this.#handles = new Handles();
    this.#functions = new Map();
    this.#numbers = new WeakMap();
    this.#free = [];
    this.#collected = new FinalizationRegistry((number) => this.#forget(number));
    this.#settled = [];
    this.#deferred = new Map();
    this.#deferredCount = 0;
    this.#watched = 0;
    this.#request = null;
    this.#inbox = false;
    this.#depth = 0;
    this.#wake = null;
    this.#seconds = null;
    this.#isIdle = false;
    this.#lastTurn = 0;
    this.#fatal = null;
    this.canWait = false;
  }

  /** How many procedures of Lisp, and objects that they raised, JavaScript has. */
  get functionCount(): number {
    return this.#functions.size;
  }

  /** Goes on with a program that waited. @returns its value */
  enter(): unknown {
    return this.#runner.enter();
  }

  /** The primitive `%js`. @throws SchemeError, LeftForJavaScript */
  call(name: string, operands: readonly unknown[]): unknown {
    const host = this.#host;
    if (host === null)
      throw new SchemeError(
        new Condition("permission", "this session has no JavaScript: (stratos javascript) needs --allow-javascript"),
      );
    switch (name) {
      case "open":
        this.#runner.hold(operands[0]);
        return UNSPECIFIED;
      case "inbox": {
        const message = this.#inbox;
        this.#inbox = false;
        return message;
      }
      case "leave":
        this.#request = { name: (operands[0] as SchemeSymbol).name, operands: itemsOf(operands[1]) ?? [] };
        throw new LeftForJavaScript();
      case "raise": {
        const [kind, message, irritants] = operands as [SchemeSymbol, unknown, readonly unknown[]];
        throw new SchemeError(new Condition(kind.name as ConditionKind, message, irritants));
      }
      case "no-return":
        // Who called the continuation is lost already.
        this.#fatal = { error: failure("a continuation of a call by JavaScript was called when that had returned") };
        throw new LeftForJavaScript();
      case "value?":
        return operands[0] instanceof JavaScriptValue;
      case "null?":
        return operands[0] instanceof JavaScriptValue && !operands[0].isDead && operands[0].value === null;
      case "release":
        return this.#release(operands[0]);
      case "function":
        return this.#makeFunction(operands[0] as number, operands[1]);
      case "depth":
        return this.#depth;
      case "free":
        return this.#free.pop() ?? false;
      case "settled":
        return this.#settled.shift() ?? false;
      case "waits?":
        return this.#watched > 0 || this.#functions.size > 0;
      case "can-wait?":
        return this.canWait && this.#depth === 0;
      case "due?":
        return this.canWait && this.#watched > 0 && this.#depth === 0 && Date.now() - this.#lastTurn > TURN_MS;
      default:
        // With no procedure of Lisp in its hands JavaScript cannot call back.
        return this.#functions.size > 0 ? false : this.#outcomeOf(name, operands, host);
    }
  }

  /**
   * Does what the program left its run for; the outcome lies in the inbox then. @throws what ends the program;
   * LeftForEvents
   */
  perform(): void {
    this.#throwFatal();
    const request = this.#request;
    this.#request = null;
    if (request === null || this.#host === null) throw failure("JavaScript was left for without a request");
    if (request.name === "wait") {
      this.#inbox = [Outcome.value, false];
      if (!this.canWait || this.#depth > 0) return;
      this.#seconds = typeof request.operands[0] === "boolean" ? null : (toJavaScript(request.operands[0]) as number);
      // Such time passes by the program's own waiting, of which this is no part.
      if (this.#isTimeVirtual && this.#seconds !== null) this.#seconds = 0;
      throw new LeftForEvents();
    }
    const inbox = this.#outcomeOf(request.name, request.operands, this.#host);
    this.#throwFatal();
    this.#inbox = inbox;
  }

  #throwFatal(): void {
    const fatal = this.#fatal;
    if (fatal === null) return;
    // Those who called the procedure that ended the program are left one after the other.
    if (this.#depth === 0) this.#fatal = null;
    throw fatal.error;
  }

  /**
   * Ends when a promise has settled, a procedure was called, or the time is over that was asked for. The program is
   * to be entered then. @throws what ends the program
   */
  async somethingComes(): Promise<void> {
    const { global, whenIdle } = this.#host!;
    const setTimer = Reflect.get(global, "setTimeout") as (call: () => void, ms: number) => unknown;
    const clearTimer = Reflect.get(global, "clearTimeout") as (timer: unknown) => void;
    this.#isIdle = false;
    await new Promise<void>((resolve) => {
      let timer: unknown = null;
      let takeBack = (): void => {};
      this.#wake = () => {
        this.#wake = null;
        if (timer !== null) clearTimer(timer);
        takeBack();
        resolve();
      };
      const wake = this.#wake;
      if (this.#settled.length > 0) setTimer(wake, 0);
      else if (this.#seconds !== null) timer = setTimer(wake, Math.min(this.#seconds * 1000, 2 ** 31 - 1));
      if (whenIdle !== null)
        takeBack = whenIdle(() => {
          this.#isIdle = true;
          wake();
        });
    });
    this.#lastTurn = Date.now();
    this.#throwFatal();
    const hasPassed = this.#seconds === null || !this.#isTimeVirtual;
    this.#inbox = [Outcome.value, !this.#isIdle && hasPassed];
  }

  #outcomeOf(name: string, operands: readonly unknown[], host: JavaScriptHost): unknown[] {
    try {
      return this.#operate(name, operands, host);
    } catch (error) {
      return this.#thrown(error);
    }
  }

  #operate(name: string, operands: readonly unknown[], host: JavaScriptHost): unknown[] {
    switch (name) {
      case "global":
        return [Outcome.value, this.#handles.handle(host.global)];
      // As a handle, also what Lisp has a form for.
      case "bigint":
        return [Outcome.value, new JavaScriptValue(BigInt(toJavaScript(operands[0]) as number | bigint))];
      case "null":
        return [Outcome.value, this.#handles.handle(null)];
      case "bytes":
        return [Outcome.value, this.#handles.handle(toJavaScript(operands[0]))];
      case "bytevector":
        return [Outcome.value, bytesOfBuffer(toJavaScript(operands[0]))];
      case "items":
        return [Outcome.value, Array.from(toJavaScript(operands[0]) as unknown[], (item) => this.#inward(item))];
      case "watch":
        return this.#watch(operands[0] as number, toJavaScript(operands[1]));
      case "promise":
        return this.#makePromise();
      case "settle":
        return this.#settle(operands);
      case "throw":
        throw toJavaScript(operands[0]);
    }
    const operation = OPERATIONS[name];
    if (operation === undefined) throw failure(`JavaScript has no operation ${name}`);
    const value = (operation as (...all: unknown[]) => unknown)(...operands.map(toJavaScript));
    return value === END ? [Outcome.end] : this.#inward(value);
  }

  /** A value that comes from JavaScript. */
  #inward(value: unknown): unknown[] {
    const number = typeof value === "function" ? this.#numbers.get(value) : undefined;
    if (number !== undefined && this.#functions.has(number)) return [Outcome.procedure, number];
    return [Outcome.value, this.#handles.toLisp(value)];
  }

  #thrown(error: unknown): unknown[] {
    if (error instanceof SchemeError && error.payload instanceof Condition) {
      const { kind, message, irritants } = error.payload;
      return [Outcome.refused, intern(kind), MString.of(String(message)), [...irritants]];
    }
    if (error instanceof LispError && this.#numbers.has(error)) return [Outcome.raised, error.number];
    return [Outcome.thrown, MString.of(messageOf(error)), this.#handles.toLisp(error)];
  }

  // Functions of Lisp's

  #makeFunction(number: number, name: unknown): JavaScriptValue {
    const call = (...operands: unknown[]): unknown => {
      // Its number may be another one's by now.
      if (!this.#numbers.has(call)) throw failure("this procedure of Lisp was released");
      return this.#enter(number, operands);
    };
    if (name instanceof SchemeSymbol) Object.defineProperty(call, "name", { value: name.name });
    this.#keep(number, call);
    return this.#handles.handle(call);
  }

  #keep(number: number, object: object): void {
    this.#functions.set(number, new WeakRef(object));
    this.#numbers.set(object, number);
    this.#collected.register(object, number, object);
  }

  #forget(number: number): void {
    this.#functions.delete(number);
    this.#free.push(number);
  }

  #release(value: unknown): unknown {
    if (!(value instanceof JavaScriptValue)) throw failure("js-release!: expected a handle, got", value);
    if (value.isDead) return UNSPECIFIED;
    const object = value.value;
    const number = typeof object === "function" ? this.#numbers.get(object) : undefined;
    if (number !== undefined && this.#functions.has(number)) {
      this.#numbers.delete(object as object);
      this.#collected.unregister(object as object);
      this.#forget(number);
    }
    this.#handles.release(value);
    return UNSPECIFIED;
  }

  /** JavaScript calls a procedure of Lisp. */
  #enter(number: number, operands: readonly unknown[]): unknown {
    if (this.#depth >= DEPTH_MAX) throw limitReached("JavaScript and Lisp call each other too deeply");
    const waiting = this.#inbox;
    this.#inbox = [Outcome.call, number, operands.map((operand) => this.#inward(operand))];
    this.#depth++;
    let outcome: unknown[];
    try {
      outcome = this.#runner.enter() as unknown[];
    } catch (error) {
      this.#fatal ??= { error };
      throw new Error("the program of Lisp ends", { cause: error });
    } finally {
      this.#depth--;
      this.#inbox = waiting;
      if (this.#depth === 0) this.#wake?.();
    }
    return this.#answer(outcome);
  }

  /** What a procedure of Lisp came to, as JavaScript's. */
  #answer(outcome: readonly unknown[]): unknown {
    switch (outcome[0]) {
      case Outcome.value:
        return toJavaScript(outcome[1]);
      case Outcome.thrown:
        throw toJavaScript(outcome[1]);
      default: {
        const error = new LispError(outcome[1] as number, (outcome[2] as MString).toString());
        this.#keep(error.number, error);
        throw error;
      }
    }
  }

  // Promises

  #watch(number: number, promise: unknown): unknown[] {
    this.#watched++;
    const settle = (outcome: unknown[]): void => {
      this.#watched--;
      this.#settled.push([number, outcome]);
      this.#wake?.();
    };
    Promise.resolve(promise).then(
      (value) => settle(this.#inward(value)),
      (error: unknown) => settle(this.#thrown(error)),
    );
    return [Outcome.value, true];
  }

  #makePromise(): unknown[] {
    const { promise, resolve, reject } = Promise.withResolvers();
    const number = this.#deferredCount++;
    this.#deferred.set(number, { resolve, reject });
    return [Outcome.value, [this.#handles.handle(promise), number]];
  }

  /** number, and what a procedure came to */
  #settle(operands: readonly unknown[]): unknown[] {
    const number = operands[0] as number;
    const deferred = this.#deferred.get(number);
    this.#deferred.delete(number);
    try {
      deferred?.resolve(this.#answer(operands[1] as unknown[]));
    } catch (error) {
      deferred?.reject(error);
    }
    return [Outcome.value, true];
  }
}

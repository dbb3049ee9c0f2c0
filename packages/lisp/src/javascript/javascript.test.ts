/**
 * Goal: (stratos javascript) gives values, calls, exceptions and promises both ways alike on both engines; what is not
 * held any more is let go, and what is stays right when the heap moves; without permission there is nothing.
 * Method: programs on the interpreter, compiled, and compiled with a collection at each allocation; JavaScript's side
 * as objects of the test's own.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { extendedTest } from "@stratos/base/testing";
import { CompiledLisp } from "../compiled-session.ts";
import type { EngineOptions } from "../engine-options.ts";
import { ExitRequest } from "../interpreter/machine.ts";
import { Repl } from "../repl/repl.ts";
import { findOwnLibrary } from "../testing/own-libraries.ts";
import { makeLisp, type RunOptions } from "../testing/run.ts";
import { runtimeImage } from "../testing/runtime-image.ts";
import { testWasmEngine } from "../testing/wasm-engine.ts";

const IMPORTS = "(import (scheme base) (scheme write) (stratos base) (stratos javascript) (srfi 18))";
const ENGINES = ["interpreter", "wasm"] as const;
type EngineName = (typeof ENGINES)[number];

/** An idle host is told at once when nothing was scheduled for so long. */
const whenIdle = (call: () => void): (() => void) => {
  process.once("beforeExit", call);
  return () => void process.removeListener("beforeExit", call);
};

const REAL_TIME = { isTimeVirtual: false, currentSecond: () => Date.now() / 1000 };

function session(
  engine: EngineName,
  { own = {}, options = {}, ...rest }: RunOptions & { own?: object; options?: Partial<EngineOptions> } = {},
) {
  const global = Object.assign(Object.create(globalThis) as object, own);
  const { lisp, output } = makeLisp({
    findLibrary: findOwnLibrary,
    ...rest,
    system: { javascript: { global, whenIdle }, ...REAL_TIME, ...rest.system },
  });
  const compiled =
    engine === "wasm" ? new CompiledLisp(lisp, { wasm: testWasmEngine, image: runtimeImage(), ...options }) : null;
  return { lisp, output, compiled, runner: compiled ?? lisp };
}

type SessionOptions = NonNullable<Parameters<typeof session>[1]>;

async function run(text: string, engine: EngineName, options: SessionOptions = {}): Promise<string> {
  const { lisp, output, runner } = session(engine, options);
  try {
    await runner.runProgramWaiting(`${IMPORTS}\n(define (show x) (write x) (newline))\n${text}`, "test.scm");
  } catch (error) {
    const words = lisp.describe(error);
    if (words === null) throw error;
    return `${output()}error: ${words.split("\n")[0]!.replace(/^\S+: /, "")}`;
  }
  return output();
}

function agrees(name: string, text: string, expected: string, options: SessionOptions = {}): void {
  for (const engine of ENGINES)
    test(`${name} (${engine})`, async () => {
      assert.equal((await run(text, engine, options)).trimEnd(), expected);
    });
}

agrees(
  "values come and go by the stated rules",
  `(define (back x) (js-invoke (js-global) "same" x))
   (for-each (lambda (x) (show (back x)))
     (list 5 -9007199254740991 9007199254740992 -0.0 2.0 1.5 "λ" #\\x #t #f 'name (expt 2 80)))
   (show (js-typeof (expt 2 53))) (show (js-typeof (- (expt 2 53) 1))) (show (js-typeof (js-bigint 1)))
   (show (js-typeof (js-undefined? (back js-undefined))))
   (show (js-null? (js-null))) (show (js-null? (js-ref (js-global) "nothing"))) (show (js-null? 0))
   (show (js-ref (js-global) "lone"))
   (show (eq? (js-global "Math") (js-global "Math")))
   (show (js->bytevector (bytevector->js (bytevector 1 2 255))))
   (show (js-value? (back (bytevector 1))))`,
  `5
-9007199254740991
9007199254740992
-0.0
2
1.5
"λ"
"x"
#t
#f
name
1208925819614629174706176
"bigint"
"number"
"bigint"
"boolean"
#t
#t
#f
"\uFFFD"
#t
#u8(1 2 255)
#t`,
  { own: { same: (x: unknown) => x, nothing: null, lone: "\ud800" } },
);

agrees(
  "what has no form in JavaScript is refused by name, and a ratio is no number by itself",
  `(define (try x) (guard (e (#t (show (error-object-message e)))) (js-set! (js-global) "x" x)))
   (for-each try (list '() '(1) #(1) 1/2 (eof-object) (make-parameter 1)))
   (show (error-object-kind (guard (e (#t e)) (js-set! (js-global) "x" 1/2))))`,
  `${'"a value without a form in JavaScript:"\n'.repeat(5)}"type"`,
);

agrees(
  "an iteration that is left early closes its iterator, one that ends or whose next() throws does not",
  `(define closed (list->js '()))
   (define (iterated . how) (apply js-call (js-global "threeValues") closed how))
   (define (told) (js-ref closed "length"))
   (show (call/cc (lambda (k) (js-for-each (lambda (x) (if (= x 2) (k x))) (iterated)))))
   (show (told))
   (show (guard (e ((symbol? e) e)) (js-for-each (lambda (x) (raise 'left)) (iterated))))
   (show (told))
   (js-for-each (lambda (x) x) (iterated))
   (show (told))
   (show (guard (e ((js-error? e) 'thrown)) (js-for-each (lambda (x) x) (iterated "throws"))))
   (show (told))
   (show (call/cc (lambda (k) (js-for-each k (list->js '(5 6))))))
   (show (call/cc (lambda (k) (js-for-each k (iterated "stays")))))`,
  `2
1
left
2
2
thrown
2
5
1`,
  {
    own: {
      threeValues: (closed: unknown[], how?: string) => {
        let n = 0;
        return {
          [Symbol.iterator]: () => ({
            next: () => {
              if (how === "throws") throw new Error("no next");
              return n < 3 ? { done: false, value: ++n } : { done: true, value: undefined };
            },
            return: () => {
              closed.push(n);
              if (how === "stays") throw new Error("stays open");
              return { done: true, value: undefined };
            },
          }),
        };
      },
    },
  },
);

agrees(
  "properties, methods, classes and iteration",
  `(define m (js-new (js-global "Map")))
   (js-invoke m "set" "a" 1) (js-invoke m "set" "b" (list->js '(1 2)))
   (show (js-ref m "size")) (show (js-instance? m (js-global "Map")))
   (js-for-each (lambda (pair) (show (js-ref pair 0))) m)
   (define o (js-object "x" 1 "y" (js-object "z" "deep")))
   (js-set! o "x" 2) (show (js-keys o)) (show (js-ref (js-ref o "y") "z"))
   (show (js-has? o "y")) (show (js-delete! o "y")) (show (js-has? o "y"))
   (show (js->vector (js-invoke (js-global "Object") "values" o)))
   (show (js->string (list->js '(1 2)))) (show (js-same? o o))
   (show (map (lambda (f) (f 2)) (map js->procedure (list (js-ref (js-global "Math") "sqrt") (lambda (x) (* x x))))))`,
  `2
#t
"a"
"b"
("x" "y")
"deep"
#t
#t
#f
#(2)
"1,2"
#t
(1.4142135623730951 4)`,
);

agrees(
  "exceptions go both ways: as themselves through the other side",
  `(define (call f . rest) (apply js-invoke (js-global) "apply" f rest))
   (show (guard (e ((js-error? e) (list (error-object-message e) (js-ref (js-error-value e) "code"))))
     (js-invoke (js-global) "fail")))
   (show (guard (e (#t e)) (call (lambda () (raise 'mine)))))
   (show (guard (e (#t (list e (error-object? e)))) (call (lambda () (raise (list 1 2))))))
   (show (js-invoke (js-global) "caught" (lambda () (error "told:" 1 "x"))))
   (show (js-invoke (js-global) "caught" (lambda () (js-invoke (js-global) "fail"))))
   (show (guard (e ((js-error? e) (js-error-value e))) (js-throw 7)))
   (show (guard (e ((js-error? e) (error-object-message e))) (js-call 5)))`,
  `("TypeError: bad" 17)
mine
((1 2) #f)
"LispError: told: 1 \\"x\\""
"TypeError: bad"
7
"TypeError: number is not a function"`,
  {
    own: {
      apply: (f: () => unknown) => f(),
      fail: () => {
        throw Object.assign(new TypeError("bad"), { code: 17 });
      },
      caught: (f: () => unknown) => {
        try {
          return f();
        } catch (error) {
          return String(error);
        }
      },
    },
  },
);

agrees(
  "no continuation goes through JavaScript, no thread waits in it, and calls within calls are bounded",
  `(define (each f) (js-invoke (list->js '(1)) "map" f))
   (define (told thunk) (show (guard (e (#t (error-object-message e))) (thunk))))
   (told (lambda () (call/cc (lambda (k) (each (lambda (x . r) (k x)))))))
   (told (lambda () (each (lambda (x . r) (js-await (js-invoke (js-global "Promise") "resolve" 1))))))
   (told (lambda () (each (lambda (x . r) (thread-sleep! 1)))))
   (define (deep x . r) (js-call (procedure->js deep) x))
   (told (lambda () (deep 1)))
   (show (js->list (each (lambda (x . r) (call/cc (lambda (k) (+ 1 (k 5))))))))`,
  `"a continuation cannot go through a call by JavaScript"
"js-await: JavaScript waits for this procedure itself; hand it over by js-async"
"JavaScript waits for this procedure itself, which cannot wait for a time"
"JavaScript and Lisp call each other too deeply"
(5)`,
);

agrees(
  "promises: others run while one waits; from thunks, with their exceptions; procedures that may wait",
  `(define (later ms value)
     (js-new (js-global "Promise")
       (lambda (resolve reject) (js-call (js-global "setTimeout") (lambda () (js-call resolve value)) ms))))
   (define t (thread-start! (make-thread (lambda () (show 'other) 'done))))
   (show (js-await (later 10 "late")))
   (show (thread-join! t))
   (show (js-await 5))
   (show (js-await (js-promise (lambda () (string-append (js-await (later 5 "a")) "b")))))
   (show (guard (e (#t e)) (js-await (js-promise (lambda () (raise 'oops))))))
   (show (guard (e ((js-error? e) (js-error-value e))) (js-await (js-invoke (js-global "Promise") "reject" 3))))
   (define f (js-async (lambda (x) (js-await (later 1 (* x 2))))))
   (show (js->list (js-await (js-invoke (js-global "Promise") "all" (list->js (list (js-call f 1) (js-call f 2)))))))
   (define p (make-parameter 1))
   (parameterize ((p 2)) (js-await (later 1 0)) (show (p)))
   (dynamic-wind (lambda () (show 'in)) (lambda () (js-await (later 1 0))) (lambda () (show 'out)))`,
  `other
"late"
done
5
"ab"
oops
3
(2 4)
2
in
out`,
);

agrees(
  "events have their turns while other threads compute, and wake those who wait for locks and times",
  `(define arrived #f)
   (define (after ms thunk) (js-call (js-global "setTimeout") thunk ms))
   (define busy (thread-start! (make-thread (lambda () (let loop ((n 0)) (if arrived 'seen (loop (+ n 1))))))))
   (js-await (js-new (js-global "Promise") (lambda (resolve reject) (after 5 (lambda () (js-call resolve 1))))))
   (set! arrived #t)
   (show (thread-join! busy))
   (define m (make-mutex 'm)) (mutex-lock! m)
   (after 1 (lambda () (mutex-unlock! m)))
   (mutex-lock! m)
   (show (thread-name (mutex-state m)))
   (define n 0)
   (after 1 (lambda () (set! n 1)))
   (thread-sleep! 1/20)
   (show n)`,
  "seen\nmain\n1",
);

agrees(
  "a module of WebAssembly: bytes, imports, exports, 64-bit integers",
  `;; (import "e" "f" (func $f (param i32)))
   ;; (func (export "g") (param i32) (call $f ($0 + 1))) (func (export "h") (param i64) (result i64) $0)
   (define bytes (bytevector 0 97 115 109 1 0 0 0  1 10 2 96 1 127 0 96 1 126 1 126  2 7 1 1 101 1 102 0 0  3 3 2 0 1
     7 9 2 1 103 0 1 1 104 0 2  10 16 2 9 0 32 0 65 1 106 16 0 11 4 0 32 0 11))
   (define exports (wasm-instantiate bytes (js-object "e" (js-object "f" (lambda (x) (show (list 'f x)))))))
   ((wasm-export exports "g") 41)
   (show ((wasm-export exports "h") (js-bigint (- (expt 2 62)))))
   (show (guard (e (#t (error-object-message e))) (wasm-export exports "none")))
   (show (guard (e ((js-error? e) 'invalid)) (wasm-instantiate (bytevector 1 2))))`,
  `(f 42)
-4611686018427387904
"wasm-export: the module does not export"
invalid`,
);

test("without permission the library refuses, and the sandbox's macros never have it", async () => {
  for (const engine of ENGINES) {
    const refused = await run("(show 1)", engine, { system: { javascript: null } });
    assert.match(refused, /error: .*this session has no JavaScript.*--allow-javascript/);
  }
  const macros = `(import (stratos syntax))
    (define-syntax m (er-macro-transformer (lambda (form rename compare) (js-global) 1))) (show (m))`;
  assert.match(await run(macros, "interpreter"), /no JavaScript/);
});

test("with a seed time goes on by waiting alone, and promises still settle", async () => {
  const text = `(define t (thread-start! (make-thread (lambda () (thread-sleep! 1000) 'slept))))
    (show (js-await (js-invoke (js-global "Promise") "resolve" 1)))
    (show (thread-join! t))`;
  for (const engine of ENGINES) {
    let seconds = 0;
    const system = {
      isTimeVirtual: true,
      seed: 3,
      currentSecond: () => seconds,
      sleep: (more: number) => void (seconds += more),
    };
    assert.equal(await run(text, engine, { system }), "1\nslept\n");
    assert.ok(seconds >= 1000);
  }
});

test("who runs a session without an event loop is told by name that nobody waits", () => {
  for (const engine of ENGINES) {
    const { runner, lisp } = session(engine);
    assert.throws(
      () => runner.runProgram(`${IMPORTS} (js-await (js-invoke (js-global "Promise") "resolve" 1))`, "x.scm"),
      (error) => /who runs this session cannot wait/.test(lisp.describe(error) ?? ""),
    );
  }
});

test("(exit) and limits end the program through JavaScript that catches everything", async () => {
  const own = {
    swallow: (f: () => unknown) => {
      try {
        return f();
      } catch {
        return "swallowed";
      }
    },
  };
  for (const engine of ENGINES)
    await assert.rejects(
      run(`(import (scheme process-context)) (show (js-invoke (js-global) "swallow" (lambda () (exit 3))))`, engine, {
        own,
      }).catch((error: unknown) => {
        throw error instanceof ExitRequest && error.status === 3 ? new Error("exit 3") : (error as Error);
      }),
      /exit 3/,
    );
  const endless = `(show (js-invoke (js-global) "swallow" (lambda () (let loop () (loop)))))`;
  const limits = { steps: 2_000_000, isInterrupted: () => false };
  assert.match(await run(endless, "interpreter", { own, limits }), /^error: .*more steps than it may/);
});

test("a continuation of a call by JavaScript that has returned ends the program by name", async () => {
  const text = `(define inside #f)
    (js-invoke (list->js '(1)) "map" (lambda (x . r) (call/cc (lambda (k) (set! inside k)))))
    (show 1) (guard (e (#t (show 'handled))) (inside 1)) (show 2)`;
  for (const engine of ENGINES)
    assert.match(
      await run(text, engine),
      /^1\nerror: .*a continuation of a call by JavaScript was called when that had returned$/,
    );
});

test("a handle that was released is dead, and so is one whose session is another", async () => {
  for (const engine of ENGINES)
    assert.match(
      await run(
        `(define o (js-object)) (js-release! o) (show (js-value? o)) (write o)
         (show (guard (e (#t (error-object-message e))) (js-keys o)))
         (define f (procedure->js (lambda () 1))) (js-set! (js-global) "f" f) (js-release! f)
         (show (guard (e (#t (error-object-message e))) (js-invoke (js-global) "f")))`,
        engine,
      ),
      /^#t\n#<javascript dead handle>"a dead handle: its JavaScript .*"\n"this procedure of Lisp was released"/,
    );
  // A copy of a heap, as a saved one is: its words mean nothing to another session's table.
  const { compiled } = session("wasm");
  compiled!.runProgram(`${IMPORTS} (define o (js-object))`, "x.scm");
  const other = session("wasm").compiled!;
  const { heap } = other.engine;
  const word = heap.object(14, [BigInt.asUintN(64, -8n)]);
  assert.equal(String(heap.toDatum(word)), "#<javascript dead handle>");
});

const BUSY = `
  (define kept (js-object "name" "kept"))
  (define double (lambda (x . r) (* 2 x)))
  (js-set! (js-global) "double" double)
  (define old '())
  (define (garbage n) (if (= n 0) '() (cons (js-object "n" n) (garbage (- n 1)))))
  (do ((i 0 (+ i 1))) ((= i ROUNDS)) (garbage 20)
    (set! old (if (= 0 (modulo i 300)) '() (cons (make-vector 3000 i) old))))
  (show (js-ref kept "name"))
  (show (js->list (js-invoke (list->js '(1 2 3)) "map" double)))
  (show (js-invoke (js-global) "double" 21))`;

test("compiled: values that only dead handles had are let go; live ones and procedures survive moving", async () => {
  const sizes = { nurseryBytes: 512 * 1024, memoryBytes: 28 * 1024 * 1024 };
  const sizesAndDebug: readonly (readonly [number, typeof sizes & { debug?: "verify" }])[] = [
    [1500, sizes],
    [320, { ...sizes, debug: "verify" }],
  ];
  for (const [rounds, options] of sizesAndDebug) {
    const { compiled, output } = session("wasm", { options });
    const text = BUSY.replace("ROUNDS", String(rounds));
    await compiled!.runProgramWaiting(`${IMPORTS}(define (show x) (write x) (newline)) ${text}`, "busy.scm");
    assert.equal(output(), '"kept"\n(2 4 6)\n42\n');
    const { minorCount, majorCount, markCount } = compiled!.engine.statistics;
    // Both ways by which an old one is found to be dead.
    const isSeen = options.debug === undefined ? majorCount > 0 : markCount > 0;
    assert.ok(minorCount > 5 && isSeen, `collections: ${minorCount}, ${majorCount}, ${markCount}`);
    const { handleCount } = compiled!.engine.statistics;
    assert.ok(handleCount < 10 * rounds, `${handleCount} of ${20 * rounds} values are still held`);
  }
});

test("compiled: a collection at each allocation changes nothing", async () => {
  const options = { debug: "torture" as const, nurseryBytes: 512 * 1024, memoryBytes: 24 * 1024 * 1024 };
  const text = `(show (js-await (js-promise (lambda () (js-ref (js-object "a" (list->js (list "b" 1.5))) "a")))))
    (show (guard (e (#t e)) (js-invoke (list->js '(1)) "map" (lambda x (raise (list 'r (length x)))))))`;
  assert.equal(await run(text, "wasm", { options }), "#<javascript object>\n(r 3)\n");
});

test("compiled: handles are found again when the old generation moves, for large objects and on demand", async () => {
  // Halves of 63 MiB; 17 live. What does not fit has all collected without a word, and makes the next one due.
  const options = { nurseryBytes: 512 * 1024, memoryBytes: 128 * 1024 * 1024 };
  const text = `
    (import (stratos memory))
    (define pad '())
    (define live (make-vector 2200000 0))
    (define kept (list (js-object "name" "first") (js-object "name" "second")))
    (js-set! (js-global) "kept" (list->js kept))
    (do ((i 0 (+ i 1))) ((= i 6))
      (set! pad (make-vector (* 10 i) live))
      (make-vector 2600000 i)
      (make-vector 4900000 i)
      (collect-garbage)
      (when (= i 2) (js-object)))
    (show (map (lambda (a b) (list (eq? a b) (js-ref b "name"))) kept (js->list (js-global "kept"))))`;
  const { compiled, output } = session("wasm", { options });
  await compiled!.runProgramWaiting(`${IMPORTS}(define (show x) (write x)) ${text}`, "large.scm");
  assert.equal(output(), '((#t "first") (#t "second"))');
  assert.ok(compiled!.engine.statistics.majorCount > 3);
});

test("procedures that JavaScript no longer has are let go", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (const engine of ENGINES) {
    const own = { collect };
    const text = `
      (define (later) (js-await (js-new (js-global "Promise")
        (lambda (resolve reject) (js-call (js-global "setTimeout") resolve 1)))))
      (define first (js-invoke (js-global) "count"))
      (do ((i 0 (+ i 1))) ((= i 200)) (js-invoke (list->js '(1)) "forEach" (lambda x i)))
      (do ((i 0 (+ i 1))) ((or (= i 50) (and (> i 5) (< (js-invoke (js-global) "count") 100))))
        (make-vector 100000 0) (js-invoke (js-global) "collect") (later))
      (show (< (js-invoke (js-global) "count") 100))`;
    const { compiled, lisp, runner, output } = session(engine, {
      own: { ...own, count: () => (compiled?.engine.javascript ?? lisp.linker.javascript).functionCount },
      options: { nurseryBytes: 512 * 1024, memoryBytes: 48 * 1024 * 1024 },
    });
    await runner.runProgramWaiting(`${IMPORTS}(define (show x) (write x)) ${text}`, "functions.scm");
    // What a collection has found is told later, in a turn of the event loop.
    const held = (): number => (compiled?.engine.javascript ?? lisp.linker.javascript).functionCount;
    for (let round = 0; round < 20 && held() >= 100; round++) {
      collect();
      await new Promise((done) => setTimeout(done, 20));
    }
    assert.ok(held() < 100, `${engine}: ${held()}, ${output()}`);
  }
});

test("the prompt waits for promises, form by form", async () => {
  const repl = new Repl(session("interpreter").lisp);
  assert.equal((await repl.submitWaiting("(import (stratos javascript))")).isError, false);
  const result = await repl.submitWaiting('(js-await (js-invoke (js-global "Promise") "resolve" 5)) (+ 1 1)');
  assert.equal(result.text, "5\n2");
});

extendedTest("a program for a processor is refused by name", () => {
  const { lisp } = makeLisp({ findLibrary: findOwnLibrary });
  const native = new CompiledLisp(lisp, { wasm: testWasmEngine, keepsModules: true, isNative: true });
  assert.throws(
    () => native.buildNative(`${IMPORTS} (display (js-global))`, "x.scm", ["x86_64"]),
    /a native program has no JavaScript/,
  );
});

test("a built program has JavaScript where the session that runs it has", async () => {
  const { lisp } = makeLisp({ findLibrary: findOwnLibrary });
  const image = new CompiledLisp(lisp, { wasm: testWasmEngine, keepsModules: true }).buildProgram(
    `${IMPORTS} (write (js-await (js-invoke (list->js '(3)) "map" (lambda (x . r) (+ 1 x))))) (write (js-await 4))`,
    "built.scm",
  );
  const { compiled, output } = session("wasm", { options: { image } });
  await compiled!.runImageWaiting();
  assert.equal(output(), "#<javascript object>4");
  const refused = session("wasm", { options: { image }, system: { javascript: null } });
  await assert.rejects(refused.compiled!.runImageWaiting(), /no JavaScript/);
});

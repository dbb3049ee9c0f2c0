;; JavaScript: its objects, functions and promises, and modules of WebAssembly (docs/lisp/javascript.md, decision 0044).
;;
;; A session has it where it was given (--allow-javascript). Whoever calls JavaScript leaves the run and is found again in
;; `waiting`, so that JavaScript may call procedures meanwhile: `entry` is entered for these calls, and to go on
;; (packages/lisp/src/javascript/bridge.ts). What JavaScript has of Lisp's are numbers of places in `objects`.
(define-library (stratos javascript)
  (export js-global js-ref js-set! js-has? js-delete! js-keys js-call js-invoke js-new js-typeof js-instance? js-same?
          js-value? js-null js-null? js-undefined js-undefined? js-bigint js->string
          js-for-each js->list js->vector list->js vector->js js-object bytevector->js js->bytevector
          procedure->js js->procedure js-release! js-throw js-error? js-error-value
          js-await js-promise js-async wasm-instantiate wasm-export)
  (import (scheme base) (scheme write) (stratos base) (stratos threads) (stratos thread-primitives)
          (stratos javascript-primitives))
  (begin
    ;; Places of what JavaScript has of Lisp's: procedures, raised objects, waits.
    (define objects (make-vector 16 #f))
    (define object-count 0)
    (define free '())
    (define (unkeep! number)
      (vector-set! objects number #f)
      (set! free (cons number free)))
    (define (collect!)
      (let ((number (%js 'free))) (when number (unkeep! number) (collect!))))
    (define (keep! object)
      (collect!)
      (let ((number (if (pair? free)
                        (let ((n (car free))) (set! free (cdr free)) n)
                        (begin (set! object-count (+ 1 object-count)) (- object-count 1)))))
        (when (= number (vector-length objects))
          (let ((larger (make-vector (* 2 number) #f)))
            (vector-copy! larger 0 objects)
            (set! objects larger)))
        (vector-set! objects number object)
        number))

    ;; Those who wait for JavaScript, the innermost first: #(continuation thread parameters).
    (define waiting '())
    (define (leave name operands)
      (let ((thread (%thread)) (parameters (%parameters)))
        (call/cc (lambda (k)
          (set! waiting (cons (vector k thread parameters) waiting))
          (%js 'leave name operands)))))
    (define (entry)
      (let ((message (%js 'inbox)))
        (collect!)
        (if (and (vector? message) (eqv? (vector-ref message 0) 6))
            (called (vector-ref objects (vector-ref message 1)) (map result (vector->list (vector-ref message 2))))
            (let ((one (car waiting)))
              (set! waiting (cdr waiting))
              (hold-threads! (and (> (%js 'depth) 0) "JavaScript"))
              (%set-thread! (vector-ref one 1))
              (%throw-to (vector-ref one 0) message)))))

    ;; A procedure that JavaScript called runs as a program of its own, which nothing leaves but by its end.
    (define (called procedure operands)
      (when (pair? waiting)
        (%set-thread! (vector-ref (car waiting) 1))
        (%set-parameters! (vector-ref (car waiting) 2)))
      (hold-threads! "JavaScript")
      (let ((outcome
             (attempt (lambda (finished)
               (let ((state 'new))
                 (set-car! finished (lambda () (set! state 'done)))
                 (dynamic-wind
                   (lambda () (if (eq? state 'new) (set! state 'open) (%js 'no-return)))
                   (lambda () (let ((value (apply procedure operands))) (set! state 'done) value))
                   ;; Who leaves by (exit) may: that takes the hooks away first.
                   (lambda ()
                     (unless (or (eq? state 'done) (not (%thread-hooks))) (set! state 'done) (no-way)))))))))
        (hold-threads! (and (> (%js 'depth) 1) "JavaScript"))
        outcome))
    (define (no-way) (error "a continuation cannot go through a call by JavaScript"))
    (define (attempt run)
      (call/cc (lambda (exit)
        (let ((finished (list (lambda () #t))))
          (with-exception-handler
            (lambda (reason)
              ((car finished))
              (exit (if (js-error? reason)
                        (vector 3 (js-error-value reason))
                        (vector 2 (keep! reason) (text-of reason)))))
            (lambda () (vector 0 (outward (run finished)))))))))
    (define (text-of reason)
      (call-with-output-string
        (lambda (port)
          (if (error-object? reason)
              (begin
                (display (error-object-message reason) port)
                (for-each (lambda (x) (display " " port) (write x port)) (error-object-irritants reason)))
              (begin (display "Lisp raised " port) (write reason port))))))

    ;; Operations and what they come to.
    (define end (list 'end))
    (define (outward x) (if (procedure? x) (procedure->js x) x))
    (define (request name . operands)
      (let ((operands (map outward operands)))
        (result (or (apply %js name operands) (leave name operands)))))
    (define (result outcome)
      (case (vector-ref outcome 0)
        ((0) (vector-ref outcome 1))
        ((1) (vector-ref objects (vector-ref outcome 1)))
        ((2) (raise (vector-ref objects (vector-ref outcome 1))))
        ((3) (%js 'raise 'javascript (vector-ref outcome 1) (vector (vector-ref outcome 2))))
        ((4) (%js 'raise (vector-ref outcome 1) (vector-ref outcome 2) (vector-ref outcome 3)))
        (else end)))

    (define (js-global . name)
      "JavaScript's global object, or its property of that name."
      (let ((global (request 'global))) (if (pair? name) (js-ref global (car name)) global)))
    (define (js-ref object key)
      "A property of an object: KEY is a string, an index, a symbol (Symbol.for) or a handle of a symbol. Undefined is \
the unspecified value."
      (request 'get object key))
    (define (js-set! object key value)
      "Sets a property of an object."
      (request 'set object key value))
    (define (js-has? object key)
      "Whether an object has a property, itself or from its prototypes (JavaScript's in)."
      (request 'has object key))
    (define (js-delete! object key)
      "Deletes a property of an object. Gives whether it is gone."
      (request 'delete object key))
    (define (js-keys object)
      "List of the names of an object's own enumerable properties."
      (js->list (request 'keys object)))
    (define (js-call function . operands)
      "Calls a function of JavaScript; its this is undefined."
      (apply request 'call function js-undefined operands))
    (define (js-invoke object key . operands)
      "Calls a method of an object."
      (apply request 'invoke object key operands))
    (define (js-new class . operands)
      "Makes an object by a class or constructor (JavaScript's new)."
      (apply request 'new class operands))
    (define (js-typeof value)
      "What JavaScript's typeof says of a value, as a string."
      (request 'typeof value))
    (define (js-instance? value class)
      "JavaScript's instanceof."
      (request 'instance value class))
    (define (js-same? a b)
      "JavaScript's ===."
      (request 'same a b))
    (define (js-value? x)
      "Whether X is a handle: a value of JavaScript that Lisp has no form for."
      (%js 'value? x))
    (define (js-null)
      "JavaScript's null, as a handle."
      (request 'null))
    (define (js-null? x)
      "Whether X is JavaScript's null."
      (%js 'null? x))
    ;; JavaScript's undefined: the unspecified value.
    (define js-undefined (if #f #f))
    (define (js-undefined? x)
      "Whether X is JavaScript's undefined, the unspecified value."
      (eq? x js-undefined))
    (define (js-bigint integer)
      "A handle of a BigInt, for functions that take no number: 64-bit integers of WebAssembly do not."
      (request 'bigint integer))
    (define (js->string value)
      "What JavaScript's String(value) gives."
      (request 'text value))

    ;; Arrays and what can be iterated.
    (define (js-for-each procedure iterable)
      "Calls PROCEDURE with each value that an iterable object of JavaScript gives, as it gives them. When PROCEDURE is \
left early, by an exception or a continuation, the iterator is closed, as at the end of JavaScript's for (… of …)."
      (let ((iterator (request 'iterator iterable)) (inside? #f))
        (dynamic-wind
          (lambda () #f)
          (lambda ()
            (let loop ()
              (let ((value (request 'next iterator)))
                (unless (eq? value end)
                  (set! inside? #t)
                  (procedure value)
                  (set! inside? #f)
                  (loop)))))
          ;; What fails in next() closes nothing: ECMA-262 §7.4, IteratorClose.
          (lambda () (when inside? (set! inside? #f) (request 'close iterator))))))
    (define (js->list iterable)
      "List of the values of an array or of another iterable object."
      (map result (vector->list (request 'items iterable))))
    (define (js->vector iterable)
      "Vector of the values of an array or of another iterable object."
      (vector-map result (request 'items iterable)))
    (define (list->js values)
      "A new array of a list's values; what they hold is not converted."
      (apply request 'array values))
    (define (vector->js values)
      "A new array of a vector's values; what they hold is not converted."
      (list->js (vector->list values)))
    (define (js-object . pairs)
      "A new object: keys and their values in turn."
      (unless (even? (length pairs)) (error "js-object: a key has no value"))
      (apply request 'object pairs))
    (define (bytevector->js bytes)
      "A handle of a new Uint8Array with a copy of the bytes."
      (request 'bytes bytes))
    (define (js->bytevector buffer)
      "A copy of the bytes of an ArrayBuffer, or of a view of one."
      (request 'bytevector buffer))

    ;; Functions.
    (define (procedure->js procedure)
      "A handle of a function that calls PROCEDURE. Each call of this makes another function; who hands a procedure to \
JavaScript twice as one and the same keeps the handle."
      (unless (procedure? procedure) (error "procedure->js: expected a procedure, got" procedure))
      (%js 'function (keep! procedure)))
    (define (js->procedure function)
      "A procedure that calls a function of JavaScript."
      (if (procedure? function) function (lambda operands (apply js-call function operands))))
    (define (js-release! handle)
      "Lets the value of a handle go at once; the handle is dead then. A function of procedure->js can no longer be \
called."
      (%js 'release handle))

    ;; Exceptions.
    (define (js-throw value)
      "Throws a value in JavaScript: it comes back as a condition, and goes through JavaScript as that value."
      (request 'throw value))
    (define (js-error? x)
      "Whether X is the condition of an exception of JavaScript."
      (and (error-object? x) (string=? (error-object-kind x) "javascript")))
    (define (js-error-value condition)
      "The value that JavaScript threw."
      (car (error-object-irritants condition)))

    ;; Promises. The host's event loop runs while no thread can go on, and now and then between their turns.
    (define (js-await promise)
      "Waits until a promise has settled, while other threads run. Gives its value, or raises what it was rejected with."
      (unless (%js 'can-wait?)
        (error (if (> (%js 'depth) 0)
                   "js-await: JavaScript waits for this procedure itself; hand it over by js-async"
                   "js-await: who runs this session cannot wait for promises")))
      (let* ((w (make-wait "a promise of JavaScript" #f)) (number (keep! w)))
        (request 'watch number promise)
        (result (block! w))))
    (define (take-settled!)
      (let ((one (%js 'settled)))
        (when one
          (let ((w (vector-ref objects (vector-ref one 0))) (outcome (vector-ref one 1)))
            (unkeep! (vector-ref one 0))
            (wake! w (lambda () outcome)))
          (take-settled!))))
    (define (let-events seconds)
      (and (%js 'can-wait?)
           (or seconds (%js 'waits?))
           (let ((came (vector-ref (leave 'wait (list (if seconds (inexact seconds) #f))) 1)))
             (take-settled!)
             came)))
    (define (js-promise thunk)
      "A promise of what THUNK gives, which a thread of its own calls; rejected with what it raises."
      (let* ((made (request 'promise)) (number (vector-ref made 1)))
        (thread-start! (make-thread (lambda () (request 'settle number (attempt (lambda (finished) (thunk)))))))
        (vector-ref made 0)))
    (define (js-async procedure)
      "A handle of a function that gives a promise: a thread of its own calls PROCEDURE, which may wait."
      (procedure->js (lambda operands (js-promise (lambda () (apply procedure operands))))))

    ;; WebAssembly.
    (define (wasm-instantiate module . imports)
      "Makes an instance of a module of WebAssembly, a bytevector or a handle of a WebAssembly.Module, with an object of \
imports (js-object). Gives the object of its exports."
      (let ((wasm (js-global "WebAssembly")))
        (js-ref
          (apply js-new (js-ref wasm "Instance")
                 (if (bytevector? module) (js-new (js-ref wasm "Module") module) module)
                 imports)
          "exports")))
    (define (wasm-export exports name)
      "What an instance of WebAssembly exports by that name: a function as a procedure, anything else as a handle."
      (let ((value (js-ref exports name)))
        (cond ((js-undefined? value) (error "wasm-export: the module does not export" name))
              ((string=? (js-typeof value) "function") (js->procedure value))
              (else value))))

    (%js 'open entry)
    (set-outside! (lambda () (%js 'due?)) (lambda () (and (%js 'can-wait?) (%js 'waits?))) let-events)))

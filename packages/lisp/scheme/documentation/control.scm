;; Procedures, control, errors and evaluation.
;;
;; What the prompt's and the editors' documentation and docs/lisp/reference.md say of what the system itself defines.
;; R7RS §6.10 to §6.12, §6.14.

(procedure (procedure? object) -> boolean
  "Whether OBJECT is a procedure.")
(procedure (apply procedure argument . arguments)
  "Calls PROCEDURE with the arguments, the last of which is a list of further ones.")
(procedure (map procedure list . lists) -> list
  "A list of what PROCEDURE gives for each item, or for those that stand at one place of several lists.")
(procedure (for-each procedure list . lists)
  "Calls PROCEDURE with each item, in order.")
(procedure (call-with-current-continuation procedure)
  "Calls PROCEDURE with the continuation: a procedure that, whenever it is called, makes this call give its
   arguments.")
(procedure (call/cc procedure)
  "`call-with-current-continuation`.")
(procedure (values . objects)
  "Gives several values to a continuation that takes them.")
(procedure (call-with-values producer consumer)
  "Calls CONSUMER with the values that PRODUCER gives.")
(procedure (dynamic-wind before thunk after)
  "Calls the three, and gives what THUNK gives. BEFORE is called each time that THUNK is entered, also by a
   continuation, AFTER each time that it is left.")
(procedure (force promise)
  "The value of PROMISE, which is computed once, at the first time. Of what is no promise that itself.")
(procedure (make-promise object) -> promise
  "A promise that has the value OBJECT.")
(procedure (promise? object) -> boolean
  "Whether OBJECT is a promise.")
(procedure (make-parameter value (converter)) -> parameter
  "A procedure that gives VALUE, or what `parameterize` has bound it to; CONVERTER is applied to each.")
(procedure (void . objects)
  "The value of what has no value of interest.")
(procedure (record? object) -> boolean
  "Whether OBJECT is a record of some type.")
(procedure (default-object? object) -> boolean
  "Whether OBJECT is what stands for an argument that was left out.")

;; Errors
(procedure (error message . irritants)
  "Raises an error with MESSAGE and the objects that it is about.")
(procedure (raise object)
  "Raises OBJECT. When a handler returns, that is another error.")
(procedure (raise-continuable object)
  "Raises OBJECT; what the handler gives is the value.")
(procedure (with-exception-handler handler thunk)
  "Calls THUNK, while HANDLER is called with what is raised.")
(procedure (error-object? object) -> boolean
  "Whether OBJECT is an error, by `error` or of the system.")
(procedure (error-object-message error) -> string
  "The message of ERROR.")
(procedure (error-object-irritants error) -> list
  "The objects that ERROR is about.")
(procedure (error-object-kind error) -> string
  "What sort of error it is: error, type, range, syntax, read, file, limit, memory …")
(procedure (out-of-memory? object) -> boolean
  "Whether OBJECT is the error that is raised when the heap is full, or has no room for what is asked for.")
(procedure (read-error? object) -> boolean
  "Whether OBJECT is an error of `read`.")
(procedure (file-error? object) -> boolean
  "Whether OBJECT is an error of a file.")

;; Evaluation and the surroundings
(procedure (eval expression (environment))
  "The value of EXPRESSION in ENVIRONMENT, else in that of the prompt.")
(procedure (environment . import-sets) -> environment
  "One in which the import sets are bound.")
(procedure (interaction-environment) -> environment
  "That of the prompt.")
(procedure (scheme-report-environment version) -> environment
  "What the report of VERSION 5 or 7 binds.")
(procedure (null-environment version) -> environment
  "The forms of the report of VERSION 5 or 7, and its procedures.")
(procedure (expand form (environment))
  "The core form that FORM becomes.")
(procedure (load file (environment))
  "Evaluates the forms of FILE, one after the other.")
(procedure (features) -> list
  "What `cond-expand` takes for true.")
(procedure (command-line) -> list
  "The program's name and its arguments.")
(procedure (exit . status)
  "Ends the program: 0 without STATUS or for #t, 1 for #f, else that number. Calls what `dynamic-wind` has to
   call.")
(procedure (emergency-exit (status))
  "Ends the program at once.")
(procedure (get-environment-variable name)
  "The value of the variable, or #f.")
(procedure (get-environment-variables) -> list
  "All of them, as pairs.")
(procedure (current-second) -> real
  "Seconds since 1970, with a fraction.")
(procedure (current-jiffy) -> integer
  "Time since an arbitrary beginning, in jiffies.")
(procedure (jiffies-per-second) -> integer
  "How many jiffies a second has.")
(procedure (collect-garbage)
  "Collects all that nothing reaches, at once.")
(procedure (gc-statistics) -> list
  "Pairs of names and numbers: minor-collections, major-collections, markings (of the old generation, in slices, that
   came to their end), used-bytes (with what is dead and was not collected yet), heap-limit, reserve-bytes (kept for
   handlers of a full heap), nursery-bytes, stack-moves (to the heap: deep recursion, continuations). In the interpreter
   the list is empty.")
(procedure (heap-limit (bytes)) -> integer
  "How many bytes may be in use; with BYTES as many from now on, at most what the program was started with. It is an
   error if more is in use.")
(procedure (nursery-size (bytes)) -> integer
  "How many bytes are made between two collections; with BYTES as many from now on, at most what the program was started
   with.")
(procedure (make-guardian) -> procedure
  "A procedure that is told of objects, `(guardian object [representative])`, and gives each of them (or what represents
   it) once when nothing else reaches it any more: `(guardian)`, #f where there is none. The object is kept for that.")
(procedure (make-ephemeron key datum) -> ephemeron
  "Holds KEY weakly, and DATUM as long as something else than it reaches KEY.")
(procedure (ephemeron? object) -> boolean
  "Whether OBJECT is an ephemeron.")
(procedure (ephemeron-key ephemeron)
  "The key, or #f when it is broken.")
(procedure (ephemeron-datum ephemeron)
  "The datum, or #f when it is broken.")
(procedure (ephemeron-broken? ephemeron) -> boolean
  "Whether its key was lost, and with it the datum.")
(procedure (reference-barrier object)
  "OBJECT is reached until this is called.")

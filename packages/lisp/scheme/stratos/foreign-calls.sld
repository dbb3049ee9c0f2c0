;; Calls of C and by C, for (stratos foreign): where arguments go (System V ABI, AMD64 supplement, §3.2.3; RISC-V psABI,
;; "Integer and Hardware Floating-point Calling Convention"), and what lies between both stacks.
;;
;; A value goes to places: offsets in the block of a call (back-native/foreign/places.ts), which are those of a
;; callback's block, too. While C has no procedure of Lisp it cannot call back, and calls are made at once. Else who
;; calls keeps the continuation in `waiting`, so that callbacks find the shadow stack empty; `entry` is entered for them.
;; Nothing in here is interrupted by other threads (core/fuel.ts).
(define-library (stratos foreign-calls)
  (export foreign-open foreign-close! foreign-library foreign-library? foreign-symbol foreign-procedure foreign-callback
          foreign-errno foreign-errno-text foreign-error?)
  (import (scheme base) (scheme write) (stratos base) (stratos syntax) (stratos foreign-types) (stratos foreign-memory)
          (stratos foreign-primitives) (stratos thread-primitives) (stratos thread-hold))
  (begin
    (define (risc-v?) (eqv? 1 (%foreign 0 0 0 0 0)))

    ;; Places: (from bytes to . class) for a part of a value, from its offset in the value to an offset in the block;
    ;; class is int or float. Offsets of the block: integers at 0, floats at 64, words of the stack from 144 on.
    (define-record-type state (make-state integers floats words most) state?
      (integers integers set-integers!) (floats floats set-floats!) (words words set-words!) (most most-integers))
    (define (new-state) (make-state 0 0 0 (if (risc-v?) 8 6)))
    (define (next-word! s) (set-words! s (+ 1 (words s))) (+ 136 (* 8 (words s))))
    (define (next-integer! s)
      (if (< (integers s) (most-integers s))
          (begin (set-integers! s (+ 1 (integers s))) (* 8 (- (integers s) 1)))
          (next-word! s)))
    (define (next-float! s variadic)
      (cond ((and variadic (risc-v?)) (next-integer! s))
            ((< (floats s) 8) (set-floats! s (+ 1 (floats s))) (+ 56 (* 8 (floats s))))
            ((risc-v?) (next-integer! s))
            (else (next-word! s))))

    ;; Scalars within an aggregate, with their offsets; false where a union is among them.
    (define (scalars type at)
      (case (type-kind type)
        ((struct)
         (let loop ((l (type-detail type)) (all '()))
           (if (null? l) all
               (let ((inner (scalars (cadr (car l)) (+ at (cddr (car l)))))) (and inner (loop (cdr l) (append all inner)))))))
        ((array)
         (let ((item (car (type-detail type))))
           (let loop ((i 0) (all '()))
             (if (= i (cdr (type-detail type))) all
                 (let ((inner (scalars item (+ at (* i (type-size item)))))) (and inner (loop (+ i 1) (append all inner))))))))
        ((union) #f)
        (else (list (cons type at)))))
    (define (float? type) (eq? (type-kind type) 'float))
    ;; The classes of an aggregate's eightbytes on x86-64: float where all that lies there is.
    (define (eightbyte-floats type)
      (let ((v (make-vector (words-of-type type) #t)))
        (let visit ((type type) (at 0))
          (case (type-kind type)
            ((struct union) (for-each (lambda (f) (visit (cadr f) (+ at (cddr f)))) (type-detail type)))
            ((array)
             (let ((item (car (type-detail type))))
               (do ((i 0 (+ i 1))) ((= i (cdr (type-detail type)))) (visit item (+ at (* i (type-size item)))))))
            (else (unless (float? type) (vector-set! v (quotient at 8) #f)))))
        (vector->list v)))
    (define (word-size type index) (min 8 (- (type-size type) (* 8 index))))
    ;; How an aggregate goes in registers: ((from bytes . class) …), or false: in memory.
    (define (aggregate-parts type variadic)
      (cond
        ((> (type-size type) 16) #f)
        ((risc-v?)
         (let* ((inner (if variadic #f (scalars type 0))) (floats (if inner (filter-floats inner) '())))
           (if (and inner (pair? floats) (<= (length inner) 2))
               (map (lambda (x) (cons (cdr x) (cons (type-size (car x)) (if (float? (car x)) 'float 'int)))) inner)
               (integer-parts type))))
        (else
          (let loop ((l (eightbyte-floats type)) (i 0))
            (if (null? l) '()
                (cons (cons (* 8 i) (cons (word-size type i) (if (car l) 'float 'int))) (loop (cdr l) (+ i 1))))))))
    (define (integer-parts type)
      (let loop ((i 0))
        (if (= i (words-of-type type)) '()
            (cons (cons (* 8 i) (cons (word-size type i) 'int)) (loop (+ i 1))))))
    (define (filter-floats inner)
      (let loop ((l inner)) (cond ((null? l) '()) ((float? (caar l)) (cons (car l) (loop (cdr l)))) (else (loop (cdr l))))))
    (define (count-of class parts) (let loop ((l parts) (n 0)) (if (null? l) n (loop (cdr l) (if (eq? (cddr (car l)) class) (+ n 1) n)))))
    (define (at-places parts offsets)
      (map (lambda (part offset) (cons (car part) (cons (cadr part) (cons offset (cddr part))))) parts offsets))
    (define (offset-for s) (lambda (part) (if (eq? (cddr part) 'float) (next-float! s #f) (next-integer! s))))
    (define (in-order f l) (if (null? l) '() (let ((x (f (car l)))) (cons x (in-order f (cdr l))))))

    ;; How one argument goes: an offset for a scalar, (copy place …) for an aggregate, (reference . offset) for one whose
    ;; address is handed over.
    (define (assign! s type variadic)
      (cond
        ((float? type) (next-float! s variadic))
        ((not (aggregate? type)) (next-integer! s))
        (else
          (let* ((parts (aggregate-parts type variadic))
                 (fits (and parts
                            (<= (+ (integers s) (count-of 'int parts)) (most-integers s))
                            (<= (+ (floats s) (count-of 'float parts)) 8))))
            (cond
              ((and parts fits) (cons 'copy (at-places parts (in-order (offset-for s) parts))))
              ((and (risc-v?) (not parts)) (cons 'reference (next-integer! s)))
              ;; On RISC-V integer registers first, then the stack, also within one value.
              ((risc-v?)
               (let ((parts (integer-parts type)))
                 (cons 'copy (at-places parts (in-order (lambda (part) (next-integer! s)) parts)))))
              (else
                (let ((parts (integer-parts type)))
                  (cons 'copy (at-places parts (in-order (lambda (part) (next-word! s)) parts))))))))))
    ;; How a result comes: void, an offset among results (integers at 0 and 8, floats at 16 and 24), (copy place …), or
    ;; memory: its place was handed over before all arguments.
    (define (result-of type)
      (cond
        ((eq? (type-kind type) 'void) 'void)
        ((float? type) 16)
        ((not (aggregate? type)) 0)
        (else
          (let ((parts (aggregate-parts type #f)))
            (if (not parts) 'memory
                (let loop ((l parts) (i 0) (f 16) (places '()))
                  (cond ((null? l) (cons 'copy (reverse places)))
                        ((eq? (cddr (car l)) 'float)
                         (loop (cdr l) i (+ f 8) (cons (cons (caar l) (cons (cadr (car l)) (cons f 'float))) places)))
                        (else
                          (loop (cdr l) (+ i 8) f (cons (cons (caar l) (cons (cadr (car l)) (cons i 'int))) places))))))))))

    ;; Those who wait for C, the innermost first: #(continuation parameters pending), pending is false or a list of what
    ;; a callback raised.
    (define waiting '())
    (define depth 0)
    (define depth-most 200)
    (define callbacks (make-vector 16 #f))
    (define callback-count 0)
    (define callback-most 1024)

    (define (call-out address block)
      (if (= callback-count 0)
          (%foreign 1 address block 0 0)
          (let ((pending (call-open address block)))
            (when pending (raise (car pending))))))
    (define (call-open address block)
      (when (>= depth depth-most) (fail 'limit "C and Lisp call each other too deeply"))
      (let ((parameters (%parameters)))
        (call/cc
          (lambda (k)
            (set! waiting (cons (vector k parameters #f) waiting))
            (set! depth (+ depth 1))
            (%foreign 13 depth 0 0 0)
            ;; Here nothing of Lisp's is left on the shadow stack, and nothing is kept in registers.
            (%foreign 1 address block 0 0)
            (come-back)))))
    (define (come-back)
      (let ((one (car waiting)))
        (set! waiting (cdr waiting))
        (set! depth (- depth 1))
        (%foreign 13 depth 0 0 0)
        (%throw-to (vector-ref one 0) (vector-ref one 2))))

    ;; What C's calls of Lisp procedures enter, as a program of its own.
    (define (entry)
      (let* ((block (%foreign 14 0 0 0 0)) (head (make-bytevector 144 0)) (one (car waiting)))
        (peek block head 0 144)
        (let* ((index (%foreign 15 (%foreign 7 head 136 0 0) 0 0 0)) (callback (vector-ref callbacks index)))
          (%set-parameters! (vector-ref one 1))
          (unless (vector-ref one 2)
            (let ((outcome
                   (attempt
                     (lambda (finished)
                       (unless callback (fail 'foreign "C called a procedure of Lisp that was freed"))
                       (let ((value (guarded callback (callback-arguments callback block head) finished)))
                         (give-result callback value block head))))))
              (when (pair? outcome) (vector-set! one 2 outcome))))
          (when (vector-ref one 2) (poke (+ block 144) (make-bytevector 32 0) 0 32)))))
    ;; The result of RUN is not asked for. Gives a list of what was raised, or false.
    (define (attempt run)
      (call/cc (lambda (exit)
        (let ((finished (list (lambda () #t))))
          (with-exception-handler
            (lambda (reason) ((car finished)) (exit (list reason)))
            (lambda () (run finished) #f))))))
    (define (keep-on) (%set-fuel! 10000))
    (define (guarded callback arguments finished)
      (let ((state 'new) (hooks (%thread-hooks)) (before (held)))
        (hold-threads! "C")
        (unless hooks (%set-thread-hooks! (cons keep-on keep-on)))
        (let ((end (lambda ()
                     (set! state 'done)
                     (hold-threads! before)
                     (unless hooks (%set-thread-hooks! #f)))))
          (set-car! finished end)
          (dynamic-wind
            (lambda ()
              (if (eq? state 'new) (set! state 'open)
                (%call-at-base (lambda (k)
                  (fail 'foreign "a continuation of a procedure that C called was called when that had returned")))))
            (lambda () (let ((value (apply (callback-procedure callback) arguments))) (end) value))
            ;; Who leaves by (exit) may: that takes the hooks away first.
            (lambda ()
              (unless (or (eq? state 'done) (not (%thread-hooks)))
                (end)
                (fail 'foreign "a continuation cannot leave a procedure that C called")))))))

    ;; A callback: the procedure, the places of its arguments, types, result.
    (define-record-type callback (make-callback procedure types plan result how hidden name) callback?
      (procedure callback-procedure) (types callback-types) (plan callback-plan) (result callback-result)
      (how callback-how) (hidden callback-hidden) (name callback-name))
    (define scratch (make-bytevector 16 0))
    ;; Bytes of a callback's block, or of the stack of who called it.
    (define (place-in block head offset)
      (if (< offset 144) (+ block offset) (+ (%foreign 7 head 128 0 0) (- offset 144))))
    (define (callback-arguments callback block head)
      (map
        (lambda (type how)
          (cond
            ((aggregate? type)
             (let ((copy (allocate-for type)))
               (if (eq? (car how) 'reference)
                   (let ((bytes (make-bytevector (type-size type) 0)))
                     (peek (place-in block head (cdr how)) scratch 0 8)
                     (peek (%foreign 7 scratch 0 0 0) bytes 0 (type-size type))
                     (foreign-copy-in! copy bytes))
                   (for-each
                     (lambda (place)
                       (peek (place-in block head (caddr place)) scratch 0 (cadr place))
                       (poke (+ (foreign-pointer-address copy) (car place)) scratch 0 (cadr place)))
                     (cdr how)))
               copy))
            (else
              (peek (place-in block head how) scratch 0 8)
              (get type scratch 0))))
        (callback-types callback) (callback-plan callback)))
    (define (allocate-for type)
      (make-pointer-to type (malloc! "a struct by value" (type-size type))))
    (define (make-pointer-to type address) (make-pointer address type (type-size type) (new-owner address)))
    (define (caddr x) (car (cdr (cdr x))))
    (define (give-result callback value block head)
      (let ((type (callback-result callback)) (how (callback-how callback)) (name (callback-name callback)))
        (unless (eq? how 'void)
          (check-value name "the result" type value)
          (when (and (eq? (type-kind type) 'callback) (procedure? value))
            (fail 'type (string-append name ": the result: nobody would own the callback:") value)))
        (cond
          ((eq? how 'void) #f)
          ((eq? how 'memory)
           (let ((to (begin (peek (place-in block head (callback-hidden callback)) scratch 0 8) (%foreign 7 scratch 0 0 0))))
             (poke to (foreign->bytevector value (type-size type)) 0 (type-size type))
             (poke (+ block 144) scratch 0 8)))
          ((pair? how)
           (let ((bytes (foreign->bytevector value (type-size type))))
             (for-each
               (lambda (place)
                 (fill-word! scratch 0 (cdddr place))
                 (bytevector-copy! scratch 0 bytes (car place) (+ (car place) (cadr place)))
                 (poke (+ block 144 (caddr place)) scratch 0 8))
               (cdr how))))
          (else
            (put! type value scratch 0)
            (poke (+ block 144 how) scratch 0 8)))))
    (define (cdddr x) (cdr (cdr (cdr x))))
    ;; What a part of a word leaves free: a float in a register of doubles has ones there (RISC-V, NaN boxing).
    (define (fill-word! bytes at class) (%foreign 6 bytes at (if (eq? class 'float) -1 0) 0))

    (define (plan-of types variadic-at hidden s)
      (let loop ((l types) (i 0))
        (if (null? l) '()
            (let ((how (assign! s (car l) (and variadic-at (>= i variadic-at))))) (cons how (loop (cdr l) (+ i 1)))))))
    (define (check-types who types result)
      (for-each
        (lambda (type)
          (when (or (eq? (type-kind type) 'void) (eq? (type-kind type) 'array))
            (fail 'type (string-append who ": no argument has the type") (type-name type))))
        types)
      (when (memq (type-kind result) '(array bytevector callback))
        (fail 'type (string-append who ": no result has the type") (type-name result))))

    (define (new-callback procedure types result)
      (unless (procedure? procedure) (fail 'type "foreign-callback: expected a procedure, got" procedure))
      (check-types "foreign-callback" types result)
      (for-each (lambda (type) (when (eq? (type-kind type) 'bytevector)
        (fail 'type "foreign-callback: no argument has the type" 'bytevector))) types)
      (when (memq (type-kind result) '(string))
        (fail 'type "foreign-callback: nobody would own the text: give a pointer, not a" 'string))
      (let* ((index (free-callback)) (s (new-state)) (how (result-of result))
             (hidden (and (eq? how 'memory) (next-integer! s))))
        (vector-set! callbacks index
          (make-callback procedure types (plan-of types #f hidden s) result how hidden "a procedure that C called"))
        (set! callback-count (+ callback-count 1))
        (%foreign-entry! entry)
        (set-free-hook! free-callback!)
        (let ((address (%foreign 5 index 0 0 0)))
          (make-pointer address (builtin-type 'void) 0 (new-owner address)))))
    (define (free-callback)
      (let loop ((i 0))
        (cond ((= i callback-most) (fail 'limit "C can have so many procedures at a time, and no more:" callback-most))
              ((= i (vector-length callbacks))
               (let ((larger (make-vector (* 2 i) #f)))
                 (vector-copy! larger 0 callbacks)
                 (set! callbacks larger)
                 i))
              ((vector-ref callbacks i) (loop (+ i 1)))
              (else i))))
    ;; True: the address was a callback's.
    (define (free-callback! address)
      (let* ((first (%foreign 5 0 0 0 0)) (step (- (%foreign 5 1 0 0 0) first)) (index (quotient (- address first) step)))
        (and (<= first address) (< index callback-most)
             (begin
               (vector-set! callbacks index #f)
               (set! callback-count (- callback-count 1))
               #t))))
    ;; (foreign-callback PROCEDURE (TYPE …) RESULT): a pointer to a function of C that calls the procedure. It lives until
    ;; foreign-free; C must not call it after that.
    (define-syntax foreign-callback
      (syntax-rules ()
        ((_ procedure (type ...) result)
         (new-callback procedure (list (foreign-type type) ...) (foreign-type result)))))

    ;; Memory for one call: a stack of 64 KiB, and what is too large for it.
    (define arena 0)
    (define arena-size 65536)
    (define arena-top 0)
    (define (temporary! size large)
      (when (= arena 0) (set! arena (malloc! "a foreign call" arena-size)))
      (let ((at (* 16 (quotient (+ arena-top 15) 16))))
        (if (<= (+ at size) arena-size)
            (begin (set! arena-top (+ at size)) (+ arena at))
            (let ((address (malloc! "a foreign call" size)))
              (vector-set! large 0 (cons address (vector-ref large 0)))
              address))))

    (define last-errno 0)
    (define (foreign-errno)
      "What the last call of a foreign procedure left in errno, which was zero before it."
      last-errno)
    (define (foreign-errno-text . number)
      "The words that C has for an errno; without an argument for (foreign-errno)."
      (let ((address (c-call (function "strerror") (if (pair? number) (car number) last-errno))))
        (text-at address #f)))
    (define (foreign-error? x)
      "Whether X is a condition of foreign functions: a library or symbol that is missing, memory that was freed, a null \
pointer, a callback that was left. What has a wrong type or is out of range has the kind type or range."
      (and (error-object? x) (string=? (error-object-kind x) "foreign")))

    ;; Default argument promotions: C17 §6.5.2.2.
    (define (promoted who type)
      (cond ((and (float? type) (= (type-size type) 4)) (builtin-type 'double))
            ((eq? (type-kind type) 'bytevector) type)
            (else type)))
    (define (inferred who position value)
      (cond ((and (exact-integer? value) (<= -9223372036854775808 value 9223372036854775807)) (builtin-type 'long))
            ((exact-integer? value) (builtin-type 'ulong))
            ((real? value) (builtin-type 'double))
            ((string? value) (builtin-type 'string))
            ((bytevector? value) (builtin-type 'bytevector))
            ((foreign-pointer? value) (builtin-type 'pointer))
            ((char? value) (builtin-type 'int))
            (else (fail 'type (string-append who ": " (place-word position) ": no type of C follows from") value))))
    (define (place-word position) (string-append "argument " (number->string position)))

    ;; A procedure that calls C. LIVE gives the address, or raises. VARIADIC-AT: how many arguments are not the variadic
    ;; ones', or false; OPEN?: more may follow, whose types are those of the values.
    (define (make-caller who live types result variadic-at open?)
      (check-types who types result)
      (let* ((how (result-of result)) (count (length types)) (s (new-state))
             (hidden (and (eq? how 'memory) (next-integer! s)))
             (types (let loop ((l types) (i 0))
                      (if (null? l) '()
                          (cons (if (and variadic-at (>= i variadic-at)) (promoted who (car l)) (car l))
                                (loop (cdr l) (+ i 1))))))
             (plan (plan-of types variadic-at hidden s)))
        (lambda arguments
          (let ((given (length arguments)))
            (unless (if open? (>= given count) (= given count))
              (fail 'arity (string-append who ": wrong number of arguments (" (number->string count)
                             (if open? " or more" "") " expected, " (number->string given) " given)"))))
          (if (and open? (> (length arguments) count))
              (let* ((more (let loop ((l (list-tail arguments count)) (i (+ count 1)))
                             (if (null? l) '() (cons (inferred who i (car l)) (loop (cdr l) (+ i 1))))))
                     (all (append types more)) (s (new-state)))
                (when hidden (next-integer! s))
                (call who (live) all (plan-of all variadic-at hidden s) s result how hidden
                      (map (lambda (x) (if (char? x) (char->integer x) x)) arguments)))
              (call who (live) types plan s result how hidden arguments)))))
    (define (call who address types plan s result how hidden arguments)
      (let loop ((l arguments) (t types) (i 1))
        (unless (null? l)
          (check-value who (place-word i) (car t) (car l))
          (loop (cdr l) (cdr t) (+ i 1))))
      (let ((block (make-bytevector (+ 160 (* 8 (words s))) 0)) (large (vector '())) (top arena-top) (made (vector '()))
            (target (and (eq? how 'memory) (allocate-for result))))
        (%foreign 6 block 128 (words s) 0)
        (%foreign 6 block 136 (floats s) 0)
        (when hidden (put! (builtin-type 'pointer) target block hidden))
        (let ((copies (marshal who arguments types plan block large made)))
          (let ((pending (if (= callback-count 0) (begin (%foreign 1 address block 0 0) #f) (call-open address block)))
                (results (make-bytevector 40 0)))
            (%foreign 12 results 0 0 0)
            (set! last-errno (%foreign 7 results 32 0 0))
            (unless pending
              (for-each (lambda (copy) (peek (car copy) (cdr copy) 0 (bytevector-length (cdr copy)))) copies))
            (let ((value (if pending #f (result-value result how target results))))
              (for-each foreign-free (vector-ref made 0))
              (for-each free! (vector-ref large 0))
              (set! arena-top top)
              (when (and pending target) (foreign-free target))
              (if pending (raise (car pending)) value))))))
    ;; Puts checked arguments into the block. Gives pairs of address and bytevector that are copied back after the call.
    (define (marshal who arguments types plan block large made)
      (let loop ((l arguments) (t types) (p plan) (copies '()))
        (if (null? l) copies
            (let ((value (car l)) (type (car t)) (how (car p)))
              (define (rest copies) (loop (cdr l) (cdr t) (cdr p) copies))
              (define (put-address! address) (put! (builtin-type 'pointer) (make-pointer address type #f #f) block how))
              (case (type-kind type)
                ((string)
                 (when value
                   (let* ((bytes (string->bytes value)) (address (temporary! (bytevector-length bytes) large)))
                     (poke address bytes 0 (bytevector-length bytes))
                     (put-address! address)))
                 (rest copies))
                ((bytevector)
                 (if (not value) (rest copies)
                     (let ((address (temporary! (bytevector-length value) large)))
                       (poke address value 0 (bytevector-length value))
                       (put-address! address)
                       (rest (cons (cons address value) copies)))))
                ((callback)
                 (let ((pointer (if (procedure? value)
                                    (let ((made-now (new-callback value (car (type-detail type)) (cdr (type-detail type)))))
                                      (vector-set! made 0 (cons made-now (vector-ref made 0)))
                                      made-now)
                                    value)))
                   (put! type pointer block how)
                   (rest copies)))
                ((struct union)
                 (let ((bytes (foreign->bytevector value (type-size type))))
                   (if (eq? (car how) 'reference)
                       (let ((address (temporary! (type-size type) large)))
                         (poke address bytes 0 (type-size type))
                         (put! (builtin-type 'pointer) (make-pointer address type #f #f) block (cdr how)))
                       (for-each
                         (lambda (place)
                           (fill-word! block (caddr place) (cdddr place))
                           (bytevector-copy! block (caddr place) bytes (car place) (+ (car place) (cadr place))))
                         (cdr how))))
                 (rest copies))
                (else (put! type value block how) (rest copies)))))))
    (define (result-value type how target results)
      (cond
        ((eq? how 'void) (if #f #f))
        ((eq? how 'memory) target)
        ((pair? how)
         (let ((made (allocate-for type)) (bytes (make-bytevector (type-size type) 0)))
           (for-each
             (lambda (place)
               (bytevector-copy! bytes (car place) results (caddr place) (+ (caddr place) (cadr place))))
             (cdr how))
           (foreign-copy-in! made bytes)
           made))
        (else (get type results how))))

    ;; A library that was loaded; it is closed when it has no handle any more.
    (define-record-type library (make-library name handle) foreign-library?
      (name library-name) (handle library-handle set-handle!))
    (define rtld-now 2)
    ;; What reads the linker's words is looked up before it may have any: a look-up makes it forget them.
    (define (dl-error) (let ((address (c-call (import-at 5)))) (if (= address 0) "unknown" (text-at address #f))))
    (define (with-text s receiver)
      (let* ((bytes (string->bytes s)) (n (bytevector-length bytes))
             (address (begin (function "strnlen") (malloc! "dlopen" n))))
        (poke address bytes 0 n)
        (let ((value (receiver address))) (free! address) value)))
    (define (open-or-false name)
      (check-value "foreign-open" "argument 1" (builtin-type 'string) name)
      (let ((handle (if name
                        (with-text name (lambda (text) (c-call (import-at 2) text rtld-now)))
                        (c-call (import-at 2) 0 rtld-now))))
        (if (= handle 0) #f (make-library (or name "the program") handle))))
    (define (foreign-open name)
      "Loads a library of C by its name (\"libm.so.6\") or path, as dlopen finds it. False instead of a name: the program \
itself with libc. A condition of kind foreign, with the dynamic linker's words, if it is not there."
      (or (open-or-false name) (fail 'foreign (string-append "foreign-open: " (dl-error)) name)))
    (define (foreign-close! library)
      "Lets a library go; its procedures must not be called any more."
      (check-library "foreign-close!" library)
      (when (library-handle library)
        (c-call (import-at 4) (library-handle library))
        (set-handle! library #f))
      (if #f #f))
    (define (check-library who library)
      (unless (foreign-library? library) (fail 'type (string-append who ": expected a library, got") library)))
    (define (first-library names)
      (let loop ((l names) (words ""))
        (if (null? l) (fail 'foreign (string-append "foreign-library: " words) names)
            (or (open-or-false (car l))
                (let ((more (dl-error))) (loop (cdr l) (if (string=? words "") more (string-append words "; " more))))))))
    ;; (foreign-library NAME FILE …): NAME is the first of these libraries that is there.
    (define-syntax foreign-library
      (syntax-rules () ((_ name file ...) (define name (first-library (list file ...))))))
    (define (symbol-address library name)
      (check-library "foreign-symbol" library)
      (check-value "foreign-symbol" "argument 2" (builtin-type 'string) name)
      (unless (library-handle library)
        (fail 'foreign "foreign-symbol: the library was closed:" (library-name library)))
      (with-text name (lambda (text) (c-call (import-at 3) (library-handle library) text))))
    (define (foreign-symbol library name)
      "A pointer to what a library of C has by that name, a function or a variable. A condition of kind foreign if it has \
none."
      (let ((address (symbol-address library name)))
        (if (= address 0)
            (fail 'foreign (string-append "foreign-symbol: " (dl-error)) name)
            (make-pointer address (builtin-type 'void) #f #f))))
    (define (caller library name types result variadic-at open?)
      (let ((live
             (if (foreign-pointer? library)
                 (lambda () (live-address name library))
                 (let ((address (foreign-pointer-address (foreign-symbol library name))))
                   (lambda ()
                     (unless (library-handle library)
                       (fail 'foreign (string-append name ": the library was closed:") (library-name library)))
                     address)))))
        (when (eqv? 0 (live)) (fail 'foreign (string-append name ": the null pointer is no function")))
        (make-caller name live types result variadic-at open?)))

    ;; (foreign-procedure LIBRARY NAME (TYPE …) RESULT): a procedure that calls the function of that name. LIBRARY may be
    ;; a pointer to the function instead, and NAME then what errors call it. In the list of types … (three dots) begins
    ;; the variadic arguments: types that follow are theirs; after a list that ends with it arguments of any number have
    ;; the types of their values (integer long, other real double, string, bytevector, pointer).
    (define-syntax foreign-procedure
      (lambda (form)
        (syntax-case form ()
          ((_ library name types result)
           (let loop ((l (syntax->list #'types)) (n 0) (done '()) (at #f))
             (cond
               ((null? l)
                (with-syntax (((type ...) (reverse done)) (at (datum->syntax form at))
                              (open? (datum->syntax form (and at (= at n)))))
                  #'(caller library name (list (foreign-type type) ...) (foreign-type result) at open?)))
               ((eq? (syntax->datum (car l)) '...) (loop (cdr l) n done n))
               (else (loop (cdr l) (+ n 1) (cons (car l) done) at))))))))))

/**
 * The runtime's innermost routines, in the low-level language: calls of unknown procedures, argument lists, the stack's
 * way to the heap and back, and continuations.
 *
 * The stack is the host's; each function's live words lie on the shadow stack. To capture it, `unwind` is thrown: every
 * function on the way saves its words and the place to go on from (`save-frame`) as a frame in the heap, the innermost
 * first. The base loop (`run`) links them before the frames that are in the heap already, and goes on from the heap; a
 * frame is never changed after, so that it may be entered again.
 */
export const RUNTIME = `
; Calls f with the n arguments in the argument area.
(define (call-variadic sp:i32 f n:i32)
  (when (= (tag-of f) TAG-PROCEDURE)
    (let ((h (load64 (wrap f) PROCEDURE-HEADER)))
      (let ((arity:i32 (and (wrap (shr h 8)) 255)) (code:i32 (wrap (shr h 32))))
        (when (= arity 255)
          (reg! ARGUMENT-COUNT n)
          (tail-indirect variadic code sp f n))
        (when (= arity n)
          (when (= n 0) (tail-indirect procedure0 code sp f))
          (when (= n 1) (tail-indirect procedure1 code sp f (load64 ARGUMENTS)))
          (when (= n 2) (tail-indirect procedure2 code sp f (load64 ARGUMENTS) (load64 ARGUMENTS 8)))
          (when (= n 3) (tail-indirect procedure3 code sp f (load64 ARGUMENTS) (load64 ARGUMENTS 8) (load64 ARGUMENTS \
16)))
          (when (= n 4) (tail-indirect procedure4 code sp f (load64 ARGUMENTS) (load64 ARGUMENTS 8) (load64 ARGUMENTS \
16) (load64 ARGUMENTS 24)))
          (when (= n 5) (tail-indirect procedure5 code sp f (load64 ARGUMENTS) (load64 ARGUMENTS 8) (load64 ARGUMENTS \
16) (load64 ARGUMENTS 24)
                                                     (load64 ARGUMENTS 32)))
          (when (= n 6) (tail-indirect procedure6 code sp f (load64 ARGUMENTS) (load64 ARGUMENTS 8) (load64 ARGUMENTS \
16) (load64 ARGUMENTS 24)
                                                     (load64 ARGUMENTS 32) (load64 ARGUMENTS 40)))
          (when (= n 7) (tail-indirect procedure7 code sp f (load64 ARGUMENTS) (load64 ARGUMENTS 8) (load64 ARGUMENTS \
16) (load64 ARGUMENTS 24)
                                                     (load64 ARGUMENTS 32) (load64 ARGUMENTS 40) (load64 ARGUMENTS 48)))
          (when (= n 8) (tail-indirect procedure8 code sp f (load64 ARGUMENTS) (load64 ARGUMENTS 8) (load64 ARGUMENTS \
16) (load64 ARGUMENTS 24)
                                                     (load64 ARGUMENTS 32) (load64 ARGUMENTS 40) (load64 ARGUMENTS \
48) (load64 ARGUMENTS 56)))))))
  (tail apply-error sp f n))

; f is no procedure or does not take n arguments.
(define (apply-error sp:i32 f n:i32)
  (store64! sp 0 f)
  (reg! ARGUMENT-COUNT n)
  (let ((arguments (rest-list (+ sp 8) 0 n)))
    (tail call2 sp (cell CELL-APPLY-ERROR) (load64 sp) arguments)))

; List of the arguments from index from on.
(define (rest-list sp:i32 from:i32 n:i32)
  (when (>= from n) (return NIL))
  (let ((a:i32 (allocate sp (* 16 (- n from)))) (list NIL))
    (while (> n from)
      (set! n (- n 1))
      (store64! a 0 (load64 (+ ARGUMENTS (* n 8))))
      (store64! a 8 list)
      (set! list (pointer a TAG-PAIR))
      (set! a (+ a 16)))
    list))

(define (slow0 sp:i32 f) (tail call-variadic sp f 0))
(define (slow1 sp:i32 f a)
  ; A continuation that leaves no dynamic-wind takes its value at once.
  (when (= (tag-of f) TAG-PROCEDURE)
    (when (= (load64 (wrap f) PROCEDURE-HEADER) CONTINUATION-HEADER)
      (when (= (load64 (wrap f) CAPTURED-1) (cell CELL-WINDERS)) (tail throw-to sp f a))))
  (store64! ARGUMENTS 0 a)
  (tail call-variadic sp f 1))
(define (slow2 sp:i32 f a b) (store64! ARGUMENTS 0 a) (store64! ARGUMENTS 8 b) (tail call-variadic sp f 2))
(define (slow3 sp:i32 f a b c) (store64! ARGUMENTS 0 a) (store64! ARGUMENTS 8 b) (store64! ARGUMENTS 16 c) (tail \
call-variadic sp f 3))
(define (slow4 sp:i32 f a b c d)
  (store64! ARGUMENTS 0 a) (store64! ARGUMENTS 8 b) (store64! ARGUMENTS 16 c) (store64! ARGUMENTS 24 d) (tail \
call-variadic sp f 4))
(define (slow5 sp:i32 f a b c d e) (store64! ARGUMENTS 32 e)
  (store64! ARGUMENTS 0 a) (store64! ARGUMENTS 8 b) (store64! ARGUMENTS 16 c) (store64! ARGUMENTS 24 d) (tail \
call-variadic sp f 5))
(define (slow6 sp:i32 f a b c d e g) (store64! ARGUMENTS 32 e) (store64! ARGUMENTS 40 g)
  (store64! ARGUMENTS 0 a) (store64! ARGUMENTS 8 b) (store64! ARGUMENTS 16 c) (store64! ARGUMENTS 24 d) (tail \
call-variadic sp f 6))
(define (slow7 sp:i32 f a b c d e g h) (store64! ARGUMENTS 32 e) (store64! ARGUMENTS 40 g) (store64! ARGUMENTS 48 h)
  (store64! ARGUMENTS 0 a) (store64! ARGUMENTS 8 b) (store64! ARGUMENTS 16 c) (store64! ARGUMENTS 24 d) (tail \
call-variadic sp f 7))
(define (slow8 sp:i32 f a b c d e g h i) (store64! ARGUMENTS 32 e) (store64! ARGUMENTS 40 g) (store64! ARGUMENTS 48 \
h) (store64! ARGUMENTS 56 i)
  (store64! ARGUMENTS 0 a) (store64! ARGUMENTS 8 b) (store64! ARGUMENTS 16 c) (store64! ARGUMENTS 24 d) (tail \
call-variadic sp f 8))

(define (call0 sp:i32 f) (tail call-variadic sp f 0))
(define (call1 sp:i32 f a) (tail slow1 sp f a))
(define (call2 sp:i32 f a b) (tail slow2 sp f a b))

; The same for an f that most likely takes one argument.
(define (call-one sp:i32 f a)
  (when (= (tag-of f) TAG-PROCEDURE)
    (when (= (load8 (wrap f) PROCEDURE-ARITY) 1)
      (tail-indirect procedure1 (load32 (wrap f) PROCEDURE-CODE) sp f a)))
  (tail slow1 sp f a))

; (apply f list): the list's items become the arguments after the n that are there already.
(define (apply-list sp:i32 f list n:i32)
  (let ((tail list))
    (while (= (tag-of tail) TAG-PAIR)
      (when (>=u (+ ARGUMENTS (* n 8)) ARGUMENTS-END) (tail type-error sp list ERROR-TOO-MANY))
      (store64! (+ ARGUMENTS (* n 8)) 0 (load64 (wrap tail) CAR))
      (set! n (+ n 1))
      (set! tail (load64 (wrap tail) CDR)))
    (when (!= tail NIL) (tail type-error sp list ERROR-LIST))
    (tail call-variadic sp f n)))

; Raises what the code says about the value; does not return.
(define (type-error sp:i32 value code:i32)
  (store64! sp 0 0)
  (tail call2 (+ sp 8) (cell CELL-RAISE-ERROR) (ext (shl code 3)) value))

; The double next to an integer beyond fixnums.
(define (integer->double:f64 word) (bignum->double word))

(define (record-error sp:i32 name type value)
  (store64! sp 0 0)
  (tail slow3 (+ sp 8) (cell CELL-RECORD-ERROR) name type value))

; Frames.
(define (save-frame:void sp:i32 site:i32)
  (let ((n:i32 (shr site 20)) (i:i32 0))
    (let ((a:i32 (allocate (+ sp (* n 8)) (+ 24 (* n 8)))))
      (store64! a 0 (header KIND-FRAME 0 (+ n 2)))
      (store64! a 8 0)
      (store64! a 16 (ext (shl (and site 0xfffff) 3)))
      (while (< i n)
        (store64! (+ a (+ 24 (* i 8))) 0 (load64 (+ sp (* i 8))))
        (set! i (+ i 1)))
      (let ((frame (pointer a TAG-OBJECT)))
        (if (= (cell CELL-NEW-HEAD) 0)
            (cell! CELL-NEW-HEAD frame)
            (store-field (+ 8 (address (cell CELL-NEW-TAIL))) frame))
        (cell! CELL-NEW-TAIL frame)))))

(define (link-frames:void)
  (when (!= (cell CELL-NEW-HEAD) 0)
    (store-field (+ 8 (address (cell CELL-NEW-TAIL))) (cell CELL-CONTINUATION))
    (cell! CELL-CONTINUATION (cell CELL-NEW-HEAD))
    (cell! CELL-NEW-HEAD 0)
    (cell! CELL-NEW-TAIL 0)))

; Where loops and functions find that somebody wants the program to be looked at: it may be left here for good.
(define (look:void)
  (reg! STACK-LIMIT STACK-FULL)
  (look-due)
  (when (&& (reg INTERRUPTED) (can-recover)) (recover)))

; A function that would go beyond the stack's budget, or when a look is due: its arguments lie in its frame.
(define (overflow:void sp:i32 site:i32)
  (when (= (reg STACK-LIMIT) 0)
    (look)
    (when (<=u sp STACK-FULL) (return)))
  (save-frame sp site)
  (reg! UNWIND-COUNT (+ 1 (reg UNWIND-COUNT)))
  (throw unwind))

; Puts a continuation's procedure at k: its frames, and what is bound there.
(macro (continuation! k frames)
  (begin
    (store64! k 0 CONTINUATION-HEADER)
    (store64! k 8 frames)
    (store64! k 16 (cell CELL-WINDERS))
    (store64! k 24 (cell CELL-HANDLERS))
    (store64! k 32 (cell CELL-PARAMETERS))))

; (call/cc f) when no function is between the base loop and here.
(define (capture-at-base sp:i32 f)
  (store64! sp 0 f)
  (let ((a:i32 (allocate (+ sp 8) 40)))
    (continuation! a (cell CELL-CONTINUATION))
    (tail call-one sp (load64 sp) (pointer a TAG-PROCEDURE))))

(define (capture sp:i32 f)
  (when (= sp STACK) (tail capture-at-base sp f))
  (cell! CELL-PENDING-PROCEDURE f)
  (reg! UNWIND-COUNT (+ 1 (reg UNWIND-COUNT)))
  (throw unwind))

; The same from a function that lies on the base loop alone: its frame goes to the heap, it is left for good. Frame and
; continuation are made at once.
(define (capture-site sp:i32 site:i32 f)
  (cell! CELL-TEMPORARY f)
  (let ((n:i32 (shr site 20)) (i:i32 0))
    (let ((a:i32 (allocate (+ sp (* n 8)) (+ 64 (* n 8)))))
      (let ((k:i32 (+ a (+ 24 (* n 8)))) (f (cell CELL-TEMPORARY)) (frame (pointer a TAG-OBJECT)))
        (store64! a 0 (header KIND-FRAME 0 (+ n 2)))
        (store64! a 8 (cell CELL-CONTINUATION))
        (store64! a 16 (ext (shl (and site 0xfffff) 3)))
        (while (< i n)
          (store64! (+ a (* i 8)) 24 (load64 (+ sp (* i 8))))
          (set! i (+ i 1)))
        (cell! CELL-CONTINUATION frame)
        (continuation! k frame)
        (tail call-one STACK f (pointer k TAG-PROCEDURE))))))

; Code of the procedures call/cc, %throw-to and apply.
(define (call/cc-code sp:i32 self f) (tail capture sp f))
(define (throw-code sp:i32 self k value) (tail throw-to sp k value))
(define (apply-code sp:i32 self n:i32)
  (when (< n 2) (tail apply-error sp self n))
  (let ((f (load64 ARGUMENTS)) (list (load64 (+ ARGUMENTS (* 8 (- n 1))))))
    (copy! ARGUMENTS (+ ARGUMENTS 8) (* 8 (- n 2)))
    (tail apply-list sp f list (- n 2))))

; Code of continuations: (k value ...).
(define (continuation sp:i32 self n:i32)
  (let ((value (if (= n 1) (load64 ARGUMENTS) (multiple-values sp self n))))
    (when (!= n 1) (set! self (load64 sp)))
    (reg! ARGUMENT-COUNT 0)
    (when (!= (load64 (wrap self) CAPTURED-1) (cell CELL-WINDERS))
      (tail call2 sp (cell CELL-REWIND) self value))
    (tail throw-to sp self value)))

(define (throw-to sp:i32 k value)
  (cell! CELL-WINDERS (load64 (wrap k) CAPTURED-1))
  (cell! CELL-HANDLERS (load64 (wrap k) CAPTURED-2))
  (cell! CELL-PARAMETERS (load64 (wrap k) CAPTURED-3))
  (cell! CELL-CONTINUATION (load64 (wrap k) CAPTURED-0))
  (when (= sp STACK) (return value))
  (cell! CELL-VALUE value)
  (throw abort))

; (%call-at-base f): leaves all that waits but the parameters, and calls f with the continuation of the whole program.
(define (base-code sp:i32 self f)
  (cell! CELL-CONTINUATION 0)
  (cell! CELL-WINDERS NIL)
  (cell! CELL-HANDLERS NIL)
  (cell! CELL-PENDING-PROCEDURE f)
  (throw abort))

; Object of n values from the argument area; self is kept at sp.
(define (multiple-values sp:i32 self n:i32)
  (store64! sp 0 self)
  (let ((a:i32 (allocate (+ sp 8) (+ 8 (* n 8)))) (i:i32 0))
    (store64! a 0 (header KIND-VALUES 0 n))
    (while (< i n)
      (store64! (+ a (+ 8 (* i 8))) 0 (load64 (+ ARGUMENTS (* i 8))))
      (set! i (+ i 1)))
    (pointer a TAG-OBJECT)))

; Code of a frame that was left for an error: nothing may return to it.
(define (cold-resume sp:i32 value) (tail type-error sp value ERROR-RETURN))

; The call that waits since the stack was captured, if there is one, else the next frame with the value.
(define (go-on)
  (let ((f (cell CELL-PENDING-PROCEDURE)))
    (when (!= f 0)
      (cell! CELL-PENDING-PROCEDURE 0)
      (tail capture-at-base STACK f))
    (when (= (cell CELL-CONTINUATION) 0) (return (cell CELL-VALUE)))
    (tail next-frame (cell CELL-VALUE))))

; Takes the first frame from the heap and goes on from there.
(define (next-frame value)
  (let ((a:i32 (wrap (cell CELL-CONTINUATION))))
    (let ((n:i32 (shl (- (load32 a COUNT) 2) 3)))
      (cell! CELL-CONTINUATION (load64 a FIELDS))
      (while n
        (set! n (- n 8))
        (store64! (+ STACK n) 0 (load64 (+ a n) FIELD-2)))
      (tail-indirect resume (wrap (shr (load64 a FIELD-1) 3)) STACK value))))

(define (start f) (tail call0 STACK f))

; Objects.
(define (make-words sp:i32 kind:i32 n:i32)
  (let ((a:i32 (allocate sp (+ 8 (* n 8)))) (i:i32 0))
    (store64! a 0 (header kind 0 n))
    (fill! (+ a 8) 0 (* n 8))
    (pointer a TAG-OBJECT)))

(define (make-bytes sp:i32 kind:i32 n:i32)
  (let ((bytes:i32 (align8 n)))
    (let ((a:i32 (allocate sp (+ 8 bytes))))
      (store64! a 0 (header kind 0 n))
      (fill! (+ a 8) 0 bytes)
      (pointer a TAG-OBJECT))))

(define (make-vector sp:i32 n:i32 fill)
  (store64! sp 0 fill)
  (when (>u n (shr LARGEST 3)) (too-large))
  (let ((a:i32 (allocate (+ sp 8) (+ 8 (* n 8)))))
    (let ((at:i32 (+ a 8)) (end:i32 (+ a (+ 8 (* n 8)))) (value (load64 sp)))
      (store64! a 0 (header KIND-VECTOR 0 n))
      (while (<u at end)
        (store64! at 0 value)
        (set! at (+ at 8)))
      (pointer a TAG-VECTOR))))

(define (copy-words:void to:i32 from:i32 bytes:i32)
  (when (reg FORKED) (keep-range to bytes 0))
  (copy! to from bytes)
  (when (>=u (- to NURSERY) (nursery-size))
    (let ((end:i32 (+ to bytes)))
      (while (<u to end)
        (remember-young to)
        (set! to (+ to 8))))))

(define (copy-bytes:void to:i32 from:i32 bytes:i32)
  (when (reg FORKED) (keep-range to bytes 1))
  (copy! to from bytes))

(define (remember-young:void slot:i32)
  (when (<u (- (wrap (load64 slot)) NURSERY) (reg BARRIER-SIZE)) (remember slot (load64 slot))))

; What the host does: operands lie at sp; nothing is collected meanwhile.
(define (host sp:i32 operation:i32)
  (host-call sp operation)
  (cell CELL-TEMPORARY))

; Arithmetic beyond fixnums: flonums here, the rest in Scheme.
(macro (flonum? w) (= (tag-of w) TAG-FLONUM))
(macro (fixnum? w) (= (tag-of w) 0))
(macro (double w) (loadf (wrap w) FLONUM))
(macro (integer w) (f64 (sar w 3)))

(define (box-double sp:i32 x:f64)
  (let ((a:i32 (allocate sp 16)))
    (store64! a 0 FLONUM-HEADER)
    (storef! a 8 x)
    (pointer a TAG-FLONUM)))

(define (list-values sp:i32 self n:i32)
  (when (= n 1) (reg! ARGUMENT-COUNT 0) (return (load64 ARGUMENTS)))
  (let ((result (multiple-values sp self n)))
    (reg! ARGUMENT-COUNT 0)
    result))

; A division by an exact zero is an error.
(macro (always w) (begin 1))
(macro (nonzero? w) (!= w 0))
(macro (define-slow name op cell-number cond? exact)
  (define (name sp:i32 a b)
    (if (flonum? a)
        (if (flonum? b)
            (return (box-double sp (op (double a) (double b))))
            (when (fixnum? b) (when (cond? b) (return (box-double sp (op (double a) (integer b)))))))
        (begin
          (when (&& (fixnum? a) (flonum? b)) (return (box-double sp (op (integer a) (double b)))))
          (exact sp a b)))
    (tail call2 sp (cell cell-number) a b)))
(macro (exact+ sp a b) (when (own-integers? a b) (tail add-integers sp a b 0)))
(macro (exact- sp a b) (when (own-integers? a b) (tail add-integers sp a b 1)))
(macro (exact* sp a b) (when (own-integers? a b) (tail multiply-integers sp a b)))
(macro (exact/ sp a b) (begin))
(define-slow slow+ + CELL-ADD always exact+)
(define-slow slow- - CELL-SUBTRACT always exact-)
(define-slow slow* * CELL-MULTIPLY always exact*)
(define-slow slow/ / CELL-DIVIDE nonzero? exact/)

; What is taken from zero would lose the sign of a zero.
(define (slow-negate sp:i32 a)
  (when (flonum? a) (return (box-double sp (neg (double a)))))
  (when (own-integers? a 0) (tail add-integers sp 0 a 1))
  (tail call2 sp (cell CELL-SUBTRACT) 0 a))

(macro (define-compare name op cell-number)
  (define (name sp:i32 a b)
    (when (&& (flonum? a) (flonum? b)) (return (if (op (double a) (double b)) TRUE FALSE)))
    (when (&& (exact-integer? a) (exact-integer? b)) (return (if (op (compare-integers a b) 0) TRUE FALSE)))
    (tail call2 sp (cell cell-number) a b)))
(define-compare slow< < CELL-LESS)
(define-compare slow<= <= CELL-LESS-EQUAL)
(define-compare slow> > CELL-GREATER)
(define-compare slow>= >= CELL-GREATER-EQUAL)
(define-compare slow= = CELL-EQUAL)

(macro (define-division name operation cell-number)
  (define (name sp:i32 a b)
    (when (own-integers? a b)
      (when (!= b 0) (tail divide-integers sp a b operation)))
    (tail call2 sp (cell cell-number) a b)))
(define-division slowquotient 0 CELL-QUOTIENT)
(define-division slowremainder 1 CELL-REMAINDER)
(define-division slowmodulo 2 CELL-MODULO)
(define (slow-inexact sp:i32 a)
  (when (flonum? a) (return a))
  (when (fixnum? a) (return (box-double sp (integer a))))
  (tail call1 sp (cell CELL-INEXACT) a))
(define (slow-sqrt sp:i32 a)
  (when (flonum? a)
    (when (>= (double a) 0.0) (return (box-double sp (sqrt (double a))))))
  (tail call1 sp (cell CELL-SQRT) a))

; eqv? of words that differ: numbers with the same value and exactness.
(define (eqv-numbers:i32 a b)
  (let ((t:i32 (tag-of a)) (p:i32 (wrap a)) (q:i32 (wrap b)))
    (when (!= t (tag-of b)) (return 0))
    (when (= t TAG-FLONUM) (return (= (load64 p FLONUM) (load64 q FLONUM))))
    (when (!= t TAG-OBJECT) (return 0))
    (when (!= (load64 p HEADER) (load64 q HEADER)) (return 0))
    (let ((kind:i32 (and (shr (load32 p HEADER) 3) 31)) (n:i32 (load32 p COUNT)))
      (when (= kind KIND-BIGNUM)
        (while (> n 0)
          (set! n (- n 4))
          (when (!= (load32 (+ p n) FIELDS) (load32 (+ q n) FIELDS)) (return 0)))
        (return 1))
      (when (|| (= kind KIND-RATNUM) (= kind KIND-COMPNUM))
        (return (&& (eqv-parts (load64 p FIELDS) (load64 q FIELDS)) (eqv-parts (load64 p FIELD-1) (load64 q FIELD-1)))))
      0)))

(define (eqv-parts:i32 a b) (if (= a b) 1 (eqv-numbers a b)))
`;

/**
 * Foreign functions of C below `(stratos foreign)`, in the low-level language: `operate-foreign` does what `%foreign`
 * asks for (runtime/native-library.ts), `callback` is what C's calls of Lisp procedures come to.
 *
 * While C may call back (`OPEN-CALLS`), who called it has left nothing on the shadow stack: a callback runs under a
 * base loop of its own, from the beginning of that stack on, and may collect. No address of the heap is C's: what is
 * copied to a call's registers and stack comes from a block that nobody looks at again.
 */
export const FOREIGN_LOW = `
(macro (fixnum n) (shl n 3))
(macro (bytes-at w offset) (+ (+ w FIELDS) offset))

; libc writes what it has buffered. Nobody takes arguments from their area any more.
(define (leave:void status)
  (store64! ARGUMENTS 0 status)
  (store64! ARGUMENTS 128 0)
  (foreign-call (load64 IMPORT-EXIT) ARGUMENTS)
  (unreachable))

; The first operand tells what is done; numbers are fixnums, bytes lie in bytevectors.
(define (operate-foreign sp:i32 operation:i32)
  (when (!= operation 43) (syscall SYS-EXIT 70 0 0 0 0 0))
  (let ((which (sar (load64 sp) 3)) (a (load64 sp 8)) (b (load64 sp 16)) (c (load64 sp 24)) (d (load64 sp 32)))
    (when (= which 0) (return (fixnum PLATFORM)))
    (when (= which 1)
      (call-out (sar a 3) (bytes-at b 0))
      (return 0))
    (when (= which 2)
      (copy-far (bytes-at b (sar c 3)) (sar a 3) (sar d 3))
      (return 0))
    (when (= which 3)
      (copy-far (sar a 3) (bytes-at b (sar c 3)) (sar d 3))
      (return 0))
    (when (= which 4) (return (fixnum (load64 (wrap (+ IMPORTS (sar a 3)))))))
    (when (= which 5) (return (fixnum (callback-address (sar a 3)))))
    (when (= which 6) (store64! (wrap (bytes-at a (sar b 3))) 0 (sar c 3)) (return 0))
    (when (= which 7)
      (let ((value (load64 (wrap (bytes-at a (sar b 3))))))
        (return (if (= (sar (fixnum value) 3) value) (fixnum value) FALSE))))
    (when (= which 8) (store64! (wrap (bytes-at a (sar b 3))) 0 (load64 (wrap c) FLONUM)) (return 0))
    (when (= which 9) (return (box-here (loadf (wrap (bytes-at a (sar b 3)))))))
    (when (= which 10)
      (store64! (wrap (bytes-at a (sar b 3))) 0 (or (to-single (loadf (wrap c) FLONUM)) -4294967296))
      (return 0))
    (when (= which 11) (return (box-here (from-single (load64 (wrap (bytes-at a (sar b 3))))))))
    (when (= which 12)
      (copy-memory (wrap (bytes-at a 0)) RESULTS 40)
      (return 0))
    (when (= which 13) (store64! OPEN-CALLS 0 (sar a 3)) (return 0))
    (when (= which 14) (return (fixnum (load64 CALLBACK))))
    (when (= which 15)
      (return (fixnum (/ (- (sar a 3) (+ (callback-address 0) THUNK-RETURN)) THUNK-BYTES))))
    (syscall SYS-EXIT 70 0 0 0 0 0)
    0))

; errno is zero before, and what C made of it is kept.
(define (call-out:void function block)
  (store64! RESULTS 32 0)
  (copy-far (load64 ERRNO) ERRNO-RESULT 4)
  (foreign-call function block)
  (copy-far ERRNO-RESULT (load64 ERRNO) 4))

(define (callback:void block)
  (when (|| (>=u (- block HEAP-END) STACK-BYTES) (= (load64 OPEN-CALLS) 0))
    (syscall SYS-WRITE 2 FATAL FATAL-BYTES 0 0 0)
    (syscall SYS-EXIT 70 0 0 0 0 0))
  (store64! CALLBACK 0 block)
  (cell! CELL-CONTINUATION 0)
  (cell! CELL-NEW-HEAD 0)
  (cell! CELL-NEW-TAIL 0)
  (cell! CELL-PENDING-PROCEDURE 0)
  (cell! CELL-WINDERS NIL)
  (cell! CELL-HANDLERS NIL)
  (reg! ARGUMENT-COUNT 0)
  (cell! CELL-VALUE (load64 (+ CELLS (* CELL-FOREIGN-ENTRY 8))))
  (run))
`;

/** Of programs without foreign functions. */
export const NO_FOREIGN_LOW = `
(define (leave:void status) (syscall SYS-EXIT status 0 0 0 0 0))
(define (operate-foreign sp:i32 operation:i32) (syscall SYS-EXIT 70 0 0 0 0 0) 0)
`;

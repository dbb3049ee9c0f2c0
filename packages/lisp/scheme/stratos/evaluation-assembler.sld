;; Bytes of machine code while `eval` makes some (evaluation-machine.sld), with labels; what an instruction looks like
;; the processors' libraries know (evaluation-x86-64.sld and its like).
(define-library (stratos evaluation-assembler)
  (export begin-code! code-size code-bytes emit-u8 emit-u16 emit-u32 emit-u64 word-at put-word!
          make-label bind! bound-at refer! patch-all!)
  (import (scheme base))
  (begin
    ;; What is longer no code may be: the branches of all processors reach that far.
    (define size-max 16384)
    (define slack 4096)
    (define buffer #f)
    (define size 0)
    (define references '())
    (define (begin-code!)
      (if (not buffer) (set! buffer (make-bytevector (+ size-max slack) 0)))
      (set! size 0)
      (set! references '()))
    ;; Bytes so far; what is beyond the most is not kept, and such code is given up.
    (define (code-size) size)
    (define (code-bytes) (and (<= size size-max) (bytevector-copy buffer 0 size)))

    (define (emit-u8 n)
      (if (< size (+ size-max slack)) (bytevector-u8-set! buffer size n))
      (set! size (+ size 1)))
    (define (emit-u16 n) (emit-u8 (modulo n 256)) (emit-u8 (modulo (quotient n 256) 256)))
    ;; Of a number with a sign, or without one.
    (define (emit-bytes n count)
      (if (> count 0) (begin (emit-u8 (modulo n 256)) (emit-bytes (floor-quotient n 256) (- count 1)))))
    (define (emit-u32 n) (emit-bytes n 4))
    (define (emit-u64 n) (emit-bytes n 8))
    (define (word-at at)
      (define (byte i) (bytevector-u8-ref buffer (+ at i)))
      (+ (byte 0) (* 256 (byte 1)) (* 65536 (byte 2)) (* 16777216 (byte 3))))
    (define (put-word! at n)
      (let loop ((i 0) (n n))
        (if (< i 4)
            (begin (bytevector-u8-set! buffer (+ at i) (modulo n 256)) (loop (+ i 1) (floor-quotient n 256))))))

    ;; A label is where it stands, in a box.
    (define (make-label) (vector #f))
    (define (bind! label) (vector-set! label 0 size))
    (define (bound-at label) (vector-ref label 0))
    ;; The instruction that follows goes to a label.
    (define (refer! label) (set! references (cons (cons size label) references)))
    ;; (patch at to): fills in a branch.
    (define (patch-all! patch)
      (if (<= size size-max)
          (for-each (lambda (one) (patch (car one) (bound-at (cdr one)))) references)))))

;; SRFI 27: random numbers, by xorshift128 (Marsaglia 2003): the same on each system, given the same state. https://srfi.schemers.org/srfi-27/
(define-library (srfi 27)
  (export random-integer random-real default-random-source make-random-source random-source? random-source-state-ref
          random-source-state-set! random-source-randomize! random-source-pseudo-randomize! random-source-make-integers
          random-source-make-reals)
  (import (scheme base) (scheme time) (only (stratos base) arithmetic-shift bitwise-and bitwise-xor))
  (begin
    ;; A source of random numbers.
    (define-record-type random-source
      (make-source state)
      random-source?
      (state source-state set-source-state!))
    (define mask #xffffffff)
    (define (seeded a b) (vector (bitwise-and mask (bitwise-xor 123456789 a)) (bitwise-and mask (bitwise-xor 362436069 b)) 521288629 88675123))
    ;; A new source, which begins as every other.
    (define (make-random-source) (make-source (seeded 0 0)))
    ;; What random-integer and random-real take from.
    (define default-random-source (make-random-source))
    ;; The state of SOURCE, for random-source-state-set!.
    (define (random-source-state-ref source) (vector-copy (source-state source)))
    ;; Makes SOURCE go on from STATE.
    (define (random-source-state-set! source state)
      (if (not (and (vector? state) (= 4 (vector-length state)))) (error "random-source-state-set!: not a state:" state))
      (set-source-state! source (vector-copy state)))
    ;; Makes SOURCE begin at a place that nobody knows.
    (define (random-source-randomize! source)
      (set-source-state! source (seeded (exact (floor (* 1000 (current-second)))) (current-jiffy))))
    ;; Makes SOURCE begin at a place of its own for each I and J.
    (define (random-source-pseudo-randomize! source i j)
      (set-source-state! source (seeded (+ 1 (* i 2654435761)) (+ 1 (* j 2246822519)))))
    ;; 32 bits.
    (define (next! source)
      (let* ((s (source-state source))
             (t (vector-ref s 0))
             (t (bitwise-and mask (bitwise-xor t (arithmetic-shift t 11))))
             (w (vector-ref s 3))
             (result (bitwise-xor w (arithmetic-shift w -19) t (arithmetic-shift t -8))))
        (vector-set! s 0 (vector-ref s 1))
        (vector-set! s 1 (vector-ref s 2))
        (vector-set! s 2 w)
        (vector-set! s 3 result)
        result))
    ;; A procedure such as random-integer, from SOURCE.
    (define (random-source-make-integers source)
      (lambda (bound)
        (if (not (and (exact-integer? bound) (> bound 0))) (error "random-integer: expected a positive exact integer:" bound))
        (let loop ((range 4294967296) (value (next! source)))
          (if (< range bound)
              (loop (* range 4294967296) (+ (* value 4294967296) (next! source)))
              ;; What would make some values likelier than others is drawn again.
              (let ((fair (* bound (quotient range bound))))
                (if (< value fair) (modulo value bound) (loop 4294967296 (next! source))))))))
    ;; A procedure such as random-real, from SOURCE.
    (define (random-source-make-reals source . unit)
      (lambda ()
        (let loop ()
          (let ((bits (+ (* (arithmetic-shift (next! source) -5) 67108864) (arithmetic-shift (next! source) -6))))
            (if (= bits 0) (loop) (inexact (/ bits 9007199254740992)))))))
    ;; A number from 0 up to and without its argument.
    (define random-integer (random-source-make-integers default-random-source))
    ;; A number between 0 and 1, without both.
    (define random-real (random-source-make-reals default-random-source))))

;; SRFI 60: integers as bits. https://srfi.schemers.org/srfi-60/
(define-library (srfi 60)
  (export logand bitwise-and logior bitwise-ior logxor bitwise-xor lognot bitwise-not bitwise-if bitwise-merge logtest
          any-bits-set? logcount bit-count integer-length log2-binary-factors first-set-bit logbit? bit-set? copy-bit
          bit-field copy-bit-field ash arithmetic-shift rotate-bit-field reverse-bit-field integer->list list->integer
          booleans->integer)
  (import (scheme base) (rename (srfi 151) (copy-bit copy-bit-151)))
  (begin
    ;; As bitwise-and.
    (define logand bitwise-and)
    ;; As bitwise-ior.
    (define logior bitwise-ior)
    ;; As bitwise-xor.
    (define logxor bitwise-xor)
    ;; As bitwise-not.
    (define lognot bitwise-not)
    ;; As bitwise-if.
    (define bitwise-merge bitwise-if)
    ;; Whether the integers have a bit in common.
    (define (logtest a b) (not (= 0 (bitwise-and a b))))
    ;; As logtest.
    (define any-bits-set? logtest)
    ;; As bit-count.
    (define (logcount i) (bit-count i))
    ;; As first-set-bit.
    (define log2-binary-factors first-set-bit)
    ;; As bit-set?.
    (define logbit? bit-set?)
    ;; The integer I whose bit at INDEX is set where BIT holds, else clear.
    (define (copy-bit index i bit) (copy-bit-151 index i bit))
    ;; The integer TO whose bits from START to before END are the lowest ones of FROM.
    (define (copy-bit-field to from start end) (bit-field-replace to from start end))
    ;; As arithmetic-shift.
    (define ash arithmetic-shift)
    ;; The integer I whose bits from START to before END are moved round by COUNT to the left.
    (define (rotate-bit-field i count start end) (bit-field-rotate i count start end))
    ;; The integer I whose bits from START to before END are in reverse.
    (define (reverse-bit-field i start end) (bit-field-reverse i start end))
    ;; List of the COUNT lowest bits as booleans, the highest first; all bits without COUNT.
    (define (integer->list i . count) (reverse (apply bits->list i count)))
    ;; The integer of a list of booleans, the highest bit first.
    (define (list->integer bits) (list->bits (reverse bits)))
    ;; The integer of the booleans, the highest bit first.
    (define (booleans->integer . bits) (list->integer bits))))

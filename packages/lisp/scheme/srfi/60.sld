;; SRFI 60: integers as bits. https://srfi.schemers.org/srfi-60/
(define-library (srfi 60)
  (export logand bitwise-and logior bitwise-ior logxor bitwise-xor lognot bitwise-not bitwise-if bitwise-merge logtest
          any-bits-set? logcount bit-count integer-length log2-binary-factors first-set-bit logbit? bit-set? copy-bit
          bit-field copy-bit-field ash arithmetic-shift rotate-bit-field reverse-bit-field integer->list list->integer
          booleans->integer)
  (import (scheme base) (rename (srfi 151) (copy-bit copy-bit-151)))
  (begin
    (define logand bitwise-and)
    (define logior bitwise-ior)
    (define logxor bitwise-xor)
    (define lognot bitwise-not)
    (define bitwise-merge bitwise-if)
    (define (logtest a b) (not (= 0 (bitwise-and a b))))
    (define any-bits-set? logtest)
    (define (logcount i) (bit-count i))
    (define log2-binary-factors first-set-bit)
    (define logbit? bit-set?)
    (define (copy-bit index i bit) (copy-bit-151 index i bit))
    (define (copy-bit-field to from start end) (bit-field-replace to from start end))
    (define ash arithmetic-shift)
    (define (rotate-bit-field i count start end) (bit-field-rotate i count start end))
    (define (reverse-bit-field i start end) (bit-field-reverse i start end))
    (define (integer->list i . count) (reverse (apply bits->list i count)))
    (define (list->integer bits) (list->bits (reverse bits)))
    (define (booleans->integer . bits) (list->integer bits))))

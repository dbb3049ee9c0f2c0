;; Chance that follows from the seed: Lehmer's generator (Park & Miller, 1988).
(define-library (stratos chance)
  (export seeded random-below)
  (import (scheme base) (stratos thread-primitives))
  (begin
    (define seed (%seed))
    (define chance (if seed (+ 1 (modulo seed 2147483646)) #f))
    ;; Whether there is a seed.
    (define seeded (if seed #t #f))
    ;; Below N; without a seed it is 0.
    (define (random-below n)
      (if chance
          (begin (set! chance (modulo (* 48271 chance) 2147483647)) (modulo chance n))
          0))))

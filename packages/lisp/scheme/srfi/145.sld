;; SRFI 145: assumptions. https://srfi.schemers.org/srfi-145/
(define-library (srfi 145)
  (export assume)
  (import (scheme base))
  (begin
    ;; (assume TEST MESSAGE …): the value of TEST; an error where it is #f.
    (define-syntax assume
      (syntax-rules ()
        ((_ test message ...)
         (or test (error "an assumption does not hold:" 'test message ...)))))))

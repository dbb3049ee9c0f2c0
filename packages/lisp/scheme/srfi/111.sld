;; SRFI 111: boxes. https://srfi.schemers.org/srfi-111/
(define-library (srfi 111)
  (export box box? unbox set-box!)
  (import (scheme base))
  (begin
    ;; A box, which holds one value.
    (define-record-type box-type (box value) box? (value unbox set-box!))))

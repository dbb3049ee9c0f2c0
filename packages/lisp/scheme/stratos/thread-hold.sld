;; Whether other threads must stand still, because what called into Lisp (JavaScript, C) waits for the one that runs.
(define-library (stratos thread-hold)
  (export held hold-threads!)
  (import (scheme base))
  (begin
    ;; False, or the name of who waits.
    (define holder #f)
    (define (held) holder)
    (define (hold-threads! who) (set! holder who))))

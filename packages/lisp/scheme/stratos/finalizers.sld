;; Finalisers: what shall be done with an object when the program can't reach it any more.
;;
;; A will executor has procedures for objects; when the collector has found that nothing else reaches an object, its
;; procedure may be run with it, which keeps it once more for that. Nothing is run by itself: the program says when
;; (will-execute!, run-finalizers!), so that no procedure is run in the midst of something else. A procedure that itself
;; reaches its object keeps it for ever. The reference machine finds nothing (docs/lisp).
(define-library (stratos finalizers)
  (export make-will-executor will-executor? will-register! will-execute! register-finalizer! run-finalizers!)
  (import (scheme base) (stratos primitive %guard!) (stratos primitive %guarded-next))
  (begin
    (define-record-type will-executor (new-will-executor queue) will-executor? (queue queue-of))
    ;; An executor without wills.
    (define (make-will-executor) (new-will-executor (vector 0)))
    ;; PROCEDURE may be run with OBJECT when nothing else reaches it.
    (define (will-register! executor object procedure)
      (if (not (procedure? procedure)) (error "will-register!: expected a procedure, got" procedure))
      (%guard! (queue-of executor) object procedure))
    ;; Runs one procedure that is due, and gives what it gives; where none is the second operand, else #f.
    (define (will-execute! executor . otherwise)
      (let ((next (%guarded-next (queue-of executor))))
        (if next ((cdr next) (car next)) (and (pair? otherwise) (car otherwise)))))

    (define finalizers (make-will-executor))
    ;; PROCEDURE is run with OBJECT by `run-finalizers!` when nothing else reaches it.
    (define (register-finalizer! object procedure) (will-register! finalizers object procedure))
    ;; Runs those that are due; gives how many.
    (define (run-finalizers!)
      (let loop ((n 0))
        (let ((next (%guarded-next (queue-of finalizers))))
          (if next (begin ((cdr next) (car next)) (loop (+ n 1))) n))))))

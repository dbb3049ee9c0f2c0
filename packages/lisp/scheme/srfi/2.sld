;; SRFI 2: and-let*. https://srfi.schemers.org/srfi-2/
(define-library (srfi 2)
  (export and-let*)
  (import (scheme base))
  (begin
    ;; (and-let* (CLAUSE …) BODY …): the body where all clauses hold; one is (NAME EXPRESSION), (EXPRESSION) or NAME.
    (define-syntax and-let*
      (syntax-rules ()
        ((_ ()) #t)
        ((_ () body ...) (let () body ...))
        ((_ ((name value))) value)
        ((_ ((test))) test)
        ((_ ((name value) . rest) . body) (let ((name value)) (if name (and-let* rest . body) #f)))
        ((_ ((test) . rest) . body) (if test (and-let* rest . body) #f))
        ((_ (test)) test)
        ((_ (test . rest) . body) (if test (and-let* rest . body) #f))))))

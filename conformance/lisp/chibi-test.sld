;; What chibi's test suites ask of (chibi test), for AstraLisp: counts, and shows what fails. Floats may differ in the last places.
(define-library (chibi test)
  (export test test-equal test-assert test-not test-values test-error test-group test-begin test-end test-exit
          test-equal? test-propagate-info current-test-comparator current-test-epsilon)
  (import (scheme base) (scheme write) (scheme inexact) (scheme complex) (scheme process-context) (stratos base))
  (begin
    (define passed 0)
    (define failed 0)
    (define groups '())
    (define current-test-epsilon (make-parameter 1e-5))

    (define (close? a b)
      (or (= a b)
          (and (real? a) (real? b) (nan? a) (nan? b))
          (and (inexact? a) (inexact? b)
               (if (zero? b)
                   (< (magnitude a) (current-test-epsilon))
                   (< (magnitude (/ (- a b) b)) (current-test-epsilon))))))

    (define (test-equal? expected result)
      (cond ((equal? expected result) #t)
            ((and (number? expected) (number? result)) (and (inexact? expected) (close? expected result)))
            ((and (pair? expected) (pair? result))
             (and (test-equal? (car expected) (car result)) (test-equal? (cdr expected) (cdr result))))
            ((and (vector? expected) (vector? result))
             (test-equal? (vector->list expected) (vector->list result)))
            (else #f)))

    (define current-test-comparator (make-parameter test-equal?))

    (define (note ok? name form expected result)
      (if ok?
          (set! passed (+ passed 1))
          (begin
            (set! failed (+ failed 1))
            (display "FAILED ")
            (for-each (lambda (group) (display group) (display " / ")) (reverse groups))
            (if name (begin (display name) (display ": ")))
            (write form)
            (display "\n  expected ")
            (write expected)
            (display "\n  got      ")
            (write result)
            (newline))))

    (define (check name form expected thunk)
      (let ((result (guard (e (#t (vector 'raised (if (error-object? e)
                                                      (cons (error-object-message e) (error-object-irritants e))
                                                      e))))
                      (thunk))))
        (note (guard (e (#t #f)) ((current-test-comparator) expected result)) name form expected result)))

    (define-syntax test
      (syntax-rules ()
        ((_ expected expr) (test #f expected expr))
        ((_ name expected expr) (check name 'expr expected (lambda () expr)))))
    (define-syntax test-propagate-info
      (syntax-rules ()
        ((_ name expected expr info) (test name expected expr))))
    (define-syntax test-equal
      (syntax-rules ()
        ((_ equal . rest) (parameterize ((current-test-comparator equal)) (test . rest)))))
    (define-syntax test-assert
      (syntax-rules ()
        ((_ expr) (test-assert #f expr))
        ((_ name expr) (check name 'expr #t (lambda () (if expr #t #f))))))
    (define-syntax test-not
      (syntax-rules ()
        ((_ expr) (test-assert (not expr)))
        ((_ name expr) (test-assert name (not expr)))))
    (define-syntax test-values
      (syntax-rules ()
        ((_ expected expr) (test-values #f expected expr))
        ((_ name expected expr)
         (test name (call-with-values (lambda () expected) list) (call-with-values (lambda () expr) list)))))
    (define-syntax test-error
      (syntax-rules ()
        ((_ expr) (test-error #f expr))
        ((_ name expr)
         (note (call-with-current-continuation
                (lambda (k) (with-exception-handler (lambda (e) (k #t)) (lambda () expr #f))))
               name 'expr 'an-error 'none))
        ((_ name predicate expr) (test-error name expr))))
    (define-syntax test-group
      (syntax-rules ()
        ((_ name body ...) (begin (test-begin name) body ... (test-end name)))))

    (define (test-begin . name)
      (set! groups (cons (if (pair? name) (car name) "") groups)))
    (define (test-end . name)
      (if (pair? groups) (set! groups (cdr groups)))
      (if (null? groups) (report)))
    (define (report)
      (display passed) (display " passed, ") (display failed) (display " failed\n"))
    (define (test-exit) (exit (if (= failed 0) 0 1)))))

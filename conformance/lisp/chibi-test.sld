;; What chibi's test suites ask of (chibi test), for AstraLisp: counts, and shows what fails. Floats may differ in the last places.
(define-library (chibi test)
  (export test test-equal test-assert test-not test-values test-error test-group test-begin test-end test-exit
          test-equal? test-propagate-info current-test-comparator current-test-epsilon)
  (import (scheme base) (scheme write) (scheme inexact) (scheme complex) (scheme process-context) (stratos base))
  (begin
    (define passed 0)
    (define failed 0)
    ;; Of native programs: what they do not have, as they say.
    (define unserved 0)
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

    (define (unserved? result)
      (and (vector? result) (= (vector-length result) 2) (eq? (vector-ref result 0) 'raised)
           (pair? (vector-ref result 1)) (string? (car (vector-ref result 1)))
           (let* ((message (car (vector-ref result 1))) (words "served in native programs")
                  (n (string-length words)))
             (let loop ((i 0))
               (and (<= (+ i n) (string-length message))
                    (or (string=? (substring message i (+ i n)) words) (loop (+ i 1))))))))

    (define (show . parts)
      (call-with-port (open-output-string)
        (lambda (port)
          (for-each (lambda (part) (if (string? part) (display part port) (write (car part) port))) parts)
          (get-output-string port))))

    (define (note ok? name form expected result)
      (cond (ok? (set! passed (+ passed 1)))
            ((or (unserved? result) (unserved? expected)) (set! unserved (+ unserved 1)))
            ((guard (e ((unserved? (raised e)) #f))
               (show (if name (show (if (string? name) name (list name)) ": ") "") (list form) "\n  expected "
                     (list expected) "\n  got      " (list result) "\n"))
             => (lambda (text)
                  (set! failed (+ failed 1))
                  (display "FAILED ")
                  (for-each (lambda (group) (display group) (display " / ")) (reverse groups))
                  (display text)))
            ;; Data that native programs can't write are none that they have.
            (else (set! unserved (+ unserved 1)))))

    (define (raised e)
      (vector 'raised (if (error-object? e) (cons (error-object-message e) (error-object-irritants e)) e)))

    (define (check name form expected thunk)
      (let ((result (guard (e (#t (raised e)))
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
      (if (> unserved 0) (begin (display unserved) (display " need what native programs do not have\n")))
      (display passed) (display " passed, ") (display failed) (display " failed\n"))
    (define (test-exit) (exit (if (= failed 0) 0 1)))))

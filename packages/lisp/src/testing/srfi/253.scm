;; The examples of SRFI 253, and what its text promises.
(import (scheme base) (srfi 64) (srfi 253))
(test-begin "253")
(define-syntax message
  (syntax-rules () ((_ expression) (guard (e ((error-object? e) (error-object-message e))) expression 'none))))

(test-eqv 3 (check-arg integer? 3))
(test-eqv 3.0 (check-arg integer? 3.0))
(test-equal #f (check-arg boolean? #f))
(test-equal "hello" (check-arg (lambda (x) (positive? (string-length x))) "hello"))
(test-equal "hello" (check-arg string-length "hello"))
(test-eqv 3 (check-arg integer? 3 'testing 'extra 'args))
(test-equal "check-arg: expected string?, got" (message (check-arg string? 3)))
(test-equal "caller: expected string?, got" (message (check-arg string? 3 'caller)))
(test-error (check-arg (lambda (a) (> a 3)) 0))

(test-eqv 9 (values-checked (integer?) 9))
(test-equal '(9 "hello")
  (call-with-values (lambda () (values-checked (integer? string?) 9 "hello")) list))
(test-equal '(9 83.12 #\a) (call-with-values (lambda () (values-checked (integer? real? char?) 9 83.12 #\a)) list))
(test-error (values-checked (string?) 9))
(test-error (values-checked (integer? string?) 3 3))

(test-assert ((lambda-checked () #t)))
(test-equal '("hello" 3) ((lambda-checked (a (b integer?)) (list a b)) "hello" 3))
(test-equal '(3 "x" (4 5)) ((lambda-checked ((a integer?) b . c) (list a b c)) 3 "x" 4 5))
(test-equal '(1 2) ((lambda-checked all all) 1 2))
(test-error ((lambda-checked ((a integer?)) #t) "hello"))
(test-error ((lambda-checked (a (b integer?)) #t) "hello" "hi"))

(define area
  (case-lambda-checked
    (((r real?)) (* r r))
    (((a real?) (b real?)) (* a b))
    ((a . rest) (list a rest))))
(test-equal '(9 10 (1 (2 3))) (list (area 3) (area 2 5) (area 1 2 3)))
(test-equal "area: argument 2 (b): expected real?, got" (message (area 1 'x)))

(define-checked (c a (b string?) . rest) (list a b rest))
(test-equal '(1 "b" (2)) (c 1 "b" 2))
(test-equal "c: argument 2 (b): expected string?, got" (message (c 1 2)))
(define-checked greeting string? "hello")
(test-equal "hello" greeting)
(test-equal "other: expected string?, got" (message (let () (define-checked other string? 5) other)))

(define (small? n) (< n 10))
(define-record-type-checked box (make-box value label) box?
  (value small? box-value set-box-value!)
  (label string? box-label))
(define b (make-box 5 "five"))
(set-box-value! b 6)
(test-equal '(#t 6 "five") (list (box? b) (box-value b) (box-label b)))
(test-equal "make-box: argument 1 (value): expected small?, got" (message (make-box 50 "fifty")))
(test-error (make-box 5 5))
(test-error (set-box-value! b 11))
(test-eqv 6 (box-value b))
(test-end)

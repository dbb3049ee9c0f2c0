;; Operations on numbers of each kind, those that are not real too; an error is shown by its message and irritants.
(import (scheme base) (scheme complex) (scheme write) (scheme inexact) (scheme read) (stratos base))
(define (show x) (write x) (newline))
(define-syntax try
  (syntax-rules ()
    ((_ e)
     (show (guard (c ((error-object? c) (cons (error-object-message c) (error-object-irritants c)))) e)))))
(define zs
  (list 0 1 -1 5 1/3 -1/3 0.0 -0.0 1.5 -2.5 1e200 -1e-200 +inf.0 -inf.0 +nan.0 +i -i 3+4i 1/2-3/4i 1.5-2.25i -0.0+0.0i
    1e300+1e300i -3.0+1e-9i 0.0+inf.0i (expt 10 25) (make-rectangular (expt 10 20) 1)))
(for-each (lambda (f) (for-each (lambda (z) (try (f z))) zs))
  (list exp log sin cos tan asin acos atan sqrt magnitude angle real-part imag-part exact? inexact? finite? infinite?
    nan? zero? - / square inexact exact number->string (lambda (z) (number->string z 2))
    (lambda (z) (number->string z 16)) real? rational? integer? number?))
(for-each (lambda (f) (for-each (lambda (z) (for-each (lambda (w) (try (f z w))) zs)) zs))
  (list + - * / = eqv? equal? expt make-rectangular make-polar atan))
(for-each (lambda (s) (for-each (lambda (r) (try (string->number s r))) '(2 8 10 16 36)))
  '("" "1" "-1" "+1" "i" "+i" "-i" "1+i" "1-i" "3+4i" "1/2-3/4i" "1.5-2.25i" "1e3+2e-3i" "1@2" "1@0" "#e1@2" "#i1/3"
    "#e0.1" "#e1.5e3" "#x10" "#x#x10" "#e#x10" "#x#e10" "#i-0" "-0.0" "1e400000" "1e-400000" "#e1e400000"
    "#b1e99999999999" "#b1.1" "#b1e10" "#o7.4" "#xff.8" "1s3" "1d-3" "+inf.0" "-inf.0i" "1+inf.0i" "+nan.0+inf.0i"
    "1+" "1+-i" "1/0" "1/" ".5" "." "5." "-.5e1" "+5.i" "e" "1e" "1e+" "1ee3" "abc" "z" "zi" "+zi" "1 2" "#" "#e"
    "#q1" "--1" "1-2" "1+2+3i" "@1" "1@" "12345678901234567890123" "0.1" "123456789.123456789e-5" "4.9e-324"
    "2.2250738585072011e-308" "1.7976931348623159e308"))
(for-each (lambda (x) (try (read (open-input-string x)))) '("1+2i" "+i" "-2.5e3-i" "1@0.5" "#e1.25" "i" "-" "..."))
(for-each show '(|1+2i| |+NaN.0abc| |-inf.0| |+info| |+i| |-i| |1@2| i + - |-inf.0i| abc))
(for-each
  (lambda (a)
    (for-each (lambda (b) (try (bitwise-and a b)) (try (bitwise-ior a b)) (try (bitwise-xor a b)))
      (list 0 1 -1 255 (expt 2 70) (- (expt 2 70)) (- 12345678901234567890123456789) (- (expt 2 200) 12345))))
  (list 5 -7 (expt 2 61) (- (expt 2 130) 1) (- (expt 3 100))))
(for-each
  (lambda (a)
    (try (bit-count a)) (try (integer-length a)) (try (bitwise-not a)) (try (arithmetic-shift a 100))
    (try (arithmetic-shift a -30)))
  (list 0 1 -1 255 -256 (expt 2 70) (- (expt 2 70)) (- (expt 2 70) 1) (- (expt 7 80)) 1.5))
(for-each (lambda (x) (for-each (lambda (y) (try (rationalize x y))) '(1/10 0 0.01 -1/4 +inf.0 5)))
  '(3/10 1/3 .3 -2.718281828 100 +nan.0 -inf.0 22/7 +i))
(try (sqrt (expt 10 401))) (try (sqrt (/ 1 (expt 10 700)))) (try (quotient 5 0)) (try (modulo 5 0)) (try (floor/ 5 0))
;; Roots, of squares and of their neighbours: of each length, so of each way in which it is halved.
(define (root-of n)
  (let-values (((r rest) (exact-integer-sqrt n)))
    (if (not (and (= n (+ (* r r) rest)) (<= 0 rest (* 2 r)))) (show (list 'wrong n)))
    r))
(do ((i 0 (+ i 1)) (k 1 (+ (* 2 k) (modulo (* i i i) 7) -3))) ((= i 420))
  (let ((k (abs k)))
    (show (list (= (root-of (* k k)) k) (= (root-of (+ (* k k) k k)) k) (= (root-of (+ (* k k) k k 1)) (+ k 1))
                (or (= k 0) (= (root-of (- (* k k) 1)) (- k 1)))))))
(show (root-of (expt 7 30000)))
;; Divisions of exact and inexact integers, below and above what doubles have exactly; quotients and remainders of 0.
(define whole
  (list 0 1 -4 7 0.0 -0.0 -4.0 2.0 7.0 -1e20 1e10 1e30 9007199254740993 -9007199254740993 (expt 10 30) (expt 10 400)))
(for-each (lambda (f) (for-each (lambda (a) (for-each (lambda (b) (try (f a b))) whole)) whole))
  (list quotient remainder modulo floor-quotient floor-remainder truncate-quotient truncate-remainder gcd lcm))

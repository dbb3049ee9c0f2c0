;; SRFI 128: comparators, with SRFI 162's. https://srfi.schemers.org/srfi-128/
(define-library (srfi 128)
  (export comparator? comparator-ordered? comparator-hashable? make-comparator make-pair-comparator make-list-comparator
          make-vector-comparator make-eq-comparator make-eqv-comparator make-equal-comparator boolean-hash char-hash
          char-ci-hash string-hash string-ci-hash symbol-hash number-hash hash-bound hash-salt make-default-comparator
          default-hash comparator-register-default! comparator-type-test-predicate comparator-equality-predicate
          comparator-ordering-predicate comparator-hash-function comparator-test-type comparator-check-type
          comparator-hash =? <? >? <=? >=? comparator-if<=> comparator-max comparator-min comparator-max-in-list
          comparator-min-in-list default-comparator boolean-comparator real-comparator char-comparator
          char-ci-comparator string-comparator string-ci-comparator list-comparator vector-comparator eq-comparator
          eqv-comparator equal-comparator)
  (import (scheme base) (scheme char) (scheme inexact) (scheme complex) (rename (stratos hash) (%hash value-hash) (%identity-hash identity-hash)))
  (begin
    ;; Comparators: a test of type, sameness, order and hash of values. `make-comparator` makes them.
    (define-record-type comparator
      (make-raw test same? before? hash ordered? hashable?)
      comparator?
      (test comparator-type-test-predicate)
      (same? comparator-equality-predicate)
      (before? comparator-ordering-predicate)
      (hash comparator-hash-function)
      (ordered? comparator-ordered?)
      (hashable? comparator-hashable?))
    ;; A comparator of four procedures: a test (#t: any value), sameness (#t: neither is before the other), order or
    ;; #f, hash or #f.
    (define (make-comparator test same? before? hash)
      (let ((test (if (eq? test #t) (lambda (x) #t) test)))
        (make-raw test
                  (if (eq? same? #t) (lambda (a b) (and (not (before? a b)) (not (before? b a)))) same?)
                  (or before? (lambda (a b) (error "the comparator has no order" a b)))
                  (or hash (lambda (x) (error "the comparator has no hash" x)))
                  (if before? #t #f)
                  (if hash #t #f))))
    ;; What hashes are below.
    (define-syntax hash-bound (syntax-rules () ((_) 33554432)))
    ;; A number that hashes may begin with.
    (define-syntax hash-salt (syntax-rules () ((_) 16064047)))
    (define (bounded number) (modulo number (hash-bound)))
    ;; A hash of a boolean.
    (define (boolean-hash x) (if x (hash-salt) 0))
    ;; A hash of a character.
    (define (char-hash x) (bounded (value-hash x)))
    ;; A hash of a character, whatever its case.
    (define (char-ci-hash x) (char-hash (char-foldcase x)))
    ;; With a bound as SRFI 69 and 125 have them: programs import both.
    (define (string-hash x . bound) (modulo (value-hash x) (if (pair? bound) (car bound) (hash-bound))))
    ;; A hash of a string, whatever the case of its letters.
    (define (string-ci-hash x . bound) (apply string-hash (string-foldcase x) bound))
    ;; A hash of a symbol.
    (define (symbol-hash x) (bounded (value-hash x)))
    ;; A hash of a number; equal ones have the same.
    (define (number-hash x) (if (and (inexact? x) (= x x) (rational? x)) (bounded (value-hash (exact x))) (bounded (value-hash x))))
    (define (identity x) (bounded (identity-hash x)))

    ;; Whether X is of a comparator's type.
    (define (comparator-test-type c x) ((comparator-type-test-predicate c) x))
    ;; #t where X is of a comparator's type, else an error.
    (define (comparator-check-type c x) (if (comparator-test-type c x) #t (error "the value is not of the comparator's type:" c x)))
    ;; The hash that a comparator gives for X.
    (define (comparator-hash c x) ((comparator-hash-function c) x))

    ;; A comparator of any values by eq?, without an order.
    (define (make-eq-comparator) (make-comparator #t eq? #f identity))
    ;; A comparator of any values by eqv?, without an order.
    (define (make-eqv-comparator) (make-comparator #t eqv? #f identity))
    ;; A comparator of any values by equal?, without an order.
    (define (make-equal-comparator) (make-comparator #t equal? #f (lambda (x) (bounded (value-hash x)))))
    (define (combine a b) (bounded (+ (* a 31) b)))
    ;; A comparator of pairs, by one of their cars and one of their cdrs.
    (define (make-pair-comparator a b)
      (make-comparator
       (lambda (x) (and (pair? x) (comparator-test-type a (car x)) (comparator-test-type b (cdr x))))
       (lambda (x y) (and (=? a (car x) (car y)) (=? b (cdr x) (cdr y))))
       (and (comparator-ordered? a) (comparator-ordered? b)
            (lambda (x y) (if (=? a (car x) (car y)) (<? b (cdr x) (cdr y)) (<? a (car x) (car y)))))
       (and (comparator-hashable? a) (comparator-hashable? b)
            (lambda (x) (combine (comparator-hash a (car x)) (comparator-hash b (cdr x)))))))
    ;; A comparator of lists by one of their items, the first that differ count; of other sequences by their test,
    ;; empty?, first and rest.
    (define make-list-comparator
      (let ((make
             (lambda (item test empty? head tail)
               (make-comparator
                (lambda (x) (and (test x) (let loop ((x x)) (or (empty? x) (and (comparator-test-type item (head x)) (loop (tail x)))))))
                (lambda (x y)
                  (let loop ((x x) (y y))
                    (cond ((empty? x) (empty? y))
                          ((empty? y) #f)
                          (else (and (=? item (head x) (head y)) (loop (tail x) (tail y)))))))
                (and (comparator-ordered? item)
                     (lambda (x y)
                       (let loop ((x x) (y y))
                         (cond ((empty? y) #f)
                               ((empty? x) #t)
                               ((=? item (head x) (head y)) (loop (tail x) (tail y)))
                               (else (<? item (head x) (head y)))))))
                (and (comparator-hashable? item)
                     (lambda (x) (let loop ((x x) (hash 7)) (if (empty? x) hash (loop (tail x) (combine hash (comparator-hash item (head x)))))))))))) 
        (lambda (item . rest)
          (if (null? rest) (make item list? null? car cdr) (apply make item rest)))))
    ;; A comparator of vectors by one of their items, shorter ones first; of other sequences by their test, length and
    ;; ref.
    (define make-vector-comparator
      (let ((make
             (lambda (item test length ref)
               (define (all? f count) (let loop ((i 0)) (or (= i count) (and (f i) (loop (+ i 1))))))
               (make-comparator
                (lambda (x) (and (test x) (all? (lambda (i) (comparator-test-type item (ref x i))) (length x))))
                (lambda (x y) (and (= (length x) (length y)) (all? (lambda (i) (=? item (ref x i) (ref y i))) (length x))))
                (and (comparator-ordered? item)
                     (lambda (x y)
                       (let ((a (length x)) (b (length y)))
                         (or (< a b)
                             (and (= a b)
                                  (let loop ((i 0))
                                    (and (< i a)
                                         (if (=? item (ref x i) (ref y i)) (loop (+ i 1)) (<? item (ref x i) (ref y i))))))))))
                (and (comparator-hashable? item)
                     (lambda (x)
                       (let loop ((i 0) (hash 11)) (if (= i (length x)) hash (loop (+ i 1) (combine hash (comparator-hash item (ref x i))))))))))))
        (lambda (item . rest)
          (if (null? rest) (make item vector? vector-length vector-ref) (apply make item rest)))))

    ;; The default order goes by kinds, in this order, then within a kind.
    (define registered '())
    ;; Lets the default comparator treat values of C's type as C does.
    (define (comparator-register-default! c) (set! registered (append registered (list c))))
    (define (kind x)
      (cond ((null? x) 0) ((pair? x) 1) ((boolean? x) 2) ((char? x) 3) ((string? x) 4) ((symbol? x) 5) ((number? x) 6)
            ((vector? x) 7) ((bytevector? x) 8)
            (else (let loop ((all registered) (i 9))
                    (cond ((null? all) 1000)
                          ((comparator-test-type (car all) x) i)
                          (else (loop (cdr all) (+ i 1))))))))
    (define (registered-at i) (list-ref registered (- i 9)))
    (define (number<? a b)
      (if (and (real? a) (real? b))
          (cond ((and (nan? a) (nan? b)) #f) ((nan? a) #t) ((nan? b) #f) (else (< a b)))
          (if (= (real-part a) (real-part b)) (< (imag-part a) (imag-part b)) (< (real-part a) (real-part b)))))
    (define (number=? a b) (or (= a b) (and (real? a) (real? b) (nan? a) (nan? b))))
    (define (default=? a b)
      (let ((k (kind a)))
        (and (= k (kind b))
             (cond ((= k 0) #t)
                   ((= k 1) (and (default=? (car a) (car b)) (default=? (cdr a) (cdr b))))
                   ((= k 6) (number=? a b))
                   ((= k 7) (=? default-vectors a b))
                   ((< k 9) (equal? a b))
                   ((= k 1000) (eqv? a b))
                   (else (=? (registered-at k) a b))))))
    (define (default<? a b)
      (let ((k (kind a)) (l (kind b)))
        (cond ((< k l) #t)
              ((> k l) #f)
              ((= k 0) #f)
              ((= k 1) (if (default=? (car a) (car b)) (default<? (cdr a) (cdr b)) (default<? (car a) (car b))))
              ((= k 2) (and (not a) b))
              ((= k 3) (char<? a b))
              ((= k 4) (string<? a b))
              ((= k 5) (string<? (symbol->string a) (symbol->string b)))
              ((= k 6) (number<? a b))
              ((= k 7) (<? default-vectors a b))
              ((= k 8) (<? default-bytes a b))
              ((= k 1000) #f)
              (else (<? (registered-at k) a b)))))
    ;; The hash of the default comparator.
    (define (default-hash x)
      (let ((k (kind x)))
        (cond ((= k 6) (number-hash x))
              ((= k 2) (boolean-hash x))
              ((= k 1) (combine (default-hash (car x)) (default-hash (cdr x))))
              ((= k 7) (comparator-hash default-vectors x))
              ((and (>= k 9) (< k 1000)) (comparator-hash (registered-at k) x))
              (else (bounded (value-hash x))))))
    ;; A comparator of any values: by kinds, then within a kind.
    (define (make-default-comparator) (make-comparator (lambda (x) #t) default=? default<? default-hash))
    ;; A comparator of any values.
    (define default-comparator (make-default-comparator))
    (define default-vectors (make-vector-comparator default-comparator))
    ;; A comparator of booleans, #f first.
    (define boolean-comparator (make-comparator boolean? boolean=? (lambda (a b) (and (not a) b)) boolean-hash))
    ;; A comparator of real numbers.
    (define real-comparator (make-comparator real? = < number-hash))
    (define default-bytes (make-vector-comparator real-comparator bytevector? bytevector-length bytevector-u8-ref))
    ;; A comparator of characters.
    (define char-comparator (make-comparator char? char=? char<? char-hash))
    ;; A comparator of characters, whatever their case.
    (define char-ci-comparator (make-comparator char? char-ci=? char-ci<? char-ci-hash))
    ;; A comparator of strings.
    (define string-comparator (make-comparator string? string=? string<? string-hash))
    ;; A comparator of strings, whatever the case of their letters.
    (define string-ci-comparator (make-comparator string? string-ci=? string-ci<? string-ci-hash))
    ;; A comparator of lists of any values.
    (define list-comparator (make-list-comparator default-comparator))
    ;; A comparator of vectors of any values.
    (define vector-comparator (make-vector-comparator default-comparator))
    ;; A comparator of any values by eq?.
    (define eq-comparator (make-eq-comparator))
    ;; A comparator of any values by eqv?.
    (define eqv-comparator (make-eqv-comparator))
    ;; A comparator of any values by equal?.
    (define equal-comparator (make-equal-comparator))

    (define (chain test)
      (lambda (c a b . rest)
        (let loop ((a a) (b b) (rest rest))
          (and (test c a b) (or (null? rest) (loop b (car rest) (cdr rest)))))))
    ;; (=? COMPARATOR A B …): whether all are the same.
    (define =? (chain (lambda (c a b) ((comparator-equality-predicate c) a b))))
    ;; (<? COMPARATOR A B …): whether each is before the next.
    (define <? (chain (lambda (c a b) ((comparator-ordering-predicate c) a b))))
    ;; (>? COMPARATOR A B …): whether each is behind the next.
    (define >? (chain (lambda (c a b) ((comparator-ordering-predicate c) b a))))
    ;; (<=? COMPARATOR A B …): whether none is behind the next.
    (define <=? (chain (lambda (c a b) (not ((comparator-ordering-predicate c) b a)))))
    ;; (>=? COMPARATOR A B …): whether none is before the next.
    (define >=? (chain (lambda (c a b) (not ((comparator-ordering-predicate c) a b)))))
    ;; (comparator-if<=> [COMPARATOR] A B LESS EQUAL GREATER): the expression that fits how A stands to B.
    (define-syntax comparator-if<=>
      (syntax-rules ()
        ((_ a b less equal greater) (comparator-if<=> default-comparator a b less equal greater))
        ((_ c a b less equal greater)
         (let ((x a) (y b)) (cond ((=? c x y) equal) ((<? c x y) less) (else greater))))))
    ;; The greatest item.
    (define (comparator-max c . items) (comparator-max-in-list c items))
    ;; The least item.
    (define (comparator-min c . items) (comparator-min-in-list c items))
    (define (best better? items)
      (let loop ((found (car items)) (rest (cdr items)))
        (if (null? rest) found (loop (if (better? (car rest) found) (car rest) found) (cdr rest)))))
    ;; The greatest item of a list.
    (define (comparator-max-in-list c items) (best (lambda (a b) (>? c a b)) items))
    ;; The least item of a list.
    (define (comparator-min-in-list c items) (best (lambda (a b) (<? c a b)) items))))

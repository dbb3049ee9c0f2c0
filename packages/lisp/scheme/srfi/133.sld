;; SRFI 133: vectors. https://srfi.schemers.org/srfi-133/
(define-library (srfi 133)
  (export make-vector vector vector-unfold vector-unfold-right vector-copy vector-reverse-copy vector-append
          vector-concatenate vector-append-subvectors vector? vector-empty? vector= vector-ref vector-length
          vector-fold vector-fold-right vector-map vector-map! vector-for-each vector-count vector-cumulate
          vector-index vector-index-right vector-skip vector-skip-right vector-binary-search vector-any vector-every
          vector-partition vector-set! vector-swap! vector-fill! vector-reverse! vector-copy! vector-reverse-copy!
          vector-unfold! vector-unfold-right! vector->list reverse-vector->list list->vector reverse-list->vector
          vector->string string->vector)
  (import (scheme base) (scheme case-lambda))
  (begin
    ;; Whether V has no items.
    (define (vector-empty? v) (= (vector-length v) 0))
    (define (shortest vectors) (apply min (map vector-length vectors)))
    (define (refs vectors i) (map (lambda (v) (vector-ref v i)) vectors))

    ;; A vector of COUNT items: what F gives for each place and seeds, of which its further values are the next ones.
    (define (vector-unfold f count . seeds)
      (let ((v (make-vector count)))
        (apply vector-unfold! f v 0 count seeds)
        v))
    ;; As vector-unfold, into V from START to END.
    (define (vector-unfold! f v start end . seeds)
      (let loop ((i start) (seeds seeds))
        (if (< i end)
            (call-with-values (lambda () (apply f i seeds))
              (lambda (item . seeds) (vector-set! v i item) (loop (+ i 1) seeds))))))
    ;; As vector-unfold, from the last place on.
    (define (vector-unfold-right f count . seeds)
      (let ((v (make-vector count)))
        (apply vector-unfold-right! f v 0 count seeds)
        v))
    ;; As vector-unfold-right, into V from START to END.
    (define (vector-unfold-right! f v start end . seeds)
      (let loop ((i (- end 1)) (seeds seeds))
        (if (>= i start)
            (call-with-values (lambda () (apply f i seeds))
              (lambda (item . seeds) (vector-set! v i item) (loop (- i 1) seeds))))))
    ;; A new vector of the items from START to END in reverse.
    (define vector-reverse-copy
      (case-lambda
        ((v) (vector-reverse-copy v 0 (vector-length v)))
        ((v start) (vector-reverse-copy v start (vector-length v)))
        ((v start end) (list->vector (reverse (vector->list v start end))))))
    ;; The vectors of a list, one after the other.
    (define (vector-concatenate vectors) (apply vector-append vectors))
    ;; Parts of vectors, one after the other: each is a vector, where it begins and where it ends.
    (define (vector-append-subvectors . parts)
      (let loop ((parts parts) (vectors '()))
        (if (null? parts)
            (vector-concatenate (reverse vectors))
            (loop (cdddr* parts) (cons (vector-copy (car parts) (cadr parts) (cadr (cdr parts))) vectors)))))
    (define (cdddr* x) (cdr (cddr x)))
    ;; Whether the vectors have the same items, each two compared by SAME?.
    (define (vector= same? . vectors)
      (define (two a b)
        (let ((count (vector-length a)))
          (and (= count (vector-length b))
               (let loop ((i 0))
                 (or (= i count) (and (same? (vector-ref a i) (vector-ref b i)) (loop (+ i 1))))))))
      (or (null? vectors)
          (let loop ((a (car vectors)) (rest (cdr vectors)))
            (or (null? rest)
                (and (or (eq? a (car rest)) (two a (car rest))) (loop (car rest) (cdr rest)))))))

    ;; Calls F with what it gave before (START at first) and each item, from the first on; gives the last result.
    (define (vector-fold f start v . rest)
      (if (null? rest)
          (let ((count (vector-length v)))
            (let loop ((i 0) (result start))
              (if (< i count) (loop (+ i 1) (f result (vector-ref v i))) result)))
          (let* ((vectors (cons v rest)) (count (shortest vectors)))
            (let loop ((i 0) (result start))
              (if (< i count) (loop (+ i 1) (apply f result (refs vectors i))) result)))))
    ;; As vector-fold, from the last item on.
    (define (vector-fold-right f start v . rest)
      (let* ((vectors (cons v rest)) (count (shortest vectors)))
        (let loop ((i (- count 1)) (result start))
          (if (>= i 0) (loop (- i 1) (apply f result (refs vectors i))) result))))
    ;; Each item becomes what F gives for it.
    (define (vector-map! f v . rest)
      (let* ((vectors (cons v rest)) (count (shortest vectors)))
        (let loop ((i 0))
          (if (< i count)
              (begin (vector-set! v i (apply f (refs vectors i))) (loop (+ i 1)))))))
    ;; How many items MATCHES? is true for.
    (define (vector-count matches? v . rest)
      (let* ((vectors (cons v rest)) (count (shortest vectors)))
        (let loop ((i 0) (n 0))
          (if (< i count) (loop (+ i 1) (if (apply matches? (refs vectors i)) (+ n 1) n)) n))))
    ;; A vector of what F gave after each item, called with what it gave before (START at first) and the item.
    (define (vector-cumulate f start v)
      (let* ((count (vector-length v)) (result (make-vector count)))
        (let loop ((i 0) (sum start))
          (if (< i count)
              (let ((sum (f sum (vector-ref v i))))
                (vector-set! result i sum)
                (loop (+ i 1) sum))
              result))))
    ;; The first place where FOUND? is true, or #f.
    (define (vector-index found? v . rest)
      (let* ((vectors (cons v rest)) (count (shortest vectors)))
        (let loop ((i 0))
          (and (< i count) (if (apply found? (refs vectors i)) i (loop (+ i 1)))))))
    ;; The last place where FOUND? is true, or #f.
    (define (vector-index-right found? v . rest)
      (let ((vectors (cons v rest)))
        (let loop ((i (- (shortest vectors) 1)))
          (and (>= i 0) (if (apply found? (refs vectors i)) i (loop (- i 1)))))))
    ;; The first place where IN? is false, or #f.
    (define (vector-skip in? v . rest)
      (apply vector-index (lambda items (not (apply in? items))) v rest))
    ;; The last place where IN? is false, or #f.
    (define (vector-skip-right in? v . rest)
      (apply vector-index-right (lambda items (not (apply in? items))) v rest))
    ;; A place of VALUE in the sorted V, or #f; COMPARE gives a negative, zero or positive number for an item and
    ;; VALUE.
    (define (vector-binary-search v value compare)
      (let loop ((low 0) (high (vector-length v)))
        (and (< low high)
             (let* ((middle (quotient (+ low high) 2)) (order (compare (vector-ref v middle) value)))
               (cond ((= order 0) middle)
                     ((> order 0) (loop low middle))
                     (else (loop (+ middle 1) high)))))))
    ;; The first true value that F gives for an item, or #f.
    (define (vector-any f v . rest)
      (let* ((vectors (cons v rest)) (count (shortest vectors)))
        (let loop ((i 0))
          (and (< i count)
               (if (= i (- count 1)) (apply f (refs vectors i)) (or (apply f (refs vectors i)) (loop (+ i 1))))))))
    ;; What F gives for the last item if it is true for all; #f else, #t for no items.
    (define (vector-every f v . rest)
      (let* ((vectors (cons v rest)) (count (shortest vectors)))
        (or (= count 0)
            (let loop ((i 0))
              (if (= i (- count 1)) (apply f (refs vectors i)) (and (apply f (refs vectors i)) (loop (+ i 1))))))))
    ;; A vector with the items for which IN? is true before the others, and their count: two values.
    (define (vector-partition in? v)
      (let loop ((items (vector->list v)) (in '()) (out '()))
        (cond ((null? items) (values (list->vector (append (reverse in) (reverse out))) (length in)))
              ((in? (car items)) (loop (cdr items) (cons (car items) in) out))
              (else (loop (cdr items) in (cons (car items) out))))))
    ;; The items at I and J change places.
    (define (vector-swap! v i j)
      (let ((held (vector-ref v i)))
        (vector-set! v i (vector-ref v j))
        (vector-set! v j held)))
    ;; The items from START to END stand in reverse.
    (define vector-reverse!
      (case-lambda
        ((v) (vector-reverse! v 0 (vector-length v)))
        ((v start) (vector-reverse! v start (vector-length v)))
        ((v start end)
         (let loop ((i start) (j (- end 1)))
           (if (< i j) (begin (vector-swap! v i j) (loop (+ i 1) (- j 1))))))))
    ;; Copies items of FROM in reverse into TO, beginning at AT.
    (define vector-reverse-copy!
      (case-lambda
        ((to at from) (vector-reverse-copy! to at from 0 (vector-length from)))
        ((to at from start) (vector-reverse-copy! to at from start (vector-length from)))
        ((to at from start end) (vector-copy! to at (vector-reverse-copy from start end)))))
    ;; A list of the items in reverse.
    (define (reverse-vector->list v . range) (reverse (apply vector->list v range)))
    ;; A vector of a list's items in reverse.
    (define (reverse-list->vector items) (list->vector (reverse items)))))

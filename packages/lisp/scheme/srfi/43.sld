;; SRFI 43: vectors, whose iterations hand on the index. What SRFI 133 has alike is taken from there.
;; https://srfi.schemers.org/srfi-43/
(define-library (srfi 43)
  (export make-vector vector vector-unfold vector-unfold-right vector-copy vector-reverse-copy vector-append
          vector-concatenate vector? vector-empty? vector= vector-ref vector-length vector-fold vector-fold-right
          vector-map vector-map! vector-for-each vector-count vector-index vector-index-right vector-skip
          vector-skip-right vector-binary-search vector-any vector-every vector-set! vector-swap! vector-fill!
          vector-reverse! vector-copy! vector-reverse-copy! vector->list reverse-vector->list list->vector
          reverse-list->vector)
  (import (except (scheme base) vector-map vector-for-each vector-copy list->vector)
          (prefix (only (scheme base) vector-copy list->vector) base-)
          (only (srfi 133) vector-unfold vector-unfold-right vector-reverse-copy vector-concatenate vector-empty?
                vector= vector-index vector-index-right vector-skip vector-skip-right vector-any vector-every vector-swap!
                vector-reverse! vector-reverse-copy! reverse-vector->list)
          (rename (only (srfi 133) reverse-list->vector) (reverse-list->vector whole-reverse-list->vector)))
  (begin
    (define (refs vectors i) (map (lambda (v) (vector-ref v i)) vectors))
    (define (shortest v vectors) (apply min (vector-length v) (map vector-length vectors)))
    (define (part options index default) (if (> (length options) index) (list-ref options index) default))

    ;; Calls F with each index, what it gave last (SEED at first) and the items there. Gives the last value.
    (define (vector-fold f seed v . vectors)
      (let ((end (shortest v vectors)))
        (let loop ((i 0) (seed seed))
          (if (= i end) seed (loop (+ i 1) (apply f i seed (vector-ref v i) (refs vectors i)))))))
    ;; As vector-fold, from the last index on.
    (define (vector-fold-right f seed v . vectors)
      (let loop ((i (- (shortest v vectors) 1)) (seed seed))
        (if (< i 0) seed (loop (- i 1) (apply f i seed (vector-ref v i) (refs vectors i))))))
    ;; A vector of what F gives for each index and the items there.
    (define (vector-map f v . vectors)
      (let* ((end (shortest v vectors)) (result (make-vector end)))
        (do ((i 0 (+ i 1))) ((= i end) result)
          (vector-set! result i (apply f i (vector-ref v i) (refs vectors i))))))
    ;; Replaces the items of V by what F gives for each index and the items there.
    (define (vector-map! f v . vectors)
      (let ((end (shortest v vectors)))
        (do ((i 0 (+ i 1))) ((= i end)) (vector-set! v i (apply f i (vector-ref v i) (refs vectors i))))))
    ;; Calls F with each index and the items there.
    (define (vector-for-each f v . vectors)
      (let ((end (shortest v vectors)))
        (do ((i 0 (+ i 1))) ((= i end)) (apply f i (vector-ref v i) (refs vectors i)))))
    ;; For how many indexes and their items COUNT? holds.
    (define (vector-count count? v . vectors)
      (apply vector-fold (lambda (i n . items) (if (apply count? i items) (+ n 1) n)) 0 v vectors))
    ;; The index of VALUE in a sorted vector, or #f. (COMPARE item value) is negative, zero or positive.
    (define (vector-binary-search v value compare . range)
      (let loop ((low (part range 0 0)) (high (part range 1 (vector-length v))))
        (and (< low high)
             (let* ((middle (quotient (+ low high) 2)) (order (compare (vector-ref v middle) value)))
               (cond ((= order 0) middle)
                     ((> order 0) (loop low middle))
                     (else (loop (+ middle 1) high)))))))
    ;; The end may lie beyond the vector: what is not there is filled.
    (define (vector-copy v . options)
      (let* ((size (vector-length v)) (start (part options 0 0)) (end (part options 1 size)))
        (if (<= end size)
            (base-vector-copy v start end)
            (let ((result (if (> (length options) 2) (make-vector (- end start) (list-ref options 2)) (make-vector (- end start)))))
              (vector-copy! result 0 v start size)
              result))))
    ;; Vector of a list's items, or of those in a range.
    (define (list->vector items . range)
      (if (null? range) (base-list->vector items) (apply base-vector-copy (base-list->vector items) range)))
    ;; Vector of a list's items in reverse, or of those in a range.
    (define (reverse-list->vector items . range)
      (if (null? range)
          (whole-reverse-list->vector items)
          (whole-reverse-list->vector (vector->list (apply list->vector items range)))))))

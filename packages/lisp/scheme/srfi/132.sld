;; SRFI 132: sorting. All sorts here are stable merges. https://srfi.schemers.org/srfi-132/
(define-library (srfi 132)
  (export list-sorted? vector-sorted? list-sort list-stable-sort list-sort! list-stable-sort!
          vector-sort vector-stable-sort vector-sort! vector-stable-sort! list-merge list-merge! vector-merge vector-merge!
          list-delete-neighbor-dups list-delete-neighbor-dups! vector-delete-neighbor-dups vector-delete-neighbor-dups!
          vector-find-median vector-find-median! vector-select! vector-separate!)
  (import (scheme base) (rename (only (stratos base) list-sort) (list-sort merge-sort)))
  (begin
    ;; Whether no item of X comes before the one that it follows, by BEFORE?.
    (define (list-sorted? before? x)
      (or (null? x)
          (let loop ((x x))
            (or (null? (cdr x)) (and (not (before? (cadr x) (car x))) (loop (cdr x)))))))
    ;; Whether no item of V comes before the one that it follows, by BEFORE?.
    (define (vector-sorted? before? v . range) (list-sorted? before? (apply vector->list v range)))
    ;; A list of the items in order.
    (define (list-sort before? x) (merge-sort before? x))
    ;; A list of the items in order; those that are equal keep theirs.
    (define (list-stable-sort before? x) (merge-sort before? x))
    ;; As list-sort; it may change X.
    (define (list-sort! before? x) (merge-sort before? x))
    ;; As list-stable-sort; it may change X.
    (define (list-stable-sort! before? x) (merge-sort before? x))
    ;; A new vector of the items in order.
    (define (vector-sort before? v . range) (list->vector (merge-sort before? (apply vector->list v range))))
    ;; A new vector of the items in order; those that are equal keep theirs.
    (define (vector-stable-sort before? v . range) (apply vector-sort before? v range))
    ;; Puts the items of V in order.
    (define (vector-sort! before? v . range)
      (vector-copy! v (if (pair? range) (car range) 0) (apply vector-sort before? v range)))
    ;; Puts the items of V in order; those that are equal keep theirs.
    (define (vector-stable-sort! before? v . range) (apply vector-sort! before? v range))
    ;; A sorted list of the items of two sorted ones.
    (define (list-merge before? a b)
      (let loop ((a a) (b b) (done '()))
        (cond ((null? a) (append (reverse done) b))
              ((null? b) (append (reverse done) a))
              ((before? (car b) (car a)) (loop a (cdr b) (cons (car b) done)))
              (else (loop (cdr a) b (cons (car a) done))))))
    ;; As list-merge; it may change both.
    (define (list-merge! before? a b) (list-merge before? a b))
    (define (part range index default) (if (> (length range) index) (list-ref range index) default))
    ;; A sorted vector of the items of two sorted ones.
    (define (vector-merge before? a b . range)
      (list->vector (list-merge before?
                                (vector->list a (part range 0 0) (part range 1 (vector-length a)))
                                (vector->list b (part range 2 0) (part range 3 (vector-length b))))))
    ;; Puts the items of two sorted vectors into TO, in order.
    (define (vector-merge! before? to a b . range)
      (vector-copy! to (part range 0 0) (apply vector-merge before? a b (if (pair? range) (cdr range) '()))))
    ;; A list in which no item is the same as the one that it follows.
    (define (list-delete-neighbor-dups same? x)
      (if (null? x)
          '()
          (let loop ((x (cdr x)) (kept (list (car x))))
            (cond ((null? x) (reverse kept))
                  ((same? (car kept) (car x)) (loop (cdr x) kept))
                  (else (loop (cdr x) (cons (car x) kept)))))))
    ;; As list-delete-neighbor-dups; it may change X.
    (define (list-delete-neighbor-dups! same? x) (list-delete-neighbor-dups same? x))
    ;; A vector in which no item is the same as the one that it follows.
    (define (vector-delete-neighbor-dups same? v . range)
      (list->vector (list-delete-neighbor-dups same? (apply vector->list v range))))
    ;; Moves the items that differ from the one before to the front, and tells where they end.
    (define (vector-delete-neighbor-dups! same? v . range)
      (let ((kept (apply vector-delete-neighbor-dups same? v range)) (start (part range 0 0)))
        (vector-copy! v start kept)
        (+ start (vector-length kept))))
    (define (average a b) (/ (+ a b) 2))
    ;; The item in the middle of V's order, NONE for no items; of two in the middle what MEAN gives, their mean by
    ;; default.
    (define (vector-find-median before? v none . mean)
      (median (vector-sort before? v) none (part mean 0 average)))
    ;; As vector-find-median; it puts V in order.
    (define (vector-find-median! before? v none . mean)
      (vector-sort! before? v)
      (median v none (part mean 0 average)))
    (define (median v none mean)
      (let* ((count (vector-length v)) (half (quotient count 2)))
        (cond ((= count 0) none)
              ((odd? count) (vector-ref v half))
              (else (mean (vector-ref v (- half 1)) (vector-ref v half))))))
    ;; The item that would stand at place K in order; V's order changes.
    (define (vector-select! before? v k . range)
      (apply vector-sort! before? v range)
      (vector-ref v (+ k (part range 0 0))))
    ;; Puts the K items that come first before the others.
    (define (vector-separate! before? v k . range)
      (apply vector-sort! before? v range))))

;; SRFI 95: sorting and merging, with a key. https://srfi.schemers.org/srfi-95/
(define-library (srfi 95)
  (export sorted? merge merge! sort sort!)
  (import (scheme base) (only (stratos base) list-sort))
  (begin
    (define (with-key before? key)
      (if (pair? key) (let ((key (car key))) (lambda (a b) (before? (key a) (key b)))) before?))
    (define (items-of x) (if (vector? x) (vector->list x) x))
    ;; Whether no item of X comes before the one that it follows, by BEFORE? of their keys.
    (define (sorted? x before? . key)
      (let ((before? (with-key before? key)) (items (items-of x)))
        (or (null? items)
            (let loop ((items items))
              (or (null? (cdr items)) (and (not (before? (cadr items) (car items))) (loop (cdr items))))))))
    ;; A sorted list of the items of two sorted ones.
    (define (merge a b before? . key)
      (let ((before? (with-key before? key)))
        (let loop ((a a) (b b) (done '()))
          (cond ((null? a) (append (reverse done) b))
                ((null? b) (append (reverse done) a))
                ((before? (car b) (car a)) (loop a (cdr b) (cons (car b) done)))
                (else (loop (cdr a) b (cons (car a) done)))))))
    ;; As merge; it may change both.
    (define (merge! a b before? . key) (apply merge a b before? key))
    ;; A new list or vector of the items in order; those that are equal keep theirs.
    (define (sort x before? . key)
      (let ((result (list-sort (with-key before? key) (items-of x))))
        (if (vector? x) (list->vector result) result)))
    ;; As sort, in X itself.
    (define (sort! x before? . key)
      (if (vector? x)
          (begin (vector-copy! x 0 (apply sort x before? key)) x)
          (apply sort x before? key)))))

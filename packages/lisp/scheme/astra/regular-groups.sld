;; Where the groups of a match lie, whose start and end are known: XBD §9.1 asks that what stands further to the left
;; takes as much as it can. A tree becomes a procedure of the text, the match and a vector of the groups' places, which
;; it fills: an expression is taken apart into its own parts from the left, each as long as the others still match what
;; is left. #f stands for a tree without groups.
(define-library (astra regular-groups)
  (export group-filler)
  (import (scheme base) (scheme lazy) (astra regular-syntax) (astra regular-program))
  (begin
    (define (has-groups? tree)
      (case (car tree)
        ((group) #t)
        ((set test) #f)
        ((repeat) (has-groups? (list-ref tree 3)))
        (else (let any ((l (cdr tree))) (and (pair? l) (or (has-groups? (car l)) (any (cdr l))))))))
    ;; Iterations may look far ahead of what they take, each again.
    (define WORK-MAX 200000000)
    (define work 0)
    (define (spend! n)
      (set! work (+ work n))
      (if (> work WORK-MAX) (fail-regular "Finding the groups of a match takes too long")))

    (define (group-filler tree) (let ((fill (filler tree))) (and fill (lambda (s a b g) (set! work 0) (fill s a b g)))))
    (define (filler tree)
      (and (has-groups? tree)
           (case (car tree)
             ((group) (group (* 2 (cadr tree)) (filler (list-ref tree 2))))
             ((all) (sequence (cdr tree)))
             ((or) (alternatives (cdr tree)))
             (else (repetition (cadr tree) (list-ref tree 2) (list-ref tree 3))))))
    (define (group k inner)
      (lambda (s a b g)
        (vector-set! g k a)
        (vector-set! g (+ k 1) b)
        (if inner (inner s a b g))))

    ;; Where a tree may begin in a .. b, so that it ends where ends has 1: a byte for each place from a on.
    (define (places-before program s a b ends)
      (let ((starts (make-bytevector (+ 1 (- b a)) 0)))
        (simulate program s b a -1 (lambda (i) (= 1 (bytevector-u8-ref ends (- i a))))
          (lambda (i) (bytevector-u8-set! starts (- i a) 1)) spend!)
        starts))
    (define (only-end a b)
      (let ((v (make-bytevector (+ 1 (- b a)) 0))) (bytevector-u8-set! v (- b a) 1) v))
    ;; The furthest place beyond `least` where a tree that begins at x ends, and where ends has 1; #f: none
    (define (furthest program s a x b ends least)
      (let ((best #f))
        (simulate program s x b 1 #t
          (lambda (i) (if (and (> i least) (= 1 (bytevector-u8-ref ends (- i a)))) (set! best i))) spend!)
        best))

    (define (sequence trees)
      (let ((parts (map (lambda (tree)
                          (vector (filler tree) (delay (compile-program tree #f)) (delay (compile-program tree #t))))
                        (joined trees))))
        (define (filler-of part) (vector-ref part 0))
        (define (forwards part) (force (vector-ref part 1)))
        (define (backwards part) (force (vector-ref part 2)))
        ;; ends: for each part where it may end, the last one first
        (lambda (s a b g)
          (let* ((ends (let loop ((l (cdr (reverse parts))) (before (reverse parts)) (ends (list (only-end a b))))
                         (if (null? l) ends
                             (loop (cdr l) (cdr before)
                               (cons (places-before (backwards (car before)) s a b (car ends)) ends))))))
            (let loop ((l parts) (ends ends) (x a))
              (let ((y (if (null? (cdr l)) b (furthest (forwards (car l)) s a x b (car ends) -1))))
                (if (filler-of (car l)) ((filler-of (car l)) s x y g))
                (if (pair? (cdr l)) (loop (cdr l) (cdr ends) y))))))))
    ;; Neighbours without groups are one part.
    (define (joined trees)
      (let loop ((l trees) (plain '()) (r '()))
        (define (ended) (if (null? plain) r (cons (cons 'all (reverse plain)) r)))
        (cond ((null? l) (reverse (ended)))
              ((has-groups? (car l)) (loop (cdr l) '() (cons (car l) (ended))))
              (else (loop (cdr l) (cons (car l) plain) r)))))

    ;; The first that matches all.
    (define (alternatives trees)
      (let ((parts (map (lambda (tree) (cons (filler tree) (delay (compile-program tree #f)))) trees)))
        (lambda (s a b g)
          (let ((ends (only-end a b)))
            (let loop ((l parts))
              (cond ((and (pair? (cdr l)) (not (furthest (force (cdar l)) s a a b ends -1))) (loop (cdr l)))
                    ((caar l) ((caar l) s a b g))))))))

    ;; Each time as long as can be; nothing is taken by the only time, if at all.
    (define (repetition low high tree)
      (if (or (> low 1) (and high (not (= high 1)))) (filler (expanded low high tree))
          (let ((inner (filler tree)) (forwards (delay (compile-program tree #f)))
                (backwards (delay (compile-program (list 'repeat 0 (and high 0) tree) #t))))
            (lambda (s a b g)
              (if (= a b)
                  (if (or (= low 1) (furthest (force forwards) s a a b (only-end a b) -1)) (inner s a b g))
                  (let ((ends (places-before (force backwards) s a b (only-end a b))))
                    (let loop ((x a))
                      (when (< x b)
                        (let ((y (furthest (force forwards) s a x b ends x)))
                          (inner s x y g)
                          (loop y))))))))))))

;; Programs of regular expressions (K. Thompson, Regular Expression Search Algorithm, 1968), of what has no
;; back-references. A program runs forwards or, compiled so, backwards over a text; all its nodes that have been reached
;; are kept side by side, so that a place of the text costs at most as many steps as the program has nodes.
(define-library (astra regular-program)
  (export compile-program program-node program-size program-entry program-tests? node-kind node-table node-tested
          node-next node-second side holds? TAKE FORK TEST DONE EDGE WORD OTHER simulate expanded)
  (import (scheme base) (astra regular-syntax))
  (begin
    ;; kind, then of TAKE: the table of its characters, the next node; FORK: two nodes; TEST: what is tested, the next
    (define TAKE 0) (define FORK 1) (define TEST 2) (define DONE 3)
    (define-record-type program (program-of nodes entry tests?) program?
      (nodes program-nodes) (entry program-entry) (tests? program-tests?))
    (define (program-size p) (vector-length (program-nodes p)))
    (define (program-node p k) (vector-ref (program-nodes p) k))
    (define (node-kind node) (vector-ref node 0))
    (define (node-table node) (vector-ref node 1))
    (define (node-next node) (vector-ref node 2))
    (define (node-tested node) (vector-ref node 1))
    (define (node-second node) (vector-ref node 1))
    ;; What GNU's grep refuses at about the same size.
    (define NODES-MAX 50000)

    ;; @raises regular-failure when the program would be too large
    (define (compile-program tree backwards?)
      (define nodes '())
      (define size 0)
      (define tests? #f)
      (define (emit! . parts)
        (if (>= size NODES-MAX) (fail-regular "Regular expression too big"))
        (set! nodes (cons (list->vector parts) nodes))
        (set! size (+ size 1))
        (- size 1))
      ;; Compiled from the end: `next` is where to go on.
      (define (sequence l next) (if (null? l) next (sequence (cdr l) (one (car l) next))))
      (define (one tree next)
        (case (car tree)
          ((set) (emit! TAKE (cadr tree) next))
          ((test) (set! tests? #t) (emit! TEST (if backwards? (mirrored (cadr tree)) (cadr tree)) next))
          ((all) (sequence (if backwards? (cdr tree) (reverse (cdr tree))) next))
          ((or) (let loop ((l (cdr tree))) (let ((first (one (car l) next)))
                                             (if (null? (cdr l)) first (emit! FORK (loop (cdr l)) first)))))
          ((group) (one (list-ref tree 2) next))
          ((repeat) (times (cadr tree) (list-ref tree 2) (list-ref tree 3) next))))
      (define (times low high tree next)
        (let ((rest (if high
                        (let loop ((k (- high low)) (at next))
                          (if (= k 0) at (loop (- k 1) (emit! FORK next (one tree at)))))
                        (let* ((again (emit! FORK next next)) (node (car nodes)))
                          (vector-set! node 2 (one tree again))
                          again))))
          (let loop ((k low) (at rest)) (if (= k 0) at (loop (- k 1) (one tree at))))))
      (let* ((done (emit! DONE)) (entry (one tree done)))
        (program-of (list->vector (reverse nodes)) entry tests?)))
    (define (mirrored kind)
      (case kind ((start) 'end) ((end) 'start) ((word-start) 'word-end) ((word-end) 'word-start)
        ((no-word-before) 'no-word-after) ((no-word-after) 'no-word-before) (else kind)))
    ;; A repetition as what it stands for: the times that there must be, then those that there may be.
    (define (expanded low high tree)
      (define (optional k) (if (= k 0) '() (list (list 'repeat 0 1 (cons 'all (cons tree (optional (- k 1))))))))
      (let loop ((k low) (l (if high (optional (- high low)) (list (list 'repeat 0 #f tree)))))
        (if (= k 0) (cons 'all l) (loop (- k 1) (cons tree l)))))

    ;; What stands on one side of a place: the text's end, a word's character, another one.
    (define EDGE 0) (define WORD 1) (define OTHER 2)
    ;; behind: where the program comes from; ahead: where it goes to
    (define (holds? kind behind ahead)
      (case kind
        ((start) (= behind EDGE))
        ((end) (= ahead EDGE))
        (else
         (let ((before? (= behind WORD)) (after? (= ahead WORD)))
           (case kind
             ((edge) (not (eq? before? after?)))
             ((no-edge) (eq? before? after?))
             ((word-start) (and after? (not before?)))
             ((word-end) (and before? (not after?)))
             ((no-word-before) (not before?))
             (else (not after?)))))))
    (define (side s i)
      (cond ((or (< i 0) (>= i (string-length s))) EDGE) ((word-character? (string-ref s i)) WORD) (else OTHER)))

    ;; Runs a program from a place to another one, by steps of 1 or -1. seed?: whether it begins (once more) at a place,
    ;; #t: at the first one alone. found!: told each place where it is done. spend!: told how many nodes were looked at
    (define (simulate p s from to step seed? found! spend!)
      (define marks (make-vector (program-size p) -1))
      (define looked 0)
      (define (reach k i behind ahead l)
        (if (= i (vector-ref marks k)) l
            (let ((node (program-node p k)))
              (vector-set! marks k i)
              (set! looked (+ looked 1))
              (let ((kind (node-kind node)))
                (cond ((= kind TAKE) (cons node l))
                      ((= kind FORK)
                       (reach (node-next node) i behind ahead (reach (node-second node) i behind ahead l)))
                      ((= kind DONE) (found! i) l)
                      ((holds? (node-tested node) behind ahead) (reach (node-next node) i behind ahead l))
                      (else l))))))
      (let loop ((i from) (l '()))
        (let ((behind (side s (if (= step 1) (- i 1) i))) (ahead (side s (if (= step 1) i (- i 1)))))
          (let* ((l (let each ((l l) (r '())) (if (null? l) r (each (cdr l) (reach (car l) i behind ahead r)))))
                 (l (if (if (eq? seed? #t) (= i from) (seed? i)) (reach (program-entry p) i behind ahead l) l)))
            (spend! (+ 1 looked))
            (set! looked 0)
            (if (not (or (= i to) (and (null? l) (eq? seed? #t))))
                (let ((code (char->integer (string-ref s (if (= step 1) i (- i 1))))))
                  (loop (+ i step)
                        (let each ((l l) (r '()))
                          (cond ((null? l) r)
                                ((= 1 (bytevector-u8-ref (node-table (car l)) code))
                                 (each (cdr l) (cons (node-next (car l)) r)))
                                (else (each (cdr l) r)))))))))))))

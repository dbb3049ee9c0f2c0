/** Programs of system-rows.ts; each tells its own figure. */

/** Where the program's clock is one of the processor (run-once.ts). */
export const CLOCK = `
(import (scheme base) (scheme write) (scheme time))
(define (now) (* 1000. (/ (current-jiffy) (jiffies-per-second))))
`;
/** Of x86-64: clock_gettime of CLOCK_PROCESS_CPUTIME_ID, in milliseconds. */
export const NATIVE_CLOCK = `
(import (scheme base) (scheme write) (stratos system-call))
(define clock (make-bytevector 16 0))
(define (number at size)
  (if (= size 0) 0 (+ (bytevector-u8-ref clock at) (* 256 (number (+ at 1) (- size 1))))))
(define (now)
  (%system-call 228 2 clock 0 0 0)
  (+ (* 1000. (number 0 4)) (/ (number 8 4) 1e6)))
`;

export const CLOCKED = `
(define (rounded x) (/ (round (* 1000. x)) 1000.))
(define (least n f) (let loop ((n n) (best (f))) (if (= n 1) best (loop (- n 1) (min best (f))))))
(define (timed f) (let ((before (now))) (f) (- (now) before)))
`;

/** The least of five: the first one compiles. */
export const DEEP = `
(define (deep n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))
(display (rounded (least 5 (lambda () (timed (lambda () (deep 1000000)))))))
(display " ns a frame")
`;

/**
 * 256 MB of lists live, of which some are replaced by new ones all the time. Between two looks at the clock some 64 KiB
 * are allocated; what is beyond the median was a pause.
 */
export const PAUSES = `
(define rows 16384)
(define (row n) (let loop ((i 0) (l '())) (if (= i 1000) l (loop (+ i 1) (cons n l)))))
(define live (make-vector rows '()))
(do ((i 0 (+ i 1))) ((= i rows)) (vector-set! live i (row i)))
(define looks 40000)
(define times (make-vector looks 0.))
(define seed 12345)
(define (chance n) (set! seed (modulo (+ (* seed 1103515245) 12345) 2147483648)) (modulo (quotient seed 65536) n))
(let loop ((i 0) (before (now)))
  (when (< i looks)
    (do ((k 0 (+ k 1))) ((= k 3)) (row k))
    (vector-set! live (chance rows) (row i))
    (let ((after (now)))
      (vector-set! times i (- after before))
      (loop (+ i 1) after))))
(define sorted (vector->list times))
(define (sort l)
  (define (merge a b)
    (let loop ((a a) (b b) (r '()))
      (cond ((null? a) (append (reverse r) b)) ((null? b) (append (reverse r) a))
            ((< (car b) (car a)) (loop a (cdr b) (cons (car b) r)))
            (else (loop (cdr a) b (cons (car a) r))))))
  (let ((n (length l)))
    (if (< n 2) l
        (let* ((half (quotient n 2)) (rest (list-tail l half)))
          (merge (sort (list-copy-of l half)) (sort rest))))))
(define (list-copy-of l n) (if (= n 0) '() (cons (car l) (list-copy-of (cdr l) (- n 1)))))
(define all (list->vector (sort sorted)))
(define (at part) (vector-ref all (exact (floor (* part (- looks 1))))))
(define usual (at 1/2))
(define (beyond part) (rounded (- (at part) usual)))
(display (list 'p99 (beyond 99/100) 'p999 (beyond 999/1000) 'longest (beyond 1) 'ms))
`;

/** What the collector costs a program in all. */
export const BUSY = `
(define (build n) (let loop ((i 0) (l '())) (if (= i n) l (loop (+ i 1) (cons i l)))))
(display (rounded (/ (least 5 (lambda () (timed (lambda () (do ((i 0 (+ i 1))) ((= i 1000)) (build 10000)))))) 10.)))
(display " ns a pair")
`;

/** What a child does with a form: on the host it evaluates it. */
export const EVALUATES = `
(import (scheme eval) (scheme repl))
(define (answer form) (eval form (interaction-environment)))
`;
export const ANSWERS = "(define (answer form) (length form))";

/** A fork of 100 MB and the child's first form: the first time, and the median of twenty more. */
export const FORK = `
(import (stratos heap))
(define kept (let loop ((i 0) (l '())) (if (= i 6500000) l (loop (+ i 1) (cons i l)))))
(define (fork)
  (let* ((start (now)) (child (fork-heap answer)) (forked (now)))
    (heap-call child '(let loop ((l '(1 2 3)) (sum 0)) (if (null? l) sum (loop (cdr l) (+ sum (car l))))))
    (let ((answered (now)))
      (heap-close! child)
      (cons (- forked start) (- answered forked)))))
(define first (fork))
(define others (let loop ((n 20) (l '())) (if (= n 0) l (loop (- n 1) (cons (fork) l)))))
(define (insert x l) (if (or (null? l) (< x (car l))) (cons x l) (cons (car l) (insert x (cdr l)))))
(define (sort l) (let loop ((l l) (sorted '())) (if (null? l) sorted (loop (cdr l) (insert (car l) sorted)))))
(define (median l) (list-ref (sort l) 10))
(define (show what part)
  (for-each display (list what (rounded (part first)) " ms, then " (rounded (median (map part others))))))
(show "the call " car)
(show ", the child's first form " cdr)
`;

/** A thousand lines as programs have them: small procedures that call each other. */
export const LINES: string =
  "(import (scheme base) (scheme write))\n" +
  Array.from(
    { length: 166 },
    (_, index) => `(define (f${index} x l)
  (let loop ((l l) (sum x))
    (cond ((null? l) sum)
          ((> (car l) ${index}) (loop (cdr l) (+ sum (* ${index} (car l)))))
          (else (loop (cdr l) (- sum 1))))))
(define v${index} (f${index} ${index} (list 1 2 ${index})))
`,
  ).join("") +
  "(display (+ v0 v1 v165))\n";

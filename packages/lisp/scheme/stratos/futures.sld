;; Values that are computed beside the program (docs/lisp/tutorial.md, decision 0104): by another process where the
;; program is machine code, by another thread where Node runs it.
;;
;; A future's procedure runs in the heap as it is when the future is made. What it changes nobody else sees, nor does it
;; see what others change; its value is a copy, as of what is written and read again. So it does not matter when it runs.
;; Where nothing can run beside the program it runs when it is made, under a seed when one is touched, in an order of the
;; seed's. The interpreter, which has no heap to copy, runs it in place.
(define-library (stratos futures)
  (export future make-future future? future-ready? touch par-map)
  (import (scheme base) (stratos heap-children) (stratos thread-primitives))
  (begin
    ;; A value that may not be there yet. child: of fork-future, or #f: the thunk runs in place; message: what it gave;
    ;; value: a list of what that says, once it was read.
    (define-record-type future-of (new-future child thunk message value) future?
      (child child) (thunk thunk) (message message set-message!) (value value set-value!))

    ;; A future of what the expressions give.
    (define-syntax future
      (syntax-rules () ((_ expression ...) (make-future (lambda () expression ...)))))

    ;; A future of what THUNK gives.
    (define (make-future thunk)
      (unless (procedure? thunk) (error "make-future: expected a procedure, got" thunk))
      (let ((f (new-future (and (forks?) (fork-future thunk (not chance))) thunk #f #f)))
        (cond (chance (set! waiting (cons f waiting)))
              ((not (and (child f) (future-started? (child f)))) (settle! f)))
        f))
    (define (settle! f)
      (set-message! f (if (child f) (future-answer (child f)) (cons 'answer (answer (thunk f) "()")))))

    ;; With a seed: futures that have not run. Lehmer's generator (Park & Miller, 1988).
    (define seed (%seed))
    (define chance (if seed (+ 1 (modulo seed 2147483646)) #f))
    (define waiting '())
    (define (settle-some!)
      (set! chance (modulo (* 48271 chance) 2147483647))
      (let ((next (list-ref waiting (modulo chance (length waiting)))))
        (set! waiting (without next waiting))
        (settle! next)))
    (define (without f l)
      (if (eq? f (car l)) (cdr l) (cons (car l) (without f (cdr l)))))

    ;; Whether F has its value, so that it can be touched without waiting.
    (define (future-ready? f)
      (check "future-ready?" f)
      (if (or (message f) (and (not chance) (future-answered? (child f)))) #t #f))

    ;; Waits until F has its value and gives it, or raises what its procedure raised.
    (define (touch f)
      (check "touch" f)
      (let wait ()
        (unless (message f)
          (if chance (settle-some!) (settle! f))
          (wait)))
      (car (or (value f)
               (begin (set-value! f (list (told-value "touch" "the future" (message f)))) (value f)))))

    (define (check who f)
      (unless (future? f) (error (string-append who ": expected a future, got") f)))

    ;; What PROCEDURE gives of each of ITEMS, in their order; parts of it are futures.
    (define (par-map procedure items)
      (unless (procedure? procedure) (error "par-map: expected a procedure, got" procedure))
      (unless (list? items) (error "par-map: expected a list, got" items))
      (let* ((size (quotient (+ (length items) 7) 8))
             (parts (let split ((l items))
                      (cond ((null? l) '())
                            ((<= (length l) size) (cons l '()))
                            (else (cons (list-head l size) (split (list-tail l size)))))))
             (futures (map (lambda (part) (make-future (lambda () (map procedure part)))) parts)))
        (apply append (map touch futures))))
    (define (list-head l n) (if (= n 0) '() (cons (car l) (list-head (cdr l) (- n 1)))))))

;; Values that are computed beside the program (docs/lisp/tutorial.md, decision 0104): by another process where the
;; program is machine code, by another thread where Node runs it.
;;
;; A future's procedure runs in the heap as it is when the future is made. What it changes nobody else sees, nor does it
;; see what others change; its value is a copy, as of what is written and read again. So it does not matter when it runs.
;; Where nothing can run beside the program it runs when it is made, under a seed when one is touched, in an order of the
;; seed's. The interpreter, which has no heap to copy, runs it in place.
(define-library (stratos futures)
  (export future make-future future? future-ready? touch par-map)
  (import (scheme base) (only (srfi 1) filter take) (stratos chance) (stratos heap-children))
  (begin
    ;; A value that may not be there yet. child: of fork-future, or #f: the thunk runs in place; message: what it gave;
    ;; value: a list of what that says, once it was read; depth: of the heap that it was made in.
    (define-record-type future-of (new-future child thunk depth message value) future?
      (child child) (thunk thunk) (depth depth) (message message set-message!) (value value set-value!))

    ;; A future of what the expressions give.
    (define-syntax future
      (syntax-rules () ((_ expression ...) (make-future (lambda () expression ...)))))

    ;; A future of what THUNK gives.
    (define (make-future thunk)
      (unless (procedure? thunk) (error "make-future: expected a procedure, got" thunk))
      (let ((f (new-future (and (forks?) (fork-future thunk (not seeded))) thunk (heap-depth) #f #f)))
        (cond (seeded (set! waiting (cons f waiting)))
              ((not (and (child f) (future-started? (child f)))) (settle! f)))
        f))
    ;; Whether its child is this heap's. One that was made before this heap was forked is who forked it's: what has no
    ;; value yet is computed once more here, where somebody asks for it.
    (define (own? f) (and (child f) (= (depth f) (heap-depth))))
    (define (settle! f)
      (set-message! f (if (own? f) (future-answer (child f)) (cons 'answer (answer (thunk f) "()")))))

    ;; With a seed: futures that have not run.
    (define waiting '())
    (define (settle-some!)
      (set! waiting (filter (lambda (f) (and (= (depth f) (heap-depth)) (not (message f)))) waiting))
      (settle! (list-ref waiting (random-below (length waiting)))))

    ;; Whether F has its value, so that it can be touched without waiting.
    (define (future-ready? f)
      (check "future-ready?" f)
      (if (or (message f) (and (not seeded) (own? f) (future-answered? (child f)))) #t #f))

    ;; Waits until F has its value and gives it, or raises what its procedure raised.
    (define (touch f)
      (check "touch" f)
      (let wait ()
        (unless (message f)
          (if (and seeded (= (depth f) (heap-depth))) (settle-some!) (settle! f))
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
                            (else (cons (take l size) (split (list-tail l size)))))))
             (futures (map (lambda (part) (make-future (lambda () (map procedure part)))) parts)))
        (apply append (map touch futures))))))

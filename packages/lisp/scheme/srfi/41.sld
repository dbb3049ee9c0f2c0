;; SRFI 41: streams. https://srfi.schemers.org/srfi-41/
(define-library (srfi 41)
  (export stream-null stream-cons stream? stream-null? stream-pair? stream-car stream-cdr stream-lambda define-stream
          stream-let list->stream stream stream->list stream-append stream-concat stream-constant stream-drop
          stream-drop-while stream-filter stream-fold stream-for-each stream-from stream-iterate stream-length stream-map stream-match stream-of
          stream-range stream-ref stream-reverse stream-scan stream-take stream-take-while stream-unfold stream-unfolds stream-zip port->stream)
  (import (scheme base) (scheme lazy) (only (stratos base) cons*))
  (begin
    ;; A stream: a list whose items are made when they are asked for.
    (define-record-type stream-type (make-stream promise) stream? (promise stream-promise))
    (define-record-type stream-cell (make-cell car cdr) stream-cell? (car cell-car) (cdr cell-cdr))
    (define-syntax stream-lazy
      (syntax-rules () ((_ expr) (make-stream (delay-force (stream-promise expr))))))
    ;; The stream without items.
    (define stream-null (make-stream (delay '())))
    ;; (stream-cons FIRST REST): a stream of an item and of a stream, both made when they are asked for.
    (define-syntax stream-cons
      (syntax-rules ()
        ((_ a b) (make-stream (delay (make-cell (delay a) (stream-lazy b)))))))
    (define (open s) (if (stream? s) (force (stream-promise s)) (error "not a stream:" s)))
    ;; Whether S has no items.
    (define (stream-null? s) (and (stream? s) (null? (open s))))
    ;; Whether S has items.
    (define (stream-pair? s) (and (stream? s) (stream-cell? (open s))))
    ;; The first item of S.
    (define (stream-car s)
      (let ((cell (open s))) (if (stream-cell? cell) (force (cell-car cell)) (error "stream-car: the stream is empty"))))
    ;; S without its first item.
    (define (stream-cdr s)
      (let ((cell (open s))) (if (stream-cell? cell) (cell-cdr cell) (error "stream-cdr: the stream is empty"))))
    ;; (stream-lambda PARAMETERS BODY …): a procedure that gives a stream, whose body runs when that is asked for an item.
    (define-syntax stream-lambda
      (syntax-rules () ((_ formals body ...) (lambda formals (stream-lazy (let () body ...))))))
    ;; (define-stream (NAME . PARAMETERS) BODY …): defines such a procedure.
    (define-syntax define-stream
      (syntax-rules () ((_ (name . formals) body ...) (define name (stream-lambda formals body ...)))))
    ;; (stream-let LOOP ((NAME VALUE) …) BODY …): a named let that gives a stream.
    (define-syntax stream-let
      (syntax-rules ()
        ((_ name ((variable value) ...) body ...)
         ((letrec ((name (stream-lambda (variable ...) body ...))) name) value ...))))
    ;; (stream EXPRESSION …): a stream of the values, each computed when it is asked for.
    (define-syntax stream
      (syntax-rules () ((_) stream-null) ((_ x y ...) (stream-cons x (stream y ...)))))
    ;; (stream-match STREAM (PATTERN [FENDER] EXPRESSION) …): the first expression whose pattern the stream fits.
    (define-syntax stream-match
      (syntax-rules ()
        ((_ expr clause ...)
         (let ((s expr)) (if (stream? s) (match-clauses s clause ...) (error "stream-match: not a stream:" s))))))
    (define-syntax match-clauses
      (syntax-rules ()
        ((_ s) (error "stream-match: no pattern matches"))
        ((_ s (pattern guard value) . rest)
         (let ((next (lambda () (match-clauses s . rest)))) (match-pattern s pattern (if guard value (next)) (next))))
        ((_ s (pattern value) . rest)
         (let ((next (lambda () (match-clauses s . rest)))) (match-pattern s pattern value (next))))))
    (define-syntax match-pattern
      (syntax-rules (_)
        ((m s () yes no) (if (stream-null? s) yes no))
        ((m s (_ . more) yes no)
         (if (stream-pair? s) (let ((tail (stream-cdr s))) (match-pattern tail more yes no)) no))
        ((m s (name . more) yes no)
         (if (stream-pair? s)
             (let ((name (stream-car s)) (tail (stream-cdr s))) (match-pattern tail more yes no))
             no))
        ((m s _ yes no) yes)
        ((m s name yes no) (let ((name s)) yes))))
    ;; (stream-of EXPRESSION CLAUSE …): a stream of values, for (NAME in STREAM), (NAME is EXPRESSION) and predicates.
    (define-syntax stream-of
      (syntax-rules () ((_ expr clause ...) (stream-of-more expr stream-null clause ...))))
    (define-syntax stream-of-more
      (syntax-rules (in is)
        ((_ expr base) (stream-cons expr base))
        ((_ expr base (name in s) . rest)
         (stream-let loop ((left s))
           (if (stream-null? left)
               base
               (let ((name (stream-car left)))
                 (stream-of-more expr (loop (stream-cdr left)) . rest)))))
        ((_ expr base (name is value) . rest) (let ((name value)) (stream-of-more expr base . rest)))
        ((_ expr base test . rest) (if test (stream-of-more expr base . rest) base))))
    (define-stream (%list->stream items)
      (if (null? items) stream-null (stream-cons (car items) (list->stream (cdr items)))))
    ;; A list of a stream's items; with a number before it of so many at most.
    (define (stream->list . arguments)
      (let ((s (if (null? (cdr arguments)) (car arguments) (cadr arguments)))
            (count (if (null? (cdr arguments)) -1 (car arguments))))
        (if (pair? (cdr arguments)) (need-count count))
        (need-streams (list s))
        (let loop ((s s) (left count) (items '()))
          (if (or (= left 0) (stream-null? s))
              (reverse items)
              (loop (stream-cdr s) (- left 1) (cons (stream-car s) items))))))
    ;; A stream of the characters of a port.
    (define (port->stream . port)
      (if (pair? port) (need (input-port? (car port)) "an input port" (car port)))
      (apply %port->stream port))
    (define-stream (%port->stream . port)
      (let ((c (apply read-char port)))
        (if (eof-object? c) stream-null (stream-cons c (apply %port->stream port)))))
    ;; A stream of the streams' items, one after the other.
    (define (stream-append . streams)
      (define-stream (two a rest)
        (cond ((not (stream-null? a)) (stream-cons (stream-car a) (two (stream-cdr a) rest)))
              ((null? rest) stream-null)
              (else (two (car rest) (cdr rest)))))
      (for-each (lambda (s) (need (stream? s) "a stream" s)) streams)
      (if (null? streams) stream-null (two (car streams) (cdr streams))))
    (define-stream (%stream-concat streams)
      (cond ((stream-null? streams) stream-null)
            ((stream-null? (stream-car streams)) (stream-concat (stream-cdr streams)))
            (else (stream-cons (stream-car (stream-car streams))
                               (stream-concat (stream-cons (stream-cdr (stream-car streams)) (stream-cdr streams)))))))
    ;; A stream that repeats the items without end.
    (define-stream (stream-constant . items)
      (if (null? items)
          stream-null
          (stream-cons (car items) (apply stream-constant (append (cdr items) (list (car items)))))))
    (define-stream (%stream-drop count s)
      (if (or (= count 0) (stream-null? s)) s (stream-drop (- count 1) (stream-cdr s))))
    (define-stream (%stream-drop-while in? s)
      (if (and (stream-pair? s) (in? (stream-car s))) (stream-drop-while in? (stream-cdr s)) s))
    (define-stream (%stream-filter keep? s)
      (cond ((stream-null? s) stream-null)
            ((keep? (stream-car s)) (stream-cons (stream-car s) (stream-filter keep? (stream-cdr s))))
            (else (stream-filter keep? (stream-cdr s)))))
    ;; Calls F with what it gave before (START at first) and each item; gives the last result.
    (define (stream-fold f start s)
      (need-procedure f)
      (need-streams (list s))
      (if (stream-null? s) start (stream-fold f (f start (stream-car s)) (stream-cdr s))))
    ;; What is wrong is told when a stream is asked for, not when it is used.
    (define (need ok? what x) (if (not ok?) (error (string-append "expected " what ":") x)))
    (define (need-streams streams)
      (need (pair? streams) "at least one stream" streams)
      (for-each (lambda (s) (need (stream? s) "a stream" s)) streams))
    (define (need-procedure f) (need (procedure? f) "a procedure" f))
    (define (need-count n) (need (and (exact-integer? n) (>= n 0)) "a count" n))
    (define (any-null? streams) (and (pair? streams) (or (stream-null? (car streams)) (any-null? (cdr streams)))))
    ;; Calls F with the streams' items.
    (define (stream-for-each f . streams)
      (need-procedure f)
      (need-streams streams)
      (if (not (any-null? streams))
          (begin (apply f (map stream-car streams)) (apply stream-for-each f (map stream-cdr streams)))))
    (define-stream (%stream-from first . step)
      (stream-cons first (apply %stream-from (+ first (if (null? step) 1 (car step))) step)))
    (define-stream (%stream-iterate f x) (stream-cons x (stream-iterate f (f x))))
    ;; How many items S has.
    (define (stream-length s)
      (need-streams (list s))
      (let loop ((s s) (count 0)) (if (stream-null? s) count (loop (stream-cdr s) (+ count 1)))))
    (define-stream (%stream-map f . streams)
      (if (any-null? streams)
          stream-null
          (stream-cons (apply f (map stream-car streams)) (apply %stream-map f (map stream-cdr streams)))))
    (define-stream (%stream-range first past . step)
      (let ((delta (cond ((pair? step) (car step)) ((< first past) 1) (else -1))))
        (if (if (> delta 0) (< first past) (> first past))
            (stream-cons first (%stream-range (+ first delta) past delta))
            stream-null)))
    ;; The item at a place of S.
    (define (stream-ref s index)
      (need-streams (list s))
      (need-count index)
      (if (= index 0) (stream-car s) (stream-ref (stream-cdr s) (- index 1))))
    ;; A stream of the items from the last on.
    (define (stream-reverse s)
      (need-streams (list s))
      (let loop ((s s) (done stream-null))
        (if (stream-null? s) done (loop (stream-cdr s) (stream-cons (stream-car s) done)))))
    (define-stream (%stream-scan f start s)
      (if (stream-null? s)
          (stream start)
          (stream-cons start (stream-scan f (f start (stream-car s)) (stream-cdr s)))))
    (define-stream (%stream-take count s)
      (if (or (= count 0) (stream-null? s)) stream-null (stream-cons (stream-car s) (stream-take (- count 1) (stream-cdr s)))))
    (define-stream (%stream-take-while in? s)
      (if (and (stream-pair? s) (in? (stream-car s)))
          (stream-cons (stream-car s) (stream-take-while in? (stream-cdr s)))
          stream-null))
    (define-stream (%stream-unfold f more? next seed)
      (if (more? seed) (stream-cons (f seed) (stream-unfold f more? next (next seed))) stream-null))
    ;; Several streams from one seed: each result of F is #f for nothing yet, () for the end, or a list of one item.
    (define (stream-unfolds f seed)
      (define count (- (call-with-values (lambda () (f seed)) (lambda results (length results))) 1))
      (define-stream (results seed)
        (call-with-values (lambda () (f seed))
          (lambda (seed . items) (stream-cons items (results seed)))))
      (define-stream (nth index all)
        (let ((item (list-ref (stream-car all) index)))
          (cond ((pair? item) (stream-cons (car item) (nth index (stream-cdr all))))
                ((null? item) stream-null)
                (else (nth index (stream-cdr all))))))
      (let ((all (results seed)))
        (let loop ((index (- count 1)) (streams '()))
          (if (< index 0) (apply values streams) (loop (- index 1) (cons (nth index all) streams))))))
    ;; A stream of lists of the items that stand at one place.
    (define (stream-zip . streams) (apply stream-map list streams))
    ;; A stream of a list's items.
    (define (list->stream items) (need (list? items) "a list" items) (%list->stream items))
    ;; What follows the first COUNT items of S.
    (define (stream-drop count s) (need-count count) (need-streams (list s)) (%stream-drop count s))
    ;; S from the first item on for which IN? is false.
    (define (stream-drop-while in? s) (need-procedure in?) (need-streams (list s)) (%stream-drop-while in? s))
    ;; A stream of the items for which KEEP? is true.
    (define (stream-filter keep? s) (need-procedure keep?) (need-streams (list s)) (%stream-filter keep? s))
    ;; A stream of X, what F gives for it, what F gives for that, and so on.
    (define (stream-iterate f x) (need-procedure f) (%stream-iterate f x))
    ;; A stream of START and of what F gives for the last one and each item.
    (define (stream-scan f start s) (need-procedure f) (need-streams (list s)) (%stream-scan f start s))
    ;; A stream of the first COUNT items of S.
    (define (stream-take count s) (need-count count) (need-streams (list s)) (%stream-take count s))
    ;; A stream of the items up to the first for which IN? is false.
    (define (stream-take-while in? s) (need-procedure in?) (need-streams (list s)) (%stream-take-while in? s))
    ;; A stream that grows from SEED: F gives a seed's item, NEXT the next seed, as long as MORE? is true.
    (define (stream-unfold f more? next seed) (for-each need-procedure (list f more? next)) (%stream-unfold f more? next seed))
    ;; A stream of the items of the streams that S has.
    (define (stream-concat streams) (need-streams (list streams)) (%stream-concat streams))
    ;; A stream of what F gives for the streams' items.
    (define (stream-map f . streams) (need-procedure f) (need-streams streams) (apply %stream-map f streams))
    ;; A stream of numbers from FIRST on, each a step (1) beyond the one before.
    (define (stream-from first . step) (for-each (lambda (n) (need (number? n) "a number" n)) (cons first step)) (apply %stream-from first step))
    ;; A stream of the numbers from FIRST on up to and without PAST.
    (define (stream-range first past . step) (for-each (lambda (n) (need (number? n) "a number" n)) (cons* first past step)) (apply %stream-range first past step))))

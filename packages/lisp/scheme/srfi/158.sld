;; SRFI 158: generators and accumulators. https://srfi.schemers.org/srfi-158/
(define-library (srfi 158)
  (export generator circular-generator make-iota-generator make-range-generator make-coroutine-generator list->generator
          vector->generator reverse-vector->generator string->generator bytevector->generator make-for-each-generator
          make-unfold-generator gcons* gappend gflatten ggroup gmerge gmap gcombine gfilter gremove gstate-filter
          gtake gdrop gtake-while gdrop-while gdelete gdelete-neighbor-dups gindex gselect
          generator->list generator->reverse-list generator->vector generator->vector! generator->string
          generator-fold generator-map->list generator-for-each generator-find generator-count generator-any
          generator-every generator-unfold make-accumulator count-accumulator list-accumulator
          reverse-list-accumulator vector-accumulator reverse-vector-accumulator vector-accumulator! string-accumulator
          bytevector-accumulator bytevector-accumulator! sum-accumulator product-accumulator)
  (import (scheme base) (scheme case-lambda))
  (begin
    (define end (eof-object))
    ;; A generator of the items.
    (define (generator . items) (list->generator items))
    ;; A generator of the items, again and again.
    (define (circular-generator . items)
      (let ((rest '()))
        (lambda ()
          (if (null? rest) (set! rest items))
          (let ((item (car rest))) (set! rest (cdr rest)) item))))
    ;; A generator of COUNT numbers from START on (0), each STEP (1) beyond the one before.
    (define make-iota-generator
      (case-lambda
        ((count) (make-iota-generator count 0 1))
        ((count start) (make-iota-generator count start 1))
        ((count start step)
         (let ((i 0))
           (lambda () (if (< i count) (let ((value (+ start (* i step)))) (set! i (+ i 1)) value) end))))))
    ;; A generator of the numbers from START on, below PAST, each STEP (1) beyond the one before.
    (define make-range-generator
      (case-lambda
        ((start) (let ((next start)) (lambda () (let ((value next)) (set! next (+ next 1)) value))))
        ((start past) (make-range-generator start past 1))
        ((start past step)
         (let ((next start))
           (lambda () (if (< next past) (let ((value next)) (set! next (+ next step)) value) end))))))
    ;; A generator of what BODY hands to its argument, a procedure, while it runs.
    (define (make-coroutine-generator body)
      (define return #f)
      (define resume #f)
      (define (yield item) (call/cc (lambda (k) (set! resume k) (return item))))
      (lambda ()
        (call/cc
         (lambda (k)
           (set! return k)
           (if resume
               (resume #t)
               (begin (body yield)
                      (set! resume (lambda (ignored) (return end)))
                      (return end)))))))
    ;; A generator of a list's items.
    (define (list->generator items)
      (lambda () (if (null? items) end (let ((item (car items))) (set! items (cdr items)) item))))
    (define (indexed ref length)
      (case-lambda
        ((x) ((indexed ref length) x 0 (length x)))
        ((x start) ((indexed ref length) x start (length x)))
        ((x start past)
         (let ((i start)) (lambda () (if (< i past) (let ((item (ref x i))) (set! i (+ i 1)) item) end))))))
    ;; A generator of a vector's items, from one place up to another.
    (define vector->generator (indexed vector-ref vector-length))
    ;; A generator of a string's characters.
    (define string->generator (indexed string-ref string-length))
    ;; A generator of a bytevector's bytes.
    (define bytevector->generator (indexed bytevector-u8-ref bytevector-length))
    ;; A generator of a vector's items from the last on.
    (define reverse-vector->generator
      (case-lambda
        ((v) (reverse-vector->generator v 0 (vector-length v)))
        ((v start) (reverse-vector->generator v start (vector-length v)))
        ((v start past)
         (let ((i past)) (lambda () (if (> i start) (begin (set! i (- i 1)) (vector-ref v i)) end))))))
    ;; From a procedure such as vector-for-each one that makes a generator of a collection.
    (define (make-for-each-generator for-each x)
      (make-coroutine-generator (lambda (yield) (for-each yield x))))
    ;; A generator that grows from SEED: F gives a seed's item, NEXT the next seed, until STOP? is true.
    (define (make-unfold-generator stop? f next seed)
      (lambda () (if (stop? seed) end (let ((item (f seed))) (set! seed (next seed)) item))))

    ;; A generator of the arguments, then of what the last one, a generator, gives.
    (define (gcons* . arguments)
      (lambda ()
        (if (null? (cdr arguments))
            ((car arguments))
            (let ((item (car arguments))) (set! arguments (cdr arguments)) item))))
    ;; A generator of what the generators give, one after the other.
    (define (gappend . generators)
      (define (next)
        (if (null? generators)
            end
            (let ((item ((car generators))))
              (if (eof-object? item) (begin (set! generators (cdr generators)) (next)) item))))
      next)
    ;; A generator of what the generators that G gives give.
    (define (gflatten g)
      (define inner #f)
      (define (next)
        (if inner
            (let ((item (inner)))
              (if (eof-object? item) (begin (set! inner #f) (next)) item))
            (let ((one (g)))
              (if (eof-object? one) end (begin (set! inner (if (procedure? one) one (list->generator one))) (next))))))
      next)
    ;; A generator of lists of COUNT items; the last is padded with PADDING, or shorter.
    (define ggroup
      (case-lambda
        ((g count)
         (lambda ()
           (let loop ((left count) (items '()))
             (if (= left 0)
                 (reverse items)
                 (let ((item (g)))
                   (if (eof-object? item)
                       (if (null? items) end (reverse items))
                       (loop (- left 1) (cons item items))))))))
        ((g count padding)
         (let ((groups (ggroup g count)))
           (lambda ()
             (let ((items (groups)))
               (if (eof-object? items)
                   items
                   (append items (make-list (- count (length items)) padding)))))))))
    ;; A generator of what sorted generators give, in order.
    (define (gmerge before? . generators)
      (define (two a b)
        (let ((x (a)) (y (b)))
          (lambda ()
            (cond ((eof-object? x) (let ((item y)) (if (not (eof-object? y)) (set! y (b))) item))
                  ((eof-object? y) (let ((item x)) (set! x (a)) item))
                  ((before? y x) (let ((item y)) (set! y (b)) item))
                  (else (let ((item x)) (set! x (a)) item))))))
      (let loop ((generators generators))
        (if (null? (cdr generators)) (car generators) (two (car generators) (loop (cdr generators))))))
    (define (any-end? items) (and (pair? items) (or (eof-object? (car items)) (any-end? (cdr items)))))
    (define (pull generators)
      (let loop ((generators generators) (items '()))
        (if (null? generators)
            (reverse items)
            (let ((item ((car generators)))) (if (eof-object? item) #f (loop (cdr generators) (cons item items)))))))
    ;; A generator of what F gives for what the generators give.
    (define (gmap f . generators)
      (lambda () (let ((items (pull generators))) (if items (apply f items) end))))
    ;; As gmap, with a seed: F gives an item and the next seed.
    (define (gcombine f seed . generators)
      (lambda ()
        (let ((items (pull generators)))
          (if items
              (call-with-values (lambda () (apply f (append items (list seed))))
                (lambda (item next) (set! seed next) item))
              end))))
    ;; A generator of the items for which KEEP? is true.
    (define (gfilter keep? g)
      (define (next) (let ((item (g))) (if (or (eof-object? item) (keep? item)) item (next))))
      next)
    ;; A generator of the items for which DROP? is false.
    (define (gremove drop? g) (gfilter (lambda (item) (not (drop? item))) g))
    ;; As gfilter, with a seed: F gives whether the item stays, and the next seed.
    (define (gstate-filter f seed g)
      (define (next)
        (let ((item (g)))
          (if (eof-object? item)
              item
              (call-with-values (lambda () (f item seed))
                (lambda (keep? state) (set! seed state) (if keep? item (next)))))))
      next)
    ;; A generator of the first COUNT items, padded if a value for that is given.
    (define (gtake g count . padding)
      (lambda ()
        (if (> count 0)
            (let ((item (g)))
              (set! count (- count 1))
              (if (and (eof-object? item) (pair? padding)) (car padding) item))
            end)))
    ;; A generator of what follows the first COUNT items.
    (define (gdrop g count)
      (lambda ()
        (let loop ()
          (if (> count 0)
              (begin (set! count (- count 1)) (let ((item (g))) (if (eof-object? item) (begin (set! count 0) item) (loop))))
              (g)))))
    ;; A generator of the items up to the first for which IN? is false.
    (define (gtake-while in? g)
      (let ((done? #f))
        (lambda ()
          (if done?
              end
              (let ((item (g)))
                (if (and (not (eof-object? item)) (in? item)) item (begin (set! done? #t) end)))))))
    ;; A generator from the first item on for which IN? is false.
    (define (gdrop-while in? g)
      (let ((begun? #f))
        (define (next)
          (let ((item (g)))
            (cond (begun? item)
                  ((and (not (eof-object? item)) (in? item)) (next))
                  (else (set! begun? #t) item))))
        next))
    ;; A generator of the items that are not equal to ITEM, or not the same by a third argument.
    (define (gdelete item g . same)
      (let ((same? (if (pair? same) (car same) equal?)))
        (gfilter (lambda (other) (not (same? item other))) g)))
    ;; A generator of the items that are not equal to the one before.
    (define (gdelete-neighbor-dups g . same)
      (let ((same? (if (pair? same) (car same) equal?)) (first? #t) (last #f))
        (define (next)
          (let ((item (g)))
            (cond ((eof-object? item) item)
                  ((and (not first?) (same? last item)) (next))
                  (else (set! first? #f) (set! last item) item))))
        next))
    ;; A generator of the items at the places that INDEXES gives.
    (define (gindex values-generator indexes)
      (let ((position 0))
        (lambda ()
          (let ((index (indexes)))
            (if (eof-object? index)
                index
                (let loop ()
                  (let ((item (values-generator)))
                    (cond ((eof-object? item) item)
                          ((= position index) (set! position (+ position 1)) item)
                          (else (set! position (+ position 1)) (loop))))))))))
    ;; A generator of the items whose TRUTHS are true.
    (define (gselect values-generator truths)
      (define (next)
        (let ((item (values-generator)) (truth (truths)))
          (cond ((or (eof-object? item) (eof-object? truth)) end)
                (truth item)
                (else (next)))))
      next)

    ;; A list of what G gives, the last first.
    (define (generator->reverse-list g . count)
      (let loop ((left (if (pair? count) (car count) -1)) (items '()))
        (if (= left 0)
            items
            (let ((item (g))) (if (eof-object? item) items (loop (- left 1) (cons item items)))))))
    ;; A list of what G gives, of COUNT items at most.
    (define (generator->list g . count) (reverse (apply generator->reverse-list g count)))
    ;; A vector of what G gives, of COUNT items at most.
    (define (generator->vector g . count) (list->vector (apply generator->list g count)))
    ;; Puts what G gives into V from AT on, and tells how many.
    (define (generator->vector! v at g)
      (let loop ((i at))
        (if (< i (vector-length v))
            (let ((item (g)))
              (if (eof-object? item) (- i at) (begin (vector-set! v i item) (loop (+ i 1)))))
            (- i at))))
    ;; A string of the characters that G gives, of COUNT at most.
    (define (generator->string g . count) (list->string (apply generator->list g count)))
    ;; Calls F with what the generators give and its last result (SEED at first); gives the last result.
    (define (generator-fold f seed . generators)
      (let loop ((seed seed))
        (let ((items (pull generators)))
          (if items (loop (apply f (append items (list seed)))) seed))))
    ;; A list of what F gives for what the generators give.
    (define (generator-map->list f . generators) (generator->list (apply gmap f generators)))
    ;; Calls F with what the generators give.
    (define (generator-for-each f . generators)
      (let loop () (let ((items (pull generators))) (if items (begin (apply f items) (loop))))))
    ;; The first item for which FOUND? is true, or #f.
    (define (generator-find found? g)
      (let loop () (let ((item (g))) (cond ((eof-object? item) #f) ((found? item) item) (else (loop))))))
    ;; For how many items MATCHES? is true.
    (define (generator-count matches? g)
      (generator-fold (lambda (item count) (if (matches? item) (+ count 1) count)) 0 g))
    ;; The first true value that F gives for an item, or #f.
    (define (generator-any f g)
      (let loop () (let ((item (g))) (if (eof-object? item) #f (or (f item) (loop))))))
    ;; What F gives for the last item if it is true for all; #f else, #t for no items.
    (define (generator-every f g)
      (let loop ((last #t)) (let ((item (g))) (if (eof-object? item) last (let ((value (f item))) (and value (loop value)))))))
    ;; Hands UNFOLD what it needs to grow a collection of what G gives.
    (define (generator-unfold g unfold . arguments)
      (apply unfold eof-object? (lambda (x) x) (lambda (x) (g)) (g) arguments))

    ;; A procedure that F feeds its state with each argument; at the end of a file it gives what FINISH makes of it.
    (define (make-accumulator f state finish)
      (lambda (item) (if (eof-object? item) (finish state) (set! state (f item state)))))
    ;; An accumulator that counts.
    (define (count-accumulator) (make-accumulator (lambda (item count) (+ count 1)) 0 (lambda (x) x)))
    ;; An accumulator that makes a list.
    (define (list-accumulator) (make-accumulator cons '() reverse))
    ;; An accumulator that makes a list, the last first.
    (define (reverse-list-accumulator) (make-accumulator cons '() (lambda (x) x)))
    ;; An accumulator that makes a vector.
    (define (vector-accumulator) (make-accumulator cons '() (lambda (x) (list->vector (reverse x)))))
    ;; An accumulator that makes a vector, the last first.
    (define (reverse-vector-accumulator) (make-accumulator cons '() list->vector))
    ;; An accumulator that fills V from AT on.
    (define (vector-accumulator! v at)
      (lambda (item) (if (eof-object? item) v (begin (vector-set! v at item) (set! at (+ at 1))))))
    ;; An accumulator that makes a string of characters.
    (define (string-accumulator) (make-accumulator cons '() (lambda (x) (list->string (reverse x)))))
    ;; An accumulator that makes a bytevector.
    (define (bytevector-accumulator) (make-accumulator cons '() (lambda (x) (apply bytevector (reverse x)))))
    ;; An accumulator that fills the bytevector V from AT on.
    (define (bytevector-accumulator! v at)
      (lambda (item) (if (eof-object? item) v (begin (bytevector-u8-set! v at item) (set! at (+ at 1))))))
    ;; An accumulator that adds.
    (define (sum-accumulator) (make-accumulator + 0 (lambda (x) x)))
    ;; An accumulator that multiplies.
    (define (product-accumulator) (make-accumulator * 1 (lambda (x) x)))))

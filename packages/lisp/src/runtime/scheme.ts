/**
 * The runtime's Scheme. `ARITHMETIC` is what slow ways of arithmetic call: its functions never move the stack to the
 * heap. `LIBRARY` are procedures that must be here since they change objects or call procedures, and those that should
 * be fast. Where operands are not as they should be `%oracle` lets the host's form of the procedure raise its error, so
 * that messages are one on both engines.
 */
export const ARITHMETIC = `
(define (%checked result) (if (%unbound? result) ((%cell 29) (%cell 30)) result))
(define (%generic+ a b) (%checked (%host 0 a b)))
(define (%generic- a b) (%checked (%host 1 a b)))
(define (%generic* a b) (%checked (%host 2 a b)))
(define (%generic/ a b) (%checked (%host 3 a b)))
(define (%generic< a b) (%checked (%host 4 a b)))
(define (%generic<= a b) (%checked (%host 5 a b)))
(define (%generic> a b) (%checked (%host 6 a b)))
(define (%generic>= a b) (%checked (%host 7 a b)))
(define (%generic= a b) (%checked (%host 8 a b)))
(define (%generic-quotient a b) (%checked (%host 9 a b)))
(define (%generic-remainder a b) (%checked (%host 10 a b)))
(define (%generic-modulo a b) (%checked (%host 11 a b)))
(define (%generic-inexact a) (%checked (%host 12 a)))
(define (%generic-sqrt a) (%checked (%host 13 a)))
(%set-cell! 15 %generic+) (%set-cell! 16 %generic-) (%set-cell! 17 %generic*) (%set-cell! 18 %generic/)
(%set-cell! 19 %generic<) (%set-cell! 20 %generic<=) (%set-cell! 21 %generic>) (%set-cell! 22 %generic>=) (%set-cell! \
23 %generic=)
(%set-cell! 24 %generic-quotient) (%set-cell! 25 %generic-remainder) (%set-cell! 26 %generic-modulo) (%set-cell! 27 \
%generic-inexact) (%set-cell! 28 %generic-sqrt)
`;

export const LIBRARY = `
(define (%fail1 index a) (%checked (%host 14 index (cons a '()))))
(define (%fail2 index a b) (%checked (%host 14 index (cons a (cons b '())))))
(define (%fail3 index a b c) (%checked (%host 14 index (cons a (cons b (cons c '()))))))
(define (%fail-list index operands) (%checked (%host 14 index operands)))
; Conditions and exceptions.
; The continuation tells the calls that wait.
(define (%uncaught payload) (call/cc (lambda (k) (%host 17 payload k))))
(define (%condition kind message irritants)
  (let ((c (%make 13 4))) (%set! c 0 kind) (%set! c 1 message) (%set! c 2 irritants) (%set! c 3 #f) c))
(define (raise payload)
  (let ((handlers (%cell 7)))
    (if (null? handlers)
        (%uncaught payload)
        (begin
          (%set-cell! 7 (cdr handlers))
          ((car handlers) payload)
          (raise (%condition 'error "a handler returned from an object that was raised by raise:" (list payload)))))))
(define (raise-continuable payload)
  (let ((handlers (%cell 7)))
    (if (null? handlers)
        (%uncaught payload)
        (begin
          (%set-cell! 7 (cdr handlers))
          (let ((value ((car handlers) payload)))
            (%set-cell! 7 handlers)
            value)))))
(define (with-exception-handler handler thunk)
  (if (procedure? handler) #t (%oracle %check-procedure handler))
  (let ((handlers (%cell 7)))
    (%set-cell! 7 (cons handler handlers))
    (let ((value (thunk)))
      (%set-cell! 7 handlers)
      value)))
(define (error . operands)
  (raise (if (pair? operands) (%condition 'error (car operands) (cdr operands)) (%condition 'error "" '()))))
(define (error-object? x) (%kind? x 13))
(define (error-object-message x) (if (%kind? x 13) (%ref x 1) (%oracle error-object-message x)))
(define (error-object-irritants x) (if (%kind? x 13) (%ref x 2) (%oracle error-object-irritants x)))
(%set-cell! 29 raise)
(%set-cell! 8 (lambda (code value) (raise (%host 15 code value))))
(%set-cell! 10 (lambda (f operands) (raise (%host 16 f operands))))

; Values, winding, parameters.
(define (call-with-values producer consumer)
  (let ((v (producer)))
    (if (%kind? v 3)
        (let loop ((i (%fx- (%count v) 1)) (items '()))
          (if (%fx< i 0) (apply consumer items) (loop (%fx- i 1) (cons (%ref v i) items))))
        (consumer v))))
(define (%winder before after)
  (vector before after (%cell 7) (%cell 13)))
(define (dynamic-wind before thunk after)
  (before)
  (let ((saved (%cell 6)))
    (%set-cell! 6 (cons (%winder before after) saved))
    (let ((value (thunk)))
      (%set-cell! 6 saved)
      (after)
      value)))
(define (%run-winder winder index)
  (%set-cell! 7 (vector-ref winder 2))
  (%set-cell! 13 (vector-ref winder 3))
  ((vector-ref winder index)))
(define (%travel target)
  (let ((common (let loop ((a (%cell 6)) (b target))
                  (let ((m (length a)) (n (length b)))
                    (cond ((> m n) (loop (cdr a) b))
                          ((< m n) (loop a (cdr b)))
                          ((eq? a b) a)
                          (else (loop (cdr a) (cdr b))))))))
    (let out ((l (%cell 6)))
      (unless (eq? l common)
        (%set-cell! 6 (cdr l))
        (%run-winder (car l) 1)
        (out (cdr l))))
    (let in ((l target))
      (unless (eq? l common)
        (in (cdr l))
        (%run-winder (car l) 0)
        (%set-cell! 6 l)))))
(%set-cell! 9 (lambda (k value) (%travel (%closure-ref k 1)) (%throw-to k value)))
(define (%unwind) (%travel '()))
(define %parameter-key (list 'parameter))
(define (%make-parameter value converter)
  (let ((p (vector value converter)))
    (lambda operands
      (if (pair? operands)
          (if (eq? (car operands) %parameter-key) p (%oracle-list %parameter-operands operands))
          (let loop ((l (%cell 13)))
            (cond ((null? l) (%vref p 0))
                  ((eq? (%car (%car l)) p) (%cdr (%car l)))
                  (else (loop (%cdr l)))))))))
(define (%parameter-converter parameter)
  (if (procedure? parameter) (vector-ref (parameter %parameter-key) 1) (%oracle %parameter-converter parameter)))
(define (%with-parameters bindings thunk)
  (let ((saved (%cell 13)))
    (let loop ((l bindings) (new saved))
      (if (pair? l)
          (loop (cdr l) (cons (cons ((caar l) %parameter-key) (cdar l)) new))
          (%set-cell! 13 new)))
    (let ((value (thunk)))
      (%set-cell! 13 saved)
      value)))
(define current-input-port (%make-parameter (%host 18 0) #f))
(define current-output-port (%make-parameter (%host 18 1) #f))
(define current-error-port (%make-parameter (%host 18 2) #f))
(%set-cell! 31 (current-input-port %parameter-key))
(%set-cell! 32 (current-output-port %parameter-key))
(%set-cell! 33 (current-error-port %parameter-key))

; Green threads (scheme/stratos/threads.sld): fuel, hooks and the running thread lie in cells; false is no thread.
(define (%set-fuel! fuel) (%set-cell! 36 fuel))
(define (%thread-hooks) (let ((hooks (%cell 37))) (if (pair? hooks) hooks #f)))
(define (%set-thread-hooks! hooks) (%set-cell! 37 hooks))
(define (%thread) (%cell 38))
(define (%set-thread! thread) (%set-cell! 38 thread))
(define (%parameters) (%cell 13))
(define (%set-parameters! parameters) (%set-cell! 13 parameters))
(define (%handler) (let ((handlers (%cell 7))) (if (pair? handlers) (car handlers) #f)))

; Promises: a promise holds a box (vector) of whether it is done, and its value or thunk.
(define (%make-promise done value) (let ((p (%make 10 1))) (%set! p 0 (vector done value)) p))
(define (make-delayed thunk) (%make-promise #f thunk))
(define (make-eager-promise value) (%make-promise #t value))
(define (make-promise value) (if (%kind? value 10) value (%make-promise #t value)))
(define (promise? x) (%kind? x 10))
(define (force promise)
  (if (%kind? promise 10)
      (let ((box (%ref promise 0)))
        (if (vector-ref box 0)
            (vector-ref box 1)
            (let ((value ((vector-ref box 1))))
              (let ((box (%ref promise 0)))
                (if (vector-ref box 0)
                    (vector-ref box 1)
                    (begin
                      (unless (%kind? value 10) (%oracle %check-promise value))
                      (vector-set! box 0 (vector-ref (%ref value 0) 0))
                      (vector-set! box 1 (vector-ref (%ref value 0) 1))
                      (%set! value 0 box)
                      (force promise)))))))
      promise))

; Records.
; Its name, its fields, and a list of those whose types the procedures that define-record-type/typed made check.
(define (make-record-type name fields . typed)
  (let ((t (%make 5 3)))
    (%set! t 0 name) (%set! t 1 fields) (%set! t 2 (if (pair? typed) (car typed) '())) t))
(define (%rtd-typed x) (if (%kind? x 5) (%ref x 2) (%oracle rtd-field-names x)))
(define (%plain? indexes size)
  (and (= (vector-length indexes) size)
       (let loop ((i 0)) (or (= i size) (and (= (vector-ref indexes i) i) (loop (+ i 1)))))))
(define (record-constructor type indexes name)
  (let ((size (vector-length (%ref type 1))) (n (vector-length indexes)))
    (if (%plain? indexes size)
        (case n
          ((1) (lambda (a) (let ((r (%make 4 2))) (%set! r 0 type) (%set! r 1 a) r)))
          ((2) (lambda (a b) (let ((r (%make 4 3))) (%set! r 0 type) (%set! r 1 a) (%set! r 2 b) r)))
          ((3) (lambda (a b c) (let ((r (%make 4 4))) (%set! r 0 type) (%set! r 1 a) (%set! r 2 b) (%set! r 3 c) r)))
          ((4) (lambda (a b c d) (let ((r (%make 4 5))) (%set! r 0 type) (%set! r 1 a) (%set! r 2 b) (%set! r 3 c) \
(%set! r 4 d) r)))
          (else (%general-constructor type indexes name size n)))
        (%general-constructor type indexes name size n))))
(define (%general-constructor type indexes name size n)
  (lambda operands
    (unless (= (length operands) n) (%oracle %wrong-count name n (length operands)))
    (let ((r (%make 4 (+ size 1))))
      (%set! r 0 type)
      (do ((i 1 (+ i 1))) ((> i size)) (%set! r i (if #f #f)))
      (do ((i 0 (+ i 1)) (l operands (cdr l))) ((= i n) r)
        (%set! r (+ 1 (vector-ref indexes i)) (car l))))))
(define (record-predicate type name) (lambda (x) (and (%kind? x 4) (eq? (%ref x 0) type))))
(define (record-accessor type index name . of-type)
  (let ((i (+ index 1)))
    (lambda (x) (if (and (%kind? x 4) (eq? (%ref x 0) type)) (%ref x i) (%oracle %record-error name type x)))))
(define (record-modifier type index name)
  (let ((i (+ index 1)))
    (lambda (x value) (if (and (%kind? x 4) (eq? (%ref x 0) type)) (begin (%set! x i value) (if #f #f)) (%oracle \
%record-error name type x)))))
(define (record? x) (%kind? x 4))
(define (%record-of? x type) (and (%kind? x 4) (eq? (%ref x 0) type)))
(define (record-rtd x) (if (%kind? x 4) (%ref x 0) (%oracle record-rtd x)))
(define (rtd? x) (%kind? x 5))
(define (rtd-field-names x) (if (%kind? x 5) (vector-copy (%ref x 1)) (%oracle rtd-field-names x)))
(define (fixnum? x) (%fixnum? x))
(define (flonum? x) (%flonum? x))
(define (type-of x)
  (cond ((%fixnum? x) 'fixnum) ((%flonum? x) 'flonum) ((pair? x) 'pair) ((null? x) 'null) ((vector? x) 'vector)
        ((procedure? x) 'procedure) ((%kind? x 4) (%ref x 0)) ((string? x) 'string) ((symbol? x) 'symbol)
        ((char? x) 'char) ((boolean? x) 'boolean) ((bytevector? x) 'bytevector) ((%kind? x 22) 'integer)
        ((%kind? x 7) 'rational) ((%kind? x 8) 'complex) ((%kind? x 5) 'record-type) ((%kind? x 10) 'promise)
        ((%kind? x 13) 'error-object) ((eof-object? x) 'eof-object) (else (%oracle type-of x))))
(define (%check-failed message x) (%oracle %record-error message #f x))
(%set-cell! 34 (lambda (name type value) (%oracle %record-error name type value)))

; Guardians and ephemerons: what the collector does with them stands there (heap/collector.ts). A queue is a vector of the
; first entry, or 0; the tag of an entry is its queue where the object itself is wanted.
(define (make-guardian)
  (let ((queue (vector 0)))
    (case-lambda
      (() (let ((next (%guarded-next queue))) (and next (if (eq? (%cdr next) queue) (%car next) (%cdr next)))))
      ((object) (%guard! queue object queue))
      ((object representative) (%guard! queue object representative)))))
; The next object of a queue with its tag, or false.
(define (%guarded-next queue)
  (let ((entry (vector-ref queue 0)))
    (if (eq? entry 0) #f
        (begin
          (vector-set! queue 0 (%ref entry 2))
          (cons (%ref entry 0) (%ref entry 3))))))
(define (%guard! queue object tag)
  (let ((entry (%make 17 4)))
    (%set! entry 0 object) (%set! entry 1 queue) (%set! entry 2 (%cell 40)) (%set! entry 3 tag)
    (%set-cell! 40 entry)
    (if #f #f)))
(define (make-ephemeron key datum)
  (let ((e (%make 16 3))) (%set! e 0 key) (%set! e 1 datum) (%set! e 2 0) e))
(define (ephemeron? x) (%kind? x 16))
(define (ephemeron-key x)
  (if (%kind? x 16) (if (%unbound? (%ref x 0)) #f (%ref x 0)) (%oracle ephemeron-key x)))
(define (ephemeron-datum x) (if (%kind? x 16) (%ref x 1) (%oracle ephemeron-datum x)))
(define (ephemeron-broken? x) (if (%kind? x 16) (%unbound? (%ref x 0)) (%oracle ephemeron-broken? x)))
(define (reference-barrier x) (%set-cell! 11 x) (%set-cell! 11 0) (if #f #f))
; An object that is large asks for a collection.
(define (collect-garbage)
  (%set-cell! 42 1)
  (%set-cell! 11 (%make-bytes 21 300000))
  (%set-cell! 11 0)
  (if #f #f))

; What calls procedures of the program: the interpreter's are in its prelude, here with a way of their own for one list.
; Up to some depth map's calls nest, so that a list of that length is made once.
(define (%map-one f l n all)
  (if (pair? l)
      (if (%fx> n 0)
          (let ((x (f (%car l)))) (cons x (%map-one f (%cdr l) (%fx- n 1) all)))
          (let loop ((l l) (done '()))
            (if (pair? l)
                (let ((x (f (%car l)))) (loop (%cdr l) (cons x done)))
                (if (null? l) (reverse done) (%improper "map" all)))))
      (if (null? l) '() (%improper "map" all))))
(define (%map-two f a b done)
  (if (and (pair? a) (pair? b))
      (let ((x (f (%car a) (%car b)))) (%map-two f (%cdr a) (%cdr b) (cons x done)))
      (reverse done)))
(define (%map-many f lists)
  (let loop ((lists lists) (done '()))
    (if (%all-pairs? lists)
        (let ((x (apply f (%cars lists)))) (loop (%cdrs lists) (cons x done)))
        (reverse done))))
(define map
  (case-lambda
    ((f l) (%map-one f l 100 l))
    ((f a b) (%map-two f a b '()))
    ((f first . rest) (%map-many f (cons first rest)))))
(define (%for-each-one f l all)
  (if (pair? l)
      (begin (f (%car l)) (%for-each-one f (%cdr l) all))
      (if (null? l) (if #f #f) (%improper "for-each" all))))
(define (%for-each-many f lists)
  (if (%all-pairs? lists)
      (begin (apply f (%cars lists)) (%for-each-many f (%cdrs lists)))
      (if #f #f)))
(define for-each
  (case-lambda
    ((f l) (%for-each-one f l l))
    ((f first . rest) (%for-each-many f (cons first rest)))))
(define (%vector-map-one f v)
  (let ((n (vector-length v)))
    (let loop ((i 0) (done '()))
      (if (%fx< i n)
          (let ((x (f (vector-ref v i)))) (loop (%fx+ i 1) (cons x done)))
          (list->vector (reverse done))))))
(define vector-map
  (case-lambda
    ((f v) (%vector-map-one f v))
    ((f first . rest) (list->vector (apply map f (map vector->list (cons first rest)))))))
(define (%vector-for-each-one f v)
  (let ((n (vector-length v)))
    (let loop ((i 0)) (if (%fx< i n) (begin (f (vector-ref v i)) (loop (%fx+ i 1))) (if #f #f)))))
(define vector-for-each
  (case-lambda
    ((f v) (%vector-for-each-one f v))
    ((f first . rest) (apply for-each f (map vector->list (cons first rest))))))
(define member
  (case-lambda
    ((x l) (%member x l))
    ((x l same?)
     (let loop ((l l)) (if (pair? l) (if (same? x (%car l)) l (loop (%cdr l))) #f)))))
(define assoc
  (case-lambda
    ((x l) (%assoc x l))
    ((x l same?)
     (let loop ((l l)) (if (pair? l) (if (same? x (caar l)) (%car l) (loop (%cdr l))) #f)))))

; Equivalence.
(define (eqv? a b) (or (%eqv? a b) (and (string? a) (string? b) (= (string-length a) 0) (= (string-length b) 0))))
(define (%same-bytes? a b) (eq? (%equal a b) 1))
(define (equal? a b) (let ((known (%equal a b))) (if (%fx< known 0) (%host 19 a b) (eq? known 1))))

; Lists.
(define (list . items) items)
(define (length x)
  (let loop ((l x) (slow x) (n 0))
    (if (pair? l)
        (let ((l (%cdr l)))
          (if (pair? l)
              (let ((slow (%cdr slow)))
                (if (eq? (%cdr l) slow)
                    (if (pair? slow) (%oracle length '(1 . 2)) (loop (%cdr l) slow (%fx+ n 2)))
                    (loop (%cdr l) slow (%fx+ n 2))))
              (if (null? l) (%fx+ n 1) (%oracle length x))))
        (if (null? l) n (%oracle length x)))))
(define (list? x)
  (let loop ((l x) (slow x))
    (if (pair? l)
        (let ((l (%cdr l)))
          (if (pair? l)
              (let ((l (%cdr l)) (slow (%cdr slow)))
                (if (eq? l slow) (null? l) (loop l slow)))
              (null? l)))
        (null? l))))
(define (%append2 who a b)
  (if (null? a) b
    (if (pair? a)
      (let ((first (cons (%car a) '())))
        (let loop ((l (%cdr a)) (last first))
          (if (pair? l)
              (let ((next (cons (%car l) '())))
                (set-cdr! last next)
                (loop (%cdr l) next))
              (begin
                (unless (null? l) (%oracle append a b))
                (set-cdr! last b)
                first))))
      (%oracle append a b))))
(define append
  (case-lambda
    (() '()) ((a) a) ((a b) (%append2 'append a b))
    ((a b . rest) (%append2 'append a (apply append b rest)))))
(define (reverse x)
  (let loop ((l x) (done '()))
    (if (pair? l) (loop (%cdr l) (cons (%car l) done)) (if (null? l) done (%oracle reverse x)))))
(define (list-tail x k)
  (let loop ((l x) (i k))
    (if (and (%fixnum? i) (> i 0))
        (if (pair? l) (loop (%cdr l) (- i 1)) (%oracle list-tail x k))
        (if (eq? i 0) l (%oracle list-tail x k)))))
(define (list-ref x k) (let ((l (list-tail x k))) (if (pair? l) (%car l) (%oracle list-ref x k))))
(define (list-set! x k value) (let ((l (list-tail x k))) (if (pair? l) (set-car! l value) (%oracle list-set! x k \
value))))
(define (list-copy x)
  (if (pair? x)
      (let ((first (cons (%car x) '())))
        (let loop ((l (%cdr x)) (last first))
          (if (pair? l)
              (let ((next (cons (%car l) '()))) (set-cdr! last next) (loop (%cdr l) next))
              (begin (set-cdr! last l) first))))
      x))
(define (make-list n . fill)
  (if (and (%fixnum? n) (>= n 0))
      (let ((value (if (pair? fill) (car fill) (if #f #f))))
        (let loop ((i n) (l '())) (if (= i 0) l (loop (- i 1) (cons value l)))))
      (%oracle make-list n)))
(define (cons* first . rest)
  (let loop ((a first) (l rest)) (if (pair? l) (cons a (loop (car l) (cdr l))) a)))
(define (memq x l)
  (let loop ((r l)) (if (pair? r) (if (eq? x (%car r)) r (loop (%cdr r))) (if (null? r) #f (%oracle memq x l)))))
(define (memv x l)
  (let loop ((r l)) (if (pair? r) (if (eqv? x (%car r)) r (loop (%cdr r))) (if (null? r) #f (%oracle memv x l)))))
(define (%member x l)
  (let loop ((r l)) (if (pair? r) (if (equal? x (%car r)) r (loop (%cdr r))) (if (null? r) #f (%oracle %member x l)))))
(define (assq x l)
  (let loop ((r l)) (if (pair? r) (if (pair? (%car r)) (if (eq? x (%car (%car r))) (%car r) (loop (%cdr r))) (%oracle \
assq x l)) (if (null? r) #f (%oracle assq x l)))))
(define (assv x l)
  (let loop ((r l)) (if (pair? r) (if (pair? (%car r)) (if (eqv? x (%car (%car r))) (%car r) (loop (%cdr r))) \
(%oracle assv x l)) (if (null? r) #f (%oracle assv x l)))))
(define (%assoc x l)
  (let loop ((r l)) (if (pair? r) (if (pair? (%car r)) (if (equal? x (%car (%car r))) (%car r) (loop (%cdr r))) \
(%oracle %assoc x l)) (if (null? r) #f (%oracle %assoc x l)))))
(define (void . operands) (if #f #f))
(define (symbol->string x) (if (symbol? x) (%symbol-name x) (%oracle symbol->string x)))
; Characters: ASCII here.
(define (%ascii? c) (and (char? c) (%fx< (%char->integer c) 128)))
(define (%lower? n) (and (%fx<= 97 n) (%fx<= n 122)))
(define (%upper? n) (and (%fx<= 65 n) (%fx<= n 90)))
(define (char-upcase c)
  (if (%ascii? c)
      (let ((n (%char->integer c))) (if (%lower? n) (%integer->char (%fx- n 32)) c))
      (%oracle char-upcase c)))
(define (char-downcase c)
  (if (%ascii? c)
      (let ((n (%char->integer c))) (if (%upper? n) (%integer->char (%fx+ n 32)) c))
      (%oracle char-downcase c)))
(define (char-alphabetic? c)
  (if (%ascii? c)
      (let ((n (%char->integer c))) (or (%lower? n) (%upper? n)))
      (%oracle char-alphabetic? c)))
(define (char-numeric? c)
  (if (%ascii? c)
      (let ((n (%char->integer c))) (and (%fx<= 48 n) (%fx<= n 57)))
      (%oracle char-numeric? c)))
(define (char-whitespace? c)
  (if (%ascii? c)
      (let ((n (%char->integer c))) (or (%fx= n 32) (and (%fx<= 9 n) (%fx<= n 13))))
      (%oracle char-whitespace? c)))
; Decimal digits of a fixnum.
(define (number->string x . radix)
  (if (and (%fixnum? x) (null? radix))
      (let ((magnitude (if (%fx< x 0) (- 0 x) x)))
        (if (%fixnum? magnitude)
            (let* ((digits (let loop ((m magnitude) (n 1)) (if (%fx< m 10) n (loop (%fxquotient m 10) (%fx+ n 1)))))
                   (size (if (%fx< x 0) (%fx+ digits 1) digits))
                   (s (%make-bytes 20 (%fx* size 4))))
              (let loop ((m magnitude) (i (%fx- size 1)) (left digits))
                (if (eq? left 0)
                    (begin (if (%fx< x 0) (%set-u32! s 0 45) #f) s)
                    (begin
                      (%set-u32! s i (%fx+ 48 (%fxremainder m 10)))
                      (loop (%fxquotient m 10) (%fx- i 1) (%fx- left 1))))))
            (%oracle number->string x)))
      (%oracle-list number->string (cons x radix))))
(define gcd
  (case-lambda
    ((a b)
     (if (and (%fixnum? a) (%fixnum? b))
         (let loop ((a (abs a)) (b (abs b))) (if (eq? b 0) a (loop b (remainder a b))))
         (%oracle gcd a b)))
    (operands (%oracle-list gcd operands))))

; Numbers: variadic forms over the operations in line.
(define + (case-lambda (() 0) ((a) (+ a 0)) ((a b) (+ a b)) ((a b . rest) (let loop ((s (+ a b)) (l rest)) (if (pair? \
l) (loop (+ s (car l)) (cdr l)) s)))))
(define * (case-lambda (() 1) ((a) (* a 1)) ((a b) (* a b)) ((a b . rest) (let loop ((s (* a b)) (l rest)) (if (pair? \
l) (loop (* s (car l)) (cdr l)) s)))))
(define - (case-lambda ((a) (%negate a)) ((a b) (- a b)) ((a b . rest) (let loop ((s (- a b)) (l rest)) (if (pair? l) \
(loop (- s (car l)) (cdr l)) s)))))
(define / (case-lambda ((a) (/ 1 a)) ((a b) (/ a b)) ((a b . rest) (let loop ((s (/ a b)) (l rest)) (if (pair? l) \
(loop (/ s (car l)) (cdr l)) s)))))
(define (%negate a) (if (%flonum? a) (%flnegate a) (if (%fixnum? a) (- 0 a) (%oracle - a))))
(define (%number? x) (or (%fixnum? x) (%flonum? x) (%kind? x 22) (%kind? x 23) (%kind? x 7) (%kind? x 8)))
(define = (case-lambda ((a b) (= a b)) ((a) (%oracle = a)) ((a b . rest) (%oracle-list = (cons a (cons b rest))))))
(define < (case-lambda ((a b) (< a b)) ((a) (%oracle < a)) ((a b . rest) (%oracle-list < (cons a (cons b rest))))))
(define > (case-lambda ((a b) (> a b)) ((a) (%oracle > a)) ((a b . rest) (%oracle-list > (cons a (cons b rest))))))
(define <= (case-lambda ((a b) (<= a b)) ((a) (%oracle <= a)) ((a b . rest) (%oracle-list <= (cons a (cons b rest))))))
(define >= (case-lambda ((a b) (>= a b)) ((a) (%oracle >= a)) ((a b . rest) (%oracle-list >= (cons a (cons b rest))))))
(define (zero? x) (if (%fixnum? x) (eq? x 0) (if (%flonum? x) (%fl= x 0.0) (%oracle zero? x))))
(define (positive? x) (if (%fixnum? x) (%fx> x 0) (if (%flonum? x) (%fl> x 0.0) (if (%kind? x 22) (> x 0) (%oracle \
positive? x)))))
(define (negative? x) (if (%fixnum? x) (%fx< x 0) (if (%flonum? x) (%fl< x 0.0) (if (%kind? x 22) (< x 0) (%oracle \
negative? x)))))
(define (even? x) (if (%fixnum? x) (eq? 0 (%fxand x 1)) (if (%kind? x 22) (eq? 0 (%fxand (%u32 x 0) 1)) (%oracle \
even? x))))
(define (odd? x) (if (%fixnum? x) (eq? 1 (%fxand x 1)) (if (%kind? x 22) (eq? 1 (%fxand (%u32 x 0) 1)) (%oracle odd? \
x))))
(define (abs x) (if (or (%fixnum? x) (%kind? x 22)) (if (< x 0) (- 0 x) x) (if (%flonum? x) (%flabs x) (%oracle abs \
x))))
(define max (case-lambda ((a b) (if (and (%fixnum? a) (%fixnum? b)) (if (%fx< a b) b a) (%oracle max a b))) (operands \
(%oracle-list max operands))))
(define min (case-lambda ((a b) (if (and (%fixnum? a) (%fixnum? b)) (if (%fx< a b) a b) (%oracle min a b))) (operands \
(%oracle-list min operands))))
(define bitwise-and (case-lambda ((a b) (if (and (%fixnum? a) (%fixnum? b)) (%fxand a b) (%oracle bitwise-and a b))) \
(operands (%oracle-list bitwise-and operands))))
(define bitwise-ior (case-lambda ((a b) (if (and (%fixnum? a) (%fixnum? b)) (%fxor a b) (%oracle bitwise-ior a b))) \
(operands (%oracle-list bitwise-ior operands))))
(define bitwise-xor (case-lambda ((a b) (if (and (%fixnum? a) (%fixnum? b)) (%fxxor a b) (%oracle bitwise-xor a b))) \
(operands (%oracle-list bitwise-xor operands))))
(define (arithmetic-shift x n)
  (if (and (%fixnum? x) (%fixnum? n) (%fx<= n 0) (%fx< -60 n)) (%fxshr x (%fx- 0 n)) (%oracle arithmetic-shift x n)))
(define (floor x) (if (%fixnum? x) x (if (%flonum? x) (%flfloor x) (%oracle floor x))))
(define (ceiling x) (if (%fixnum? x) x (if (%flonum? x) (%flceiling x) (%oracle ceiling x))))
(define (truncate x) (if (%fixnum? x) x (if (%flonum? x) (%fltruncate x) (%oracle truncate x))))
(define (round x) (if (%fixnum? x) x (if (%flonum? x) (%flround x) (%oracle round x))))
(define (exact x) (if (%fixnum? x) x (if (and (%flonum? x) (%fl< (%flabs x) 1000000000000000.0) (%fl= (%flfloor x) \
x)) (%flonum->fixnum x) (%oracle exact x))))
(define (inexact->exact x) (exact x))
(define (square x) (* x x))
(define (number? x) (%number? x))
(define (complex? x) (%number? x))
(define (integer? x) (if (%fixnum? x) #t (if (%kind? x 22) #t (%oracle integer? x))))
(define (exact-integer? x) (or (%fixnum? x) (%kind? x 22)))
(define (1+ x) (+ x 1))
(define (-1+ x) (- x 1))

; Vectors.
(define (vector . items) (list->vector items))
(define (make-vector n . fill)
  (if (and (%fixnum? n) (%fx<u n 100000000)) (%make-vector n (if (pair? fill) (car fill) (if #f #f))) (%oracle \
make-vector n)))
(define (list->vector items)
  (let ((v (%make-vector (length items) 0)))
    (let loop ((i 0) (l items)) (if (pair? l) (begin (%vset! v i (%car l)) (loop (%fx+ i 1) (%cdr l))) v))))
(define (%end range n) (if (and (pair? range) (pair? (cdr range))) (cadr range) n))
(define (%start range) (if (pair? range) (car range) 0))
(define (%range? start end n) (and (%fixnum? start) (%fixnum? end) (<= 0 start) (<= start end) (<= end n)))
(define (vector->list v . range)
  (if (and (vector? v) (%range? (%start range) (%end range (vector-length v)) (vector-length v)))
      (let ((start (%start range)))
        (let loop ((i (%fx- (%end range (vector-length v)) 1)) (l '()))
          (if (%fx< i start) l (loop (%fx- i 1) (cons (%vref v i) l)))))
      (%oracle-list vector->list (cons v range))))
(define (vector-copy v . range)
  (if (and (vector? v) (%range? (%start range) (%end range (vector-length v)) (vector-length v)))
      (let* ((start (%start range)) (n (- (%end range (vector-length v)) start)) (new (%make-vector n 0)))
        (%words-copy! new 0 v start n)
        new)
      (%oracle-list vector-copy (cons v range))))
(define (vector-copy! to at from . range)
  (if (and (vector? to) (vector? from) (%range? (%start range) (%end range (vector-length from)) (vector-length from))
           (%range? at (vector-length to) (vector-length to))
           (<= (- (%end range (vector-length from)) (%start range)) (- (vector-length to) at)))
      (begin (%words-copy! to at from (%start range) (- (%end range (vector-length from)) (%start range))) (if #f #f))
      (%oracle-list vector-copy! (cons to (cons at (cons from range))))))
(define (vector-fill! v value . range)
  (if (and (vector? v) (%range? (%start range) (%end range (vector-length v)) (vector-length v)))
      (let ((end (%end range (vector-length v))))
        (let loop ((i (%start range))) (if (%fx< i end) (begin (%vset! v i value) (loop (%fx+ i 1))) (if #f #f))))
      (%oracle-list vector-fill! (cons v (cons value range)))))
(define (vector-append . all)
  (let ((n (let loop ((l all) (n 0)) (if (pair? l) (if (vector? (car l)) (loop (cdr l) (+ n (vector-length (car l)))) \
#f) n))))
    (if n
        (let ((new (%make-vector n 0)))
          (let loop ((l all) (at 0))
            (if (pair? l)
                (begin (%words-copy! new at (car l) 0 (vector-length (car l))) (loop (cdr l) (+ at (vector-length \
(car l)))))
                new)))
        (%oracle-list vector-append all))))

; Bytevectors and strings.
(define (make-bytevector n . fill)
  (if (and (%fixnum? n) (%fx<u n 200000000) (null? fill)) (%make-bytes 21 n) (%oracle-list make-bytevector (cons n \
fill))))
(define (bytevector-copy! to at from . range)
  (if (and (bytevector? to) (bytevector? from) (%range? (%start range) (%end range (bytevector-length from)) \
(bytevector-length from))
           (%range? at (bytevector-length to) (bytevector-length to))
           (<= (- (%end range (bytevector-length from)) (%start range)) (- (bytevector-length to) at)))
      (begin (%bytes-copy! to at from (%start range) (- (%end range (bytevector-length from)) (%start range))) (if #f \
#f))
      (%oracle-list bytevector-copy! (cons to (cons at (cons from range))))))
(define (bytevector-fill! v value . range)
  (if (and (bytevector? v) (%range? (%start range) (%end range (bytevector-length v)) (bytevector-length v)) \
(%fixnum? value) (%fx<u value 256))
      (let ((end (%end range (bytevector-length v))))
        (let loop ((i (%start range))) (if (%fx< i end) (begin (%set-u8! v i value) (loop (%fx+ i 1))) (if #f #f))))
      (%oracle-list bytevector-fill! (cons v (cons value range)))))
(define (read-bytevector! v . rest)
  (let* ((port (if (pair? rest) (car rest) (current-input-port))) (range (if (pair? rest) (cdr rest) '()))
         (n (bytevector-length v)) (start (%start range)) (end (%end range n)))
    (if (%range? start end n)
        (if (%fx= start end) 0
          (let ((bytes (read-bytevector (- end start) port)))
            (if (eof-object? bytes) bytes (begin (%bytes-copy! v start bytes 0 (bytevector-length bytes)) \
(bytevector-length bytes)))))
        (%oracle read-bytevector! v port start end))))
(define (make-string n . fill)
  (if (and (%fixnum? n) (%fx<u n 100000000) (or (null? fill) (char? (car fill))))
      (let ((s (%make-bytes 20 (%fx* n 4))) (code (if (pair? fill) (char->integer (car fill)) 32)))
        (let loop ((i 0)) (if (%fx< i n) (begin (%set-u32! s i code) (loop (%fx+ i 1))) s)))
      (%oracle-list make-string (cons n fill))))
(define (string . chars) (if (%all-chars? chars) (list->string chars) (%oracle-list string chars)))
(define (%all-chars? l) (or (null? l) (and (char? (car l)) (%all-chars? (cdr l)))))
(define (list->string chars)
  (let* ((n (length chars)) (s (%make-bytes 20 (%fx* n 4))))
    (let loop ((i 0) (l chars))
      (if (pair? l)
          (begin (if (char? (%car l)) (%set-u32! s i (%char->integer (%car l))) (%oracle list->string chars)) (loop \
(%fx+ i 1) (%cdr l)))
          s))))
(define (string->list s . range)
  (if (and (string? s) (%range? (%start range) (%end range (string-length s)) (string-length s)))
      (let ((start (%start range)))
        (let loop ((i (%fx- (%end range (string-length s)) 1)) (l '()))
          (if (%fx< i start) l (loop (%fx- i 1) (cons (%integer->char (%u32 s i)) l)))))
      (%oracle-list string->list (cons s range))))
(define (%substring s start end)
  (let ((new (%make-bytes 20 (%fx* (%fx- end start) 4))))
    (%bytes-copy! new 0 s (%fx* start 4) (%fx* (%fx- end start) 4))
    new))
(define (string-copy s . range)
  (if (and (string? s) (%range? (%start range) (%end range (string-length s)) (string-length s)))
      (%substring s (%start range) (%end range (string-length s)))
      (%oracle-list string-copy (cons s range))))
(define (substring s start end)
  (if (and (string? s) (%range? start end (string-length s))) (%substring s start end) (%oracle substring s start end)))
(define (string-append . all)
  (let ((n (let loop ((l all) (n 0)) (if (pair? l) (if (string? (car l)) (loop (cdr l) (+ n (%count (car l)))) #f) n))))
    (if (and n (%fx< n 1000000000))
        (let ((new (%make-bytes 20 n)))
          (let loop ((l all) (at 0))
            (if (pair? l)
                (begin (%bytes-copy! new at (car l) 0 (%count (car l))) (loop (cdr l) (+ at (%count (car l)))))
                new)))
        (%oracle-list string-append all))))
(define (%mutable? s) (and (string? s) (eq? 0 (%fxand (%extra s) 1))))
(define (string-set! s k c)
  (if (and (%mutable? s) (%fixnum? k) (%fx<u k (string-length s)) (char? c))
      (begin (%set-u32! s k (%char->integer c)) (if #f #f))
      (%oracle string-set! s k c)))
(define (string-copy! to at from . range)
  (if (and (%mutable? to) (string? from) (%range? (%start range) (%end range (string-length from)) (string-length from))
           (%range? at (string-length to) (string-length to))
           (<= (- (%end range (string-length from)) (%start range)) (- (string-length to) at)))
      (let ((start (%start range)))
        (%bytes-copy! to (%fx* at 4) from (%fx* start 4) (%fx* (- (%end range (string-length from)) start) 4))
        (if #f #f))
      (%oracle-list string-copy! (cons to (cons at (cons from range))))))
(define (string-fill! s c . range)
  (if (and (%mutable? s) (char? c) (%range? (%start range) (%end range (string-length s)) (string-length s)))
      (let ((end (%end range (string-length s))))
        (let loop ((i (%start range))) (if (%fx< i end) (begin (%set-u32! s i (%char->integer c)) (loop (%fx+ i 1))) \
(if #f #f))))
      (%oracle-list string-fill! (cons s (cons c range)))))
(define string=?
  (case-lambda
    ((a b) (if (and (string? a) (string? b)) (%same-bytes? a b) (%oracle string=? a b)))
    (operands (%oracle-list string=? operands))))

; Libraries that are needed first, then the forms.
(define (%run-all procedures)
  (if (null? (cdr procedures))
      ((car procedures))
      (begin ((car procedures)) (%run-all (cdr procedures)))))
(define (%hash x) (%host 22 x))
(define (%identity-hash x) (%host 23 x))
(define (eval datum . environment) (%run-all (%checked (%host 20 datum environment))))
(define (load path . environment) (%run-all (%checked (%host 21 path environment))))
`;

/**
 * Texts of what follows from tables: accessors of lists, procedures of operations in line, and the host's primitives.
 */
export function derivedText(options: {
  inline: readonly { name: string; counts: readonly number[] }[];
  hostNames: readonly string[];
  prelude: readonly { name: string; text: string }[];
  /** Definitions beside LIBRARY's. */
  own?: string;
}): string {
  const defined = new Set(
    [...`${options.own ?? ""}\n${LIBRARY}`.matchAll(/^\(define \(?([^\s()]+)/gmu)].map(([, name]) => name!),
  );
  const parts: string[] = [];
  const define = (name: string, text: string): void => {
    if (defined.has(name)) return;
    defined.add(name);
    parts.push(text);
  };
  for (const name of accessors()) {
    const steps = [...name.slice(1, -1)].reverse();
    const tests = steps.map((_, index) => `(pair? ${path(steps.slice(0, index))})`);
    define(name, `(define (${name} x) (if (and ${tests.join(" ")}) ${path(steps)} (%oracle ${name} x)))`);
  }
  for (const { name, counts } of options.inline) {
    const clauses = counts.map((count) => ["a", "b", "c"].slice(0, count).join(" "));
    if (!options.hostNames.includes(name) || !/[<>=]\?$/u.test(name))
      define(
        name,
        clauses.length === 1
          ? `(define (${name} ${clauses[0]}) (${name} ${clauses[0]}))`
          : `(define ${name} (case-lambda ${clauses.map((clause) => `((${clause}) (${name} ${clause}))`).join(" ")}))`,
      );
    else
      define(
        name,
        `(define ${name} (case-lambda ${clauses.map((clause) => `((${clause}) (${name} ${clause}))`).join(" ")} ` +
          `(operands (%oracle-list ${name} operands))))`,
      );
  }
  for (const { name, text } of options.prelude) define(name, text);
  for (const name of options.hostNames) define(name, `(define (${name} . operands) (%oracle-list ${name} operands))`);
  return parts.join("\n");
}

/** `caar` to `cddddr`. */
export function accessors(): string[] {
  let last = [""];
  const all: string[] = [];
  for (let length = 1; length <= 4; length++) {
    last = last.flatMap((letters) => [`a${letters}`, `d${letters}`]);
    if (length > 1) all.push(...last.map((letters) => `c${letters}r`));
  }
  return all;
}

/** (%car (%cdr x)) for steps in order of their doing. */
function path(steps: readonly string[]): string {
  return steps.reduce((inner, step) => `(%c${step}r ${inner})`, "x");
}

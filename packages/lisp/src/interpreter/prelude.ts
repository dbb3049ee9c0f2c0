/**
 * Primitives in Scheme: those that call procedures of the program, so that continuations captured in there can be
 * entered again. Each is compiled when it is first used, and sees primitives only.
 */
const text = String.raw`
(define (map f first . rest)
  (if (null? rest)
      (let loop ((items first) (done '()))
        (if (pair? items)
            (loop (cdr items) (cons (f (car items)) done))
            (if (null? items) (reverse done) (%improper "map" first))))
      (let loop ((lists (cons first rest)) (done '()))
        (if (%all-pairs? lists)
            (loop (%cdrs lists) (cons (apply f (%cars lists)) done))
            (reverse done)))))

(define (for-each f first . rest)
  (if (null? rest)
      (let loop ((items first))
        (if (pair? items)
            (begin (f (car items)) (loop (cdr items)))
            (if (null? items) (void) (%improper "for-each" first))))
      (let loop ((lists (cons first rest)))
        (if (%all-pairs? lists)
            (begin (apply f (%cars lists)) (loop (%cdrs lists)))
            (void)))))

(define (append-map f first . rest)
  (apply append (apply map f first rest)))

(define (vector-map f first . rest)
  (if (null? rest)
      (let ((count (vector-length first)))
        (let loop ((index 0) (done '()))
          (if (< index count)
              (loop (+ index 1) (cons (f (vector-ref first index)) done))
              (list->vector (reverse done)))))
      (list->vector (apply map f (map vector->list (cons first rest))))))

(define (vector-for-each f first . rest)
  (if (null? rest)
      (let ((count (vector-length first)))
        (let loop ((index 0))
          (if (< index count)
              (begin (f (vector-ref first index)) (loop (+ index 1)))
              (void))))
      (apply for-each f (map vector->list (cons first rest)))))

(define (string-map f first . rest)
  (list->string (apply map f (string->list first) (map string->list rest))))

(define (string-for-each f first . rest)
  (apply for-each f (string->list first) (map string->list rest)))

(define (string-count string matches? . range)
  (let loop ((items (apply string->list string range)) (count 0))
    (if (null? items) count (loop (cdr items) (if (matches? (car items)) (+ count 1) count)))))

(define (member x items . compare)
  (if (null? compare)
      (%member x items)
      (let ((same? (car compare)))
        (let loop ((rest items))
          (if (pair? rest)
              (if (same? x (car rest)) rest (loop (cdr rest)))
              #f)))))

(define (assoc x items . compare)
  (if (null? compare)
      (%assoc x items)
      (let ((same? (car compare)))
        (let loop ((rest items))
          (if (pair? rest)
              (if (same? x (caar rest)) (car rest) (loop (cdr rest)))
              #f)))))

(define (make-parameter value . converter)
  (if (null? converter)
      (%make-parameter value #f)
      (%make-parameter ((car converter) value) (car converter))))

(define (call-with-parameters thunk . operands)
  (let loop ((rest operands) (bound '()))
    (if (null? rest)
        (%with-parameters bound thunk)
        (let ((convert (%parameter-converter (car rest))))
          (loop (cddr rest) (cons (cons (car rest) (if convert (convert (cadr rest)) (cadr rest))) bound))))))

(define (call-with-port port receiver)
  (call-with-values (lambda () (receiver port))
    (lambda results (close-port port) (apply values results))))

(define (call-with-input-file path receiver) (call-with-port (open-input-file path) receiver))
(define (call-with-output-file path receiver) (call-with-port (open-output-file path) receiver))

(define (with-input-from-file path thunk)
  (let ((port (open-input-file path)))
    (call-with-values (lambda () (call-with-parameters thunk current-input-port port))
      (lambda results (close-port port) (apply values results)))))

(define (with-output-to-file path thunk)
  (let ((port (open-output-file path)))
    (call-with-values (lambda () (call-with-parameters thunk current-output-port port))
      (lambda results (close-port port) (apply values results)))))

(define (call-with-output-string receiver)
  (let ((port (open-output-string)))
    (receiver port)
    (get-output-string port)))

(define (with-output-to-string thunk)
  (let ((port (open-output-string)))
    (call-with-parameters thunk current-output-port port)
    (get-output-string port)))

(define (with-input-from-string string thunk)
  (call-with-parameters thunk current-input-port (open-input-string string)))

(define (exit . status)
  (%set-thread-hooks! #f)
  (%unwind)
  (%exit (if (null? status) #t (car status))))

(define (list-sort before? items) (%merge-sort items before?))

(define (sort items before?)
  (if (vector? items)
      (list->vector (%merge-sort (vector->list items) before?))
      (%merge-sort items before?)))

(define (%merge-sort items before?)
  (define (merge a b)
    (let loop ((a a) (b b) (done '()))
      (cond ((null? a) (%append-reverse done b))
            ((null? b) (%append-reverse done a))
            ((before? (car b) (car a)) (loop a (cdr b) (cons (car b) done)))
            (else (loop (cdr a) b (cons (car a) done))))))
  (define (sorted items count)
    (if (< count 2)
        (if (= count 0) '() (list (car items)))
        (let ((half (quotient count 2)))
          (merge (sorted items half) (sorted (list-tail items half) (- count half))))))
  (sorted items (length items)))

(define (%append-reverse items tail)
  (if (null? items) tail (%append-reverse (cdr items) (cons (car items) tail))))

(define (%all-pairs? lists)
  (or (null? lists) (and (pair? (car lists)) (%all-pairs? (cdr lists)))))

(define (%cars lists)
  (if (null? lists) '() (cons (caar lists) (%cars (cdr lists)))))

(define (%cdrs lists)
  (if (null? lists) '() (cons (cdar lists) (%cdrs (cdr lists)))))

(define (%improper who items)
  (error (string-append who ": not a list:") items))

(define (%preempt)
  (let ((hooks (%thread-hooks)))
    (if hooks ((car hooks)) (%set-fuel! 10000))))

(define (%await-input operands needs-line)
  (let ((hooks (%thread-hooks)))
    (if hooks
        ((cdr hooks) (if (pair? operands) (car operands) (current-input-port)) needs-line)
        (void))))

(define (%waiting-read-char . operands) (%await-input operands #f) (apply read-char operands))
(define (%waiting-peek-char . operands) (%await-input operands #f) (apply peek-char operands))
(define (%waiting-read-line . operands) (%await-input operands #t) (apply read-line operands))
(define (%waiting-read . operands) (%await-input operands #f) (apply read operands))
(define (%waiting-read-u8 . operands) (%await-input operands #f) (apply read-u8 operands))
(define (%waiting-peek-u8 . operands) (%await-input operands #f) (apply peek-u8 operands))

(define (%waiting-read-string . operands)
  (%await-input (if (and (pair? operands) (number? (car operands))) (cdr operands) operands) #f)
  (apply read-string operands))

(define (%waiting-read-bytevector . operands)
  (%await-input (if (pair? operands) (cdr operands) operands) #f)
  (apply read-bytevector operands))

(define (call-with-escape-continuation receiver) (call/cc receiver))

(define (%list-of? ok? x)
  (and (list? x)
       (let loop ((items x))
         (if (pair? items)
             (if (ok? (car items)) (loop (cdr items)) #f)
             #t))))

(define (%vector-of? ok? x)
  (and (vector? x)
       (let ((count (vector-length x)))
         (let loop ((index 0))
           (if (< index count)
               (if (ok? (vector-ref x index)) (loop (+ index 1)) #f)
               #t)))))

(define (%rtd-index rtd field)
  (let* ((names (rtd-field-names rtd)) (count (vector-length names)))
    (let loop ((index 0))
      (if (= index count)
          (error (string-append "the record type " (symbol->string (rtd-name rtd)) " has no field") field)
          (if (eq? (vector-ref names index) field) index (loop (+ index 1)))))))

(define (%own-procedures-only rtd field)
  (error (string-append "the record type " (symbol->string (rtd-name rtd)) " has a type for a field: only its own "
                        "procedures may set it:")
         field))

(define (rtd-constructor rtd . fields)
  (if (pair? (%rtd-typed rtd)) (%own-procedures-only rtd (car (%rtd-typed rtd))) (void))
  (record-constructor rtd
                      (vector-map (lambda (field) (%rtd-index rtd field))
                                  (if (pair? fields) (car fields) (rtd-field-names rtd)))
                      (rtd-name rtd)))

(define (rtd-predicate rtd) (record-predicate rtd (rtd-name rtd)))
(define (rtd-accessor rtd field) (record-accessor rtd (%rtd-index rtd field) field))
(define (rtd-mutator rtd field)
  (if (memq field (%rtd-typed rtd)) (%own-procedures-only rtd field) (void))
  (record-modifier rtd (%rtd-index rtd field) field))
`;

let definitions: Map<string, string> | null = null;

/** The text of a definition, or null. */
export function preludeDefinition(name: string): string | null {
  definitions ??= new Map(
    text.split(/\n(?=\(define )/).map((one) => [/^\(define \(?([^\s()]+)/.exec(one.trim())?.[1] ?? "", one]),
  );
  return definitions.get(name) ?? null;
}

export function preludeNames(): string[] {
  preludeDefinition("");
  return [...definitions!.keys()].filter((name) => name !== "");
}

;; What identifiers mean, for `eval` of native programs (evaluation.sld).
;;
;; An identifier is a symbol, or an alias: one that a macro brought along, which knows the scope of the macro's
;; definition. An alias that nothing has bound means there what its name means; so neither can a macro's names be caught
;; where it is used, nor the user's where it is defined (R7RS 4.3). `syntax->datum` takes aliases out of data again.
;;
;; A scope binds identifiers, by eq?, in front of another scope; the last one is a namespace: a program's or library's
;; top level. Variables of scopes lie in frames, vectors whose first item is the frame around; a scope without variables
;; of its own shares the frame of the one around.
(define-library (stratos evaluation-scopes)
  (export fail syntax-fail syntax->datum make-alias alias-in alias? alias-name identifier? identifier-name
          identifier-symbol
          make-scope scope-bind! frame-of new-frame frame-size frame-slot! frame-depth
          make-namespace namespace? namespace-name namespace-ref namespace-set! namespace-is-open? namespace-of
          namespace-names lookup same-meaning? names?
          make-keyword keyword? keyword-name keyword-expand keyword-define
          make-macro macro? macro-kind macro-value macro-scope
          make-local local? local-frame local-index local-is-checked? local-is-checked!
          new-cell system-cell cell? cell-value set-cell-value! cell-name cell-owner cell-inline unbound
          make-linked linked? linked-name linked-get declare-top! bind-top! await-top!)
  (import (scheme base) (stratos foreign-primitives) (stratos hash))
  (begin
    (define (fail kind message . irritants) (%foreign-fail kind message irritants))
    (define (syntax-fail message . irritants) (%foreign-fail 'syntax message (map syntax->datum irritants)))

    (define-record-type alias (make-alias name scope) alias? (name alias-name) (scope alias-scope))
    ;; An alias of an identifier of a macro's rules. Where the macro stands at a top level that does not bind the
    ;; identifier, itself an alias, the new one stands beside it: else a macro that calls itself would make them ever
    ;; longer.
    (define (alias-in id scope)
      (if (and (alias? id) (namespace? scope) (not (assq id (namespace-aliases scope))))
          (make-alias (alias-name id) (alias-scope id))
          (make-alias id scope)))
    (define (identifier? x) (or (symbol? x) (alias? x)))
    (define (identifier-symbol id) (if (symbol? id) id (identifier-symbol (alias-name id))))
    (define (identifier-name id) (symbol->string (identifier-symbol id)))

    ;; Pairs that are looked through for aliases: data beyond, and circular ones, no macro has made.
    (define pairs-max 1000000)
    (define (syntax->datum x)
      (define left pairs-max)
      (define (has-alias? x)
        (cond ((alias? x) #t)
              ((pair? x)
               (set! left (- left 1))
               (and (> left 0) (or (has-alias? (car x)) (has-alias? (cdr x)))))
              ((vector? x)
               (let loop ((i 0))
                 (and (< i (vector-length x)) (> left 0)
                      (begin (set! left (- left 1)) #t)
                      (or (has-alias? (vector-ref x i)) (loop (+ i 1))))))
              (else #f)))
      (define (plain x)
        (cond ((alias? x) (identifier-symbol x))
              ((pair? x) (cons (plain (car x)) (plain (cdr x))))
              ((vector? x) (vector-map plain x))
              (else x)))
      (if (has-alias? x) (plain x) x))

    ;; Frames, while code is made: how many words each has.
    (define-record-type frame (make-frame parent size) frame? (parent frame-parent) (size frame-size set-frame-size!))
    (define (frame-slot! frame)
      (let ((index (frame-size frame)))
        (set-frame-size! frame (+ index 1))
        index))
    (define (frame-depth from to) (let loop ((f from) (n 0)) (if (eq? f to) n (loop (frame-parent f) (+ n 1)))))

    (define-record-type scope (new-scope bindings parent frame) scope?
      (bindings scope-bindings set-scope-bindings!) (parent scope-parent) (frame scope-frame))
    (define (make-scope parent frame) (new-scope '() parent frame))
    (define (new-frame scope) (make-frame (frame-of scope) 1))
    (define (frame-of scope) (if (scope? scope) (scope-frame scope) #f))
    (define (scope-bind! scope id meaning) (set-scope-bindings! scope (cons (cons id meaning) (scope-bindings scope))))

    ;; What an identifier may mean. A word that other forms look for (`else`) is a keyword that is no form.
    (define-record-type keyword (make-keyword name expand define) keyword?
      (name keyword-name) (expand keyword-expand) (define keyword-define))
    (define-record-type macro (make-macro kind value scope) macro?
      (kind macro-kind) (value macro-value) (scope macro-scope))
    (define-record-type local (make-local frame index is-checked) local?
      (frame local-frame) (index local-index) (is-checked local-is-checked? set-local-is-checked!))
    (define (local-is-checked! local) (set-local-is-checked! local #t))
    ;; A variable of a top level; owner: its namespace, #f for procedures of the system. inline: its name, where code
    ;; may be made as for the procedure of the system that it is.
    (define-record-type cell (make-cell value name owner inline) cell?
      (value cell-value set-cell-value!) (name cell-name) (owner cell-owner) (inline cell-inline))
    (define unbound (list 'unbound))
    (define (new-cell value name owner) (make-cell value name owner #f))
    (define (system-cell value name) (make-cell value name #f name))
    ;; A variable of a library that was compiled, and that is assigned there.
    (define-record-type linked (make-linked name get) linked? (name linked-name) (get linked-get))

    ;; Tables of symbols.
    (define buckets 257)
    (define-record-type namespace (new-namespace name table aliases is-open) namespace?
      (name namespace-name) (table namespace-table) (aliases namespace-aliases set-namespace-aliases!)
      ;; A name that is not bound may be defined later.
      (is-open namespace-is-open?))
    (define (make-namespace name is-open) (new-namespace name (make-vector buckets '()) '() is-open))
    (define (place-of symbol) (modulo (%hash symbol) buckets))
    (define (namespace-ref namespace symbol)
      (let ((found (assq symbol (vector-ref (namespace-table namespace) (place-of symbol)))))
        (and found (cdr found))))
    (define (namespace-set! namespace symbol meaning)
      (let* ((table (namespace-table namespace)) (place (place-of symbol))
             (found (assq symbol (vector-ref table place))))
        (if found
            (set-cdr! found meaning)
            (vector-set! table place (cons (cons symbol meaning) (vector-ref table place))))))
    (define (namespace-names namespace)
      (apply append (map (lambda (bucket) (map car bucket)) (vector->list (namespace-table namespace)))))

    ;; What an identifier means in a scope; #f: nothing.
    (define (lookup id scope)
      (cond ((scope? scope)
             (let ((found (assq id (scope-bindings scope)))) (if found (cdr found) (lookup id (scope-parent scope)))))
            ((symbol? id) (namespace-ref scope id))
            (else
             (let ((found (assq id (namespace-aliases scope))))
               (if found (cdr found) (lookup (alias-name id) (alias-scope id)))))))
    (define (namespace-of scope) (if (scope? scope) (namespace-of (scope-parent scope)) scope))
    ;; Where a name was looked for that nothing binds.
    (define (last-namespace id scope)
      (if (symbol? id) (namespace-of scope) (last-namespace (alias-name id) (alias-scope id))))
    (define (same-meaning? a a-scope b b-scope)
      (let ((left (lookup a a-scope)) (right (lookup b b-scope)))
        (if (or left right) (eq? left right) (eq? (identifier-symbol a) (identifier-symbol b)))))
    ;; Whether it means this word, or is not bound and is so called.
    (define (names? id scope word)
      (and (identifier? id)
           (let ((meaning (lookup id scope)))
             (if meaning
                 (and (keyword? meaning) (eq? (keyword-name meaning) word))
                 (eq? (identifier-symbol id) word)))))

    ;; The variable that a definition at the top level defines: the one that is there, or a new one. One that a macro
    ;; brought along nobody else can name.
    (define (declare-top! id namespace)
      (let ((known (if (symbol? id)
                       (namespace-ref namespace id)
                       (let ((found (assq id (namespace-aliases namespace)))) (and found (cdr found))))))
        (if (and (cell? known) (eq? (cell-owner known) namespace))
            known
            (let ((cell (new-cell unbound (identifier-symbol id) namespace))) (bind-top! id cell namespace) cell))))
    (define (bind-top! id meaning namespace)
      (if (symbol? id)
          (namespace-set! namespace id meaning)
          (set-namespace-aliases! namespace (cons (cons id meaning) (namespace-aliases namespace)))))
    ;; A variable that nothing has defined yet; #f where none may be defined later.
    (define (await-top! id scope)
      (let ((namespace (last-namespace id scope)))
        (and (namespace-is-open? namespace)
             (let ((cell (new-cell unbound (identifier-symbol id) namespace)))
               (namespace-set! namespace (identifier-symbol id) cell)
               cell))))))

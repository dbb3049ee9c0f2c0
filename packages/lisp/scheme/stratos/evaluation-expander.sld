;; Forms into code, for `eval` of native programs: what stands in a scope (evaluation-scopes.sld) becomes a procedure of
;; a frame (evaluation-code.sld). Bodies are gone through twice: heads first, which finds definitions and macros, then
;; what stands in them. The meanings of forms: evaluation-forms.sld.
(define-library (stratos evaluation-expander)
  (export expand expand-all expand-sequence expand-body expand-top items with-variables parse-formals
          body-scope body-is-top? body-namespace body-add! body-add-procedure! body-declare! body-bind! body-splice!
          slot-code make-transformer
          system system-name call-system)
  (import (scheme base) (scheme cxr) (stratos evaluation-scopes) (stratos evaluation-code) (stratos evaluation-rules))
  (begin
    ;; All words of the system; what forms put into code means what it means here.
    (define system (make-namespace "(stratos primitive)" #f))
    (define system-names '())
    (define (system-name symbol)
      (let ((found (assq symbol system-names)))
        (if found
            (cdr found)
            (let ((new (make-alias symbol system))) (set! system-names (cons (cons symbol new) system-names)) new))))

    ;; The items of a form, whose count is between two bounds.
    (define (items form least most)
      (let ((n (if (list? form) (length form) (syntax-fail "a form must be a proper list" form))))
        (if (or (< n least) (and most (> n most)))
            (syntax-fail
              (string-append (if (and (pair? form) (identifier? (car form))) (identifier-name (car form)) "form")
                ": bad syntax: " (if (< n least) "something is missing" "there is too much"))
              form))
        form))

    (define steps-max 20000)
    (define (expand-head form scope)
      (let loop ((form form) (steps 0))
        (let* ((word (if (pair? form) (car form) form)) (meaning (and (identifier? word) (lookup word scope))))
          (if (macro? meaning)
              (begin
                (if (> steps steps-max)
                    (fail 'limit
                      (string-append "the expansion of " (identifier-name word) " does not end after "
                        (number->string steps-max) " steps")))
                (loop (apply-macro meaning form scope) (+ steps 1)))
              form))))

    ;; A macro whose output holds itself would go on for ever.
    (define depth-max 10000)
    (define depth 0)
    (define (expand form scope)
      (if (>= depth depth-max) (fail 'limit "expressions are nested too deeply"))
      (set! depth (+ depth 1))
      (let ((code (expand-form (expand-head form scope) scope)))
        (set! depth (- depth 1))
        code))
    (define (expand-form form scope)
      (cond ((identifier? form) (reference form scope))
            ((pair? form)
             (let ((meaning (and (identifier? (car form)) (lookup (car form) scope))))
               (cond ((not (keyword? meaning)) (call form scope meaning))
                     ((keyword-expand meaning) ((keyword-expand meaning) form scope))
                     ((keyword-define meaning)
                      (syntax-fail
                        (string-append (identifier-name (car form))
                          ": a definition stands where an expression is expected")
                        form))
                     (else (syntax-fail (string-append (identifier-name (car form)) " is out of place") form)))))
            ((null? form) (syntax-fail "() is not an expression; the empty list is '()"))
            (else (constant-code (syntax->datum form)))))
    (define (expand-all forms scope) (map (lambda (form) (expand form scope)) forms))
    (define (expand-sequence forms scope whole)
      (if (null? forms) (syntax-fail "an expression is missing" whole))
      (sequence-code (expand-all forms scope)))

    (define (reference id scope)
      (let ((meaning (lookup id scope)))
        (cond ((local? meaning)
               (local-code (frame-depth (frame-of scope) (local-frame meaning)) (local-index meaning)
                 (identifier-symbol id) (local-is-checked? meaning)))
              ((cell? meaning) (cell-code meaning))
              ((linked? meaning) (linked-code meaning))
              ((not meaning)
               (let ((cell (await-top! id scope)))
                 (if cell (cell-code cell) (syntax-fail (string-append "unbound variable: " (identifier-name id))))))
              (else
               (syntax-fail
                 (string-append "the keyword " (identifier-name id) " stands where an expression is expected"))))))

    (define (call form scope meaning)
      (if (not (list? form)) (syntax-fail "a call must be a proper list" form))
      (cond ((notes-calls?)
             (let ((f (expand (car form) scope)))
               (noted-call-code (syntax->datum form) f (expand-all (cdr form) scope))))
            ((and (cell? meaning) (not (cell-owner meaning)))
             (call-cell-code meaning (expand-all (cdr form) scope)))
            (else (let ((f (expand (car form) scope))) (call-code f (expand-all (cdr form) scope))))))
    ;; A call of a procedure of the system by code.
    (define (call-system symbol . operands) (call-cell-code (namespace-ref system symbol) operands))

    ;; Variables. @returns (count has-rest identifier ...)
    (define (parse-formals formals whole)
      (let loop ((l formals) (n 0) (ids '()))
        (define (with id rest)
          (if (not (identifier? id)) (syntax-fail "a parameter must be an identifier" whole))
          (if (memq id ids) (syntax-fail (string-append (identifier-name id) " is bound twice")))
          (rest (cons id ids)))
        (cond ((null? l) (cons n (cons #f (reverse ids))))
              ((pair? l) (with (car l) (lambda (ids) (loop (cdr l) (+ n 1) ids))))
              (else (with l (lambda (ids) (cons n (cons #t (reverse ids)))))))))
    ;; What `use` gives for a scope that has these variables in a frame of its own, and the frame.
    (define (with-variables ids scope use)
      (let* ((frame (new-frame scope)) (inner (make-scope scope frame)))
        (for-each (lambda (id) (scope-bind! inner id (make-local frame (frame-slot! frame) #f))) ids)
        (use inner frame)))

    ;; Bodies. An item is a slot (a local, a cell, or #f) and what makes its code, when all heads are known.
    (define-record-type body (make-body scope is-top queue items declared) body?
      (scope body-scope) (is-top body-is-top?) (queue body-queue set-body-queue!) (items body-items set-body-items!)
      (declared body-declared set-body-declared!))
    (define (body-namespace body) (namespace-of (body-scope body)))
    (define (body-splice! body forms) (set-body-queue! body (append forms (body-queue body))))
    (define (body-add! body slot make) (set-body-items! body (cons (cons slot make) (body-items body))))
    ;; The same for what only makes a procedure.
    (define (body-add-procedure! body slot make) (body-add! body slot (cons 'procedure make)))
    (define (body-declare! body id)
      (if (not (identifier? id)) (syntax-fail "a definition names an identifier" id))
      (if (body-is-top? body)
          (declare-top! id (body-scope body))
          (let* ((frame (frame-of (body-scope body))) (local (make-local frame (frame-slot! frame) #f)))
            (body-bind! body id local)
            local)))
    (define (body-bind! body id meaning)
      (cond ((not (body-is-top? body))
             (if (memq id (body-declared body))
                 (syntax-fail (string-append (identifier-name id) " is defined twice")))
             (set-body-declared! body (cons id (body-declared body)))
             (scope-bind! (body-scope body) id meaning))
            (else (bind-top! id meaning (body-scope body)))))

    (define (discover! body)
      (let loop ()
        (if (pair? (body-queue body))
            (let* ((scope (body-scope body)) (form (expand-head (car (body-queue body)) scope))
                   (meaning (and (pair? form) (identifier? (car form)) (lookup (car form) scope))))
              (set-body-queue! body (cdr (body-queue body)))
              (if (and (keyword? meaning) (keyword-define meaning))
                  ((keyword-define meaning) form scope body)
                  (body-add! body #f (lambda (scope) (expand-form form scope))))
              (loop)))))
    (define (slot-code slot value)
      (cond ((local? slot) (set-local-code 0 (local-index slot) value))
            ((cell? slot) (set-cell-code slot value #t))
            (else value)))
    ;; Before what may call something, procedures that are defined can't be used; from there on variables are looked at.
    (define (body-code body)
      (let* ((scope (body-scope body)) (all (reverse (body-items body))))
        (define (is-procedure? item) (and (pair? (cdr item)) (local? (car item))))
        (define (make item) (if (pair? (cdr item)) (cddr item) (cdr item)))
        (define checked
          (filter local?
            (let loop ((l all)) (if (and (pair? l) (is-procedure? (car l))) (loop (cdr l)) (map car l)))))
        (for-each local-is-checked! checked)
        (clear-code (map local-index checked)
          (sequence-code (map (lambda (item) (slot-code (car item) ((make item) scope))) all)))))
    (define (filter test l)
      (cond ((null? l) '()) ((test (car l)) (cons (car l) (filter test (cdr l)))) (else (filter test (cdr l)))))

    ;; A body in a scope whose frame is its own.
    (define (expand-body forms scope whole)
      (let ((body (make-body (make-scope scope (frame-of scope)) #f forms '() '())))
        (discover! body)
        (if (or (null? (body-items body)) (car (car (body-items body))))
            (syntax-fail "a body must end with an expression" whole))
        (body-code body)))
    ;; An error may have left an expansion before; a macro may evaluate.
    (define (expand-top forms namespace)
      (let ((body (make-body namespace #t forms '() '())) (outer depth))
        (set! depth 0)
        (discover! body)
        (let ((code (body-code body)))
          (set! depth outer)
          code)))

    ;; The meaning of a keyword: another keyword, rules, or what an expression gives that is run at once.
    (define (make-transformer value scope)
      (let* ((form (expand-head value scope)) (word (if (pair? form) (car form) form))
             (meaning (and (identifier? word) (lookup word scope))))
        (define (is name) (and (pair? form) (keyword? meaning) (eq? (keyword-name meaning) name)))
        (define (procedure-of)
          (let ((f (run-code (expand (cadr (items form 2 2)) (namespace-of scope)) #f)))
            (if (procedure? f) f (syntax-fail "a keyword's value must be a transformer" value))))
        (cond ((and (identifier? value) (or (keyword? (lookup value scope)) (macro? (lookup value scope))))
               (lookup value scope))
              ((is 'syntax-rules) (make-macro 'rules (parse-rules form) scope))
              ((is 'er-macro-transformer) (make-macro 'er (procedure-of) scope))
              ((is 'ir-macro-transformer) (make-macro 'ir (procedure-of) scope))
              (else
               (syntax-fail
                 (string-append "eval in native programs knows syntax-rules and renaming transformers; "
                   "a keyword's value must be one of these")
                 value)))))))

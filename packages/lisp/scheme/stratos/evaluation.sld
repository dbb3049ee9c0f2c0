;; `eval`, `load` and environments of native programs, which have no compiler: an evaluator that makes procedures of
;; expressions (docs/decisions/0061-eval-in-native-programs.md). A program that mentions one of these gets this library,
;; and before it is run is told here of the system's procedures and of the libraries that it is linked with
;; (back-native/evaluation.ts writes the calls).
(define-library (stratos evaluation)
  (export evaluator start-with! add-procedures! add-refused! add-words! add-library! add-macro!)
  (import (scheme base) (scheme cxr) (scheme read) (scheme file) (scheme write) (stratos base)
          (stratos evaluation-scopes) (stratos evaluation-rules) (stratos evaluation-expander)
          (stratos evaluation-forms) (stratos primitive %ref) (stratos primitive %unserved))
  (begin
    ;; Libraries: name as a list, what it exports as (name . meaning), and what is to be run before it is used, or #f.
    (define-record-type library (make-library name exports start) library?
      (name library-name) (exports library-exports set-library-exports!) (start library-start set-library-start!))
    (define libraries '())
    (define (find-library name)
      (let loop ((l libraries))
        (cond ((null? l) #f) ((equal? (library-name (car l)) name) (car l)) (else (loop (cdr l))))))
    (define (add! library) (set! libraries (cons library libraries)))
    (define (written name) (call-with-output-string (lambda (port) (write name port))))

    ;; What the program is linked with. The system's procedures first.
    (define (add-procedures! names procedures)
      (for-each (lambda (name procedure) (namespace-set! system name (system-cell procedure name))) names procedures))
    (define (add-refused! names)
      (for-each
        (lambda (name) (namespace-set! system name (new-cell (%unserved name) name #f)))
        names))
    ;; A library of the system's words.
    (define (add-words! name words) (add! (make-library name words #f)))
    (define (meanings-of library)
      (let ((exports (library-exports library)))
        (if (and (pair? exports) (symbol? (car exports)))
            (let ((meanings
                   (let loop ((l exports))
                     (if (null? l) '()
                       (let ((meaning (namespace-ref system (car l))))
                         (if meaning (cons (cons (car l) meaning) (loop (cdr l))) (loop (cdr l))))))))
              (set-library-exports! library meanings)
              meanings)
            exports)))
    ;; A compiled library. Each export is (name . what): a procedure that gives what is assigned; in a vector the value;
    ;; a symbol: the word of the system; or the number of a macro.
    (define macros '())
    (define (meaning-of name what)
      (cond ((vector? what) (new-cell (vector-ref what 0) name #f))
            ((symbol? what) (namespace-ref system what))
            ((number? what) (cdr (assv what macros)))
            (else (make-linked name what))))
    (define (add-library! name exports)
      (add! (make-library name (map (lambda (one) (cons (car one) (meaning-of (car one) (cdr one)))) exports) #f)))
    ;; A macro of a compiled library: its rules as a datum, or what else has made it, as a symbol; `make` gives what
    ;; names in the rules mean. Two macros may name each other, so that waits until all are there.
    (define (add-macro! number rules make)
      (let ((scope (make-namespace "(macro)" #f)))
        (set! macros
          (cons
            (cons number
              (if (symbol? rules) (make-macro 'other rules scope) (make-macro 'rules (parse-rules rules) scope)))
            macros))
        (set! waiting (cons (cons scope make) waiting))))
    (define waiting '())
    ;; What tells of the program's libraries, as procedures: a program that evaluates nothing does not pay for it.
    (define starts '())
    (define (start-with! l) (set! starts l))
    (define (settle!)
      (let ((all starts))
        (set! starts '())
        (for-each (lambda (start) (start)) all))
      (let ((all waiting))
        (set! waiting '())
        (for-each
          (lambda (one)
            (for-each
              (lambda (entry) (namespace-set! (car one) (car entry) (meaning-of (car entry) (cdr entry))))
              ((cdr one))))
          all)))

    ;; Import sets. R7RS 5.2.
    (define (resolve set)
      (if (not (and (list? set) (pair? set))) (syntax-fail "an import set must be a list" set))
      (if (and (memq (car set) '(only except prefix rename)) (pair? (cdr set)) (list? (cadr set)))
          (let ((inner (resolve (cadr set))) (rest (cddr set)))
            (define (take name)
              (or (assq name inner)
                  (syntax-fail (string-append "import: " (written (cadr set)) " has no " (symbol->string name)))))
            (case (car set)
              ((only) (map take rest))
              ((except)
               (for-each take rest)
               (let loop ((l inner))
                 (cond ((null? l) '()) ((memq (caar l) rest) (loop (cdr l))) (else (cons (car l) (loop (cdr l)))))))
              ((prefix)
               (map (lambda (one)
                      (cons (string->symbol (string-append (symbol->string (car rest)) (symbol->string (car one))))
                        (cdr one)))
                 inner))
              (else
               (for-each (lambda (pair) (take (car pair))) rest)
               (map (lambda (one)
                      (let ((renamed (assq (car one) rest))) (if renamed (cons (cadr renamed) (cdr one)) one)))
                 inner))))
          (let ((library (find-library set)))
            (if (not library)
                (syntax-fail (string-append "there is no library " (written set) " in this program")))
            (let ((start (library-start library)))
              (if start (begin (set-library-start! library #f) (start))))
            (meanings-of library))))
    (define (import! set namespace)
      (for-each (lambda (one) (namespace-set! namespace (car one) (cdr one))) (resolve (syntax->datum set))))
    (define (environment-of sets is-open)
      (let ((namespace (make-namespace "(environment)" is-open)))
        (for-each (lambda (set) (import! set namespace)) sets)
        namespace))

    (define (holds? requirement scope)
      (cond ((identifier? requirement)
             (or (names? requirement scope 'else) (memq (identifier-symbol requirement) (features))))
            ((and (list? requirement) (pair? requirement))
             (case (syntax->datum (car requirement))
               ((and) (let all ((l (cdr requirement))) (or (null? l) (and (holds? (car l) scope) (all (cdr l))))))
               ((or) (let any ((l (cdr requirement))) (and (pair? l) (or (holds? (car l) scope) (any (cdr l))))))
               ((not) (not (holds? (cadr requirement) scope)))
               ((library) (if (find-library (syntax->datum (cadr requirement))) #t #f))
               (else (syntax-fail "cond-expand: an unknown requirement" requirement))))
            (else (syntax-fail "cond-expand: an unknown requirement" requirement))))
    (define (choose form scope)
      (let loop ((clauses (cdr (items form 2 #f))))
        (cond ((null? clauses) (syntax-fail "cond-expand: no clause holds"))
              ((holds? (car (items (car clauses) 1 #f)) scope) (cdar clauses))
              (else (loop (cdr clauses))))))

    (define (define-library! form)
      (let* ((name (syntax->datum (cadr (items form 2 #f)))) (namespace (make-namespace (written name) #f)))
        (define exports '())
        (define body '())
        (define (declare! declaration)
          (case (syntax->datum (car (items declaration 1 #f)))
            ((export) (set! exports (append exports (cdr declaration))))
            ((import) (for-each (lambda (set) (import! set namespace)) (cdr declaration)))
            ((begin) (set! body (append body (cdr declaration))))
            ((cond-expand) (for-each declare! (choose declaration namespace)))
            (else (syntax-fail "define-library: an unknown declaration" declaration))))
        (for-each declare! (cddr form))
        (let ((code (expand-top body namespace)))
          (add!
            (make-library name
              (map (lambda (one)
                     (let* ((is-renamed (pair? one)) (internal (if is-renamed (cadr one) one))
                            (meaning (lookup internal namespace)))
                       (if (not meaning)
                           (syntax-fail
                             (string-append (written name) " exports " (identifier-name internal)
                               ", which it does not define")))
                       (cons (identifier-symbol (if is-renamed (caddr one) internal)) meaning)))
                exports)
              (lambda () (code #f)))))))
    (define (top-only name act)
      (namespace-set! system name
        (make-keyword name #f
          (lambda (form scope body)
            (if (not (body-is-top? body))
                (syntax-fail (string-append (symbol->string name) " stands inside of a body") form))
            (act form body)))))

    (define-forms! choose)
    (top-only 'import
      (lambda (form body) (for-each (lambda (set) (import! set (body-namespace body))) (cdr (items form 1 #f)))))
    (top-only 'define-library (lambda (form body) (define-library! form)))

    ;; Environments.
    (define interaction #f)
    (define (interaction-namespace)
      (if (not interaction)
          (begin
            (set! interaction (environment-of '((scheme r5rs) (stratos lisp)) #t))
            (for-each (lambda (name) (namespace-set! interaction name (namespace-ref system name)))
              '(import define-library))))
      interaction)
    (define (namespace-given who operands)
      (cond ((null? operands) (interaction-namespace))
            ((namespace? (car operands)) (car operands))
            (else (fail 'type (string-append who ": expected an environment, got") (car operands)))))
    (define (report-environment name version)
      (if (memv version '(5 7))
          (environment-of (list (if (eqv? version 5) '(scheme r5rs) '(scheme base))) #f)
          (fail 'error (string-append name ": the versions 5 and 7 are known, not") version)))

    ;; A file is read and run form by form; what is wrong in one is told with its line.
    (define (load-file path namespace)
      (if (not (string? path)) (fail 'type "load: expected a string, got" path))
      (let* ((text (call-with-port (open-binary-input-file path) bytes-of))
             (port (open-input-string (utf8->string text))))
        ;; The first byte from `at` on that is neither blank nor of a comment, and its line.
        (define (next-form at line is-comment use)
          (if (>= at (bytevector-length text))
              (use at line)
              (let ((byte (bytevector-u8-ref text at)))
                (cond ((= byte 10) (next-form (+ at 1) (+ line 1) #f use))
                      ((or is-comment (<= byte 32)) (next-form (+ at 1) line is-comment use))
                      ((= byte 59) (next-form (+ at 1) line #t use))
                      (else (use at line))))))
        (define (lines from to) (let loop ((i from) (n 0))
                                  (if (>= i to) n (loop (+ i 1) (if (= (bytevector-u8-ref text i) 10) (+ n 1) n)))))
        (let loop ((at 0) (line 1) (value (if #f #f)))
          (next-form at line #f
            (lambda (start line)
              (let* ((code (placed path line
                             (lambda ()
                               (let ((form (read port)))
                                 (if (eof-object? form) #f (expand-top (list form) namespace)))))))
                (if code
                    (let* ((end (%ref port 3)) (next (+ line (lines start end))))
                      (loop end next (code #f)))
                    value)))))))
    (define (bytes-of port)
      (let loop ((parts '()))
        (let ((part (read-bytevector 65536 port)))
          (if (eof-object? part) (apply bytevector-append (reverse parts)) (loop (cons part parts))))))
    (define (placed path line make)
      (guard (object ((error-object? object)
                      (apply fail (string->symbol (error-object-kind object))
                        (string-append path ":" (number->string line) ": " (error-object-message object))
                        (error-object-irritants object))))
        (make)))

    ;; What the runtime's procedures of these names do (runtime/native-library.ts); for `eval` and `load` procedures
    ;; that are called in their tails.
    (define (evaluator what operands)
      (settle!)
      (case what
        ((eval)
         (let* ((namespace (namespace-given "eval" (cdr operands))) (code (expand-top (list (car operands)) namespace)))
           (list (lambda () (code #f)))))
        ((load)
         (let ((namespace (namespace-given "load" (cdr operands))))
           (list (lambda () (load-file (car operands) namespace)))))
        ((environment) (environment-of operands #f))
        ((interaction-environment) (interaction-namespace))
        (else (report-environment (symbol->string what) (car operands)))))))

;; SRFI 64: test suites. https://srfi.schemers.org/srfi-64/
;; The place of a test is taken from its form while it expands. Where ASTRALISP_TEST_REPORT names a file, what happens is
;; written there, too, as a line of JSON each (`stratos lisp test` reads it), and the simple runner is silent.
(define-library (srfi 64)
  (export test-begin test-end test-group test-group-with-cleanup test-assert test-eqv test-eq test-equal
          test-approximate test-error test-read-eval-string test-apply test-with-runner test-match-name test-match-nth
          test-match-any test-match-all test-skip test-expect-fail test-passed? test-result-kind test-result-ref
          test-result-set! test-result-remove test-result-clear test-result-alist test-result-alist! test-runner?
          test-runner-null test-runner-simple test-runner-create test-runner-factory test-runner-current
          test-runner-get test-runner-reset test-runner-test-name test-runner-group-path test-runner-group-stack
          test-runner-pass-count test-runner-fail-count test-runner-xpass-count test-runner-xfail-count
          test-runner-skip-count test-runner-aux-value test-runner-aux-value! test-runner-on-test-begin
          test-runner-on-test-begin! test-runner-on-test-end test-runner-on-test-end! test-runner-on-group-begin
          test-runner-on-group-begin! test-runner-on-group-end test-runner-on-group-end! test-runner-on-final
          test-runner-on-final! test-runner-on-bad-count test-runner-on-bad-count! test-runner-on-bad-end-name
          test-runner-on-bad-end-name! test-on-test-begin-simple test-on-test-end-simple test-on-group-begin-simple
          test-on-group-end-simple test-on-final-simple test-on-bad-count-simple test-on-bad-end-name-simple)
  (import (scheme base) (scheme cxr) (scheme write) (scheme read) (scheme eval) (scheme repl) (scheme file) (scheme case-lambda)
          (scheme process-context) (stratos syntax))
  (begin
    ;; Counts is a vector of numbers in the order of KINDS; skips, fails and only are lists of predicates of the runner
    ;; (only: #f, all tests run). A group remembers what test-end restores.
    (define-record-type test-runner
      (make-runner counts groups skips fails only alist name ran aux
                   test-begin test-end group-begin group-end final bad-count bad-end-name)
      test-runner?
      (counts runner-counts set-runner-counts!)
      (groups runner-groups set-runner-groups!)
      (skips runner-skips set-runner-skips!)
      (fails runner-fails set-runner-fails!)
      (only runner-only set-runner-only!)
      (alist test-result-alist test-result-alist!)
      (name test-runner-test-name set-runner-test-name!)
      (ran runner-ran set-runner-ran!)
      (aux test-runner-aux-value test-runner-aux-value!)
      (test-begin test-runner-on-test-begin test-runner-on-test-begin!)
      (test-end test-runner-on-test-end test-runner-on-test-end!)
      (group-begin test-runner-on-group-begin test-runner-on-group-begin!)
      (group-end test-runner-on-group-end test-runner-on-group-end!)
      (final test-runner-on-final test-runner-on-final!)
      (bad-count test-runner-on-bad-count test-runner-on-bad-count!)
      (bad-end-name test-runner-on-bad-end-name test-runner-on-bad-end-name!))
    (define-record-type group
      (make-group name count ran skips fails owner?)
      group?
      (name group-name)
      (count group-count)
      (ran group-ran)
      (skips group-skips)
      (fails group-fails)
      (owner? group-owner?))

    (define kinds '(pass fail xpass xfail skip))
    (define (kind-index kind)
      (let loop ((kinds kinds) (index 0)) (if (eq? (car kinds) kind) index (loop (cdr kinds) (+ index 1)))))
    (define (count-of runner kind) (vector-ref (runner-counts runner) (kind-index kind)))
    ;; How many tests passed.
    (define (test-runner-pass-count runner) (count-of runner 'pass))
    ;; How many tests failed.
    (define (test-runner-fail-count runner) (count-of runner 'fail))
    ;; How many tests passed that were expected to fail.
    (define (test-runner-xpass-count runner) (count-of runner 'xpass))
    ;; How many tests failed as expected.
    (define (test-runner-xfail-count runner) (count-of runner 'xfail))
    ;; How many tests were skipped.
    (define (test-runner-skip-count runner) (count-of runner 'skip))
    ;; Names of the open groups, the innermost first.
    (define (test-runner-group-stack runner) (map group-name (runner-groups runner)))
    ;; Names of the open groups, the outermost first.
    (define (test-runner-group-path runner) (reverse (test-runner-group-stack runner)))

    (define (nothing . all) #f)
    ;; A runner that tells nothing.
    (define (test-runner-null)
      (make-runner (make-vector 5 0) '() '() '() #f '() "" 0 #f nothing nothing nothing nothing nothing nothing nothing))
    ;; A runner that tells failures and, at the end, counts.
    (define (test-runner-simple)
      (make-runner (make-vector 5 0) '() '() '() #f '() "" 0 #f
                   test-on-test-begin-simple test-on-test-end-simple test-on-group-begin-simple
                   test-on-group-end-simple test-on-final-simple test-on-bad-count-simple test-on-bad-end-name-simple))
    ;; Makes a runner as new.
    (define (test-runner-reset runner)
      (set-runner-counts! runner (make-vector 5 0))
      (set-runner-groups! runner '())
      (set-runner-skips! runner '())
      (set-runner-fails! runner '())
      (set-runner-only! runner #f)
      (set-runner-test-name! runner "")
      (set-runner-ran! runner 0)
      (test-result-alist! runner '()))
    ;; Both are also set by a call, as the specification has them; our parameters are not, so these are none.
    (define current-runner #f)
    ;; The current runner, or #f; with an argument sets it.
    (define test-runner-current
      (case-lambda (() current-runner) ((runner) (set! current-runner runner))))
    (define current-factory test-runner-simple)
    ;; What makes runners; with an argument sets it.
    (define test-runner-factory
      (case-lambda (() current-factory) ((factory) (set! current-factory factory))))
    ;; A new runner of the current factory.
    (define (test-runner-create) ((test-runner-factory)))
    ;; The current runner; an error where there is none.
    (define (test-runner-get)
      (or (test-runner-current) (error "there is no test runner: test-begin makes one")))

    ;; What is told

    (define (external value)
      (let ((port (open-output-string)))
        (write value port)
        (let ((text (get-output-string port)))
          (if (> (string-length text) 2000) (string-append (substring text 0 2000) "…") text))))
    (define (error-text e)
      (if (error-object? e)
          (let ((port (open-output-string)))
            (display (error-object-message e) port)
            (for-each (lambda (one) (display " " port) (write one port)) (error-object-irritants e))
            (get-output-string port))
          (external e)))
    (define (place-text alist)
      (let ((file (assq 'source-file alist)) (line (assq 'source-line alist)))
        (if (and file line) (string-append (cdr file) ":" (number->string (cdr line)) ": ") "")))
    (define (path-text runner)
      (apply string-append
             (append (map (lambda (name) (string-append name ": ")) (test-runner-group-path runner))
                     (list (test-runner-test-name runner)))))

    (define (write-json value port)
      (cond ((string? value)
             (write-char #\" port)
             (string-for-each
              (lambda (c)
                (let ((code (char->integer c)))
                  (cond ((or (char=? c #\") (char=? c #\\)) (write-char #\\ port) (write-char c port))
                        ((< code 32)
                         (write-string (if (< code 16) "\\u000" "\\u00") port)
                         (write-string (number->string code 16) port))
                        (else (write-char c port)))))
              value)
             (write-char #\" port))
            ((number? value) (write value port))
            ((boolean? value) (write-string (if value "true" "false") port))
            ((null? value) (write-string "[]" port))
            ((and (pair? value) (string? (car value))) ; a list of strings
             (write-char #\[ port)
             (write-json (car value) port)
             (for-each (lambda (one) (write-char #\, port) (write-json one port)) (cdr value))
             (write-char #\] port))
            (else ; an association list: an object
             (write-char #\{ port)
             (let loop ((fields value) (separator ""))
               (if (pair? fields)
                   (begin
                     (write-string separator port)
                     (write-json (symbol->string (caar fields)) port)
                     (write-char #\: port)
                     (write-json (cdar fields) port)
                     (loop (cdr fields) ","))))
             (write-char #\} port))))
    (define report-port
      (let ((file (get-environment-variable "ASTRALISP_TEST_REPORT"))) (and file (open-output-file file))))
    (define (report! event)
      (if report-port
          (begin
            (write-json event report-port)
            (newline report-port)
            (flush-output-port report-port))))

    (define (report-test! runner)
      (if report-port
          (let* ((alist (test-result-alist runner))
                 (field (lambda (to from convert)
                          (let ((found (assq from alist))) (if found (list (cons to (convert (cdr found)))) '())))))
            (report!
             (append
              `((event . "test")
                (kind . ,(symbol->string (test-result-kind runner)))
                (name . ,(test-runner-test-name runner))
                (group . ,(test-runner-group-path runner)))
              (field 'file 'source-file values)
              (field 'line 'source-line values)
              (field 'form 'source-form external)
              (field 'expected 'expected-value external)
              (field 'actual 'actual-value external)
              (field 'expectedError 'expected-error external)
              (field 'error 'actual-error error-text))))))

    (define (say . parts)
      (if (not report-port) (begin (for-each display parts) (newline))))
    ;; What a simple runner does before a test: nothing.
    (define (test-on-test-begin-simple runner) #f)
    ;; What a simple runner does after a test: it tells a failure.
    (define (test-on-test-end-simple runner)
      (let* ((alist (test-result-alist runner)) (kind (test-result-kind runner)))
        (if (memq kind '(fail xpass))
            (begin
              (say (place-text alist) (if (eq? kind 'fail) "FAIL" "XPASS") " " (path-text runner))
              (for-each
               (lambda (row)
                 (let ((found (assq (car row) alist)))
                   (if found (say "  " (cadr row) ((caddr row) (cdr found))))))
               (list (list 'source-form "form:     " external)
                     (list 'expected-value "expected: " external)
                     (list 'actual-value "actual:   " external)
                     (list 'expected-error "expected an error: " external)
                     (list 'actual-error "error:    " error-text)))))))
    ;; What a simple runner does when a group begins: nothing.
    (define (test-on-group-begin-simple runner name count) #f)
    ;; What a simple runner does when a group ends: nothing.
    (define (test-on-group-end-simple runner) #f)
    ;; What a simple runner does at the end: it tells counts.
    (define (test-on-final-simple runner)
      (say (test-runner-pass-count runner) " passed, " (test-runner-fail-count runner) " failed"
           (rest-text runner 'xfail "failed as expected") (rest-text runner 'xpass "passed unexpectedly")
           (rest-text runner 'skip "skipped")))
    (define (rest-text runner kind words)
      (let ((count (count-of runner kind)))
        (if (= count 0) "" (string-append ", " (number->string count) " " words))))
    ;; What a simple runner does where a group has not as many tests as it said.
    (define (test-on-bad-count-simple runner actual expected)
      (say "FAIL " (path-text runner) ": " expected " tests were announced, " actual " ran"))
    ;; What a simple runner does where test-end has another name than test-begin.
    (define (test-on-bad-end-name-simple runner begun ended)
      (say "FAIL test-end names " ended ", test-begin " begun))

    ;; Groups

    ;; Begins a group of tests, which may say how many there will be. The first one makes a runner if there is none.
    (define test-begin
      (case-lambda
        ((name) (test-begin name #f))
        ((name count)
         (let ((owner? (not (test-runner-current))))
           (if owner? (test-runner-current (test-runner-create)))
           (let ((runner (test-runner-get)))
             ((test-runner-on-group-begin runner) runner name count)
             (report! `((event . "begin") (name . ,(words-of name))))
             (set-runner-groups!
              runner
              (cons (make-group (words-of name) count (runner-ran runner) (runner-skips runner) (runner-fails runner) owner?)
                    (runner-groups runner))))))))
    (define (words-of name) (if (string? name) name (external name)))

    ;; Ends a group of tests; a name must be that of its beginning.
    (define (test-end . name)
      (let* ((runner (test-runner-get)) (groups (runner-groups runner)))
        (if (null? groups) (error "test-end without test-begin"))
        (let* ((group (car groups)) (ran (- (runner-ran runner) (group-ran group))))
          (if (and (pair? name) (not (equal? (words-of (car name)) (group-name group))))
              (begin
                ((test-runner-on-bad-end-name runner) runner (group-name group) (words-of (car name)))
                (report! `((event . "badEnd") (begun . ,(group-name group)) (ended . ,(words-of (car name)))))
                (error "test-end: the group has another name:" (group-name group) (car name))))
          (if (and (group-count group) (not (= ran (group-count group))))
              (begin
                ((test-runner-on-bad-count runner) runner ran (group-count group))
                (report! `((event . "badCount") (name . ,(group-name group)) (announced . ,(group-count group)) (ran . ,ran)))))
          ((test-runner-on-group-end runner) runner)
          (report! `((event . "end") (name . ,(group-name group))))
          (set-runner-groups! runner (cdr groups))
          (set-runner-skips! runner (group-skips group))
          (set-runner-fails! runner (group-fails group))
          (if (null? (cdr groups)) ((test-runner-on-final runner) runner))
          (if (group-owner? group) (test-runner-current #f)))))

    ;; (test-group NAME FORM …): the forms as a group of their own.
    (define-syntax test-group
      (syntax-rules ()
        ((_ name body ...) (run-group name (lambda () (if #f #f) body ...)))))
    (define (run-group name body)
      (if (not (test-runner-current)) (test-runner-current (test-runner-create)))
      (let ((runner (test-runner-get)))
        (test-result-alist! runner (list (cons 'test-name (words-of name))))
        (set-runner-test-name! runner (words-of name))
        (if (not (any-matches? (runner-skips runner) runner))
            (dynamic-wind (lambda () (test-begin name)) body (lambda () (test-end name))))))
    ;; (test-group-with-cleanup NAME FORM … CLEANUP): the same; the last form is run however the group is left.
    (define-syntax test-group-with-cleanup
      (syntax-rules ()
        ((_ name body cleanup) (test-group name (dynamic-wind nothing (lambda () body) (lambda () cleanup))))
        ((_ name body more ... cleanup) (test-group-with-cleanup name (let () body more ...) cleanup))))

    ;; Which tests run

    (define (any-matches? predicates runner)
      ;; Each is asked: test-match-nth counts.
      (let loop ((rest predicates) (found #f))
        (if (null? rest) found (loop (cdr rest) (if ((car rest) runner) #t found)))))
    (define (specifier->predicate x)
      (cond ((procedure? x) x)
            ((string? x) (test-match-name x))
            ((and (exact-integer? x) (>= x 0)) (test-match-nth 1 x))
            (else (error "neither a predicate nor a name nor a count of tests:" x))))
    ;; A specifier of tests of that name.
    (define (test-match-name name) (lambda (runner) (equal? name (test-runner-test-name runner))))
    ;; A specifier of the N-th test from here on, or of COUNT tests from there on.
    (define test-match-nth
      (case-lambda
        ((n) (test-match-nth n 1))
        ((n count)
         (let ((i 0)) (lambda (runner) (set! i (+ i 1)) (and (>= i n) (< i (+ n count))))))))
    ;; A specifier of tests that all of the specifiers choose.
    (define (test-match-all . specifiers)
      (let ((predicates (map specifier->predicate specifiers)))
        (lambda (runner)
          (let loop ((rest predicates) (all #t)) (if (null? rest) all (loop (cdr rest) (if ((car rest) runner) all #f)))))))
    ;; A specifier of tests that any of the specifiers chooses.
    (define (test-match-any . specifiers)
      (let ((predicates (map specifier->predicate specifiers))) (lambda (runner) (any-matches? predicates runner))))
    ;; Skips tests of this group that all specifiers choose: a name, a number of tests, or a predicate of the runner.
    (define (test-skip . specifiers)
      (let ((runner (test-runner-get)))
        (set-runner-skips! runner (cons (apply test-match-all specifiers) (runner-skips runner)))))
    ;; Expects tests of this group to fail that all specifiers choose.
    (define (test-expect-fail . specifiers)
      (let ((runner (test-runner-get)))
        (set-runner-fails! runner (cons (apply test-match-all specifiers) (runner-fails runner)))))

    ;; (test-apply [RUNNER] SPECIFIER … THUNK): calls THUNK and skips tests that no specifier chooses.
    (define (test-apply first . rest)
      (if (test-runner? first)
          (test-with-runner first (apply test-apply rest))
          (let* ((all (reverse (cons first rest)))
                 (procedure (car all))
                 (only (map specifier->predicate (cdr all)))
                 (owned (not (test-runner-current)))
                 (runner (or (test-runner-current) (test-runner-create)))
                 (before (runner-only runner)))
            (dynamic-wind
              (lambda ()
                (test-runner-current runner)
                (if (pair? only) (set-runner-only! runner only)))
              procedure
              (lambda ()
                (set-runner-only! runner before)
                (if owned (test-runner-current #f)))))))
    ;; (test-with-runner RUNNER FORM …): the forms with another current runner.
    (define-syntax test-with-runner
      (syntax-rules ()
        ((_ runner body ...)
         (let ((inside runner) (outside (test-runner-current)))
           (dynamic-wind (lambda () (test-runner-current inside)) (lambda () body ...) (lambda () (test-runner-current outside)))))))

    ;; Results

    ;; A property of the test that runs or ran last, or DEFAULT.
    (define test-result-ref
      (case-lambda
        ((runner name) (test-result-ref runner name #f))
        ((runner name default)
         (let ((found (assq name (test-result-alist runner)))) (if found (cdr found) default)))))
    ;; Removes a property of the test.
    (define (test-result-remove runner name)
      (test-result-alist!
       runner
       (let loop ((rest (test-result-alist runner)))
         (cond ((null? rest) '()) ((eq? (caar rest) name) (loop (cdr rest))) (else (cons (car rest) (loop (cdr rest))))))))
    ;; Sets a property of the test.
    (define (test-result-set! runner name value)
      (test-result-remove runner name)
      (test-result-alist! runner (append (test-result-alist runner) (list (cons name value)))))
    ;; Removes all properties of the test.
    (define (test-result-clear runner) (test-result-alist! runner '()))
    ;; What came of the test: pass, fail, xpass, xfail or skip; #f: nothing yet.
    (define (test-result-kind . runner)
      (test-result-ref (if (pair? runner) (car runner) (test-runner-get)) 'result-kind))
    ;; Whether the test passed, expected or not.
    (define (test-passed? . runner) (and (memq (apply test-result-kind runner) '(pass xpass)) #t))

    ;; A test

    ;; place: (FILE LINE COLUMN) or #f; check: what evaluates, sets results and tells whether it passed.
    (define (run-test place form name check)
      (let* ((runner (test-runner-get)) (only (runner-only runner)))
        (test-result-alist!
         runner
         `((test-name . ,(if name (words-of name) ""))
           ,@(if place `((source-file . ,(car place)) (source-line . ,(cadr place))) '())
           (source-form . ,form)))
        (set-runner-test-name! runner (if name (words-of name) ""))
        (let* ((chosen? (or (not only) (any-matches? only runner)))
               (skipped? (or (any-matches? (runner-skips runner) runner) (not chosen?)))
               (fails? (any-matches? (runner-fails runner) runner)))
          (if skipped?
              (test-result-set! runner 'result-kind 'skip)
              (begin
                (if fails? (test-result-set! runner 'result-kind 'xfail))
                ((test-runner-on-test-begin runner) runner)
                (let ((passed?
                       (guard (e (#t (test-result-set! runner 'actual-error e) #f))
                         (check runner))))
                  (test-result-set! runner 'result-kind (if passed? (if fails? 'xpass 'pass) (if fails? 'xfail 'fail))))))
          (let ((index (kind-index (test-result-kind runner))) (counts (runner-counts runner)))
            (vector-set! counts index (+ 1 (vector-ref counts index))))
          (set-runner-ran! runner (+ 1 (runner-ran runner)))
          ;; The report first: the program's own procedure may end it.
          (report-test! runner)
          ((test-runner-on-test-end runner) runner))))
    (define (check-value thunk)
      (lambda (runner)
        (let ((value (thunk)))
          (test-result-set! runner 'actual-value value)
          value)))
    (define (check-same same? expected thunk)
      (lambda (runner)
        (let ((wanted (expected)))
          (test-result-set! runner 'expected-value wanted)
          (let ((value (thunk)))
            (test-result-set! runner 'actual-value value)
            (same? wanted value)))))
    (define (check-error type thunk)
      (lambda (runner)
        (test-result-set! runner 'expected-error (if (procedure? type) 'by-predicate type))
        (call/cc
         (lambda (return)
           (with-exception-handler
            (lambda (e)
              (return
               (begin
                 (test-result-set! runner 'actual-error e)
                 (if (procedure? type) (type e) #t))))
            (lambda ()
              (test-result-set! runner 'actual-value (thunk))
              #f))))))
    (define (near? tolerance)
      (lambda (wanted value) (and (>= value (- wanted tolerance)) (<= value (+ wanted tolerance)))))

    (begin-for-syntax
      ;; A test's form becomes a call of run-test with its place and datum.
      (define (as-test stx name expression check)
        (let* ((here (datum->syntax #'run-test (syntax-source stx))))
          #`(run-test '#,here '#,expression #,name #,check))))
    ;; (test-assert [NAME] EXPRESSION): passes where the value is not #f.
    (define-syntax test-assert
      (lambda (stx)
        (syntax-case stx ()
          ((_ name expression) (as-test stx #'name #'expression #'(check-value (lambda () expression))))
          ((_ expression) (as-test stx #'#f #'expression #'(check-value (lambda () expression)))))))
    (begin-for-syntax
      (define (comparing stx same?)
        (with-syntax ((same? same?))
          (syntax-case stx ()
            ((_ name expected expression)
             (as-test stx #'name #'expression #'(check-same same? (lambda () expected) (lambda () expression))))
            ((_ expected expression)
             (as-test stx #'#f #'expression #'(check-same same? (lambda () expected) (lambda () expression))))))))
    ;; (test-eqv [NAME] EXPECTED EXPRESSION): passes where the values are the same by eqv?.
    (define-syntax test-eqv (lambda (stx) (comparing stx #'eqv?)))
    ;; (test-eq [NAME] EXPECTED EXPRESSION): passes where the values are the same by eq?.
    (define-syntax test-eq (lambda (stx) (comparing stx #'eq?)))
    ;; (test-equal [NAME] EXPECTED EXPRESSION): passes where the values are the same by equal?.
    (define-syntax test-equal (lambda (stx) (comparing stx #'equal?)))
    ;; (test-approximate [NAME] EXPECTED EXPRESSION TOLERANCE): passes where the numbers are that near.
    (define-syntax test-approximate
      (lambda (stx)
        (syntax-case stx ()
          ((_ name expected expression tolerance)
           (as-test stx #'name #'expression
                    #'(check-same (near? tolerance) (lambda () expected) (lambda () expression))))
          ((_ expected expression tolerance)
           (as-test stx #'#f #'expression
                    #'(check-same (near? tolerance) (lambda () expected) (lambda () expression)))))))
    ;; (test-error [[NAME] TYPE] EXPRESSION): passes where something is raised; TYPE is a predicate, or #t.
    (define-syntax test-error
      (lambda (stx)
        (syntax-case stx ()
          ((_ name type expression) (as-test stx #'name #'expression #'(check-error type (lambda () expression))))
          ;; No type is a string: it names the test, as in the others.
          ((_ name expression)
           (string? (syntax->datum #'name))
           (as-test stx #'name #'expression #'(check-error #t (lambda () expression))))
          ((_ type expression) (as-test stx #'#f #'expression #'(check-error type (lambda () expression))))
          ((_ expression) (as-test stx #'#f #'expression #'(check-error #t (lambda () expression)))))))

    ;; The value of the one form that TEXT holds.
    (define (test-read-eval-string text)
      (let* ((port (open-input-string text)) (form (read port)))
        (if (eof-object? (read port))
            (eval form (interaction-environment))
            (error "test-read-eval-string: more than one datum:" text))))))

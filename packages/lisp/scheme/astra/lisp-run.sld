;; Evaluating Lisp in the shell: what is raised becomes words and a status; an interrupt, and a heap that is full, leave
;; what runs. Texts of the shell are bytes, those of Lisp characters.
(define-library (astra lisp-run)
  (export ->bytes <-bytes protected failed? failure-value failure-words interrupt! take-interrupts! shell-namespace status-of-value flush-ports!
          evaluate-forms lisp-names lisp-command)
  (import (scheme base) (scheme write) (scheme read) (scheme eval) (scheme repl)
          (astra posix) (astra state) (astra run) (astra jobs) (stratos system-call)
          (only (stratos evaluation-scopes) namespace-names)
          (only (stratos evaluation-code) note-calls! noted-call)
          (stratos primitive %ref) (stratos primitive %set!) (stratos primitive %before-input!))
  (begin
    (define (ascii? s)
      (let ((n (string-length s)))
        (let loop ((i 0)) (or (= i n) (and (char<? (string-ref s i) #\x80) (loop (+ i 1)))))))
    ;; @raises an error: no text of the system's holds a NUL
    (define (->bytes s)
      (let loop ((i 0))
        (when (< i (string-length s))
          (if (char=? #\nul (string-ref s i)) (error "a text for the shell holds a NUL:" s))
          (loop (+ i 1))))
      (if (ascii? s) s (let ((v (string->utf8 s))) (bytes->text v 0 (bytevector-length v)))))
    ;; What is not UTF-8 becomes U+FFFD.
    (define (<-bytes t)
      (if (ascii? t) t
          (let ((n (string-length t)))
            (define (byte i) (if (< i n) (char->integer (string-ref t i)) 0))
            ;; Bytes that continue, the least code that needs them.
            (define (more i count code least)
              (let loop ((k 1) (code code))
                (cond ((> k count)
                       (and (>= code least) (<= code #x10ffff) (not (<= #xd800 code #xdfff)) (integer->char code)))
                      ((= 2 (quotient (byte (+ i k)) 64)) (loop (+ k 1) (+ (* 64 code) (modulo (byte (+ i k)) 64))))
                      (else #f))))
            (let loop ((i 0) (l '()))
              (if (>= i n) (list->string (reverse l))
                  (let* ((b (byte i)) (count (cond ((< b #xc0) 0) ((< b #xe0) 1) ((< b #xf0) 2) ((< b #xf8) 3) (else 0)))
                         (c (cond ((< b 128) (integer->char b))
                                  ((= count 1) (more i 1 (- b #xc0) #x80))
                                  ((= count 2) (more i 2 (- b #xe0) #x800))
                                  ((= count 3) (more i 3 (- b #xf0) #x10000))
                                  (else #f))))
                    (if c (loop (+ i 1 count) (cons c l)) (loop (+ i 1) (cons #\xfffd l)))))))))

    ;; The place to go on from when what runs is left; #f: nothing runs.
    (define escape #f)
    (define (recovered ignored)
      (let ((reason (if (%interrupted?) 'interrupted 'full)))
        ;; What dynamic-wind runs on the way may fail: the way goes on behind it.
        (let again ((left 100))
          (if (= left 0) (sys-exit 2))
          (guard (e (#t (again (- left 1)))) (escape reason)))))
    (define (interrupt!) (escape 'interrupted))
    (define taking? #f)
    ;; At a prompt SIGINT is blocked, and looked for where memory is collected and where a port waits for input.
    (define (take-interrupts!)
      (set! taking? #t)
      (let* ((memory (u64 (sys-sysinfo) 32)) (unit 65536)
             (half (max (* 64 1024 1024) (min (quotient memory 4) (* 448 1024 1024)))))
        (%take-interrupts! (* unit (quotient half unit)) (* 16 1024 1024)))
      (%before-input!
        (lambda (fd)
          (if (and escape (interactive?))
              (let wait ()
                (if (pending-signal '(2) 0) (interrupt!))
                (if (= 0 (sys-poll fd 100)) (wait)))))))
    (define-record-type failure (failure-of value call) failed? (value failure-value) (call failure-call))
    ;; @returns a list of the thunk's values; a failure: what was raised, 'interrupted or 'full
    (define (protected thunk)
      (let* ((before escape)
             (result
               (call-with-current-continuation
                 (lambda (k)
                   (set! escape k)
                   (if taking? (%recover-with! recovered))
                   (guard (e (#t (failure-of e (noted-call))))
                     (call-with-values thunk list))))))
        (set! escape before)
        (if (not before) (%recover-with! #f))
        (if (symbol? result) (failure-of result #f) result)))
    (define TEXT-MAX 1000)
    (define (cut text) (if (> (string-length text) TEXT-MAX) (string-append (substring text 0 TEXT-MAX) "…") text))
    (define (written x) (let ((port (open-output-string))) (write x port) (get-output-string port)))
    ;; As bytes.
    (define (failure-words failure)
      (let* ((e (failure-value failure)) (call (failure-call failure))
             (told
               (protected
                 (lambda ()
                   (string-append
                     (cond ((eq? e 'interrupted) "interrupted")
                           ((eq? e 'full) "out of memory: what was evaluated has been left")
                           ((error-object? e)
                            (apply string-append
                              (let ((m (error-object-message e))) (if (string? m) m (written m)))
                              (map (lambda (x) (string-append " " (cut (written x)))) (error-object-irritants e))))
                           (else (string-append "an object was raised that nobody handled: " (cut (written e)))))
                     (if (and call (error-object? e)) (string-append "\n  in " (cut (written call))) ""))))))
        (cond ((not (failed? told)) (bytes-of (cut-long (car told))))
              ;; Irritants without end are not written.
              ((and (error-object? e) (string? (error-object-message e))) (bytes-of (error-object-message e)))
              (else "an error that cannot be told"))))
    (define (cut-long text) (if (> (string-length text) 8000) (substring text 0 8000) text))
    (define (bytes-of s) (let ((v (string->utf8 s))) (bytes->text v 0 (bytevector-length v))))

    ;; Lisp's ports are the process' descriptors: what one of them had read or lost before is nothing to the next.
    (define in (current-input-port))
    (define out-port (current-output-port))
    (define error-port (current-error-port))
    (define (renew-port! port) (%set! port 3 0) (%set! port 4 0) (%set! port 5 #t))
    (define (with-ports thunk)
      (flush-out)
      (renew-port! in)
      (if (not (%ref out-port 5)) (renew-port! out-port))
      (if (not (%ref error-port 5)) (renew-port! error-port))
      (let ((result (protected thunk)))
        (let ((lost (protected flush-ports!)))
          ;; What was read of a file and not used is there for the next who reads.
          (let ((left (- (%ref in 4) (%ref in 3)))) (if (> left 0) (sys-lseek 0 (- left) 1)))
          (if (failed? result) result (if (failed? lost) lost result)))))

    ;; Before anybody else writes, or a process begins that would write it once more.
    (define (flush-ports!)
      (flush-output-port (current-output-port))
      (if (%ref out-port 5) (flush-output-port out-port))
      (if (%ref error-port 5) (flush-output-port error-port)))

    (define namespace #f)
    (define (shell-namespace)
      (when (not namespace)
        (set! namespace (interaction-environment))
        (eval '(import (astra shell)) namespace)
        (note-calls! #t))
      namespace)
    (define (lisp-names)
      (let ((names (protected (lambda () (namespace-names (shell-namespace))))))
        (if (failed? names) '() (map (lambda (s) (bytes-of (symbol->string s))) (car names)))))

    (define (status-of-value value)
      (cond ((eq? value #f) 1) ((and (exact-integer? value) (<= 0 value 255)) value) (else 0)))
    (define (unspecified? x) (eq? x (if #f #f)))
    (define (read-form text)
      (let* ((port (open-input-string (<-bytes text))) (form (read port)))
        (if (not (eof-object? (read port))) (error "the text goes on behind the form"))
        (if (eof-object? form) '(if #f #f) form)))
    (define (show values)
      (for-each (lambda (x) (if (not (unspecified? x)) (begin (write x) (newline)))) values))
    ;; Evaluates texts of forms, as long as none fails. who: what an error's line begins with, of a form's number.
    ;; @returns the last one's values, or #f: one failed, which was told
    (define (evaluate-forms texts shows? who)
      (let loop ((l texts) (n 0) (values '()))
        (if (null? l) values
            (let ((result
                    (with-ports
                      (lambda ()
                        (note-calls! #t)
                        (let ((values (call-with-values (lambda () (eval (read-form (car l)) (shell-namespace))) list)))
                          (if shows? (show values))
                          values)))))
              (cond ((not (failed? result)) (loop (cdr l) (+ n 1) (car result)))
                    ((shell-failure? (failure-value result)) (set-status! (shell-failure-status (failure-value result))) #f)
                    (else
                     (complain (who n) (failure-words result))
                     (set-status! (if (eq? 'interrupted (failure-value result)) 130 1))
                     #f))))))
    ;; A procedure as a command: of arguments, as bytes. @returns the status
    (define (lisp-command name f)
      (lambda (arguments)
        (let ((result (with-ports (lambda () (apply f (map <-bytes arguments))))))
          (cond ((not (failed? result)) (if (null? result) 0 (status-of-value (car result))))
                ((shell-failure? (failure-value result)) (shell-failure-status (failure-value result)))
                (else
                 (complain name ": " (failure-words result))
                 (if (eq? 'interrupted (failure-value result)) 130 1))))))))

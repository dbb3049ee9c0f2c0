;; Children of the running heap (docs/lisp/tutorial.md, decisions 0088, 0104): forks that are called, (stratos heap), and
;; those that answer once, beside who made them, (stratos futures).
;;
;; A child is the heap as it was, with a procedure that answers calls. Between a child and who calls it go data alone, as
;; texts, so that neither ever has an object of the other's. A native program forks by the kernel, and its children
;; answer by pipes. On the compiling engine a child is another version of the same heap: who forks, calls or answers
;; leaves its run, and `entry` is entered when the other version is there (packages/lisp/src/heap/forks.ts).
(define-library (stratos heap-children)
  (export fork-heap heap-call heap-close! heap-child? forks? heap-depth fork-future future-started? future-answered?
          future-answer told-value answer)
  (import (scheme base) (scheme read) (scheme write) (stratos base) (stratos heap-primitives)
          (stratos thread-primitives) (stratos thread-hold) (stratos linux))
  (begin
    ;; message: what a future gave
    (define-record-type heap-child (make-child place to from message) heap-child?
      (place child-place set-child-place!) (to child-to) (from child-from) (message child-message set-child-message!))
    (define (new-child place to from) (make-child place to from #f))
    (define served (%heap 'served))
    (define nothing (if #f #f))
    ;; How many forks it is from the first heap to this one.
    (define depth 0)
    (define (heap-depth) depth)

    ;; Whether there are children at all: the interpreter has none.
    (define (forks?) (if (or (not served) (%heap 'forks)) #t #f))

    ;; A copy of the heap as it is, for which PROCEDURE answers `heap-call`. What one of them changes, the other does not see.
    (define (fork-heap procedure) (fork procedure 'fork))
    (define (fork procedure operation)
      (if (not (procedure? procedure)) (error "fork-heap: expected a procedure, got" procedure))
      (flush-output-port (current-output-port))
      (if served (fork-version procedure operation) (fork-process procedure)))

    ;; Calls the child's procedure with copies of DATA; gives a copy of its value, or raises what it raised.
    (define (heap-call child . data)
      (check "heap-call" child)
      (if (not (child-place child)) (error "heap-call: the child has ended"))
      (let ((text (text-of data)))
        (let ((message (if served (call-version child text) (call-process child text))))
          (unless (eq? 'answer (car message))
            (if (not served) (close-process child))
            (set-child-place! child #f))
          (told-value "heap-call" "the child" message))))

    ;; Ends the child, and what it holds is given up.
    (define (heap-close! child)
      (check "heap-close!" child)
      (when (child-place child)
        (if served (%heap 'close (child-place child)) (close-process child))
        (set-child-place! child #f)))

    (define (check who child)
      (if (not (heap-child? child)) (error (string-append who ": expected a child, got") child)))
    (define (text-of datum)
      (let ((port (open-output-string))) (write-shared datum port) (get-output-string port)))
    (define (datum-of text what)
      (guard (e (#t (error (string-append what " is no datum that can be read:") text)))
        (read (open-input-string text))))
    ;; message: (answer . TEXT), of (value DATUM), (value), (raised DATUM) or (error MESSAGE IRRITANT ...); or
    ;; (ended . REASON), #f where there is none
    (define (told-value who whose message)
      (if (eq? 'answer (car message))
          (let ((told (datum-of (cdr message) (string-append who ": what " whose " gave"))))
            (case (car told)
              ((value) (if (pair? (cdr told)) (cadr told) nothing))
              ((raised) (raise (cadr told)))
              (else (apply error (cdr told)))))
          (let ((words (string-append who ": " whose " has ended")))
            (if (cdr message) (error (string-append words ":") (cdr message)) (error words)))))
    ;; What a child answers to a call.
    (define (answer procedure text)
      (call/cc (lambda (return)
        (with-exception-handler
          (lambda (reason)
            (return (text-of (if (error-object? reason)
                                 (cons* 'error (error-object-message reason) (error-object-irritants reason))
                                 (list 'raised reason)))))
          (lambda ()
            (let ((value (apply procedure (datum-of text "heap-call: what the child was given"))))
              ;; What has no value has no text either.
              (text-of (if (eq? value nothing) '(value) (list 'value value)))))))))
    (define (cons* a b l) (cons a (cons b l)))

    ;; Futures (stratos futures): a child that answers one call without data. With `aside?` it is called at once where
    ;; there is a processor for it, by a process or a thread of the host's; else it answers when it is asked. Only the
    ;; thread that asked for it goes on in it.
    (define (fork-future thunk aside?)
      (let ((procedure (lambda () (hold-threads! "a future") (thunk))))
        (flush-output-port (current-output-port))
        (if served
            (fork-version procedure (if aside? 'future 'fork))
            (let ((child (fork-process procedure)))
              (send-text (child-to child) "()")
              child))))
    (define (future-started? child) (if (child-to child) #t #f))
    ;; Whether an answer needs no waiting.
    (define (future-answered? child)
      (cond ((child-message child) #t)
            ((not served) (wait-for-descriptor (child-from child) 1 (now)))
            ((child-to child) (if (told-by-thread child 0) #t #f))
            (else #f)))
    ;; The child's message, as told-value takes it; the child is closed. Other threads run meanwhile, who may ask as well.
    (define (future-answer child)
      (let wait ()
        (cond ((child-message child) (child-message child))
              ((not served)
               (wait-for-descriptor (child-from child) 1 #f)
               (unless (child-message child)
                 (let ((text (receive-text (child-from child))))
                   (told! child (if text (cons 'answer text) (cons 'ended #f)))))
               (wait))
              ((not (child-to child)) (told! child (call-version child "()")))
              ((told-by-thread child (if (threads?) 2 #f)))
              (else (let-others-run) (wait)))))
    (define (told-by-thread child milliseconds)
      (let ((message (%heap 'await (child-place child) milliseconds)))
        (and message (told! child message))))
    (define (told! child message)
      (set-child-message! child message)
      (heap-close! child)
      message)

    ;; Versions: who answers here, and who waits, with the thread and the parameters that were theirs.
    (define server #f)
    (define waiting #f)
    (define (leave name . operands)
      (call/cc (lambda (k)
        (set! waiting (vector k (%thread) (%parameters)))
        (apply %heap name operands))))
    (define (entry)
      (let ((message (%heap 'inbox)))
        (if (eq? 'call (car message))
            (begin
              (%set-thread! (vector-ref server 1))
              (%set-parameters! (vector-ref server 2))
              (set! depth (vector-ref server 3))
              (%heap 'answer (answer (vector-ref server 0) (cdr message))))
            (let ((one waiting))
              (set! waiting #f)
              (%set-thread! (vector-ref one 1))
              (%throw-to (vector-ref one 0) message)))))
    (if served (%heap 'hold entry))
    (define (fork-version procedure operation)
      (let ((own server))
        (set! server (vector procedure (%thread) (%parameters) (+ depth 1)))
        (let ((message (leave operation)))
          (set! server own)
          (new-child (cdr message) (eq? 'started (car message)) #f))))
    (define (call-version child text) (leave 'call (child-place child) text))
    ;; The host compiles what runs for the first time: now, not at the first fork.
    (if (and served (%heap 'forks)) (heap-close! (fork (lambda () #f) 'rehearse)))

    ;; Processes: a message is its length in 8 bytes, and its text; no length, or END: the child shall end. Children that
    ;; were made later have its pipe as well, so that it may not see the end of that.
    (define END (make-bytevector 8 255))
    (define (fork-process procedure)
      (ignore-broken-pipes!)
      (let* ((calls (pipe)) (answers (pipe)) (pid (linux-try 'fork 17 0 0 0 0)))
        (cond ((= pid 0)
               (set! depth (+ depth 1))
               (close-descriptor (cdr calls))
               (close-descriptor (car answers))
               (serve procedure (car calls) (cdr answers)))
              (else
               (close-descriptor (car calls))
               (close-descriptor (cdr answers))
               (when (< pid 0)
                 (close-descriptor (cdr calls))
                 (close-descriptor (car answers))
                 (linux-fail "fork-heap" pid '()))
               (new-child pid (cdr calls) (car answers))))))
    ;; O_CLOEXEC
    (define (pipe)
      (let ((v (make-bytevector 8 0)))
        (linux-call "fork-heap" 'pipe2 v 524288 0 0 0)
        (cons (u32 v 0) (u32 v 4))))
    (define (serve procedure in out)
      (let ((text (receive-text in)))
        (when text
          (let ((told (answer procedure text)))
            (flush-output-port (current-output-port))
            (when (send-text out told) (serve procedure in out)))))
      (linux-try 'exit_group 0 0 0 0 0))
    (define (call-process child text)
      (let ((told (and (send-text (child-to child) text) (receive-text (child-from child)))))
        (if told (cons 'answer told) (cons 'ended #f))))
    (define (close-process child)
      (send (child-to child) END)
      (close-descriptor (child-to child))
      (close-descriptor (child-from child))
      (linux-try 'wait4 (child-place child) 0 0 0 0))
    (define (send-text fd text)
      (let* ((bytes (string->utf8 text)) (head (make-bytevector 8 0)))
        (set-u64! head 0 (bytevector-length bytes))
        (send fd (bytevector-append head bytes))))
    (define (send fd bytes)
      (let ((n (linux-try 'write fd bytes (bytevector-length bytes) 0 0)))
        (cond ((< n 0) #f)
              ((= n (bytevector-length bytes)) #t)
              (else (send fd (bytevector-copy bytes n))))))
    (define (receive-text fd)
      (let ((head (receive fd 8)))
        (and head (not (equal? head END)) (let ((bytes (receive fd (u64 head 0)))) (and bytes (utf8->string bytes))))))
    ;; So many bytes; #f: there are fewer.
    (define (receive fd size)
      (let ((all (make-bytevector size 0)))
        (let loop ((at 0))
          (if (= at size)
              all
              (let* ((part (make-bytevector (min 65536 (- size at)) 0))
                     (n (linux-try 'read fd part (bytevector-length part) 0 0)))
                (and (> n 0)
                     (begin (bytevector-copy! all at part 0 n) (loop (+ at n)))))))))))

;; Forks of the running heap (docs/lisp/libraries.md, decision 0088).
;;
;; A child is the heap as it was, with a procedure that answers calls. Between a child and who calls it go data alone, as
;; texts, so that neither ever has an object of the other's. A native program forks by the kernel, and its children
;; answer by pipes. On the compiling engine a child is another version of the same heap: who forks, calls or answers
;; leaves its run, and `entry` is entered when the other version is there (packages/lisp/src/heap/forks.ts).
(define-library (stratos heap)
  (export fork-heap heap-call heap-close! heap-child?)
  (import (scheme base) (scheme read) (scheme write) (stratos base) (stratos heap-primitives)
          (stratos thread-primitives) (stratos linux))
  (begin
    (define-record-type heap-child (new-child place to from) heap-child?
      (place child-place set-child-place!) (to child-to) (from child-from))
    (define served (%heap 'served))

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
        (outcome child (if served (call-version child text) (call-process child text)))))

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
      (guard (e (#t (error (string-append "heap-call: " what " is no datum that can be read:") text)))
        (read (open-input-string text))))
    ;; text: of (value DATUM), (raised DATUM) or (error MESSAGE IRRITANT ...); #f or a reason: the child has ended
    (define (outcome child answer)
      (if (eq? 'answer (car answer))
          (let ((told (datum-of (cdr answer) "what the child gave")))
            (case (car told)
              ((value) (cadr told))
              ((raised) (raise (cadr told)))
              (else (apply error (cdr told)))))
          (begin
            (if (not served) (close-process child))
            (set-child-place! child #f)
            (if (cdr answer) (error "heap-call: the child has ended:" (cdr answer)) (error "heap-call: the child has ended")))))
    ;; What a child answers to a call.
    (define (answer procedure text)
      (call/cc (lambda (return)
        (with-exception-handler
          (lambda (reason)
            (return (text-of (if (error-object? reason)
                                 (cons* 'error (error-object-message reason) (error-object-irritants reason))
                                 (list 'raised reason)))))
          (lambda ()
            (let ((value (apply procedure (datum-of text "what the child was given"))))
              (text-of (list 'value value))))))))
    (define (cons* a b l) (cons a (cons b l)))

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
              (%heap 'answer (answer (vector-ref server 0) (cdr message))))
            (let ((one waiting))
              (set! waiting #f)
              (%set-thread! (vector-ref one 1))
              (%throw-to (vector-ref one 0) message)))))
    (if served (%heap 'hold entry))
    (define (fork-version procedure operation)
      (let ((own server))
        (set! server (vector procedure (%thread) (%parameters)))
        (let ((message (leave operation)))
          (set! server own)
          (new-child (cdr message) #f #f))))
    (define (call-version child text) (leave 'call (child-place child) text))
    ;; The host compiles what runs for the first time: now, not at the first fork.
    (if served (heap-close! (fork (lambda () #f) 'rehearse)))

    ;; Processes: a message is its length in 8 bytes, and its text; no length: the child shall end.
    (define (fork-process procedure)
      (ignore-broken-pipes!)
      (let* ((calls (pipe)) (answers (pipe)) (pid (linux-try 'fork 17 0 0 0 0)))
        (cond ((= pid 0)
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
        (and head (let ((bytes (receive fd (u64 head 0)))) (and bytes (utf8->string bytes))))))
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

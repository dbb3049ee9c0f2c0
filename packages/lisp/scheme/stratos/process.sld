;; Programs that are started: their standard streams as ports, how they ended. For native programs.
;;
;; A command is a list of texts, which no shell sees. Options follow it by name: 'directory TEXT; 'environment, an
;; association list that takes the place of this program's; 'stdin, 'stdout and 'stderr, each 'inherit (as it is without),
;; 'null, 'pipe, or the name of a file; 'stdin a bytevector or (text TEXT) for what is read from it, 'stderr 'stdout;
;; 'binary #t for ports of bytes.
(define-library (stratos process)
  (export process-start process? process-id process-command process-input process-output process-error
          process-wait process-kill process-running? run-process process->string process->bytevector process->lines
          pipeline-start pipeline->string process-failure? process-failure-status process-failure-command)
  (import (scheme base) (scheme process-context) (stratos linux) (stratos system-call))
  (begin
    ;; A program that was started: its number, its command, and the ports of its pipes (#f: none).
    (define-record-type process (new-process id command input output error status) process?
      (id process-id) (command process-command) (input process-input) (output process-output) (error process-error)
      (status status set-status!))

    (define OPTIONS '(directory environment stdin stdout stderr binary))
    (define (check-command command)
      (unless (and (list? command) (pair? command) (all string? command))
        (error "a command is a list of strings, got" command)))
    (define (all f l) (or (null? l) (and (f (car l)) (all f (cdr l)))))
    (define (check-options l)
      (unless (null? l)
        (unless (and (memq (car l) OPTIONS) (pair? (cdr l))) (error "no option of a process:" (car l)))
        (check-options (cddr l))))
    (define (option options name default)
      (cond ((null? options) default) ((eq? name (car options)) (cadr options)) (else (option (cddr options) name default))))

    ;; The file of a program, as execvp(3) looks for it: what has a slash is the file itself.
    (define (program-file name)
      (define (slash? i) (and (< i (string-length name)) (or (char=? #\/ (string-ref name i)) (slash? (+ i 1)))))
      (if (slash? 0) name
          (let loop ((l (split (or (get-environment-variable "PATH") "/usr/local/bin:/usr/bin:/bin") #\:)))
            (if (null? l) #f
                (let ((path (string-append (if (string=? (car l) "") "." (car l)) "/" name)))
                  (if (= 0 (linux-try 'faccessat -100 (path-bytes "process-start" path) 1 0 0)) path (loop (cdr l))))))))
    (define (split text separator)
      (let loop ((i 0) (from 0) (l '()))
        (cond ((= i (string-length text)) (reverse (cons (substring text from i) l)))
              ((char=? separator (string-ref text i)) (loop (+ i 1) (+ i 1) (cons (substring text from i) l)))
              (else (loop (+ i 1) from l)))))

    ;; The table of arguments and the environment lie in memory that the collector does not move: below 2 GiB.
    (define ARGUMENT-MEMORY 2130706432)
    (define (with-argument-memory who arguments environment receive)
      (let* ((texts (map (lambda (t) (path-bytes who t)) (append arguments environment)))
             (pointers (+ 2 (length texts)))
             (size (+ 4096 (* 8 pointers) (apply + (map bytevector-length texts))))
             ;; PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
             (base (linux-call who 'mmap ARGUMENT-MEMORY size 3 34 -1))
             (table (make-bytevector (* 8 pointers) 0))
             (count (length arguments)))
        (let loop ((l texts) (at (+ base (* 8 pointers))) (i 0))
          (when (pair? l)
            (%copy-to-memory at (car l) (bytevector-length (car l)))
            (set-u64! table (* 8 (if (< i count) i (+ i 1))) at)
            (loop (cdr l) (+ at (bytevector-length (car l))) (+ i 1))))
        (%copy-to-memory base table (bytevector-length table))
        (let ((result (receive base (+ base (* 8 (+ 1 count))))))
          (linux-try 'munmap base size 0 0 0)
          result)))

    ;; @returns (for the program . for us), closed by programs that are started (O_CLOEXEC)
    (define (make-pipe who read?)
      (let ((v (make-bytevector 8 0)))
        (linux-call who 'pipe2 v 524288 0 0 0)
        (if read? (cons (u32 v 0) (u32 v 4)) (cons (u32 v 4) (u32 v 0)))))
    (define (open-file who name flags)
      (let ((r (linux-try 'openat -100 (path-bytes who name) (+ flags 524288) 438 0)))
        (if (< r 0) (linux-fail (string-append who ": " name) r (list name)) r)))
    ;; What is to be read, as a file in memory: nobody need write it while the program runs.
    (define (file-of who bytes)
      (let ((fd (linux-call who 'memfd_create (path-bytes who "input") 1 0 0 0)) (n (bytevector-length bytes)))
        (let loop ((at 0))
          (when (< at n)
            (loop (+ at (linux-call who 'write fd (if (= at 0) bytes (bytevector-copy bytes at)) (- n at) 0 0)))))
        (linux-call who 'lseek fd 0 0 0 0)
        fd))
    ;; The descriptor for the program and ours: (program . own), #f for what there is not.
    (define (stream who what index)
      (cond ((eq? what 'inherit) (cons #f #f))
            ((eq? what 'pipe) (make-pipe who (= index 0)))
            ((eq? what 'null) (cons (open-file who "/dev/null" 2) #f))
            ((string? what) (cons (open-file who what (if (= index 0) 0 577)) #f))
            ((and (= index 0) (bytevector? what)) (cons (file-of who what) #f))
            ((and (= index 0) (pair? what) (eq? 'text (car what))) (cons (file-of who (string->utf8 (cadr what))) #f))
            ((and (= index 2) (eq? what 'stdout)) (cons 'stdout #f))
            ((and (exact-integer? what) (>= what 0)) (cons what #f))
            (else (error (string-append who ": no stream of a process:") what))))

    ;; Starts a program: of a command, a list of texts, and options. @raises a file error: it cannot be started
    (define (process-start command . options)
      (check-command command)
      (check-options options)
      (let* ((who (string-append "process-start: " (car command)))
             (file (or (program-file (car command)) (linux-fail who -2 (list (car command)))))
             (environment (map (lambda (p) (string-append (car p) "=" (cdr p)))
                               (option options 'environment (get-environment-variables))))
             (directory (let ((d (option options 'directory #f))) (and d (path-bytes who d))))
             (opened '())
             (open (lambda (name index)
                     (let ((ends (guard (e (#t (for-each close-descriptor opened) (raise e)))
                                   (stream who (option options name 'inherit) index))))
                       (unless (exact-integer? (option options name 'inherit))
                         (for-each (lambda (fd) (if (exact-integer? fd) (set! opened (cons fd opened))))
                                   (list (car ends) (cdr ends))))
                       ends)))
             (in (open 'stdin 0)) (out (open 'stdout 1)) (err (open 'stderr 2))
             (told (make-pipe who #f)))
        (ignore-broken-pipes!)
        (flush-output-port (current-output-port))
        (let ((pid (with-argument-memory who command environment
                     (lambda (arguments environment)
                       (let ((pid (linux-try 'fork 17 0 0 0 0)))
                         (if (= pid 0)
                             (become file directory arguments environment (list (car in) (car out) (car err)) (car told))
                             pid))))))
          (for-each (lambda (fd) (if (and (exact-integer? fd) (memv fd opened)) (close-descriptor fd)))
                    (list (car in) (car out) (car err)))
          (close-descriptor (car told))
          (let ((failed (if (< pid 0) pid (told-errno (cdr told)))))
            (close-descriptor (cdr told))
            (when failed
              (if (> pid 0) (linux-try 'wait4 pid 0 0 0 0))
              (for-each (lambda (fd) (if fd (close-descriptor fd))) (list (cdr in) (cdr out) (cdr err)))
              (linux-fail who failed (list (car command))))
            (let ((binary (if (option options 'binary #f) 4 0)))
              (define (port fd flag) (and fd (%descriptor-port fd (+ flag binary))))
              (new-process pid command (port (cdr in) 2) (port (cdr out) 1) (port (cdr err) 1) #f))))))
    ;; What a program that could not begin has said by the pipe that the others close when they begin.
    (define (told-errno fd)
      (let* ((v (make-bytevector 4 0)) (n (linux-try 'read fd v 4 0 0)))
        (and (= n 4) (- (u32 v 0)))))

    ;; The child: it does not return. Descriptors that it gives away are above its own first, so that none is lost.
    (define (become file directory arguments environment streams told)
      (define (fail errno)
        (let ((v (make-bytevector 4 0)))
          (set-u32! v 0 (- errno))
          (linux-try 'write told v 4 0 0)
          (linux-try 'exit_group 127 0 0 0 0)))
      (define (must r) (if (< r 0) (fail r) r))
      (%recover-with! #f)
      (let ((high (map (lambda (fd) (if (exact-integer? fd) (must (linux-try 'fcntl fd 1030 3 0 0)) fd)) streams)))
        (let loop ((l high) (to 0))
          (when (pair? l)
            (cond ((exact-integer? (car l)) (must (linux-try 'dup3 (car l) to 0 0 0)))
                  ((eq? 'stdout (car l)) (must (linux-try 'dup3 1 to 0 0 0))))
            (loop (cdr l) (+ to 1)))))
      (if directory (must (linux-try 'chdir directory 0 0 0 0)))
      ;; All others are closed by execve(2), also those that somebody else opened (CLOSE_RANGE_CLOEXEC).
      (linux-try 'close_range 3 4294967295 4 0 0)
      (let ((default (make-bytevector 32 0)) (none (make-bytevector 8 0)))
        (linux-try 'rt_sigaction 13 default 0 8 0)
        (linux-try 'rt_sigprocmask 2 none 0 8 0))
      (fail (linux-try 'execve (path-bytes "process-start" file) arguments environment 0 0)))

    ;; Waits until a program has ended, or so many seconds at most. @returns its exit status; the number of the signal
    ;; that ended it, negated; #f: it has not ended
    (define (process-wait p . seconds)
      (let ((deadline (and (pair? seconds) (car seconds) (+ (now) (car seconds)))))
        (let loop ()
          (cond ((status p))
                ((look! p (and (not deadline) (not (threads?)))) (status p))
                ((and deadline (>= (now) deadline)) #f)
                (else (let-others-run) (if (not (status p)) (pause-briefly)) (loop))))))
    (define (look! p waits?)
      (let* ((v (make-bytevector 8 0))
             (r (linux-call "process-wait" 'wait4 (process-id p) v (if waits? 0 1) 0 0)))
        (and (> r 0)
             (let ((low (bytevector-u8-ref v 0)))
               (set-status! p (if (= 0 (modulo low 128)) (bytevector-u8-ref v 1) (- (modulo low 128))))
               #t))))
    ;; Whether a program has not ended yet.
    (define (process-running? p) (not (or (status p) (look! p #f))))
    ;; Sends a signal, SIGTERM without a number; nothing to one that has ended. @returns whether it was sent
    (define (process-kill p . signal)
      (and (process-running? p)
           (begin (linux-call "process-kill" 'kill (process-id p) (if (pair? signal) (car signal) 15) 0 0 0) #t)))

    ;; Raised by process->string and its like when a program ends otherwise than by status 0.
    (define-record-type process-failure (make-failure command status) process-failure?
      (command process-failure-command) (status process-failure-status))

    ;; Runs a program to its end. @returns as process-wait does
    (define (run-process command . options)
      (let ((p (apply process-start command options)))
        (if (process-input p) (close-port (process-input p)))
        (process-wait p)))
    (define (rest-of port)
      (let loop ((l '()))
        (let ((part (read-bytevector 65536 port)))
          (if (eof-object? part) (begin (close-port port) (apply bytevector-append (reverse l))) (loop (cons part l))))))
    ;; What a program writes. @raises a process-failure: it did not end by status 0
    (define (process->bytevector command . options) (output-of (list command) options))
    (define (process->string command . options) (utf8->string (output-of (list command) options)))
    ;; Its lines, without their ends.
    (define (process->lines command . options)
      (let* ((text (apply process->string command options)) (l (split text #\newline)) (back (reverse l)))
        (if (string=? (car back) "") (reverse (cdr back)) l)))
    (define (output-of commands options)
      (let* ((all (start-all commands (cons 'binary (cons #t options)) 'pipe))
             (bytes (rest-of (process-output (last all)))))
        (for-each process-wait all)
        (for-each (lambda (p) (if (not (eqv? 0 (status p))) (raise (make-failure (process-command p) (status p)))))
                  (reverse all))
        bytes))
    (define (last l) (if (null? (cdr l)) (car l) (last (cdr l))))

    ;; Programs of which each reads what the one before writes; options: 'stdin of the first, 'stdout of the last, the
    ;; others of all. @returns the processes
    (define (pipeline-start commands . options)
      (unless (and (list? commands) (pair? commands)) (error "a pipeline is a list of commands, got" commands))
      (start-all commands options (option options 'stdout 'inherit)))
    ;; What the last one writes. @raises a process-failure, of the last one that failed
    (define (pipeline->string commands . options)
      (unless (and (list? commands) (pair? commands)) (error "a pipeline is a list of commands, got" commands))
      (utf8->string (output-of commands options)))
    (define (start-all commands options out)
      (for-each check-command commands)
      (check-options options)
      (let loop ((l commands) (in (option options 'stdin 'inherit)) (started '()))
        (let* ((last? (null? (cdr l)))
               (ends (if last? #f (make-pipe "pipeline" #f)))
               (p (guard (e (#t (if ends (begin (close-descriptor (car ends)) (close-descriptor (cdr ends))))
                                (if (exact-integer? in) (close-descriptor in))
                                (for-each (lambda (p) (process-kill p) (process-wait p)) started)
                                (raise e)))
                    (apply process-start (car l) 'stdin in 'stdout (if last? out (car ends)) options))))
          (if ends (close-descriptor (car ends)))
          (if (exact-integer? in) (close-descriptor in))
          (if last? (reverse (cons p started)) (loop (cdr l) (cdr ends) (cons p started))))))))

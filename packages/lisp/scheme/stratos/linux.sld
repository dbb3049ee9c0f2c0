;; Linux for native programs, whichever their processor: system calls by name, descriptors, and waiting for them so that
;; other threads run meanwhile. What (stratos process) and (srfi 106) stand on. Numbers are little-endian.
(define-library (stratos linux)
  (export linux-call linux-try linux-fail errno-words u16 u32 u64 set-u16! set-u32! set-u64! path-bytes close-descriptor
          duplicate-descriptor wait-for-descriptor threads? let-others-run pause-briefly ignore-broken-pipes! now)
  (import (scheme base) (scheme time) (stratos system-call) (stratos thread-primitives)
          (stratos foreign-primitives) (stratos primitive %preempt))
  (begin
    ;; Of riscv64 (include/uapi/asm-generic/unistd.h), x86-64 (arch/x86/entry/syscalls/syscall_64.tbl), ppc64le
    ;; (arch/powerpc/kernel/syscalls/syscall.tbl).
    (define NUMBERS
      '((read 63 0 3) (write 64 1 4) (close 57 3 6) (openat 56 257 286) (pipe2 59 293 317) (dup3 24 292 316)
        (fcntl 25 72 55) (execve 221 59 11) (exit_group 94 231 234) (wait4 260 61 114) (kill 129 62 37)
        (chdir 49 80 12) (mmap 222 9 90) (munmap 215 11 91) (faccessat 48 269 298) (lseek 62 8 19)
        (rt_sigaction 134 13 173) (rt_sigprocmask 135 14 174) (nanosleep 101 35 162) (ppoll 73 271 281)
        (memfd_create 279 319 360) (close_range 436 436 436) (fork 220 57 2) (getrandom 278 318 359)
        (unlinkat 35 263 292) (socket 198 41 326) (bind 200 49 327) (connect 203 42 328) (listen 201 50 329)
        (accept4 242 288 344) (getsockname 204 51 331) (getpeername 205 52 332) (sendto 206 44 335)
        (recvfrom 207 45 337) (shutdown 210 48 338) (setsockopt 208 54 339) (getsockopt 209 55 340)))
    (define place #f)
    (define (number name)
      (unless place (set! place (case (%machine) ((243) 1) ((62) 2) (else 3))))
      (list-ref (assq name NUMBERS) place))
    ;; @returns what the kernel gives: negative is an errno, negated. A call that a signal interrupts begins anew.
    (define (linux-try name a b c d e)
      (let ((n (number name)))
        (let again ()
          (let ((r (%system-call n a b c d e)))
            (if (and (= r -4) (not (memq name '(ppoll nanosleep connect close)))) (again) r)))))
    ;; The same where an errno becomes a file error of `who`.
    (define (linux-call who name a b c d e)
      (let ((r (linux-try name a b c d e)))
        (if (< r 0) (linux-fail who r '()) r)))
    (define (linux-fail who errno irritants)
      (%foreign-fail 'file (string-append who ": " (errno-words errno)) irritants))

    ;; errno(3), as glibc says it.
    (define WORDS
      '((1 "operation not permitted") (2 "no such file or directory") (3 "no such process") (4 "interrupted")
        (5 "input/output error") (7 "argument list too long") (8 "exec format error") (9 "bad file descriptor")
        (10 "no child processes") (11 "timed out, or would have to wait") (12 "cannot allocate memory")
        (13 "permission denied") (20 "not a directory") (21 "is a directory") (22 "invalid argument")
        (23 "too many open files in the system") (24 "too many open files") (26 "text file busy") (32 "broken pipe")
        (36 "file name too long") (40 "too many levels of symbolic links") (88 "not a socket") (90 "message too long")
        (92 "protocol not available") (93 "protocol not supported") (95 "operation not supported")
        (97 "address family not supported by protocol") (98 "address already in use")
        (99 "cannot assign requested address") (101 "network is unreachable") (103 "connection aborted")
        (104 "connection reset by peer") (106 "already connected") (107 "not connected") (110 "connection timed out")
        (111 "connection refused") (113 "no route to host") (115 "operation in progress")))
    (define (errno-words errno)
      (let ((found (assv (- errno) WORDS)))
        (if found (cadr found) (string-append "error " (number->string (- errno))))))

    (define (u16 v at) (+ (bytevector-u8-ref v at) (* 256 (bytevector-u8-ref v (+ at 1)))))
    (define (u32 v at) (+ (u16 v at) (* 65536 (u16 v (+ at 2)))))
    (define (u64 v at) (+ (u32 v at) (* 4294967296 (u32 v (+ at 4)))))
    (define (set-u16! v at n)
      (bytevector-u8-set! v at (modulo n 256))
      (bytevector-u8-set! v (+ at 1) (modulo (quotient n 256) 256)))
    (define (set-u32! v at n) (set-u16! v at (modulo n 65536)) (set-u16! v (+ at 2) (quotient n 65536)))
    (define (set-u64! v at n) (set-u32! v at (modulo n 4294967296)) (set-u32! v (+ at 4) (quotient n 4294967296)))
    ;; A text with a zero behind it. No name of the system's holds one.
    (define (path-bytes who text)
      (unless (string? text) (error (string-append who ": expected a string, got") text))
      (let ((bytes (string->utf8 text)))
        (let loop ((i 0))
          (when (< i (bytevector-length bytes))
            (when (= 0 (bytevector-u8-ref bytes i)) (error (string-append who ": a text for the system holds a NUL:") text))
            (loop (+ i 1))))
        (bytevector-append bytes (bytevector 0))))

    (define (close-descriptor fd) (linux-try 'close fd 0 0 0 0))
    ;; F_DUPFD_CLOEXEC, above the standard ones.
    (define (duplicate-descriptor who fd) (linux-call who 'fcntl fd 1030 3 0 0))

    ;; Seconds of a clock that never goes back.
    (define (now) (/ (current-jiffy) (jiffies-per-second)))
    (define (threads?) (if (%thread-hooks) #t #f))
    (define (let-others-run) (if (%thread-hooks) (%preempt)))
    (define (pause-briefly)
      (let ((v (make-bytevector 16 0))) (set-u64! v 8 2000000) (linux-try 'nanosleep v 0 0 0 0)))
    ;; events: 1 POLLIN, 4 POLLOUT. deadline: of `now`, or #f. Where there are threads they run meanwhile.
    ;; @returns #f: not until the deadline
    (define (wait-for-descriptor fd events deadline)
      (let ((v (make-bytevector 8 0)) (limit (make-bytevector 16 0)))
        (set-u32! v 0 fd)
        (bytevector-u8-set! v 4 events)
        (let loop ((slice 0))
          (let* ((left (if deadline (max 0 (- deadline (now))) 3600))
                 (microseconds (exact (floor (* 1000000 (if (threads?) (min slice left) left))))))
            (set-u64! limit 0 (quotient microseconds 1000000))
            (set-u64! limit 8 (* 1000 (modulo microseconds 1000000)))
            (let ((r (linux-try 'ppoll v 1 limit 0 8)))
              (cond ((> r 0) #t)
                    ((and deadline (>= (now) deadline)) #f)
                    (else (let-others-run) (loop 1/500))))))))

    ;; Who writes to what nobody reads any more gets an error; the signal would end the program (SIGPIPE, SIG_IGN).
    (define ignored #f)
    (define (ignore-broken-pipes!)
      (unless ignored
        (set! ignored #t)
        (let ((action (make-bytevector 32 0)))
          (bytevector-u8-set! action 0 1)
          (linux-try 'rt_sigaction 13 action 0 8 0))))))

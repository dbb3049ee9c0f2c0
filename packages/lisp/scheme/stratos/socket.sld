;; Sockets of the internet and of Unix, for native programs: SRFI 106's procedures, with time-outs, addresses and Unix
;; sockets besides. What waits lets other threads run. Errors of the system are file errors.
(define-library (stratos socket)
  (export make-client-socket make-server-socket make-unix-client-socket make-unix-server-socket socket?
          socket-accept socket-send socket-recv socket-shutdown socket-close socket-input-port socket-output-port
          call-with-socket socket-timeout socket-timeout-set! socket-port socket-local-address socket-peer-address
          address-family address-info socket-domain ip-protocol message-type shutdown-method
          socket-merge-flags socket-purge-flags
          *af-unspec* *af-inet* *af-inet6* *sock-stream* *sock-dgram* *ai-canonname* *ai-numerichost* *ai-v4mapped*
          *ai-all* *ai-addrconfig* *ipproto-ip* *ipproto-tcp* *ipproto-udp* *msg-none* *msg-peek* *msg-oob*
          *msg-waitall* *shut-rd* *shut-wr* *shut-rdwr*)
  (import (scheme base) (stratos linux) (stratos resolver) (stratos system-call))
  (begin
    ;; A socket: its descriptor (#f: closed), whether it listens, seconds that it waits at most (#f: for ever).
    (define-record-type socket (new-socket fd type timeout) socket?
      (fd socket-fd set-socket-fd!) (type socket-type) (timeout socket-timeout set-timeout!))

    (define AF-UNIX 1)
    ;; Addresses of either family.
    (define *af-unspec* 0)
    ;; Addresses of IPv4.
    (define *af-inet* 2)
    ;; Addresses of IPv6.
    (define *af-inet6* 10)
    ;; Sockets of streams: TCP.
    (define *sock-stream* 1)
    ;; Sockets of datagrams: UDP.
    (define *sock-dgram* 2)
    ;; Taken, and without effect: names are not told.
    (define *ai-canonname* 2)
    ;; The host is an address, no name.
    (define *ai-numerichost* 4)
    ;; Taken, and without effect.
    (define *ai-v4mapped* 8)
    ;; Taken, and without effect.
    (define *ai-all* 16)
    ;; Taken, and without effect.
    (define *ai-addrconfig* 32)
    ;; The protocol that the socket's type has.
    (define *ipproto-ip* 0)
    ;; TCP.
    (define *ipproto-tcp* 6)
    ;; UDP.
    (define *ipproto-udp* 17)
    ;; No flag of a message.
    (define *msg-none* 0)
    ;; Urgent data, beside the others.
    (define *msg-oob* 1)
    ;; What is received stays to be received again.
    (define *msg-peek* 2)
    ;; All bytes that were asked for are waited for.
    (define *msg-waitall* 256)
    ;; Nothing more is received.
    (define *shut-rd* 0)
    ;; Nothing more is sent.
    (define *shut-wr* 1)
    ;; Both ways end.
    (define *shut-rdwr* 2)
    (define DONTWAIT 64) (define NOSIGNAL 16384)
    (define NONBLOCK 2048) (define CLOEXEC 524288)
    ;; A family of addresses by name: inet, inet6 or unspec.
    (define-syntax address-family
      (syntax-rules (inet inet6 unspec) ((_ inet) *af-inet*) ((_ inet6) *af-inet6*) ((_ unspec) *af-unspec*)))
    ;; Flags of make-client-socket by name.
    (define-syntax address-info
      (syntax-rules (canonname numerichost v4mapped all addrconfig)
        ((_) 0) ((_ canonname . r) (+ *ai-canonname* (address-info . r)))
        ((_ numerichost . r) (+ *ai-numerichost* (address-info . r)))
        ((_ v4mapped . r) (+ *ai-v4mapped* (address-info . r))) ((_ all . r) (+ *ai-all* (address-info . r)))
        ((_ addrconfig . r) (+ *ai-addrconfig* (address-info . r)))))
    ;; A type of sockets by name: stream or datagram.
    (define-syntax socket-domain
      (syntax-rules (stream datagram) ((_ stream) *sock-stream*) ((_ datagram) *sock-dgram*)))
    ;; A protocol by name: ip, tcp or udp.
    (define-syntax ip-protocol
      (syntax-rules (ip tcp udp) ((_ ip) *ipproto-ip*) ((_ tcp) *ipproto-tcp*) ((_ udp) *ipproto-udp*)))
    ;; Flags of socket-send and socket-recv by name: none, peek, oob, wait-all.
    (define-syntax message-type
      (syntax-rules (none peek oob wait-all)
        ((_) 0) ((_ none . r) (message-type . r)) ((_ peek . r) (+ *msg-peek* (message-type . r)))
        ((_ oob . r) (+ *msg-oob* (message-type . r))) ((_ wait-all . r) (+ *msg-waitall* (message-type . r)))))
    ;; Ways that end, by name: read, write, or both.
    (define-syntax shutdown-method
      (syntax-rules (read write)
        ((_ read) *shut-rd*) ((_ write) *shut-wr*) ((_ read write) *shut-rdwr*) ((_ write read) *shut-rdwr*)))
    (define (bits-with f l)
      (let loop ((bit 1) (r 0))
        (if (> bit 65536) r (loop (* 2 bit) (if (f (map (lambda (n) (odd? (quotient n bit))) l)) (+ r bit) r)))))
    ;; Flags that any of these has.
    (define (socket-merge-flags . l) (bits-with (lambda (set) (and (memq #t set) #t)) l))
    ;; The first one's flags without those of the others.
    (define (socket-purge-flags base . l)
      (bits-with (lambda (set) (and (car set) (not (memq #t (cdr set))))) (cons base l)))

    (define (operand l n default) (if (> (length l) n) (list-ref l n) default))
    (define (families family)
      (cond ((eqv? family *af-inet*) '(4)) ((eqv? family *af-inet6*) '(16)) ((eqv? family *af-unspec*) '(4 16))
            (else (error "no family of addresses:" family))))
    (define (protocol-name type)
      (cond ((eqv? type *sock-stream*) "tcp") ((eqv? type *sock-dgram*) "udp") (else (error "no type of sockets:" type))))
    (define (open-socket who family type protocol)
      (ignore-broken-pipes!)
      (linux-call who 'socket family (+ type NONBLOCK CLOEXEC) protocol 0 0))
    (define (descriptor who s)
      (unless (socket? s) (error (string-append who ": expected a socket, got") s))
      (or (socket-fd s) (error (string-append who ": the socket is closed"))))

    ;; A socket that is connected with a service of a host; each of its addresses is tried. Further operands: family,
    ;; type, flags (*ai-numerichost*: the host is an address), protocol, and seconds for each address (75).
    (define (make-client-socket host service . l)
      (let* ((family (operand l 0 *af-inet*)) (type (operand l 1 *sock-stream*)) (flags (operand l 2 0))
             (protocol (operand l 3 0)) (seconds (operand l 4 75))
             (port (service-port service (protocol-name type)))
             (who (lambda (address) (string-append "make-client-socket: " (address->text address))))
             (numeric? (odd? (quotient flags *ai-numerichost*))))
        (when (and numeric? (not (text->address host))) (error "make-client-socket: no address:" host))
        (let loop ((all (resolve-host host (families family))))
          (let* ((address (car all))
                 (fd (open-socket (who address) (if (= 4 (bytevector-length address)) *af-inet* *af-inet6*) type protocol))
                 (failed (connected fd (socket-address address port) seconds)))
            (cond ((not failed) (new-socket fd type #f))
                  (else (close-descriptor fd)
                        (if (null? (cdr all)) (linux-fail (who address) failed (list host service)) (loop (cdr all)))))))))
    ;; @returns an errno; #f: it is
    (define (connected fd address seconds)
      (let* ((r (linux-try 'connect fd address (bytevector-length address) 0 0))
             (r (if (memv r '(-115 -4))
                    (if (wait-for-descriptor fd 4 (and seconds (+ (now) seconds))) (- (pending-error fd)) -110)
                    r)))
        (if (< r 0) r (begin (make-blocking fd) #f))))
    (define (pending-error fd)
      (let ((v (make-bytevector 4 0)) (n (make-bytevector 4 0)))
        (set-u32! n 0 4)
        (linux-call "socket" 'getsockopt fd 1 4 v n)
        (u32 v 0)))
    ;; Ports read and write as files do (F_SETFL).
    (define (make-blocking fd) (linux-call "socket" 'fcntl fd 4 0 0 0))

    (define (listening who fd address type)
      (define (must r) (when (< r 0) (close-descriptor fd) (linux-fail who r '())))
      (must (linux-try 'bind fd address (bytevector-length address) 0 0))
      (if (eqv? type *sock-stream*) (must (linux-try 'listen fd 4096 0 0 0)) (make-blocking fd))
      (new-socket fd type #f))
    (define (one) (let ((v (make-bytevector 4 0))) (bytevector-u8-set! v 0 1) v))
    ;; A socket that waits for clients at a port, of all addresses; port 0: one that is free (socket-port tells it).
    ;; Further operands: family (with inet6 also IPv4's clients come), type, protocol.
    (define (make-server-socket service . l)
      (let* ((family (operand l 0 *af-inet*)) (type (operand l 1 *sock-stream*)) (protocol (operand l 2 0))
             (port (service-port service (protocol-name type)))
             (v6? (eqv? family *af-inet6*))
             (fd (open-socket "make-server-socket" (if v6? *af-inet6* *af-inet*) type protocol)))
        ;; SO_REUSEADDR: a server that begins anew need not wait for connections that its predecessor left.
        (linux-try 'setsockopt fd 1 2 (one) 4)
        (listening (string-append "make-server-socket: port " (number->string port)) fd
                   (socket-address (make-bytevector (if v6? 16 4) 0) port) type)))

    (define (unix-address who path)
      (let ((bytes (path-bytes who path)))
        ;; sun_path has 108 bytes: unix(7).
        (when (> (bytevector-length bytes) 108) (linux-fail (string-append who ": " path) -36 (list path)))
        (bytevector-append (bytevector AF-UNIX 0) bytes)))
    ;; A socket of Unix that is connected with the server at a path.
    (define (make-unix-client-socket path)
      (let* ((who (string-append "make-unix-client-socket: " path)) (address (unix-address "make-unix-client-socket" path))
             (fd (open-socket who AF-UNIX *sock-stream* 0)) (failed (connected fd address #f)))
        (when failed (close-descriptor fd) (linux-fail who failed (list path)))
        (new-socket fd *sock-stream* #f)))
    ;; A socket of Unix that waits for clients at a path, where nothing may be.
    (define (make-unix-server-socket path)
      (let ((address (unix-address "make-unix-server-socket" path)))
        (listening (string-append "make-unix-server-socket: " path)
                   (open-socket "make-unix-server-socket" AF-UNIX *sock-stream* 0) address *sock-stream*)))

    (define (deadline s) (and (socket-timeout s) (+ (now) (socket-timeout s))))
    (define (timed-out who) (linux-fail who -110 '()))
    ;; The next client, as a socket.
    (define (socket-accept s)
      (let ((until (deadline s)))
        (let loop ()
          (unless (wait-for-descriptor (descriptor "socket-accept" s) 1 until) (timed-out "socket-accept"))
          (let ((r (linux-try 'accept4 (descriptor "socket-accept" s) 0 0 CLOEXEC 0)))
            ;; Who went away again before it was accepted is nobody: EAGAIN, ECONNABORTED.
            (cond ((memv r '(-11 -103)) (loop))
                  ((< r 0) (linux-fail "socket-accept" r '()))
                  (else
                   (let ((client (new-socket r *sock-stream* #f)))
                     ;; Linux hands time-outs of the server's on.
                     (if (socket-timeout s) (socket-timeout-set! client #f))
                     client)))))))
    ;; Sends all bytes. @returns how many
    (define (socket-send s bytes . flags)
      (let* ((n (bytevector-length bytes)) (flags (+ NOSIGNAL DONTWAIT (operand flags 0 0))) (until (deadline s)))
        (let loop ((at 0))
          (let ((r (linux-try 'sendto (descriptor "socket-send" s) (if (= at 0) bytes (bytevector-copy bytes at)) (- n at)
                              flags 0)))
            (cond ((= r -11)
                   (unless (wait-for-descriptor (socket-fd s) 4 until) (timed-out "socket-send"))
                   (loop at))
                  ((< r 0) (linux-fail "socket-send" r '()))
                  ((< (+ at r) n) (loop (+ at r)))
                  (else n))))))
    ;; Most bytes that socket-recv takes at once.
    (define RECEIVED-MAX 16777216)
    ;; At most so many bytes, what has come; none: the other side sends no more.
    (define (socket-recv s size . flags)
      (unless (and (exact-integer? size) (<= 0 size RECEIVED-MAX)) (error "socket-recv: no size:" size))
      (let ((v (make-bytevector size 0)) (flags (operand flags 0 0)) (until (deadline s)))
        (let loop ((at 0))
          (unless (wait-for-descriptor (descriptor "socket-recv" s) 1 until) (timed-out "socket-recv"))
          (let* ((part (if (= at 0) v (make-bytevector (- size at) 0)))
                 (r (linux-try 'recvfrom (socket-fd s) part (- size at) (+ DONTWAIT (socket-purge-flags flags *msg-waitall*)) 0)))
            (cond ((= r -11) (loop at))
                  ((< r 0) (linux-fail "socket-recv" r '()))
                  (else
                   (if (> at 0) (bytevector-copy! v at part 0 r))
                   (let ((at (+ at r)))
                     (if (and (odd? (quotient flags *msg-waitall*)) (> r 0) (< at size)) (loop at)
                         (if (= at size) v (bytevector-copy v 0 at))))))))))
    ;; Ends one way (*shut-rd*, *shut-wr*) or both.
    (define (socket-shutdown s how) (linux-call "socket-shutdown" 'shutdown (descriptor "socket-shutdown" s) how 0 0 0))
    ;; Closes a socket; its ports stay until they are closed.
    (define (socket-close s)
      (let ((fd (socket-fd s))) (when fd (set-socket-fd! s #f) (close-descriptor fd))))
    ;; Ports have descriptors of their own, to be closed by themselves.

    ;; The port of bytes from which a socket is read.
    (define (socket-input-port s) (%descriptor-port (duplicate-descriptor "socket-input-port" (descriptor "socket-input-port" s)) 5))
    ;; The port of bytes by which a socket is written to.
    (define (socket-output-port s) (%descriptor-port (duplicate-descriptor "socket-output-port" (descriptor "socket-output-port" s)) 6))
    ;; Calls f with a socket, which is closed when f returns.
    (define (call-with-socket s f) (let-values ((l (f s))) (socket-close s) (apply values l)))

    ;; Seconds after which what waits for this socket or its ports is a file error; #f: never. SO_RCVTIMEO, SO_SNDTIMEO.
    (define (socket-timeout-set! s seconds)
      (let ((v (make-bytevector 16 0)) (fd (descriptor "socket-timeout-set!" s)) (ppc? (= 21 (%machine))))
        (when seconds
          (let ((microseconds (max 1 (exact (floor (* 1000000 seconds))))))
            (set-u64! v 0 (quotient microseconds 1000000))
            (set-u64! v 8 (modulo microseconds 1000000))))
        (linux-call "socket-timeout-set!" 'setsockopt fd 1 (if ppc? 18 20) v 16)
        (linux-call "socket-timeout-set!" 'setsockopt fd 1 (if ppc? 19 21) v 16)
        (set-timeout! s seconds)))

    (define (name-of s call)
      (let ((v (make-bytevector 128 0)) (n (make-bytevector 4 0)))
        (set-u32! n 0 128)
        (linux-call "socket" call (descriptor "socket" s) v n 0 0)
        v))
    (define (told v)
      (case (u16 v 0)
        ((2) (address->text (bytevector-copy v 4 8)))
        ((10) (address->text (bytevector-copy v 8 24)))
        (else #f)))
    ;; The port at which a socket of the internet is.
    (define (socket-port s) (let ((v (name-of s 'getsockname))) (+ (* 256 (bytevector-u8-ref v 2)) (bytevector-u8-ref v 3))))
    ;; Addresses of this side and of the other one, as text; #f: of Unix.
    (define (socket-local-address s) (told (name-of s 'getsockname)))
    (define (socket-peer-address s) (told (name-of s 'getpeername)))))

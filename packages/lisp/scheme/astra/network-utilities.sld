;; ifconfig and netstat as net-tools write them; ping as iputils do.
(define-library (astra network-utilities)
  (export network-utilities)
  (import (scheme base) (astra posix) (astra options) (astra texts) (astra arithmetic) (astra network)
    (astra accounts))
  (begin
    (define (ended n width) (pad (number->string n) width))
    (define (begun n width) (pad-right (number->string n) width))
    (define (bit? flags n) (odd? (quotient flags n)))

    ;; net-tools' order is that of the bits, but for MULTICAST.
    (define FLAGS
      '((1 . "UP") (2 . "BROADCAST") (4 . "DEBUG") (8 . "LOOPBACK") (16 . "POINTOPOINT") (64 . "RUNNING")
        (128 . "NOARP")
        (256 . "PROMISC") (512 . "ALLMULTI") (4096 . "MULTICAST")))
    (define (comma-joined l)
      (if (null? l) "" (apply string-append (car l) (map (lambda (t) (string-append "," t)) (cdr l)))))
    (define (flag-names flags names)
      (let keep ((l names)) (cond ((null? l) '()) ((bit? flags (car (car l))) (cons (cdr (car l)) (keep (cdr l))))
                              (else (keep (cdr l))))))
    (define (amount n)
      (let loop ((size 1) (units '("B" "KiB" "MiB" "GiB" "TiB" "PiB")))
        (if (or (null? (cdr units)) (<= n (* 1024 size)))
            (let ((tenths (quotient (* 10 n) size)))
              (string-append "(" (number->string (quotient tenths 10)) "." (number->string (modulo tenths 10)) " "
                (car units) ")"))
            (loop (* 1024 size) (cdr units)))))
    (define (hex-of n) (let ((t (number->string n 16))) (if (= 1 (string-length t)) (string-append "0" t) t)))
    (define (groups-of-hex t)
      (let loop ((i 0)) (if (= i 32) '() (cons (hex (substring t i (+ i 4))) (loop (+ i 4))))))
    (define (show-interface entry)
      (let* ((name (car entry)) (flags (or (interface-flags name) 0)) (received (cadr entry))
             (sent (car (cddr entry)))
             (address (interface-value name ADDRESS address-text))
             (hardware (interface-value name #x8927 (lambda (v) v)))
             (queue (number->string (or (interface-value name #x8942 (lambda (v) (u32 v 16))) 0))))
        (define (line . parts) (out "        ") (out-line (apply string-append parts)))
        (define (counts l names) (apply string-append (map (lambda (n i)
                                                             (string-append n (number->string (list-ref l i)))) names
                                                               '(2 3 4 5))))
        (out-line (string-append name ": flags=" (number->string flags) "<"
                    (comma-joined (flag-names flags FLAGS)) ">  mtu "
                    (number->string (or (interface-value name #x8921 (lambda (v) (u32 v 16))) 0))))
        (if address
            (line "inet " address "  netmask " (or (interface-value name NETMASK address-text) "0.0.0.0")
                  (if (bit? flags 2) (string-append "  broadcast "
                                       (or (interface-value name BROADCAST address-text) "0.0.0.0")) "")
                  (if (bit? flags 16) (string-append "  destination "
                                        (or (interface-value name DESTINATION address-text) "0.0.0.0")) "")))
        (for-each
          (lambda (w)
            (when (and (= 6 (length w)) (string=? name (list-ref w 5)))
              (line "inet6 " (inet6-text (groups-of-hex (car w))) "  prefixlen "
                (number->string (hex (list-ref w 2))) "  scopeid 0x"
                    (number->string (hex (list-ref w 3)) 16)
                    (case (hex (list-ref w 3)) ((0) "<global>") ((16) "<host>") ((32) "<link>") ((64) "<site>")
                      (else "<unknown>")))))
          (rows-after 0 "/proc/net/if_inet6"))
        (case (and hardware (+ (bytevector-u8-ref hardware 16) (* 256 (bytevector-u8-ref hardware 17))))
          ((1) (line "ether " (apply string-append (hex-of (bytevector-u8-ref hardware 18))
                                (map (lambda (i) (string-append ":" (hex-of (bytevector-u8-ref hardware i))))
                                  '(19 20 21 22 23)))
                     "  txqueuelen " queue "  (Ethernet)"))
          ((772) (line "loop  txqueuelen " queue "  (Local Loopback)"))
          (else (line "unspec  txqueuelen " queue)))
        (line "RX packets " (number->string (cadr received)) "  bytes " (number->string (car received)) " "
          (amount (car received)))
        (line "RX" (counts received '(" errors " "  dropped " "  overruns " "  frame ")))
        (line "TX packets " (number->string (cadr sent)) "  bytes " (number->string (car sent)) " "
          (amount (car sent)))
        ;; /proc/net/dev tells collisions before carriers.
        (line "TX errors " (number->string (list-ref sent 2)) "  dropped "
          (number->string (list-ref sent 3)) " overruns "
              (number->string (list-ref sent 4)) "  carrier " (number->string (list-ref sent 6)) "  collisions "
              (number->string (list-ref sent 5)))
        (out-line "")))

    (define IFCONFIG "[-as] [INTERFACE [ADDRESS[/BITS]] [netmask MASK] [broadcast ADDRESS] [mtu BYTES] [up | down]]")
    (define (ifconfig l)
      (with-options (p "ifconfig" IFCONFIG "as" '() l)
        (let ((all (interface-statistics)))
          (cond ((null? (cdr p))
                 (let ((shown (let keep ((l all))
                                (cond ((null? l) '())
                                      ((or (option-set? p #\a) (bit? (or (interface-flags (car (car l))) 0) 1))
                                       (cons (car l) (keep (cdr l))))
                                      (else (keep (cdr l)))))))
                   (if (option-set? p #\s)
                       (interface-table shown
                         "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg")
                       (for-each show-interface shown))
                   0))
                ((null? (cddr p))
                 (let ((entry (assoc (cadr p) all)))
                   (if (not entry) (begin (complain (cadr p)
                                            ": error fetching interface information: Device not found") 1)
                       (begin (if (option-set? p #\s) (interface-table (list entry) TABLE-HEADER)
                                (show-interface entry)) 0))))
                (else (change-interface (cadr p) (cddr p)))))))
    ;; Each word is done when it is read.
    (define (change-interface name l)
      (define (refused what r) (refuse what 1 (error-words r)))
      (define (set-it what request fill!)
        (let ((v (make-interface-request name)))
          (fill! v)
          (let ((r (interface-request! v request))) (if (< r 0) (refused what r)))))
      (define (set-address what request text)
        (let ((bytes (or (host-address text) (refuse text 1 "not an address"))))
          (set-it what request
            (lambda (v) (bytevector-u8-set! v 16 2)
                        (let loop ((i 20) (l bytes)) (when (pair? l) (bytevector-u8-set! v i (car l))
                                                       (loop (+ i 1) (cdr l))))))))
      (define (set-flag on)
        (let ((flags (or (interface-flags name) (refused "SIOCGIFFLAGS" -19))))
          (set-it "SIOCSIFFLAGS" #x8914 (lambda (v) (set-u32! v 16 (+ (- flags (modulo flags 2)) (if on 1 0)))))))
      (define (mask-of bits)
        (address->text (map (lambda (at) (- 256 (expt 2 (- 8 (max 0 (min 8 (- bits at))))))) '(0 8 16 24))))
      (let loop ((l l))
        (cond ((null? l) 0)
              ((string=? (car l) "up") (set-flag #t) (loop (cdr l)))
              ((string=? (car l) "down") (set-flag #f) (loop (cdr l)))
              ((member (car l) '("netmask" "broadcast" "mtu"))
               (if (null? (cdr l)) (usage-error "ifconfig" IFCONFIG)
                   (begin
                     (cond ((string=? (car l) "netmask") (set-address "SIOCSIFNETMASK" (+ 1 NETMASK) (cadr l)))
                           ((string=? (car l) "broadcast") (set-address "SIOCSIFBRDADDR" (+ 1 BROADCAST) (cadr l)))
                           (else (set-it "SIOCSIFMTU" #x8922
                                   (lambda (v) (set-u32! v 16 (number-of "ifconfig" (cadr l)))))))
                     (loop (cddr l)))))
              (else
               (let* ((parts (split-at (car l) #\/)) (bits (and (pair? (cdr parts))
                                                             (number-of "ifconfig" (cadr parts)))))
                 (if (and bits (not (<= 0 bits 32))) (refuse (car l) 1 "not an address"))
                 (set-address "SIOCSIFADDR" (+ 1 ADDRESS) (car parts))
                 (if bits (set-address "SIOCSIFNETMASK" (+ 1 NETMASK) (mask-of bits)))
                 (if (= 0 (modulo (or (interface-flags name) 1) 2)) (set-flag #t))
                 (loop (cdr l)))))))

    (define TABLE-HEADER "Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg")
    (define (interface-table l header)
      (out-line header)
      (for-each
        (lambda (entry)
          (let* ((name (car entry)) (r (cadr entry)) (s (car (cddr entry))) (flags (or (interface-flags name) 0)))
            (out-line
              (string-append (pad-right name 15) " " (ended (or
                                                              (interface-value name #x8921 (lambda (v) (u32 v 16))) 0)
                                                                5) " "
                (ended (cadr r) 8) " " (ended (list-ref r 2) 6) " " (ended (list-ref r 3) 6) " "
                  (begun (list-ref r 4) 6) " "
                (ended (cadr s) 8) " " (ended (list-ref s 2) 6) " " (ended (list-ref s 3) 6) " "
                  (ended (list-ref s 4) 6) " "
                (apply string-append
                  (flag-names flags '((512 . "A") (2 . "B") (4 . "D") (8 . "L") (4096 . "M") (128 . "O") (16 . "P")
                                      (64 . "R") (1 . "U"))))))))
        l))

    (define STATES
      '#("" "ESTABLISHED" "SYN_SENT" "SYN_RECV" "FIN_WAIT1" "FIN_WAIT2" "TIME_WAIT" "CLOSE" "CLOSE_WAIT" "LAST_ACK"
          "LISTEN" "CLOSING"))
    ;; HEX:PORT, whose words are in the machine's order.
    (define (socket-address t)
      (let* ((colon (text-index t #\:)) (port (hex (substring t (+ colon 1) (string-length t))))
             (bytes (let loop ((at 0))
                      (if (= at colon) '()
                          (append (map (lambda (i) (hex (substring t (+ at i) (+ at i 2)))) '(6 4 2 0))
                            (loop (+ at 8)))))))
        (string-append
          (if (= 8 colon) (address->text bytes)
              (inet6-text (let pairs ((l bytes)) (if (null? l) '()
                                                   (cons (+ (* 256 (car l)) (cadr l)) (pairs (cddr l)))))))
          ":" (if (= 0 port) "*" (number->string port)))))
    ;; socket number -> PID/PROGRAM, by the descriptors of all processes that may be seen.
    (define (owners)
      (let processes ((l (let ((l (folder-names "/proc"))) (if (pair? l) l '()))) (r '()))
        (if (null? l) r
            (let ((fds (if (text->integer (car l)) (folder-names (string-append "/proc/" (car l) "/fd")) '())))
              (processes (cdr l)
                (let each ((fds (if (pair? fds) fds '())) (r r))
                  (if (null? fds) r
                      (let ((target (sys-readlink (string-append "/proc/" (car l) "/fd/" (car fds)))))
                        (each (cdr fds)
                          (if (and (string? target) (prefix? "socket:[" target))
                              (cons (cons (substring target 8 (- (string-length target) 1))
                                      (string-append (car l) "/" (program-of (car l)))) r)
                              r))))))))))
    (define (program-of pid)
      (let ((line (or (file-text (string-append "/proc/" pid "/cmdline")) "")))
        (base-name (car (split-at line #\nul)))))
    (define (netstat l)
      (with-options (p "netstat" "[-alnptuwx46] | -r | -i" "alnptuwx46riWe"
                       '(("all" . #\a) ("listening" . #\l) ("numeric" . #\n) ("programs" . #\p) ("tcp" . #\t)
                         ("udp" . #\u) ("raw" . #\w)
                         ("unix" . #\x) ("route" . #\r) ("interfaces" . #\i) ("wide" . #\W)) l)
        (define (on? c) (option-set? p c))
        (let* ((protocol? (or (on? #\t) (on? #\u) (on? #\w))) (family? (or (on? #\4) (on? #\6)))
               (inet? (or protocol? family? (not (on? #\x))))
               (names (if (on? #\p) (owners) '()))
               (title (cond ((on? #\a) "(servers and established)") ((on? #\l) "(only servers)")
                        (else "(w/o servers)"))))
          (define (owner inode) (if (on? #\p) (string-append " "
                                                (pad-right (let ((e (assoc inode names))) (if e (cdr e) "-")) 20))
                                                  ""))
          (define (wanted? serves?) (or (on? #\a) (eq? serves? (on? #\l))))
          (define (internet protocol)
            (define udp? (not (prefix? "tcp" protocol)))
            (for-each
              (lambda (w)
                (let* ((state (hex (list-ref w 3))) (queues (split-at (list-ref w 4) #\:)))
                  (if (wanted? (if udp? (= state 7) (= state 10)))
                      (out-line
                        (string-append (pad-right protocol 5) " " (ended (hex (cadr queues)) 6) " "
                          (ended (hex (car queues)) 6) " "
                          (pad-right (socket-address (cadr w)) 23) " "
                            (pad-right (socket-address (list-ref w 2)) 23) " "
                          (pad-right (if (and udp? (= state 7)) "" (vector-ref STATES state)) 11)
                          (if (on? #\p) (owner (list-ref w 9)) ""))))))
              (rows-after 1 (string-append "/proc/net/" protocol))))
          (define (both name)
            (if (or (on? #\4) (not (on? #\6))) (internet name))
            (if (or (on? #\6) (not (on? #\4))) (internet (string-append name "6"))))
          (define (unix w)
            (let* ((flags (hex (list-ref w 3))) (state (hex (list-ref w 5))) (listens? (bit? flags 65536)))
              (if (wanted? listens?)
                  (out-line
                    (string-append "unix  " (begun (hex (cadr w)) 6) " "
                      (pad-right (string-append "[ " (if listens? "ACC " "") (if (bit? flags 131072) "W " "")
                                   (if (bit? flags 262144) "N " "") "]") 11)
                      " " (pad-right (case (hex (list-ref w 4)) ((1) "STREAM") ((2) "DGRAM") ((3) "RAW")
                                       ((5) "SEQPACKET") (else "UNKNOWN")) 10)
                      " " (pad-right (case state ((1) (if listens? "LISTENING" "")) ((2) "CONNECTING")
                                       ((3) "CONNECTED") ((4) "DISCONNECTING") (else "FREE")) 13)
                      " " (pad-right (list-ref w 6) 8) (owner (list-ref w 6)) " "
                        (if (pair? (list-tail w 7)) (list-ref w 7) ""))))))
          (cond ((on? #\r) (show-routes))
                ((on? #\i) (out-line "Kernel Interface table")
                           (interface-table (let up ((l (interface-statistics)))
                                              (cond ((null? l) '())
                                                ((or (on? #\a) (bit? (or (interface-flags (car (car l))) 0) 1))
                                                 (cons (car l) (up (cdr l)))) (else (up (cdr l)))))
                                            TABLE-HEADER))
                (else
                 (when inet?
                   (out-line (string-append "Active Internet connections " title))
                   (out-line (string-append
                               "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
                               (if (on? #\p) " PID/Program name    " "")))
                   (if (or (not protocol?) (on? #\t)) (both "tcp"))
                   (if (or (not protocol?) (on? #\u)) (both "udp"))
                   (if (or (not protocol?) (on? #\w)) (both "raw")))
                 (when (or (on? #\x) (not (or protocol? family?)))
                   (out-line (string-append "Active UNIX domain sockets " title))
                   (out-line (string-append "Proto RefCnt Flags       Type       State         I-Node   "
                               (if (on? #\p) "PID/Program name     " "") "Path"))
                   (for-each unix (rows-after 1 "/proc/net/unix")))))
          0)))
    (define (show-routes)
      (out-line "Kernel IP routing table")
      (out-line "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface")
      (for-each
        (lambda (w)
          (define (address i) (let* ((t (socket-address (string-append (list-ref w i) ":0"))))
                                (substring t 0 (- (string-length t) 2))))
          (let ((flags (hex (list-ref w 3))))
            (out-line
              (string-append (pad-right (address 1) 15) " " (pad-right (address 2) 15) " "
                (pad-right (address 7) 15) " "
                (pad-right (apply string-append (flag-names flags
                                                  '((1 . "U") (2 . "G") (4 . "H") (16 . "D") (32 . "M") (512 . "!"))))
                                                    6)
                (pad (list-ref w 8) 5) " " (pad-right (list-ref w 9) 5) " " (pad (list-ref w 10) 6) " " (car w)))))
        (rows-after 1 "/proc/net/route")))

    (define PING "[-q] [-c COUNT] [-i SECONDS] [-s BYTES] [-W SECONDS] HOST")
    (define (seconds who t)
      (let ((x (string->number t))) (if (and x (>= x 0)) (exact (floor (* 1000000 x)))
                                      (refuse who 2 "invalid argument: '" t "'"))))
    (define (microseconds) (let ((t (sys-time 1))) (+ (* 1000000 (car t)) (quotient (cdr t) 1000))))
    (define (checksum v n)
      (let loop ((i 0) (sum 0))
        (if (< i n) (loop (+ i 2) (+ sum (* 256 (bytevector-u8-ref v i))
                                    (if (< (+ i 1) n) (bytevector-u8-ref v (+ i 1)) 0)))
            (let fold ((sum sum)) (if (> sum 65535) (fold (+ (modulo sum 65536) (quotient sum 65536)))
                                    (- 65535 sum))))))
    (define (set-u16! v at n) (bytevector-u8-set! v at (quotient n 256))
      (bytevector-u8-set! v (+ at 1) (modulo n 256)))
    (define (u16 v at) (+ (* 256 (bytevector-u8-ref v at)) (bytevector-u8-ref v (+ at 1))))
    ;; Milliseconds with three digits behind the point.
    (define (fixed us) (let ((t (number->string (+ 1000 (modulo us 1000)))))
                         (string-append (number->string (quotient us 1000)) "." (substring t 1 4))))
    ;; Four digits that count, as iputils show one trip.
    (define (trip us)
      (let* ((t (fixed us)) (whole (number->string (quotient us 1000))) (n (string-length whole)))
        (if (>= n 3) whole (substring t 0 (min (string-length t) (if (= n 1) (if (< us 1000) 5 4) 4))))))
    (define (ping l)
      (with-options (p "ping" PING "c:i:s:W:qn4w:" '() l)
        (define (given c other) (let ((t (option-value p c))) (if t (number-of "ping" t) other)))
        (if (not (= 2 (length p))) (usage-error "ping" PING)
            (let* ((name (cadr p)) (bytes (or (host-address name)
                                            (refuse "ping" 2 name ": Name or service not known")))
                   (address (address->text bytes)) (raw (sys-socket 2 3 1)) (fd (if (< raw 0) (sys-socket 2 2 1) raw))
                   (size (given #\s 56)) (count (given #\c -1))
                     (interval (seconds "ping" (or (option-value p #\i) "1")))
                   (limit (seconds "ping" (or (option-value p #\W) "10"))) (to (make-bytevector 16 0))
                     (started (microseconds))
                   (id (modulo (sys-getpid) 65536)))
              (define (check what r) (if (< r 0) (refuse "ping" 2 what ": " (error-words r)) r))
              (define (statistics sent times)
                (let ((received (length times)))
                  (out-line (string-append "\n--- " name " ping statistics ---"))
                  (out-line (string-append (number->string sent) " packets transmitted, "
                              (number->string received) " received, "
                              (number->string (quotient (* 100 (- sent received)) (max 1 sent)))
                                "% packet loss, time "
                              (number->string (quotient (- (microseconds) started) 1000)) "ms"))
                  (when (pair? times)
                    (let* ((sum (apply + times)) (average (quotient sum received))
                           (spread (- (quotient (apply + (map (lambda (t) (* t t)) times)) received)
                                     (* average average))))
                      (out-line (string-append "rtt min/avg/max/mdev = " (fixed (apply min times)) "/"
                                  (fixed average) "/" (fixed (apply max times)) "/"
                                  (let-values (((root rest) (exact-integer-sqrt (max 0 spread)))) (fixed root))
                                    " ms"))))
                  (if (pair? times) 0 1)))
              (check "socket" fd)
              (if (not (<= 0 size 65507)) (refuse "ping" 2 "invalid argument: '"
                                            (number->string size) "': out of range: 0 <= value <= 65507"))
              (bytevector-u8-set! to 0 2)
              (let loop ((i 4) (l bytes)) (when (pair? l) (bytevector-u8-set! to i (car l)) (loop (+ i 1) (cdr l))))
              (check "connect" (sys-connect fd to))
              (out-line (string-append "PING " name " (" address ") " (number->string size) "("
                          (number->string (+ size 28)) ") bytes of data."))
              (flush-out)
              ;; ^C ends the waiting, and is answered with what was measured.
              (signal-mask '(2))
              (let each ((sequence 1) (times '()))
                (let ((packet (make-bytevector (+ 8 size) 0)) (answer (make-bytevector (+ 128 size) 0))
                      (sent (microseconds))
                      (last? (= sequence count)))
                  ;; RFC 792, echo: type 8, code 0, checksum, identifier, sequence number.
                  (bytevector-u8-set! packet 0 8)
                  (set-u16! packet 4 id)
                  (set-u16! packet 6 (modulo sequence 65536))
                  (set-u16! packet 2 (checksum packet (+ 8 size)))
                  (let ((r (sys-write fd packet (+ 8 size))))
                    (if (< r 0) (complain "ping: sendmsg: " (error-words r))))
                  (let* ((taken
                           (let wait ()
                             (let ((left (- limit (- (microseconds) sent))))
                               (and (> left 0) (> (sys-poll fd (quotient (+ left 999) 1000)) 0)
                                    (let* ((n (sys-read fd answer (bytevector-length answer)))
                                           (head (if (< raw 0) 0 (* 4 (modulo (bytevector-u8-ref answer 0) 16))))
                                             (now (microseconds)))
                                      (if (and (>= n (+ head 8)) (= 0 (bytevector-u8-ref answer head))
                                               (or (< raw 0) (= id (u16 answer (+ head 4))))
                                                 (= (modulo sequence 65536) (u16 answer (+ head 6))))
                                          (begin
                                            (if (not (option-set? p #\q))
                                                (out-line
                                                  (string-append (number->string (- n head)) " bytes from " address
                                                    ": icmp_seq=" (number->string sequence)
                                                    (if (< raw 0) "" (string-append " ttl="
                                                        (number->string (bytevector-u8-ref answer 8))))
                                                    " time=" (trip (- now sent)) " ms")))
                                            (flush-out)
                                            (- now sent))
                                          (wait)))))))
                         (times (if taken (cons taken times) times)))
                    (if (or last? (pending-signal '(2) (quotient (max 0 (- interval (- (microseconds) sent))) 1000)))
                        (statistics sequence times)
                        (each (+ sequence 1) times)))))))))
    (define network-utilities (list (cons "ifconfig" ifconfig) (cons "netstat" netstat) (cons "ping" ping)))))

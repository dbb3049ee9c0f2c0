;; Interfaces, routes and sockets as the kernel tells them: netdevice(7), proc_pid_net(5); addresses as text.
(define-library (astra network)
  (export make-interface-request interface-request! interface-names interface-statistics interface-value
    interface-flags
          address-text address->text text->address inet6-text hex host-address rows-after ADDRESS NETMASK BROADCAST
          DESTINATION)
  (import (scheme base) (astra posix) (astra texts) (astra arithmetic))
  (begin
    ;; Requests that get what the next one sets: linux/sockios.h.
    (define ADDRESS #x8915)
    (define DESTINATION #x8917)
    (define BROADCAST #x8919)
    (define NETMASK #x891b)
    (define socket #f)
    ;; struct ifreq: the name, and at 16 the value.
    (define (make-interface-request name)
      (let ((v (make-bytevector 40 0)))
        (bytevector-copy! v 0 (text->bytes (substring name 0 (min 15 (string-length name)))))
        v))
    (define (interface-request! v request)
      (if (not socket) (set! socket (sys-socket 2 2 0)))
      (sys-ioctl socket request v))
    ;; f of the answer to a request; #f: there is none
    (define (interface-value name request f)
      (let ((v (make-interface-request name))) (and (= 0 (interface-request! v request)) (f v))))
    (define (interface-flags name) (interface-value name #x8913 (lambda (v) (modulo (u32 v 16) 65536))))
    ;; The IPv4 address at 20, within a struct sockaddr_in.
    (define (address-text v) (address->text (let at ((i 20))
                                              (if (= i 24) '() (cons (bytevector-u8-ref v i) (at (+ i 1)))))))
    (define (address->text bytes)
      (apply string-append (number->string (car bytes))
             (map (lambda (n) (string-append "." (number->string n))) (cdr bytes))))
    ;; @returns the four bytes; #f: it is no address
    (define (text->address text)
      (let ((l (map text->integer (split-at text #\.))))
        (and (= 4 (length l)) (not (member #f (map (lambda (n) (and n (<= 0 n 255))) l))) l)))
    ;; An address, or what /etc/hosts calls so.
    (define (host-address name)
      (or (text->address name)
          (let loop ((l (map words-of (lines (or (file-text "/etc/hosts") "")))))
            (cond ((null? l) #f)
                  ((and (pair? (car l)) (member name (cdr (car l))) (text->address (car (car l)))))
                  (else (loop (cdr l)))))))
    (define (hex text) (string->number text 16))
    (define (rows-after n file)
      (let drop ((n n) (l (lines (or (file-text file) ""))))
        (if (or (= n 0) (null? l)) (map words-of l) (drop (- n 1) (cdr l)))))
    ;; (NAME (RECEIVED…) (SENT…)) of each interface, by their names.
    (define (interface-statistics)
      (let loop ((l (lines (or (file-text "/proc/net/dev") ""))) (r '()))
        (if (null? l) (by-name r)
            (let ((colon (text-index (car l) #\:)))
              (loop (cdr l)
                    (if colon
                        (let ((numbers (map text->integer (words-of
                                                            (substring (car l) (+ colon 1)
                                                              (string-length (car l)))))))
                          (cons (list (car (words-of (substring (car l) 0 colon))) (first numbers 8)
                                  (list-tail numbers 8)) r))
                        r))))))
    (define (interface-names) (map car (interface-statistics)))
    (define (by-name l)
      (define (insert x l) (if (or (null? l) (string<? (car x) (car (car l)))) (cons x l)
                             (cons (car l) (insert x (cdr l)))))
      (let loop ((l l) (r '())) (if (null? l) r (loop (cdr l) (insert (car l) r)))))
    (define (first l n) (if (= n 0) '() (cons (car l) (first (cdr l) (- n 1)))))
    ;; RFC 5952 of eight groups: the longest run of two or more zeros is left out, the first one of several.
    (define (inet6-text groups)
      (define (run l) (if (and (pair? l) (= 0 (car l))) (+ 1 (run (cdr l))) 0))
      (define (joined-groups l)
        (if (null? l) ""
            (apply string-append (number->string (car l) 16)
                   (map (lambda (n) (string-append ":" (number->string n 16))) (cdr l)))))
      (let longest ((i 0) (l groups) (at #f) (size 1))
        (cond ((pair? l) (let ((n (run l))) (if (> n size) (longest (+ i 1) (cdr l) i n)
                                              (longest (+ i 1) (cdr l) at size))))
              (at (string-append (joined-groups (first groups at)) "::"
                    (joined-groups (list-tail groups (+ at size)))))
              (else (joined-groups groups)))))))

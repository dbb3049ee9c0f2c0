;; What a process may: the mask of new files (umask) and its limits (ulimit). XCU §4, umask, ulimit.
(define-library (astra limits)
  (export mask-words symbolic-mask limits)
  (import (scheme base) (astra posix) (astra state) (astra arithmetic) (only (astra texts) split-at pad-right))
  (begin
    ;; What a mask leaves, as u=rwx,g=rx,o=rx.
    (define (mask-words mask)
      (let ((part (lambda (who n)
                    (apply string-append who
                      (map (lambda (bit letter) (if (= 0 (modulo (quotient n bit) 2)) letter "")) '(4 2 1) '("r" "w" "x"))))))
        (string-append (part "u=" (quotient mask 64)) (part ",g=" (modulo (quotient mask 8) 8))
          (part ",o=" (modulo mask 8)))))
    ;; The mask after clauses such as u=rw,g+x,o-u, which speak of what is allowed; #f: they are none.
    (define (symbolic-mask text mask)
      (let* ((allowed (map (lambda (unit) (- 7 (modulo (quotient mask unit) 8))) '(64 8 1)))
             (result
               (let clauses ((l (split-at text #\,)) (now allowed))
                 (and now
                   (if (null? l) now
                     (let who ((k (string->list (car l))) (places '()))
                       (cond ((null? k) #f)
                             ((assv (car k) '((#\u 0) (#\g 1) (#\o 2) (#\a 0 1 2)))
                              => (lambda (e) (who (cdr k) (append (cdr e) places))))
                             (else
                              (clauses (cdr l) (actions k (if (null? places) '(0 1 2) places) now))))))))))
        (and result
          (let ((n (map (lambda (bits) (- 7 bits)) result))) (+ (* 64 (car n)) (* 8 (cadr n)) (list-ref n 2))))))
    ;; k: operators, each with letters.
    (define (actions k places now)
      (if (null? k) now
          (let ((operator (car k)))
            (and (memv operator '(#\+ #\- #\=))
              (let letters ((k (cdr k)) (bits (list #f #f #f)))
                (define (bit? n) (list-ref bits n))
                (cond ((and (pair? k) (memv (car k) '(#\r #\w #\x #\X #\s)))
                       (letters (cdr k)
                         (case (car k) ((#\r) (list #t (bit? 1) (bit? 2))) ((#\w) (list (bit? 0) #t (bit? 2)))
                           ((#\s) bits) (else (list (bit? 0) (bit? 1) #t)))))
                      ((and (pair? k) (assv (car k) '((#\u . 0) (#\g . 1) (#\o . 2))))
                       => (lambda (e)
                            (let ((n (list-ref now (cdr e))))
                              (letters (cdr k) (list (or (bit? 0) (>= n 4)) (or (bit? 1) (>= (modulo n 4) 2))
                                                 (or (bit? 2) (odd? n)))))))
                      (else
                       (actions k places
                         (map (lambda (place n)
                                (if (memv place places)
                                    (apply + (map (lambda (unit given?)
                                                    (let ((had? (odd? (quotient n unit))))
                                                      (if (case operator ((#\+) (or had? given?)) ((#\-) (and had? (not given?)))
                                                            (else given?))
                                                          unit 0)))
                                               '(4 2 1) bits))
                                    n))
                              '(0 1 2) now)))))))))

    ;; Letter, number (include/uapi/asm-generic/resource.h), bytes of its unit, and what it is called.
    (define LIMITS
      '((#\t 0 1 "time(seconds)") (#\f 1 512 "file(blocks)") (#\d 2 1024 "data(kbytes)") (#\s 3 1024 "stack(kbytes)")
        (#\c 4 512 "coredump(blocks)") (#\m 5 1024 "memory(kbytes)") (#\l 8 1024 "locked memory(kbytes)")
        (#\u 6 1 "processes") (#\n 7 1 "nofiles") (#\v 9 1024 "vmemory(kbytes)") (#\w 10 1 "locks")
        (#\e 13 1 "nice") (#\r 14 1 "rtprio")))
    (define (limits l)
      (define (wrong . words) (apply complain (parameter-zero) ": ulimit: " words) 2)
      (let loop ((l l) (which #f) (kind #f) (all? #f))
        (if (and (pair? l) (> (string-length (car l)) 1) (char=? #\- (string-ref (car l) 0)) (not (string=? "--" (car l))))
            (let letters ((k (cdr (string->list (car l)))) (which which) (kind kind) (all? all?))
              (cond ((null? k) (loop (cdr l) which kind all?))
                    ((char=? #\a (car k)) (letters (cdr k) which kind #t))
                    ((memv (car k) '(#\H #\S)) (letters (cdr k) which (car k) all?))
                    ((assv (car k) LIMITS) => (lambda (row) (letters (cdr k) row kind all?)))
                    (else (wrong "-" (string (car k)) ": no such option"))))
            (let* ((l (if (and (pair? l) (string=? "--" (car l))) (cdr l) l)) (row (or which (cadr LIMITS)))
                   (value (lambda (row)
                            (let ((n ((if (eqv? kind #\H) cdr car) (sys-limit (cadr row)))))
                              (if n (number->string (quotient n (list-ref row 2))) "unlimited")))))
              (cond (all?
                     (for-each (lambda (row) (out-line (string-append (pad-right (list-ref row 3) 22) (value row)))) LIMITS)
                     0)
                    ((null? l) (out-line (value row)) 0)
                    (else (set-limit (car l) row kind wrong)))))))
    (define (set-limit text row kind wrong)
      (let* ((before (sys-limit (cadr row)))
             (number (text->integer text))
             (known? (or number (member text '("unlimited" "hard" "soft"))))
             (n (cond (number (* number (list-ref row 2))) ((string=? text "hard") (cdr before))
                      ((string=? text "soft") (car before)) (else #f))))
        (if (not (and known? (or (not number) (>= number 0)))) (wrong text ": bad number")
            (let ((r (sys-set-limit (cadr row) (if (eqv? kind #\H) (car before) n) (if (eqv? kind #\S) (cdr before) n))))
              (if (< r 0) (begin (wrong "error setting limit: " (error-words r)) 1) 0)))))))

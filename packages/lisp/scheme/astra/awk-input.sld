;; awk's own input: the files and assignments among its operands, or standard input. XCU awk, "Input Files".
(define-library (astra awk-input)
  (export main-record close-input! set-assigner! file-missing? assignment)
  (import (scheme base) (astra posix) (astra table) (astra awk-values) (astra awk-records) (astra awk-streams))
  (begin
    ;; What is read as a whole: the operands' files, or standard input.
    (define input #f)
    (define operand 1)
    (define file-read? #f)
    (define assign! #f) ; what an operand NAME=VALUE asks for, of the two texts
    (define (set-assigner! f) (set! assign! f))
    (define unreadable? #f)
    (define (file-missing?) unreadable?)
    ;; NAME=VALUE as a pair, or #f.
    (define (assignment text)
      (let ((n (string-length text)))
        (let loop ((i 0))
          (and (< i n)
               (let ((c (string-ref text i)))
                 (cond ((and (char=? c #\=) (> i 0)) (cons (substring text 0 i) (substring text (+ i 1) n)))
                       ((or (char<=? #\a c #\z) (char<=? #\A c #\Z) (char=? c #\_) (and (> i 0) (char<=? #\0 c #\9)))
                         (loop (+ i 1)))
                       (else #f)))))))
    (define (next-file!)
      (let ((last (to-integer (vector-ref (globals) ARGC))) (table (vector-ref (globals) ARGV)))
        (if (>= operand last)
            (if file-read? #f (begin (set! file-read? #t) (set! input (make-reader 0 #f)) #t))
            (let* ((word (to-text (or (table-ref table (number->string operand)) none))) (pair (assignment word)))
              (set! operand (+ operand 1))
              (cond ((string=? word "") (next-file!))
                    (pair (assign! (car pair) (cdr pair)) (next-file!))
                    (else
                     (set! file-read? #t)
                     (let ((fd (open-input word)))
                       (if (< fd 0)
                           (begin (complain "awk: can't open file " word ": " (error-words fd)) (set! unreadable? #t)
                             (next-file!))
                           (begin
                             (set-global! FILENAME (seen word))
                             (set-global! FNR 0.0)
                             (set! input (make-reader fd #f))
                             #t)))))))))
    (define (close-input!) (if (and input (> (reader-fd input) 0)) (sys-close (reader-fd input))) (set! input #f))
    ;; @returns the next record, #f after the last one
    (define (main-record)
      (if (or input (next-file!))
          (let ((text (read-record input (global-text RS))))
            (if text
                (begin
                  (vector-set! (globals) NR (+ 1.0 (to-number (vector-ref (globals) NR))))
                  (vector-set! (globals) FNR (+ 1.0 (to-number (vector-ref (globals) FNR))))
                  text)
                (begin (close-input!) (main-record))))
          #f))))

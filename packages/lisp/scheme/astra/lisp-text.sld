;; What the shell and its line editor must know of a text in Lisp without reading it: where a datum ends, whether a text
;; is whole, how the next line is indented, what is a string and what a comment.
(define-library (astra lisp-text)
  (export datum-end whole-text? forms-of data-of indentation text-kinds name-edge delimiter?)
  (import (scheme base))
  (begin
    (define (char-at text i) (and (< i (string-length text)) (string-ref text i)))
    (define (blank? c) (or (char=? c #\space) (char<=? #\tab c #\return)))
    (define (delimiter? c) (or (not c) (blank? c) (memv c '(#\( #\) #\" #\; #\' #\` #\,))))
    ;; Behind what is no datum's part: a string, a symbol in bars, a comment; #f: it has no end.
    (define (quoted-end text i quote)
      (let ((c (char-at text i)))
        (cond ((not c) #f)
              ((char=? c quote) (+ i 1))
              ((char=? c #\\) (and (char-at text (+ i 1)) (quoted-end text (+ i 2) quote)))
              (else (quoted-end text (+ i 1) quote)))))
    (define (line-end text i)
      (let ((c (char-at text i))) (if (or (not c) (char=? c #\newline)) i (line-end text (+ i 1)))))
    (define (comment-end text i depth)
      (let ((c (char-at text i)) (d (char-at text (+ i 1))))
        (cond ((not d) #f)
              ((and (char=? c #\|) (char=? d #\#)) (if (= depth 1) (+ i 2) (comment-end text (+ i 2) (- depth 1))))
              ((and (char=? c #\#) (char=? d #\|)) (comment-end text (+ i 2) (+ depth 1)))
              (else (comment-end text (+ i 1) depth)))))
    (define (atom-end text i) (if (delimiter? (char-at text i)) i (atom-end text (+ i 1))))
    ;; Walks from one place to the next; calls (see kind from to) for each: open, close, string, comment, blank, quote
    ;; (what stands before a datum), atom. @returns #f: what begins last has no end; else what `see` gave first that is
    ;; true, or #t at the end
    (define (walk text from see)
      (let loop ((i from))
        (let ((c (char-at text i)))
          (define (seen kind end) (and end (or (see kind i end) (loop end))))
          (cond ((not c) #t)
                ((blank? c) (seen 'blank (+ i 1)))
                ((char=? c #\() (seen 'open (+ i 1)))
                ((char=? c #\)) (seen 'close (+ i 1)))
                ((char=? c #\") (seen 'string (quoted-end text (+ i 1) #\")))
                ((char=? c #\|) (seen 'atom (quoted-end text (+ i 1) #\|)))
                ((char=? c #\;) (seen 'comment (line-end text i)))
                ((memv c '(#\' #\` #\,)) (seen 'quote (+ i 1)))
                ((char=? c #\#)
                 (let ((d (char-at text (+ i 1))))
                   (cond ((eqv? d #\|) (seen 'comment (comment-end text (+ i 2) 1)))
                         ((eqv? d #\;) (seen 'quote (+ i 2)))
                         ((eqv? d #\() (seen 'quote (+ i 1)))
                         ((eqv? d #\\) (seen 'atom (and (char-at text (+ i 2)) (atom-end text (+ i 3)))))
                         (else (seen 'atom (max (+ i 1) (atom-end text (+ i 1))))))))
                (else (seen 'atom (max (+ i 1) (atom-end text i))))))))
    ;; Behind the list that begins at a place; #f: the text ends within it.
    (define (datum-end text from)
      (define depth 0)
      (let ((end (walk text from
                   (lambda (kind start end)
                     (case kind
                       ((open) (set! depth (+ depth 1)) #f)
                       ((close) (set! depth (- depth 1)) (and (<= depth 0) end))
                       (else #f))))))
        (and (number? end) end)))
    ;; Whether nothing is open at the end.
    (define (whole-text? text)
      (define depth 0)
      (and (walk text 0
             (lambda (kind start end)
               (case kind
                 ((open) (set! depth (+ depth 1)))
                 ((close) (set! depth (- depth 1))))
               #f))
           (<= depth 0)))
    ;; The lists that begin at a place and stand on one line, but for lines within them: (END (FROM . TO) ...), END behind
    ;; the line; a number: what stands there is neither a list nor a comment; #f: the text ends within a list.
    (define (forms-of text from)
      (let loop ((i from) (forms '()))
        (let ((c (char-at text i)))
          (cond ((or (not c) (char=? c #\newline)) (cons (if c (+ i 1) i) (reverse forms)))
                ((blank? c) (loop (+ i 1) forms))
                ((char=? c #\;) (loop (line-end text i) forms))
                ((char=? c #\() (let ((end (datum-end text i))) (and end (loop end (cons (cons i end) forms)))))
                (else i)))))

    ;; (FROM . TO) of all data of a text, brackets without a list among them.
    (define (data-of text)
      (define start #f)
      (define depth 0)
      (define found '())
      (define (add! from end) (set! found (cons (cons (or start from) end) found)) (set! start #f))
      (walk text 0
        (lambda (kind from end)
          (case kind
            ((open) (if (= depth 0) (set! start (or start from))) (set! depth (+ depth 1)))
            ((close)
             (set! depth (max 0 (- depth 1)))
             (if (= depth 0) (add! from end)))
            ((quote) (if (= depth 0) (set! start (or start from))))
            ((string atom) (if (= depth 0) (add! from end))))
          #f))
      (if start (add! start (string-length text)))
      (reverse found))

    ;; Blanks that the line behind a text begins with.
    (define BODIES
      '("define" "lambda" "let" "let*" "letrec" "letrec*" "let-values" "let*-values" "when" "unless" "begin" "do" "case"
        "case-lambda" "cond" "guard" "parameterize" "define-record-type" "define-syntax" "let-syntax" "syntax-rules"
        "define-command" "define-values" "receive" "dynamic-wind" "define-library"))
    (define (column text i)
      (let loop ((j i)) (if (or (= j 0) (char=? #\newline (string-ref text (- j 1)))) (- i j) (loop (- j 1)))))
    (define (indentation text)
      ;; For each list that is open: its place, its first item as (FROM . TO), the column of its second item.
      (define open '())
      (define (item! from to)
        (if (pair? open)
            (let ((list (car open)))
              (cond ((not (vector-ref list 1)) (vector-set! list 1 (cons from to)))
                    ((not (vector-ref list 2)) (vector-set! list 2 (column text from)))))))
      (define within?
        (not
          (walk text 0
            (lambda (kind start end)
          (case kind
            ((open) (item! start end) (set! open (cons (vector start #f #f) open)))
            ((close) (if (pair? open) (set! open (cdr open))))
            ((string atom) (item! start end)))
          #f))))
      ;; Blanks would be a string's own.
      (if (or within? (null? open)) 0
          (let* ((list (car open)) (start (column text (vector-ref list 0))) (first (vector-ref list 1)))
            (cond ((not first) (+ start 1))
                  ((member (substring text (car first) (cdr first)) BODIES) (+ start 2))
                  ((vector-ref list 2))
                  (else (+ start 1))))))
    ;; (KIND FROM . TO) of strings and comments, in their order; what has no end goes to the end.
    (define (text-kinds text)
      (define found '())
      (define reached 0)
      (define (see kind start end)
        (set! reached end)
        (if (memq kind '(string comment)) (set! found (cons (cons kind (cons start end)) found)))
        #f)
      (if (not (walk text 0 see))
          (set! found
            (cons (cons (if (eqv? #\# (char-at text reached)) 'comment 'string) (cons reached (string-length text)))
                  found)))
      (reverse found))
    ;; Where the name begins that ends at a place.
    (define (name-edge text at)
      (let loop ((i at))
        (if (or (= i 0) (delimiter? (string-ref text (- i 1))) (char=? #\@ (string-ref text (- i 1)))) i
            (loop (- i 1)))))))

;; SRFI 130: strings by cursors. https://srfi.schemers.org/srfi-130/
;; A string's characters are reached in constant time here, so a cursor is an index, and most is SRFI 13's.
(define-library (srfi 130)
  (export string-cursor? string-cursor-start string-cursor-end string-cursor-next string-cursor-prev
          string-cursor-forward string-cursor-back string-cursor=? string-cursor<? string-cursor>? string-cursor<=?
          string-cursor>=? string-cursor-diff string-cursor->index string-index->cursor string-null? string-every
          string-any string-tabulate string-unfold string-unfold-right string->list/cursors string->vector/cursors
          reverse-list->string string-join string-ref/cursor substring/cursors string-copy/cursors string-take
          string-take-right string-drop string-drop-right string-pad string-pad-right string-trim string-trim-right
          string-trim-both string-prefix-length string-suffix-length string-prefix? string-suffix? string-index
          string-index-right string-skip string-skip-right string-contains string-contains-right string-reverse
          string-concatenate string-concatenate-reverse string-fold string-fold-right string-for-each-cursor
          string-replicate string-count string-replace string-split string-filter string-remove)
  (import (scheme base)
          (scheme case-lambda)
          (only (srfi 13) string-null? string-every string-any string-tabulate string-unfold string-unfold-right
                reverse-list->string string-join string-take string-take-right string-drop string-drop-right string-pad
                string-pad-right string-trim string-trim-right string-trim-both string-prefix-length
                string-suffix-length string-prefix? string-suffix? string-contains string-reverse string-concatenate
                string-concatenate-reverse string-fold string-fold-right string-count string-replace string-filter)
          (prefix (only (srfi 13) string-index string-index-right string-skip string-skip-right string-delete xsubstring)
                  index:))
  (begin
    ;; Whether X may be a cursor: here cursors are indexes.
    (define (string-cursor? x) (and (exact-integer? x) (>= x 0)))
    ;; The cursor of the first character.
    (define (string-cursor-start s) 0)
    ;; The cursor behind the last character.
    (define (string-cursor-end s) (string-length s))
    (define (moved who s cursor by)
      (let ((to (+ cursor by)))
        (if (<= 0 to (string-length s)) to (error (string-append who ": beyond the string:") s cursor by))))
    ;; The cursor of the next character.
    (define (string-cursor-next s cursor) (moved "string-cursor-next" s cursor 1))
    ;; The cursor of the character before.
    (define (string-cursor-prev s cursor) (moved "string-cursor-prev" s cursor -1))
    ;; The cursor N characters on.
    (define (string-cursor-forward s cursor n) (moved "string-cursor-forward" s cursor n))
    ;; The cursor N characters before.
    (define (string-cursor-back s cursor n) (moved "string-cursor-back" s cursor (- n)))
    ;; Whether two cursors of a string are the same.
    (define (string-cursor=? a b) (= a b))
    ;; Whether cursor A stands before B.
    (define (string-cursor<? a b) (< a b))
    ;; Whether cursor A stands behind B.
    (define (string-cursor>? a b) (> a b))
    ;; Whether cursor A does not stand behind B.
    (define (string-cursor<=? a b) (<= a b))
    ;; Whether cursor A does not stand before B.
    (define (string-cursor>=? a b) (>= a b))
    ;; How many characters are between two cursors.
    (define (string-cursor-diff s start end) (- end start))
    ;; The index of a cursor.
    (define (string-cursor->index s cursor) cursor)
    ;; The cursor of an index.
    (define (string-index->cursor s index) index)

    ;; List of the characters from one cursor to before another.
    (define (string->list/cursors s . range) (apply string->list s range))
    ;; Vector of the characters from one cursor to before another.
    (define (string->vector/cursors s . range) (apply string->vector s range))
    ;; The character at a cursor.
    (define (string-ref/cursor s cursor) (string-ref s cursor))
    ;; A new string of the characters from one cursor to before another.
    (define (substring/cursors s start end) (substring s start end))
    ;; A new string of the characters, or of those from one cursor to before another.
    (define (string-copy/cursors s . range) (apply string-copy s range))

    (define (start-of range) (if (pair? range) (car range) 0))
    (define (end-of s range) (if (and (pair? range) (pair? (cdr range))) (cadr range) (string-length s)))
    ;; The cursor of the first character that is CRITERION, in it, or that it holds for; the end where there is none.
    (define (string-index s criterion . range) (or (apply index:string-index s criterion range) (end-of s range)))
    ;; As string-index, of the first character that is not.
    (define (string-skip s criterion . range) (or (apply index:string-skip s criterion range) (end-of s range)))
    ;; The cursor behind the last character that is CRITERION, in it, or that it holds for; the start where there is
    ;; none.
    (define (string-index-right s criterion . range)
      (let ((found (apply index:string-index-right s criterion range))) (if found (+ found 1) (start-of range))))
    ;; As string-index-right, of the last character that is not.
    (define (string-skip-right s criterion . range)
      (let ((found (apply index:string-skip-right s criterion range))) (if found (+ found 1) (start-of range))))
    ;; The cursor where PART stands last in S, or #f.
    (define string-contains-right
      (case-lambda
        ((s part) (contains-right s part 0 (string-length s) 0 (string-length part)))
        ((s part start) (contains-right s part start (string-length s) 0 (string-length part)))
        ((s part start end) (contains-right s part start end 0 (string-length part)))
        ((s part start end part-start) (contains-right s part start end part-start (string-length part)))
        ((s part start end part-start part-end) (contains-right s part start end part-start part-end))))
    (define (contains-right s part start end part-start part-end)
      (let ((size (- part-end part-start)))
        (let loop ((at (- end size)))
          (and (>= at start)
               (if (= size (string-prefix-length part s part-start part-end at (+ at size))) at (loop (- at 1)))))))

    ;; Calls F with the cursor of each character.
    (define (string-for-each-cursor f s . range)
      (let ((end (end-of s range)))
        (let loop ((i (start-of range)))
          (if (< i end) (begin (f i) (loop (+ i 1)))))))
    ;; A new string of the characters FROM to before TO of S, as if S were repeated without end in both directions.
    (define (string-replicate s from to . range) (apply index:xsubstring s from to range))
    ;; A new string without the characters that are CRITERION, in it, or that it holds for.
    (define (string-remove criterion s . range) (apply index:string-delete criterion s range))

    ;; List of the parts between DELIMITERs. After it: the grammar (infix, strict-infix, prefix or suffix), a limit of
    ;; splits, start and end.
    (define (string-split s delimiter . o)
      (let* ((option (lambda (index default) (if (> (length o) index) (list-ref o index) default)))
             (grammar (option 0 'infix))
             (limit (option 1 #f))
             (start (option 2 0))
             (end (option 3 (string-length s)))
             (size (string-length delimiter)))
        ;; Where the delimiter begins, from i on.
        (define (next i)
          (if (= size 0)
              (and (< (+ i 1) end) (+ i 1))
              (string-contains s delimiter i end)))
        (if (not (memq grammar '(infix strict-infix prefix suffix)))
            (error "string-split: not a grammar:" grammar))
        (if (and (eq? grammar 'strict-infix) (= start end)) (error "string-split: the string is empty:" s))
        (if (= start end)
            '()
            (let* ((first? (and (eq? grammar 'prefix) (> size 0) (eqv? start (next start))))
                   (parts (let loop ((i (if first? (+ start size) start)) (left (if (and first? limit) (- limit 1) limit)) (done '()))
                            (let ((at (and (not (eqv? left 0)) (next i))))
                              (if at
                                  (loop (+ at size) (and left (- left 1)) (cons (substring s i at) done))
                                  (cons (substring s i end) done))))))
              (reverse
               (if (and (eq? grammar 'suffix) (string=? "" (car parts))) (cdr parts) parts))))))))

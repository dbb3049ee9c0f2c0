;; SRFI 13: strings. Without the low-level procedures of its "parsing start/end" part, which programs do not use, and with
;; Knuth, Morris and Pratt's search in string-contains. https://srfi.schemers.org/srfi-13/
(define-library (srfi 13)
  (export string? string-null? string-every string-any make-string string string-tabulate string->list list->string
          reverse-list->string string-join string-length string-ref string-copy substring/shared string-copy! string-take
          string-take-right string-drop string-drop-right string-pad string-pad-right string-trim string-trim-right
          string-trim-both string-set! string-fill! string-compare string-compare-ci string<> string= string< string>
          string<= string>= string-ci<> string-ci= string-ci< string-ci> string-ci<= string-ci>= string-hash
          string-hash-ci string-prefix-length string-suffix-length string-prefix-length-ci string-suffix-length-ci
          string-prefix? string-suffix? string-prefix-ci? string-suffix-ci? string-index string-index-right string-skip
          string-skip-right string-count string-contains string-contains-ci string-upcase string-downcase
          string-titlecase string-upcase! string-downcase! string-titlecase! string-reverse string-reverse!
          string-append string-concatenate string-concatenate/shared string-append/shared string-concatenate-reverse
          string-concatenate-reverse/shared string-map string-map! string-fold string-fold-right string-unfold
          string-unfold-right string-for-each string-for-each-index xsubstring string-xcopy! string-replace
          string-tokenize string-filter string-delete)
  (import (except (scheme base) string-map string-for-each) (scheme case-lambda) (except (scheme char) string-upcase string-downcase)
          (prefix (only (scheme char) string-upcase string-downcase) whole-)
          (rename (stratos hash) (%hash value-hash)) (srfi 14))
  (begin
    (define (part range index default) (if (> (length range) index) (list-ref range index) default))
    ;; Calls (f START END) with what optional arguments say, checked.
    (define (with-range who s range f)
      (let ((start (part range 0 0)) (end (part range 1 (string-length s))))
        (if (not (and (exact-integer? start) (exact-integer? end) (<= 0 start end (string-length s))))
            (error (string-append who ": the range is not within the string:") start end s))
        (f start end)))
    (define (with-ranges who a b range f)
      (with-range who a range
        (lambda (start1 end1)
          (with-range who b (if (> (length range) 2) (cddr range) '()) (lambda (start2 end2) (f start1 end1 start2 end2))))))
    (define (matcher who x)
      (cond ((procedure? x) x)
            ((char? x) (lambda (c) (char=? c x)))
            ((char-set? x) (lambda (c) (char-set-contains? x c)))
            (else (error (string-append who ": neither a predicate nor a character nor a set of them:") x))))

    ;; Whether S is empty.
    (define (string-null? s) (= 0 (string-length s)))
    ;; What CRITERION (a character, a set of them or a procedure) gives for the last character if it is true for all;
    ;; else #f.
    (define (string-every criterion s . range)
      (let ((good? (matcher "string-every" criterion)))
        (with-range "string-every" s range
          (lambda (start end)
            (let loop ((i start))
              (cond ((= i end) #t)
                    ((= i (- end 1)) (good? (string-ref s i)))
                    (else (and (good? (string-ref s i)) (loop (+ i 1))))))))))
    ;; The first true value that CRITERION gives for a character, or #f.
    (define (string-any criterion s . range)
      (let ((good? (matcher "string-any" criterion)))
        (with-range "string-any" s range
          (lambda (start end)
            (let loop ((i start))
              (cond ((= i end) #f)
                    ((= i (- end 1)) (good? (string-ref s i)))
                    (else (or (good? (string-ref s i)) (loop (+ i 1))))))))))

    ;; A string of what F gives for each number below COUNT.
    (define (string-tabulate f count)
      (let ((s (make-string count)))
        (do ((i 0 (+ i 1))) ((= i count) s) (string-set! s i (f i)))))
    ;; A string of the characters of a list in reverse.
    (define (reverse-list->string chars) (list->string (reverse chars)))
    ;; The strings, with a delimiter between them (a space by default); as infix, strict-infix, prefix or suffix.
    (define (string-join strings . options)
      (let ((delimiter (part options 0 " ")) (grammar (part options 1 'infix)))
        (define (before strings) (apply append (map (lambda (s) (list delimiter s)) strings)))
        (case grammar
          ((infix strict-infix)
           (cond ((pair? strings) (string-concatenate (cons (car strings) (before (cdr strings)))))
                 ((eq? grammar 'infix) "")
                 (else (error "string-join: nothing to join with strict-infix"))))
          ((prefix) (string-concatenate (before strings)))
          ((suffix) (string-concatenate (apply append (map (lambda (s) (list s delimiter)) strings))))
          (else (error "string-join: no such grammar:" grammar)))))

    ;; As substring, up to the end by default.
    (define (substring/shared s start . end) (apply string-copy s start end))
    ;; The first COUNT characters of S.
    (define (string-take s count) (string-copy s 0 count))
    ;; The last COUNT characters of S.
    (define (string-take-right s count) (string-copy s (- (string-length s) count)))
    ;; What follows the first COUNT characters of S.
    (define (string-drop s count) (string-copy s count))
    ;; S without its last COUNT characters.
    (define (string-drop-right s count) (string-copy s 0 (- (string-length s) count)))
    ;; S with spaces, or another character, before it up to COUNT characters; a longer one loses its beginning.
    (define (string-pad s count . options)
      (with-range "string-pad" s (if (pair? options) (cdr options) '())
        (lambda (start end)
          (if (<= count (- end start))
              (string-copy s (- end count) end)
              (string-append (make-string (- count (- end start)) (part options 0 #\space)) (string-copy s start end))))))
    ;; S with spaces, or another character, behind it up to COUNT characters; a longer one loses its end.
    (define (string-pad-right s count . options)
      (with-range "string-pad-right" s (if (pair? options) (cdr options) '())
        (lambda (start end)
          (if (<= count (- end start))
              (string-copy s start (+ start count))
              (string-append (string-copy s start end) (make-string (- count (- end start)) (part options 0 #\space)))))))
    (define (trimmer who left? right?)
      (lambda (s . options)
        (let ((drop (matcher who (part options 0 char-whitespace?))))
          (with-range who s (if (pair? options) (cdr options) '())
            (lambda (start end)
              (let* ((from (if left? (skip-forward drop s start end) start))
                     (to (if right? (skip-backward drop s from end) end)))
                (string-copy s from to)))))))
    ;; The first place from START whose character is not dropped; and the place after the last.
    (define (skip-forward drop s start end)
      (let loop ((i start)) (if (and (< i end) (drop (string-ref s i))) (loop (+ i 1)) i)))
    (define (skip-backward drop s start end)
      (let loop ((i end)) (if (and (> i start) (drop (string-ref s (- i 1)))) (loop (- i 1)) i)))
    ;; S without blanks, or what a criterion says, at its beginning.
    (define string-trim (trimmer "string-trim" #t #f))
    ;; S without blanks, or what a criterion says, at its end.
    (define string-trim-right (trimmer "string-trim-right" #f #t))
    ;; S without blanks, or what a criterion says, at both ends.
    (define string-trim-both (trimmer "string-trim-both" #t #t))

    ;; Comparison

    (define (common-prefix same? a start1 end1 b start2 end2)
      (let loop ((i start1) (j start2))
        (if (and (< i end1) (< j end2) (same? (string-ref a i) (string-ref b j))) (loop (+ i 1) (+ j 1)) (- i start1))))
    (define (common-suffix same? a start1 end1 b start2 end2)
      (let loop ((i end1) (j end2))
        (if (and (> i start1) (> j start2) (same? (string-ref a (- i 1)) (string-ref b (- j 1))))
            (loop (- i 1) (- j 1))
            (- end1 i))))
    (define (measuring who common same?)
      (lambda (a b . range)
        (with-ranges who a b range (lambda (s1 e1 s2 e2) (common same? a s1 e1 b s2 e2)))))
    (define (testing who common same?)
      (lambda (a b . range)
        (with-ranges who a b range
          (lambda (s1 e1 s2 e2) (= (- e1 s1) (common same? a s1 e1 b s2 e2))))))
    ;; How many characters at the beginnings of two strings are equal.
    (define string-prefix-length (measuring "string-prefix-length" common-prefix char=?))
    ;; How many characters at the ends of two strings are equal.
    (define string-suffix-length (measuring "string-suffix-length" common-suffix char=?))
    ;; As string-prefix-length; case makes no difference.
    (define string-prefix-length-ci (measuring "string-prefix-length-ci" common-prefix char-ci=?))
    ;; As string-suffix-length; case makes no difference.
    (define string-suffix-length-ci (measuring "string-suffix-length-ci" common-suffix char-ci=?))
    ;; Whether the second string begins with the first.
    (define string-prefix? (testing "string-prefix?" common-prefix char=?))
    ;; Whether the second string ends with the first.
    (define string-suffix? (testing "string-suffix?" common-suffix char=?))
    ;; As string-prefix?; case makes no difference.
    (define string-prefix-ci? (testing "string-prefix-ci?" common-prefix char-ci=?))
    ;; As string-suffix?; case makes no difference.
    (define string-suffix-ci? (testing "string-suffix-ci?" common-suffix char-ci=?))

    (define (comparing who same? before?)
      (lambda (a b less equal greater . range)
        (with-ranges who a b range
          (lambda (s1 e1 s2 e2)
            (let* ((common (common-prefix same? a s1 e1 b s2 e2)) (i (+ s1 common)) (j (+ s2 common)))
              ((cond ((= i e1) (if (= j e2) equal less))
                     ((= j e2) greater)
                     ((before? (string-ref a i) (string-ref b j)) less)
                     (else greater))
               i))))))
    ;; Calls one of three procedures with the first place where two strings differ: for less, equal and greater.
    (define string-compare (comparing "string-compare" char=? char<?))
    ;; As string-compare; case makes no difference.
    (define string-compare-ci (comparing "string-compare-ci" char-ci=? char-ci<?))
    (define (yes i) i)
    (define (no i) #f)
    (define (relation compare less equal greater)
      (lambda (a b . range) (apply compare a b less equal greater range)))
    ;; Whether the strings, or their parts, differ.
    (define string<> (relation string-compare yes no yes))
    ;; Whether the strings, or their parts, are equal.
    (define string= (relation string-compare no yes no))
    ;; Whether the first comes before the second, by their characters.
    (define string< (relation string-compare yes no no))
    ;; Whether the first comes after the second.
    (define string> (relation string-compare no no yes))
    ;; Whether the first does not come after the second.
    (define string<= (relation string-compare yes yes no))
    ;; Whether the first does not come before the second.
    (define string>= (relation string-compare no yes yes))
    ;; As string<>; case makes no difference.
    (define string-ci<> (relation string-compare-ci yes no yes))
    ;; As string=; case makes no difference.
    (define string-ci= (relation string-compare-ci no yes no))
    ;; As string<; case makes no difference.
    (define string-ci< (relation string-compare-ci yes no no))
    ;; As string>; case makes no difference.
    (define string-ci> (relation string-compare-ci no no yes))
    ;; As string<=; case makes no difference.
    (define string-ci<= (relation string-compare-ci yes yes no))
    ;; As string>=; case makes no difference.
    (define string-ci>= (relation string-compare-ci no yes yes))
    ;; A number for S, the same for equal ones; below a bound, when one is given.
    (define (string-hash s . options)
      (let ((bound (part options 0 0)))
        (with-range "string-hash" s (if (pair? options) (cdr options) '())
          (lambda (start end) (modulo (value-hash (string-copy s start end)) (if (eqv? bound 0) 33554432 bound))))))
    ;; As string-hash; case makes no difference.
    (define (string-hash-ci s . options) (apply string-hash (string-foldcase s) options))

    ;; Searching

    (define (searching who backward? wanted?)
      (lambda (s criterion . range)
        (let ((good? (matcher who criterion)))
          (with-range who s range
            (lambda (start end)
              (let loop ((i (if backward? (- end 1) start)))
                (cond ((if backward? (< i start) (>= i end)) #f)
                      ((eq? wanted? (if (good? (string-ref s i)) #t #f)) i)
                      (else (loop (if backward? (- i 1) (+ i 1)))))))))))
    ;; The first place whose character meets a criterion (a character, a set of them or a procedure), or #f.
    (define string-index (searching "string-index" #f #t))
    ;; The last place whose character meets a criterion, or #f.
    (define string-index-right (searching "string-index-right" #t #t))
    ;; The first place whose character does not meet a criterion, or #f.
    (define string-skip (searching "string-skip" #f #f))
    ;; The last place whose character does not meet a criterion, or #f.
    (define string-skip-right (searching "string-skip-right" #t #f))
    ;; How many characters of S meet CRITERION.
    (define (string-count s criterion . range)
      (let ((good? (matcher "string-count" criterion)))
        (apply string-fold (lambda (c n) (if (good? c) (+ n 1) n)) 0 s range)))

    ;; For each length of a matched beginning the longest shorter one that it ends with. Knuth, Morris, Pratt 1977.
    (define (failures same? pattern start end)
      (let* ((count (- end start)) (table (make-vector (+ count 1) 0)))
        (let loop ((i 1) (k 0))
          (cond ((>= i count) table)
                ((same? (string-ref pattern (+ start i)) (string-ref pattern (+ start k)))
                 (vector-set! table (+ i 1) (+ k 1))
                 (loop (+ i 1) (+ k 1)))
                ((> k 0) (loop i (vector-ref table k)))
                (else (loop (+ i 1) 0))))))
    (define (containing who same?)
      (lambda (text pattern . range)
        (with-ranges who text pattern range
          (lambda (start1 end1 start2 end2)
            (let ((count (- end2 start2)) (table (failures same? pattern start2 end2)))
              (let loop ((i start1) (matched 0))
                (cond ((= matched count) (- i count))
                      ((= i end1) #f)
                      ((same? (string-ref text i) (string-ref pattern (+ start2 matched))) (loop (+ i 1) (+ matched 1)))
                      ((> matched 0) (loop i (vector-ref table matched)))
                      (else (loop (+ i 1) 0)))))))))
    ;; Where the second string first stands in the first one, or #f.
    (define string-contains (containing "string-contains" char=?))
    ;; As string-contains; case makes no difference.
    (define string-contains-ci (containing "string-contains-ci" char-ci=?))

    ;; Case, order

    ;; S in upper case.
    (define (string-upcase s . range)
      (with-range "string-upcase" s range (lambda (start end) (whole-string-upcase (string-copy s start end)))))
    ;; S in lower case.
    (define (string-downcase s . range)
      (with-range "string-downcase" s range (lambda (start end) (whole-string-downcase (string-copy s start end)))))
    ;; S with the first letter of each word in title case, the others in lower case.
    (define (string-titlecase s . range)
      (with-range "string-titlecase" s range
        (lambda (start end)
          (let ((result (string-copy s start end)))
            (let loop ((i 0) (inside? #f))
              (if (= i (string-length result))
                  result
                  (let ((c (string-ref result i)))
                    (if (char-alphabetic? c) (string-set! result i (if inside? (char-downcase c) (char-upcase c))))
                    (loop (+ i 1) (char-alphabetic? c)))))))))
    ;; Character by character: a string in place keeps its length.
    (define (string-upcase! s . range) (apply string-map! char-upcase s range))
    ;; As string-downcase, in S itself.
    (define (string-downcase! s . range) (apply string-map! char-downcase s range))
    ;; As string-titlecase, in S itself.
    (define (string-titlecase! s . range) (string-copy! s (part range 0 0) (apply string-titlecase s range)))
    ;; S from its end on.
    (define (string-reverse s . range)
      (with-range "string-reverse" s range (lambda (start end) (list->string (reverse (string->list s start end))))))
    ;; As string-reverse, in S itself.
    (define (string-reverse! s . range) (string-copy! s (part range 0 0) (apply string-reverse s range)))

    ;; The strings of a list, one after the other.
    (define (string-concatenate strings) (apply string-append strings))
    ;; The strings of a list in reverse, one after the other, and then FINAL.
    (define (string-concatenate-reverse strings . final)
      (string-concatenate
       (reverse (if (pair? final) (cons (string-copy (car final) 0 (part final 1 (string-length (car final)))) strings) strings))))
    ;; As string-concatenate; the result may be one of the strings.
    (define string-concatenate/shared string-concatenate)
    ;; As string-concatenate-reverse; the result may be one of the strings.
    (define string-concatenate-reverse/shared string-concatenate-reverse)
    ;; As string-append; the result may be one of the strings.
    (define string-append/shared string-append)

    ;; Iteration

    ;; A string of what F gives for each character.
    (define (string-map f s . range)
      (with-range "string-map" s range (lambda (start end) (string-tabulate (lambda (i) (f (string-ref s (+ start i)))) (- end start)))))
    ;; As string-map, in S itself.
    (define (string-map! f s . range) (string-copy! s (part range 0 0) (apply string-map f s range)))
    ;; Calls F with each character and what it gave before (SEED at first); gives the last result.
    (define (string-fold f seed s . range)
      (with-range "string-fold" s range
        (lambda (start end)
          (let loop ((i start) (seed seed)) (if (= i end) seed (loop (+ i 1) (f (string-ref s i) seed)))))))
    ;; As string-fold, from the last character on.
    (define (string-fold-right f seed s . range)
      (with-range "string-fold-right" s range
        (lambda (start end)
          (let loop ((i end) (seed seed)) (if (= i start) seed (loop (- i 1) (f (string-ref s (- i 1)) seed)))))))
    (define (unfolded stop? mapper successor seed)
      (let loop ((seed seed) (found '()))
        (if (stop? seed) (values found seed) (loop (successor seed) (cons (mapper seed) found)))))
    ;; A string that grows from SEED: MAPPER gives a seed's character, SUCCESSOR the next seed, until STOP? is true.
    (define (string-unfold stop? mapper successor seed . options)
      (let-values (((found last) (unfolded stop? mapper successor seed)))
        (string-append (part options 0 "") (reverse-list->string found) ((part options 1 (lambda (x) "")) last))))
    ;; As string-unfold, from the last character on.
    (define (string-unfold-right stop? mapper successor seed . options)
      (let-values (((found last) (unfolded stop? mapper successor seed)))
        (string-append ((part options 1 (lambda (x) "")) last) (list->string found) (part options 0 ""))))
    ;; Calls F with each character.
    (define (string-for-each f s . range)
      (with-range "string-for-each" s range
        (lambda (start end) (do ((i start (+ i 1))) ((= i end)) (f (string-ref s i))))))
    ;; Calls F with each place.
    (define (string-for-each-index f s . range)
      (with-range "string-for-each-index" s range (lambda (start end) (do ((i start (+ i 1))) ((= i end)) (f i)))))

    ;; Part of S as if it went on for ever both ways.
    (define (xsubstring s from . options)
      (with-range "xsubstring" s (if (> (length options) 1) (cdr options) '())
        (lambda (start end)
          (let ((to (part options 0 (+ from (- end start)))) (size (- end start)))
            (cond ((= from to) "")
                  ((or (= size 0) (< to from)) (error "xsubstring: nothing to take from:" s from to))
                  (else (string-tabulate (lambda (i) (string-ref s (+ start (modulo (+ from i) size)))) (- to from))))))))
    ;; Copies part of S, as if it went on for ever both ways, into TO.
    (define (string-xcopy! to at s from . options) (string-copy! to at (apply xsubstring s from options)))
    ;; A, with its part from START1 to END1 replaced by B.
    (define (string-replace a b start1 end1 . range)
      (with-range "string-replace" b range
        (lambda (start2 end2)
          (string-append (string-copy a 0 start1) (string-copy b start2 end2) (string-copy a end1)))))
    ;; A list of the longest parts of S whose characters meet a criterion: by default all that are no blanks.
    (define (string-tokenize s . options)
      (let* ((in-token? (matcher "string-tokenize" (part options 0 char-set:graphic))) (between? (lambda (c) (not (in-token? c)))))
        (with-range "string-tokenize" s (if (pair? options) (cdr options) '())
          (lambda (start end)
            (let loop ((end end) (found '()))
              (let ((end (skip-backward between? s start end)))
                (if (= start end)
                    found
                    (let ((from (skip-backward in-token? s start end)))
                      (loop from (cons (string-copy s from end) found))))))))))
    ;; The characters of S that meet CRITERION.
    (define (string-filter criterion s . range)
      (let ((good? (matcher "string-filter" criterion)))
        (reverse-list->string (apply string-fold (lambda (c found) (if (good? c) (cons c found) found)) '() s range))))
    ;; The characters of S that do not meet CRITERION.
    (define (string-delete criterion s . range)
      (let ((bad? (matcher "string-delete" criterion)))
        (apply string-filter (lambda (c) (not (bad? c))) s range)))))

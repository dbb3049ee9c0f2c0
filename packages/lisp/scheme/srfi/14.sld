;; SRFI 14: sets of characters. https://srfi.schemers.org/srfi-14/
;; A set is a vector of the code points where it begins and ends, by turns, in rising order (an inversion list). Those of
;; Unicode's classes are made when first they are needed.
(define-library (srfi 14)
  (export char-set? char-set= char-set<= char-set-hash char-set-cursor char-set-ref char-set-cursor-next
          end-of-char-set? char-set-fold char-set-unfold char-set-unfold! char-set-for-each char-set-map char-set-copy
          char-set list->char-set list->char-set! string->char-set string->char-set! char-set-filter char-set-filter!
          ucs-range->char-set ucs-range->char-set! ->char-set char-set->list char-set->string char-set-size
          char-set-count char-set-contains? char-set-every char-set-any char-set-adjoin char-set-adjoin!
          char-set-delete char-set-delete! char-set-complement char-set-complement! char-set-union char-set-union!
          char-set-intersection char-set-intersection! char-set-difference char-set-difference! char-set-xor
          char-set-xor! char-set-diff+intersection char-set-diff+intersection! char-set:lower-case
          char-set:upper-case char-set:title-case char-set:letter char-set:digit char-set:letter+digit
          char-set:graphic char-set:printing char-set:whitespace char-set:iso-control char-set:punctuation
          char-set:symbol char-set:hex-digit char-set:blank char-set:ascii char-set:empty char-set:full)
  (import (scheme base) (scheme case-lambda) (only (stratos base) list-sort)
          (rename (stratos character-class) (%character-class class-bounds)))
  (begin
    ;; Bounds: the vector, or a procedure that makes it.
    (define-record-type <char-set> (make-set bounds) char-set? (bounds raw-bounds set-bounds!))
    (define (bounds set)
      (let ((b (raw-bounds set)))
        (if (vector? b)
            b
            (let ((made (b)))
              (set-bounds! set made)
              made))))

    ;; Of two sets the one whose characters the truth table (in-a in-b) -> boolean chooses.
    (define (combine choose a b)
      (let ((na (vector-length a)) (nb (vector-length b)))
        (let loop ((i 0) (j 0) (in? #f) (found '()))
          (if (and (= i na) (= j nb))
              (list->vector (reverse found))
              (let* ((x (if (< i na) (vector-ref a i) #x110000))
                     (y (if (< j nb) (vector-ref b j) #x110000))
                     (at (min x y))
                     (i (if (and (< i na) (= x at)) (+ i 1) i))
                     (j (if (and (< j nb) (= y at)) (+ j 1) j))
                     (now (choose (odd? i) (odd? j))))
                (loop i j now (if (eq? now in?) found (cons at found))))))))
    (define (in-either a b) (or a b))
    (define (in-both a b) (and a b))
    (define (in-first a b) (and a (not b)))
    (define (in-one a b) (not (eq? a b)))

    (define (codes->bounds codes)
      (let loop ((codes (list-sort < codes)) (found '()))
        (cond ((null? codes) (list->vector (reverse found)))
              ((and (pair? found) (= (car codes) (car found)))
               (loop (cdr codes) (cons (+ 1 (car codes)) (cdr found))))
              ((and (pair? found) (= (+ 1 (car codes)) (car found))) (loop (cdr codes) found))
              (else (loop (cdr codes) (cons (+ 1 (car codes)) (cons (car codes) found)))))))
    (define (chars->set chars) (make-set (codes->bounds (map char->integer chars))))

    (define full-bounds #(0 #xD800 #xE000 #x110000))
    ;; The set without characters.
    (define char-set:empty (make-set #()))
    ;; The set of all characters.
    (define char-set:full (make-set full-bounds))
    ;; The characters below 128.
    (define char-set:ascii (make-set #(0 128)))
    ;; 0 to 9, A to F and a to f.
    (define char-set:hex-digit (make-set #(48 58 65 71 97 103)))
    (define (class name) (make-set (lambda () (class-bounds name))))
    ;; Unicode's lower-case letters.
    (define char-set:lower-case (class "lower-case"))
    ;; Unicode's upper-case letters.
    (define char-set:upper-case (class "upper-case"))
    ;; Unicode's title-case letters.
    (define char-set:title-case (class "title-case"))
    ;; Unicode's letters.
    (define char-set:letter (class "letter"))
    ;; Unicode's decimal digits.
    (define char-set:digit (class "digit"))
    ;; Letters and decimal digits.
    (define char-set:letter+digit (class "letter+digit"))
    ;; Characters that can be seen: letters, marks, numbers, punctuation, symbols.
    (define char-set:graphic (class "graphic"))
    ;; Graphic characters and white space.
    (define char-set:printing (class "printing"))
    ;; White space.
    (define char-set:whitespace (class "whitespace"))
    ;; Control characters: below 32, and from 127 to 159.
    (define char-set:iso-control (class "iso-control"))
    ;; Unicode's punctuation.
    (define char-set:punctuation (class "punctuation"))
    ;; Unicode's symbols.
    (define char-set:symbol (class "symbol"))
    ;; White space within a line: space, tab and their like.
    (define char-set:blank (class "blank"))

    ;; How many bounds are not above the code: odd inside.
    (define (char-set-contains? set char)
      (let ((b (bounds set)) (code (char->integer char)))
        (let loop ((low 0) (high (vector-length b)))
          (if (= low high)
              (odd? low)
              (let ((middle (quotient (+ low high) 2)))
                (if (<= (vector-ref b middle) code) (loop (+ middle 1) high) (loop low middle)))))))

    ;; A cursor is a code point and the place of the bound after it; #f at the end.
    (define (char-set-cursor set)
      (let ((b (bounds set))) (if (= 0 (vector-length b)) #f (cons (vector-ref b 0) 1))))
    ;; Whether CURSOR is behind the last character of its set.
    (define (end-of-char-set? cursor) (not cursor))
    ;; The character that CURSOR points at.
    (define (char-set-ref set cursor) (integer->char (car cursor)))
    ;; A cursor for the next character.
    (define (char-set-cursor-next set cursor)
      (let ((b (bounds set)) (next (+ 1 (car cursor))) (place (cdr cursor)))
        (cond ((< next (vector-ref b place)) (cons next place))
              ((< (+ place 1) (vector-length b)) (cons (vector-ref b (+ place 1)) (+ place 2)))
              (else #f))))

    ;; Calls F with each character and what it gave last, SEED at first. Gives the last value.
    (define (char-set-fold f seed set)
      (let ((b (bounds set)))
        (let outer ((i 0) (seed seed))
          (if (= i (vector-length b))
              seed
              (let ((end (vector-ref b (+ i 1))))
                (let inner ((code (vector-ref b i)) (seed seed))
                  (if (= code end) (outer (+ i 2) seed) (inner (+ code 1) (f (integer->char code) seed)))))))))
    ;; Calls F with each character.
    (define (char-set-for-each f set) (char-set-fold (lambda (c done) (f c) done) #f set))
    ;; The set of what F gives for each character.
    (define (char-set-map f set) (chars->set (char-set-fold (lambda (c found) (cons (f c) found)) '() set)))
    ;; The set of what MAPPER gives for SEED, (SUCCESSOR SEED) and so on until STOP? holds; with those of BASE.
    (define (char-set-unfold stop? mapper successor seed . base)
      (let loop ((seed seed) (found '()))
        (if (stop? seed)
            (char-set-union (if (pair? base) (car base) char-set:empty) (chars->set found))
            (loop (successor seed) (cons (mapper seed) found)))))
    ;; As char-set-unfold; may use BASE up.
    (define (char-set-unfold! stop? mapper successor seed base) (char-set-unfold stop? mapper successor seed base))

    ;; Whether the sets have the same characters.
    (define (char-set= . sets)
      (or (null? sets)
          (let loop ((rest (cdr sets)))
            (or (null? rest) (and (equal? (bounds (car sets)) (bounds (car rest))) (loop (cdr rest)))))))
    ;; Whether each set is part of the next.
    (define (char-set<= . sets)
      (or (null? sets)
          (let loop ((a (car sets)) (rest (cdr sets)))
            (or (null? rest)
                (and (equal? #() (combine in-first (bounds a) (bounds (car rest)))) (loop (car rest) (cdr rest)))))))
    ;; A hash of a set, below BOUND where it is not 0.
    (define (char-set-hash set . bound)
      (let ((bound (if (and (pair? bound) (> (car bound) 0)) (car bound) 33554432)))
        (let loop ((rest (vector->list (bounds set))) (hash 5381))
          (if (null? rest) (modulo hash bound) (loop (cdr rest) (modulo (+ (* 33 hash) (car rest)) 1073741789))))))

    ;; A new set of the same characters.
    (define (char-set-copy set) (make-set (bounds set)))
    ;; The set of the characters.
    (define (char-set . chars) (chars->set chars))
    (define (with-base set base) (if (pair? base) (char-set-union set (car base)) set))
    ;; The set of a list's characters, with those of BASE.
    (define (list->char-set chars . base) (with-base (chars->set chars) base))
    ;; As list->char-set; may use BASE up.
    (define (list->char-set! chars base) (list->char-set chars base))
    ;; The set of a string's characters, with those of BASE.
    (define (string->char-set string . base) (with-base (chars->set (string->list string)) base))
    ;; As string->char-set; may use BASE up.
    (define (string->char-set! string base) (string->char-set string base))
    ;; The characters that KEEP? holds for, with those of BASE.
    (define (char-set-filter keep? set . base)
      (with-base (chars->set (char-set-fold (lambda (c found) (if (keep? c) (cons c found) found)) '() set)) base))
    ;; As char-set-filter; may use BASE up.
    (define (char-set-filter! keep? set base) (char-set-filter keep? set base))
    ;; The characters from code LOW to before HIGH, with those of BASE. Where ERROR? holds all codes must be
    ;; characters'.
    (define ucs-range->char-set
      (case-lambda
        ((low high) (ucs-range->char-set low high #f))
        ((low high error?) (ucs-range->char-set low high error? char-set:empty))
        ((low high error? base)
         (if (not (and (exact-integer? low) (exact-integer? high) (<= 0 low high)))
             (error "ucs-range->char-set: no range of code points:" low high))
         (if (and error? (or (> high #x110000) (and (< low #xE000) (> high #xD800))))
             (error "ucs-range->char-set: not all of the range are characters:" low high))
         (char-set-union base (make-set (combine in-both full-bounds (if (= low high) #() (vector low high))))))))
    ;; As ucs-range->char-set; may use BASE up.
    (define (ucs-range->char-set! low high error? base) (ucs-range->char-set low high error? base))
    ;; The set of a string's characters or of one character; a set is itself.
    (define (->char-set x)
      (cond ((char-set? x) x)
            ((string? x) (string->char-set x))
            ((char? x) (char-set x))
            (else (error "->char-set: neither a set nor a string nor a character:" x))))

    ;; List of a set's characters.
    (define (char-set->list set) (reverse (char-set-fold cons '() set)))
    ;; String of a set's characters.
    (define (char-set->string set) (list->string (char-set->list set)))
    ;; How many characters a set has.
    (define (char-set-size set)
      (let ((b (bounds set)))
        (let loop ((i 0) (size 0))
          (if (= i (vector-length b)) size (loop (+ i 2) (+ size (- (vector-ref b (+ i 1)) (vector-ref b i))))))))
    ;; For how many characters COUNT? holds.
    (define (char-set-count count? set) (char-set-fold (lambda (c n) (if (count? c) (+ n 1) n)) 0 set))
    ;; The first value but #f that GOOD? gives for a character; #f where there is none.
    (define (char-set-any good? set)
      (let loop ((cursor (char-set-cursor set)))
        (and cursor (or (good? (char-set-ref set cursor)) (loop (char-set-cursor-next set cursor))))))
    ;; What GOOD? gives for the last character, or #f where it gives that for one; #t for the empty set.
    (define (char-set-every good? set)
      (let loop ((cursor (char-set-cursor set)) (last #t))
        (if cursor
            (let ((value (good? (char-set-ref set cursor)))) (and value (loop (char-set-cursor-next set cursor) value)))
            last)))

    (define (fold-sets choose set rest)
      (let loop ((b (bounds set)) (rest rest))
        (if (null? rest) (make-set b) (loop (combine choose b (bounds (car rest))) (cdr rest)))))
    ;; A set with these characters as well.
    (define (char-set-adjoin set . chars) (char-set-union set (chars->set chars)))
    ;; A set without these characters.
    (define (char-set-delete set . chars) (char-set-difference set (chars->set chars)))
    ;; All other characters.
    (define (char-set-complement set) (char-set-difference char-set:full set))
    ;; The characters of any of the sets.
    (define (char-set-union . sets) (fold-sets in-either char-set:empty sets))
    ;; The characters of all sets.
    (define (char-set-intersection . sets) (fold-sets in-both char-set:full sets))
    ;; The characters of SET that no other set has.
    (define (char-set-difference set . sets) (fold-sets in-first set sets))
    ;; The characters that an odd number of the sets has.
    (define (char-set-xor . sets) (fold-sets in-one char-set:empty sets))
    ;; Two sets: the characters of SET that no other set has, and those that some has.
    (define (char-set-diff+intersection set . sets)
      (let ((all (apply char-set-union sets))) (values (char-set-difference set all) (char-set-intersection set all))))
    ;; A set that may be changed is not changed here: the result is what counts.

    ;; As char-set-adjoin; may change its set, whose result counts.
    (define char-set-adjoin! char-set-adjoin)
    ;; As char-set-delete; may change its set.
    (define char-set-delete! char-set-delete)
    ;; As char-set-complement; may change its set.
    (define char-set-complement! char-set-complement)
    ;; As char-set-union; may change its first set.
    (define char-set-union! char-set-union)
    ;; As char-set-intersection; may change its first set.
    (define char-set-intersection! char-set-intersection)
    ;; As char-set-difference; may change its first set.
    (define char-set-difference! char-set-difference)
    ;; As char-set-xor; may change its first set.
    (define char-set-xor! char-set-xor)
    ;; As char-set-diff+intersection; may change its first two sets.
    (define (char-set-diff+intersection! set other . sets) (apply char-set-diff+intersection set other sets))))

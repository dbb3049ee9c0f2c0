;; SRFI 1: lists. https://srfi.schemers.org/srfi-1/
(define-library (srfi 1)
  (export xcons cons* make-list list-tabulate list-copy circular-list iota
          proper-list? circular-list? dotted-list? not-pair? null-list? list=
          first second third fourth fifth sixth seventh eighth ninth tenth
          car+cdr take drop take-right drop-right take! drop-right! split-at split-at! last last-pair
          length+ concatenate reverse! append! concatenate! append-reverse append-reverse!
          zip unzip1 unzip2 unzip3 unzip4 unzip5 count
          fold fold-right pair-fold pair-fold-right reduce reduce-right unfold unfold-right
          append-map append-map! map! map-in-order pair-for-each filter-map
          filter partition remove filter! partition! remove!
          find find-tail any every list-index take-while drop-while take-while! span break span! break!
          delete delete-duplicates delete! delete-duplicates!
          alist-cons alist-copy alist-delete alist-delete!
          lset<= lset= lset-adjoin lset-union lset-union! lset-intersection lset-intersection!
          lset-difference lset-difference! lset-xor lset-xor! lset-diff+intersection lset-diff+intersection!
          ;; of R7RS
          cons list pair? null? car cdr caar cadr cdar cddr caaar caadr cadar caddr cdaar cdadr cddar cdddr
          caaaar caaadr caadar caaddr cadaar cadadr caddar cadddr cdaaar cdaadr cdadar cdaddr cddaar cddadr cdddar cddddr
          list-ref length append reverse map for-each memq memv member assq assv assoc set-car! set-cdr!)
  (import (scheme base) (scheme cxr) (only (stratos base) cons*))
  (begin
    ;; A pair of A and D, given the other way round.
    (define (xcons d a) (cons a d))
    ;; A list of what F gives for each number below COUNT.
    (define (list-tabulate count f)
      (let loop ((i (- count 1)) (result '()))
        (if (< i 0) result (loop (- i 1) (cons (f i) result)))))
    ;; A list of the items that begins again after the last.
    (define (circular-list first . rest)
      (let ((result (cons first rest)))
        (set-cdr! (last-pair result) result)
        result))
    ;; A list of COUNT numbers, from a start (0 by default) on, each a step (1 by default) beyond the one before.
    (define (iota count . options)
      (let* ((start (if (pair? options) (car options) 0))
             (step (if (and (pair? options) (pair? (cdr options))) (cadr options) 1)))
        (if (< count 0) (error "iota: a negative count:" count))
        (let loop ((i (- count 1)) (result '()))
          (if (< i 0) result (loop (- i 1) (cons (+ start (* i step)) result))))))

    ;; Whether X is a list that ends with the empty list.
    (define (proper-list? x) (list? x))
    ;; Whether X is a list without an end.
    (define (circular-list? x)
      ;; The tortoise goes one step while the hare goes two.
      (let loop ((fast x) (slow x))
        (and (pair? fast)
             (pair? (cdr fast))
             (let ((fast (cddr fast)) (slow (cdr slow)))
               (or (eq? fast slow) (loop fast slow))))))
    ;; Whether X ends with something other than the empty list; what is no pair does.
    (define (dotted-list? x)
      (and (not (circular-list? x))
           (let loop ((x x)) (if (pair? x) (loop (cdr x)) (not (null? x))))))
    ;; Whether X is no pair.
    (define (not-pair? x) (not (pair? x)))
    ;; Whether the list X is empty.
    (define (null-list? x . who) (not (pair? x)))
    ;; Whether the lists have the same items, each two compared by SAME?.
    (define (list= same? . lists)
      (define (two a b)
        (cond ((null-list? a) (null-list? b))
              ((null-list? b) #f)
              (else (and (same? (car a) (car b)) (two (cdr a) (cdr b))))))
      (or (null? lists)
          (let loop ((a (car lists)) (rest (cdr lists)))
            (or (null? rest)
                (and (or (eq? a (car rest)) (two a (car rest))) (loop (car rest) (cdr rest)))))))

    ;; The first item of X.
    (define (first x) (car x))
    ;; The second item of X.
    (define (second x) (cadr x))
    ;; The third item of X.
    (define (third x) (caddr x))
    ;; The fourth item of X.
    (define (fourth x) (cadddr x))
    ;; The fifth item of X.
    (define (fifth x) (car (cddddr x)))
    ;; The sixth item of X.
    (define (sixth x) (cadr (cddddr x)))
    ;; The seventh item of X.
    (define (seventh x) (caddr (cddddr x)))
    ;; The eighth item of X.
    (define (eighth x) (cadddr (cddddr x)))
    ;; The ninth item of X.
    (define (ninth x) (car (cddddr (cddddr x))))
    ;; The tenth item of X.
    (define (tenth x) (cadr (cddddr (cddddr x))))
    ;; Both parts of PAIR, as two values.
    (define (car+cdr pair) (values (car pair) (cdr pair)))
    ;; A list of the first COUNT items of X.
    (define (take x count)
      (let loop ((x x) (count count) (taken '()))
        (if (= count 0) (reverse taken) (loop (cdr x) (- count 1) (cons (car x) taken)))))
    ;; What follows the first COUNT items of X.
    (define (drop x count) (if (= count 0) x (drop (cdr x) (- count 1))))
    ;; The last COUNT items of X.
    (define (take-right x count)
      (let loop ((lag x) (lead (drop x count)))
        (if (pair? lead) (loop (cdr lag) (cdr lead)) lag)))
    ;; A list of all items of X but the last COUNT.
    (define (drop-right x count)
      (let loop ((lag x) (lead (drop x count)) (taken '()))
        (if (pair? lead) (loop (cdr lag) (cdr lead) (cons (car lag) taken)) (reverse taken))))
    ;; As take; it may change X.
    (define (take! x count)
      (if (= count 0)
          '()
          (begin (set-cdr! (drop x (- count 1)) '()) x)))
    ;; As drop-right; it may change X.
    (define (drop-right! x count)
      (let ((lead (drop x count)))
        (if (pair? lead)
            (let loop ((lag x) (lead (cdr lead)))
              (if (pair? lead)
                  (loop (cdr lag) (cdr lead))
                  (begin (set-cdr! lag '()) x)))
            '())))
    ;; The first COUNT items of X, and what follows them: two values.
    (define (split-at x count)
      (let loop ((x x) (count count) (taken '()))
        (if (= count 0) (values (reverse taken) x) (loop (cdr x) (- count 1) (cons (car x) taken)))))
    ;; As split-at; it may change X.
    (define (split-at! x count)
      (if (= count 0)
          (values '() x)
          (let* ((before (drop x (- count 1))) (after (cdr before)))
            (set-cdr! before '())
            (values x after))))
    ;; The last item of X.
    (define (last x) (car (last-pair x)))
    ;; The last pair of X.
    (define (last-pair x) (if (pair? (cdr x)) (last-pair (cdr x)) x))

    ;; The length of X, or #f for one without an end.
    (define (length+ x) (and (not (circular-list? x)) (let loop ((x x) (count 0)) (if (pair? x) (loop (cdr x) (+ count 1)) count))))
    ;; The lists that are LISTS' items, one after the other.
    (define (concatenate lists) (apply append lists))
    ;; As reverse; it may change X.
    (define (reverse! x) (reverse x))
    ;; As append; it may change the lists.
    (define (append! . lists)
      (let loop ((lists lists) (result '()))
        (cond ((null? lists) result)
              ((null? result) (loop (cdr lists) (car lists)))
              (else (set-cdr! (last-pair result) (apply append! lists)) result))))
    ;; As concatenate; it may change the lists.
    (define (concatenate! lists) (apply append! lists))
    ;; The items of X in reverse, followed by TAIL.
    (define (append-reverse x tail) (if (null-list? x) tail (append-reverse (cdr x) (cons (car x) tail))))
    ;; As append-reverse; it may change X.
    (define (append-reverse! x tail) (append-reverse x tail))
    ;; A list of lists: those of the first items, of the second ones, and so on.
    (define (zip first . rest) (apply map list first rest))
    ;; A list of the first items of the lists in X.
    (define (unzip1 x) (map car x))
    ;; Lists of the first and of the second items of the lists in X: two values.
    (define (unzip2 x) (values (map car x) (map cadr x)))
    ;; Lists of the first, second and third items of the lists in X: three values.
    (define (unzip3 x) (values (map car x) (map cadr x) (map caddr x)))
    ;; Lists of the first to fourth items of the lists in X: four values.
    (define (unzip4 x) (values (map car x) (map cadr x) (map caddr x) (map cadddr x)))
    ;; Lists of the first to fifth items of the lists in X: five values.
    (define (unzip5 x) (values (map car x) (map cadr x) (map caddr x) (map cadddr x) (map fifth x)))

    ;; Several lists at once: their cars and cdrs, or #f where one has ended.
    (define (cars lists)
      (let loop ((lists lists) (result '()))
        (cond ((null? lists) (reverse result))
              ((pair? (car lists)) (loop (cdr lists) (cons (caar lists) result)))
              (else #f))))
    (define (cdrs lists) (map cdr lists))

    ;; How many items of X MATCHES? is true for.
    (define (count matches? x . rest)
      (if (null? rest)
          (let loop ((x x) (n 0)) (if (pair? x) (loop (cdr x) (if (matches? (car x)) (+ n 1) n)) n))
          (let loop ((lists (cons x rest)) (n 0))
            (let ((items (cars lists)))
              (if items (loop (cdrs lists) (if (apply matches? items) (+ n 1) n)) n)))))
    ;; Calls F with each item, from the first on, and what it gave before (START at first); gives the last result.
    (define (fold f start x . rest)
      (if (null? rest)
          (let loop ((x x) (result start)) (if (pair? x) (loop (cdr x) (f (car x) result)) result))
          (let loop ((lists (cons x rest)) (result start))
            (let ((items (cars lists)))
              (if items (loop (cdrs lists) (apply f (append items (list result)))) result)))))
    ;; As fold, from the last item on.
    (define (fold-right f start x . rest)
      (if (null? rest)
          (let loop ((x (reverse x)) (result start)) (if (pair? x) (loop (cdr x) (f (car x) result)) result))
          (let loop ((lists (cons x rest)))
            (let ((items (cars lists)))
              (if items (apply f (append items (list (loop (cdrs lists))))) start)))))
    ;; As fold, with each pair of the list instead of its item.
    (define (pair-fold f start x . rest)
      (if (null? rest)
          (let loop ((x x) (result start))
            (if (pair? x) (let ((next (cdr x))) (loop next (f x result))) result))
          (let loop ((lists (cons x rest)) (result start))
            (if (cars lists)
                (let ((next (cdrs lists))) (loop next (apply f (append lists (list result)))))
                result))))
    ;; As fold-right, with each pair of the list instead of its item.
    (define (pair-fold-right f start x . rest)
      (if (null? rest)
          (let loop ((x x)) (if (pair? x) (f x (loop (cdr x))) start))
          (let loop ((lists (cons x rest)))
            (if (cars lists) (apply f (append lists (list (loop (cdrs lists))))) start))))
    ;; As fold, with the first item in START's place; START for an empty list.
    (define (reduce f start x) (if (pair? x) (fold f (car x) (cdr x)) start))
    ;; As fold-right, with the last item in START's place; START for an empty list.
    (define (reduce-right f start x)
      (if (pair? x)
          (let loop ((x x)) (if (pair? (cdr x)) (f (car x) (loop (cdr x))) (car x)))
          start))
    ;; A list that grows from SEED: F gives the item of a seed, NEXT the next seed, until STOP? is true of one.
    (define (unfold stop? f next seed . tail)
      (let loop ((seed seed) (result '()))
        (if (stop? seed)
            (append-reverse result (if (pair? tail) ((car tail) seed) '()))
            (loop (next seed) (cons (f seed) result)))))
    ;; As unfold, from the last item on.
    (define (unfold-right stop? f next seed . tail)
      (let loop ((seed seed) (result (if (pair? tail) (car tail) '())))
        (if (stop? seed) result (loop (next seed) (cons (f seed) result)))))
    ;; What F gives for the items, all lists, one after the other.
    (define (append-map f x . rest) (apply append (apply map f x rest)))
    ;; As append-map; it may change the lists.
    (define (append-map! f x . rest) (apply append! (apply map f x rest)))
    ;; As map, certainly from the first item on.
    (define (map-in-order f x . rest) (apply map f x rest))
    ;; As map; it may change X.
    (define (map! f x . rest) (apply map f x rest))
    ;; Calls F with each pair of the list.
    (define (pair-for-each f x . rest)
      (if (null? rest)
          (let loop ((x x)) (if (pair? x) (let ((next (cdr x))) (f x) (loop next))))
          (let loop ((lists (cons x rest)))
            (if (cars lists) (let ((next (cdrs lists))) (apply f lists) (loop next))))))
    ;; A list of what F gives for the items, without #f.
    (define (filter-map f x . rest)
      (if (null? rest)
          (let loop ((x x) (result '()))
            (if (pair? x)
                (let ((y (f (car x)))) (loop (cdr x) (if y (cons y result) result)))
                (reverse result)))
          (let loop ((lists (cons x rest)) (result '()))
            (let ((items (cars lists)))
              (if items
                  (let ((y (apply f items))) (loop (cdrs lists) (if y (cons y result) result)))
                  (reverse result))))))

    ;; A list of the items for which KEEP? is true.
    (define (filter keep? x)
      (let loop ((x x) (result '()))
        (if (pair? x) (loop (cdr x) (if (keep? (car x)) (cons (car x) result) result)) (reverse result))))
    ;; A list of the items for which DROP? is false.
    (define (remove drop? x) (filter (lambda (item) (not (drop? item))) x))
    ;; A list of the items for which IN? is true, and one of the others: two values.
    (define (partition in? x)
      (let loop ((x x) (in '()) (out '()))
        (cond ((not (pair? x)) (values (reverse in) (reverse out)))
              ((in? (car x)) (loop (cdr x) (cons (car x) in) out))
              (else (loop (cdr x) in (cons (car x) out))))))
    ;; As filter; it may change X.
    (define (filter! keep? x) (filter keep? x))
    ;; As remove; it may change X.
    (define (remove! drop? x) (remove drop? x))
    ;; As partition; it may change X.
    (define (partition! in? x) (partition in? x))
    ;; The first item for which FOUND? is true, or #f.
    (define (find found? x) (let ((tail (find-tail found? x))) (and tail (car tail))))
    ;; The rest of X from the first item on for which FOUND? is true, or #f.
    (define (find-tail found? x)
      (and (pair? x) (if (found? (car x)) x (find-tail found? (cdr x)))))
    ;; The first true value that F gives for an item, or #f.
    (define (any f x . rest)
      (if (null? rest)
          (and (pair? x)
               (let loop ((x x)) (if (pair? (cdr x)) (or (f (car x)) (loop (cdr x))) (f (car x)))))
          (let ((lists (cons x rest)))
            (let ((items (cars lists)))
              (and items
                   (let loop ((items items) (lists (cdrs lists)))
                     (let ((next (cars lists)))
                       (if next (or (apply f items) (loop next (cdrs lists))) (apply f items)))))))))
    ;; What F gives for the last item if it is true for all; #f else, #t for no items.
    (define (every f x . rest)
      (if (null? rest)
          (or (not (pair? x))
              (let loop ((x x)) (if (null? (cdr x)) (f (car x)) (and (f (car x)) (loop (cdr x))))))
          (let* ((lists (cons x rest)) (items (cars lists)))
            (or (not items)
                (let loop ((items items) (lists (cdrs lists)))
                  (let ((next (cars lists)))
                    (if next (and (apply f items) (loop next (cdrs lists))) (apply f items))))))))
    ;; The place of the first item for which FOUND? is true, or #f.
    (define (list-index found? x . rest)
      (if (null? rest)
          (let loop ((x x) (i 0)) (and (pair? x) (if (found? (car x)) i (loop (cdr x) (+ i 1)))))
          (let loop ((lists (cons x rest)) (i 0))
            (let ((items (cars lists)))
              (and items (if (apply found? items) i (loop (cdrs lists) (+ i 1))))))))
    ;; What take-while and drop-while give: two values.
    (define (span in? x)
      (let loop ((x x) (taken '()))
        (if (and (pair? x) (in? (car x))) (loop (cdr x) (cons (car x) taken)) (values (reverse taken) x))))
    ;; The items before the first for which STOP? is true, and the rest: two values.
    (define (break stop? x) (span (lambda (item) (not (stop? item))) x))
    ;; As span; it may change X.
    (define (span! in? x) (span in? x))
    ;; As break; it may change X.
    (define (break! stop? x) (break stop? x))
    ;; A list of the items up to the first for which IN? is false.
    (define (take-while in? x) (call-with-values (lambda () (span in? x)) (lambda (taken rest) taken)))
    ;; As take-while; it may change X.
    (define (take-while! in? x) (take-while in? x))
    ;; The rest of X from the first item on for which IN? is false.
    (define (drop-while in? x) (if (and (pair? x) (in? (car x))) (drop-while in? (cdr x)) x))

    (define (option options) (if (pair? options) (car options) equal?))
    ;; A list without the items that are equal to ITEM, or the same by a third argument.
    (define (delete item x . same)
      (let ((same? (option same))) (remove (lambda (other) (same? item other)) x)))
    ;; As delete; it may change X.
    (define (delete! item x . same) (apply delete item x same))
    ;; A list in which each item stands once, at its first place.
    (define (delete-duplicates x . same)
      (let ((same? (option same)))
        (let loop ((x x) (kept '()))
          (cond ((not (pair? x)) (reverse kept))
                ((any (lambda (other) (same? other (car x))) kept) (loop (cdr x) kept))
                (else (loop (cdr x) (cons (car x) kept)))))))
    ;; As delete-duplicates; it may change X.
    (define (delete-duplicates! x . same) (apply delete-duplicates x same))
    ;; ALIST with a pair of KEY and VALUE before it.
    (define (alist-cons key value alist) (cons (cons key value) alist))
    ;; A copy of ALIST and of its pairs.
    (define (alist-copy alist) (map (lambda (entry) (cons (car entry) (cdr entry))) alist))
    ;; ALIST without the pairs whose key is KEY.
    (define (alist-delete key alist . same)
      (let ((same? (option same))) (remove (lambda (entry) (same? key (car entry))) alist)))
    ;; As alist-delete; it may change ALIST.
    (define (alist-delete! key alist . same) (apply alist-delete key alist same))

    (define (in? same? item x) (any (lambda (other) (same? other item)) x))
    ;; Whether all items of each list are in the next one.
    (define (lset<= same? . lists)
      (or (null? lists)
          (let loop ((a (car lists)) (rest (cdr lists)))
            (or (null? rest)
                (and (every (lambda (item) (any (lambda (other) (same? item other)) (car rest))) a)
                     (loop (car rest) (cdr rest)))))))
    ;; Whether the lists have the same items, in whatever order.
    (define (lset= same? . lists)
      (or (null? lists)
          (let loop ((a (car lists)) (rest (cdr lists)))
            (or (null? rest)
                (let ((b (car rest)))
                  (and (every (lambda (item) (any (lambda (other) (same? item other)) b)) a)
                       (every (lambda (item) (any (lambda (other) (same? other item)) a)) b)
                       (loop b (cdr rest))))))))
    ;; X with those of ITEMS before it that it does not have.
    (define (lset-adjoin same? x . items)
      (fold (lambda (item result) (if (in? same? item result) result (cons item result))) x items))
    ;; A list of what is in any of the lists.
    (define (lset-union same? . lists)
      (reduce (lambda (x result)
                (cond ((null? x) result)
                      ((null? result) x)
                      ((eq? x result) result)
                      (else (fold (lambda (item result) (if (in? same? item result) result (cons item result))) result x))))
              '() lists))
    ;; The items of X that are in all the others.
    (define (lset-intersection same? x . lists)
      (filter (lambda (item) (every (lambda (other) (any (lambda (own) (same? item own)) other)) lists)) x))
    ;; The items of X that are in none of the others.
    (define (lset-difference same? x . lists)
      (filter (lambda (item) (every (lambda (other) (not (any (lambda (own) (same? item own)) other))) lists)) x))
    ;; What is in an odd number of the lists.
    (define (lset-xor same? . lists)
      (reduce (lambda (b a)
                (let ((only-a (filter (lambda (item) (not (in? same? item b))) a))
                      (only-b (filter (lambda (item) (not (in? same? item a))) b)))
                  (append-reverse only-b only-a)))
              '() lists))
    ;; What lset-difference gives, and the rest of X: two values.
    (define (lset-diff+intersection same? x . lists)
      (partition (lambda (item) (every (lambda (other) (not (any (lambda (own) (same? item own)) other))) lists)) x))
    ;; As lset-union; it may change the lists.
    (define (lset-union! same? . lists) (apply lset-union same? lists))
    ;; As lset-intersection; it may change X.
    (define (lset-intersection! same? x . lists) (apply lset-intersection same? x lists))
    ;; As lset-difference; it may change X.
    (define (lset-difference! same? x . lists) (apply lset-difference same? x lists))
    ;; As lset-xor; it may change the lists.
    (define (lset-xor! same? . lists) (apply lset-xor same? lists))
    ;; As lset-diff+intersection; it may change X.
    (define (lset-diff+intersection! same? x . lists) (apply lset-diff+intersection same? x lists))))

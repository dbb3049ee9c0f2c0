;; SRFI 69: hash tables; their order is that in which keys were added. https://srfi.schemers.org/srfi-69/
;;
;; Buckets are lists of nodes #(KEY VALUE BEFORE AFTER); all nodes of a table also stand in one chain, the oldest first.
(define-library (srfi 69)
  (export make-hash-table hash-table? alist->hash-table hash-table-equivalence-function hash-table-hash-function
          hash-table-ref hash-table-ref/default hash-table-set! hash-table-delete! hash-table-exists? hash-table-update!
          hash-table-update!/default hash-table-size hash-table-keys hash-table-values hash-table-walk hash-table-fold
          hash-table->alist hash-table-copy hash-table-merge! hash-table-clear!
          hash string-hash string-ci-hash hash-by-identity)
  (import (scheme base) (scheme char) (rename (stratos hash) (%hash primitive-hash) (%identity-hash identity-hash)))
  (begin
    ;; A hash table: how many associations it has, and the procedures that it compares and hashes keys by.
    (define-record-type hash-table
      (make-table same? hash buckets size first last)
      hash-table?
      (same? hash-table-equivalence-function)
      (hash hash-table-hash-function)
      (buckets buckets set-buckets!)
      (size hash-table-size set-size!)
      (first first-node set-first-node!)
      (last last-node set-last-node!))
    (define-record-type node
      (make-node key value before after)
      node?
      (key key)
      (value value set-value!)
      (before before set-before!)
      (after after set-after!))

    (define (bounded number bound) (if (pair? bound) (modulo number (car bound)) number))
    ;; A number for X, the same for what is equal?; below a bound, when one is given.
    (define (hash x . bound) (bounded (primitive-hash x) bound))
    ;; A number for a string, the same for equal ones.
    (define (string-hash x . bound) (bounded (primitive-hash x) bound))
    ;; A number for a string, the same for those that differ in case alone.
    (define (string-ci-hash x . bound) (bounded (primitive-hash (string-foldcase x)) bound))
    ;; A number for X, the same for what is eq?.
    (define (hash-by-identity x . bound) (bounded (identity-hash x) bound))

    (define (default-hash same?)
      (cond ((or (eq? same? eq?) (eq? same? eqv?)) identity-hash)
            ((eq? same? string-ci=?) string-ci-hash)
            (else primitive-hash)))
    ;; A new table; keys are compared by equal?, or by the procedure that is given, which may be followed by one that
    ;; hashes.
    (define (make-hash-table . options)
      (let* ((same? (if (and (pair? options) (procedure? (car options))) (car options) equal?))
             (hash (if (and (pair? options) (pair? (cdr options)) (procedure? (cadr options))) (cadr options) (default-hash same?))))
        (make-table same? hash (make-vector 16 '()) 0 #f #f)))

    (define (place table item-key count)
      (let ((number ((hash-table-hash-function table) item-key)))
        (modulo number count)))
    (define (find-node table item-key)
      (let ((same? (hash-table-equivalence-function table)) (all (buckets table)))
        (let loop ((nodes (vector-ref all (place table item-key (vector-length all)))))
          (cond ((null? nodes) #f)
                ((same? item-key (key (car nodes))) (car nodes))
                (else (loop (cdr nodes)))))))
    (define (grow! table)
      (let* ((count (* 2 (vector-length (buckets table)))) (all (make-vector count '())))
        (let loop ((node (first-node table)))
          (if node
              (let ((index (place table (key node) count)))
                (vector-set! all index (cons node (vector-ref all index)))
                (loop (after node)))))
        (set-buckets! table all)))
    (define (add-node! table item-key item-value)
      (if (> (hash-table-size table) (vector-length (buckets table))) (grow! table))
      (let* ((all (buckets table))
             (index (place table item-key (vector-length all)))
             (last (last-node table))
             (node (make-node item-key item-value last #f)))
        (vector-set! all index (cons node (vector-ref all index)))
        (if last (set-after! last node) (set-first-node! table node))
        (set-last-node! table node)
        (set-size! table (+ 1 (hash-table-size table)))))

    ;; The value of a key; without one what the third argument gives, a procedure of no arguments, or an error.
    (define (hash-table-ref table item-key . options)
      (let ((node (find-node table item-key)))
        (cond (node (if (and (pair? options) (pair? (cdr options))) ((cadr options) (value node)) (value node)))
              ((and (pair? options) (car options)) ((car options)))
              (else (error "hash-table-ref: no such key:" item-key)))))
    ;; The value of a key, or DEFAULT.
    (define (hash-table-ref/default table item-key default)
      (let ((node (find-node table item-key))) (if node (value node) default)))
    ;; Makes ITEM-VALUE the value of a key.
    (define (hash-table-set! table item-key item-value)
      (let ((node (find-node table item-key)))
        (if node (set-value! node item-value) (add-node! table item-key item-value))))
    ;; Takes a key and its value out.
    (define (hash-table-delete! table item-key)
      (let ((node (find-node table item-key)))
        (if node
            (let* ((all (buckets table)) (index (place table item-key (vector-length all))))
              (vector-set! all index
                           (let loop ((nodes (vector-ref all index)))
                             (if (eq? (car nodes) node) (cdr nodes) (cons (car nodes) (loop (cdr nodes))))))
              (if (before node) (set-after! (before node) (after node)) (set-first-node! table (after node)))
              (if (after node) (set-before! (after node) (before node)) (set-last-node! table (before node)))
              (set-size! table (- (hash-table-size table) 1))))))
    ;; Whether a key has a value.
    (define (hash-table-exists? table item-key) (if (find-node table item-key) #t #f))
    ;; The value of a key becomes what F gives for it; a key without one begins with what the fourth argument gives.
    (define (hash-table-update! table item-key f . missing)
      (hash-table-set! table item-key (f (apply hash-table-ref table item-key missing))))
    ;; The value of a key becomes what F gives for it, or for DEFAULT.
    (define (hash-table-update!/default table item-key f default)
      (hash-table-set! table item-key (f (hash-table-ref/default table item-key default))))
    ;; Takes all keys out.
    (define (hash-table-clear! table)
      (set-buckets! table (make-vector 16 '()))
      (set-size! table 0)
      (set-first-node! table #f)
      (set-last-node! table #f))
    ;; Calls F with each key, its value and what it gave before (START at first); gives the last result.
    (define (hash-table-fold table f start)
      (let loop ((node (first-node table)) (result start))
        (if node
            (let ((next (after node))) (loop next (f (key node) (value node) result)))
            result)))
    ;; An association list of the keys and values.
    (define (hash-table->alist table)
      (reverse (hash-table-fold table (lambda (key value result) (cons (cons key value) result)) '())))
    ;; A list of the keys.
    (define (hash-table-keys table) (map car (hash-table->alist table)))
    ;; A list of the values.
    (define (hash-table-values table) (map cdr (hash-table->alist table)))
    ;; Calls F with each key and its value.
    (define (hash-table-walk table f)
      (for-each (lambda (entry) (f (car entry) (cdr entry))) (hash-table->alist table)))
    ;; A new table with the keys and values of an association list; of a key that is there twice the first counts.
    (define (alist->hash-table alist . options)
      (let ((table (apply make-hash-table options)))
        (for-each (lambda (entry)
                    (if (not (hash-table-exists? table (car entry))) (hash-table-set! table (car entry) (cdr entry))))
                  alist)
        table))
    ;; A new table with the same keys and values.
    (define (hash-table-copy table . mutable)
      (let ((copy (make-hash-table (hash-table-equivalence-function table) (hash-table-hash-function table))))
        (hash-table-walk table (lambda (key value) (hash-table-set! copy key value)))
        copy))
    ;; Puts the keys and values of FROM into TO.
    (define (hash-table-merge! to from)
      (hash-table-walk from (lambda (key value) (hash-table-set! to key value)))
      to)))

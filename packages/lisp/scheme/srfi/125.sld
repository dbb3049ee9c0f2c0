;; SRFI 125: intermediate hash tables, with their deprecated names; those of SRFI 69 beneath, which keep the order in
;; which keys were added. https://srfi.schemers.org/srfi-125/
(define-library (srfi 125)
  (export make-hash-table hash-table hash-table-unfold alist->hash-table hash-table? hash-table-contains?
          hash-table-exists? hash-table-empty? hash-table=? hash-table-mutable? hash-table-ref hash-table-ref/default
          hash-table-set! hash-table-delete! hash-table-intern! hash-table-update! hash-table-update!/default
          hash-table-pop! hash-table-clear! hash-table-size hash-table-keys hash-table-values hash-table-entries
          hash-table-find hash-table-count hash-table-map hash-table-for-each hash-table-walk hash-table-map!
          hash-table-map->list hash-table-fold hash-table-prune! hash-table-copy hash-table-empty-copy
          hash-table->alist hash-table-union! hash-table-merge! hash-table-intersection! hash-table-difference!
          hash-table-xor! hash string-hash string-ci-hash hash-by-identity hash-table-equivalence-function
          hash-table-hash-function)
  (import (scheme base) (scheme char)
          (only (srfi 69) hash string-hash string-ci-hash hash-by-identity)
          (prefix (except (srfi 69) hash string-hash string-ci-hash hash-by-identity) 69:)
          (only (srfi 128) comparator? comparator-equality-predicate comparator-hash-function =?))
  (begin
    ;; Only what `hash-table-copy` makes without a true second argument is immutable.
    (define-record-type table (wrap inner mutable?) hash-table? (inner inner) (mutable? hash-table-mutable?))
    (define (changed who table)
      (if (hash-table-mutable? table) (inner table) (error (string-append who ": the table is immutable:") table)))

    ;; A comparator, or an equivalence and perhaps a hash; the rest says what our tables do not ask.
    (define (make-hash-table kind . options)
      (wrap (if (comparator? kind)
                (69:make-hash-table (comparator-equality-predicate kind) (comparator-hash-function kind))
                (apply 69:make-hash-table kind
                       (if (and (pair? options) (procedure? (car options))) (list (car options)) '())))
            #t))
    ;; A new table with keys and their values in turn; KIND is a comparator, or what compares keys.
    (define (hash-table kind . items)
      (let ((table (make-hash-table kind)))
        (let loop ((items items))
          (cond ((null? items) table)
                ((null? (cdr items)) (error "hash-table: a key without a value:" (car items)))
                ((hash-table-contains? table (car items)) (error "hash-table: a key stands twice:" (car items)))
                (else (hash-table-set! table (car items) (cadr items)) (loop (cddr items)))))))
    ;; A new table that grows from SEED: MAPPER gives a key and its value, NEXT the next seed, until STOP? is true.
    (define (hash-table-unfold stop? mapper next seed kind . options)
      (let ((table (apply make-hash-table kind options)))
        (let loop ((seed seed))
          (if (stop? seed)
              table
              (let-values (((key value) (mapper seed)))
                (hash-table-set! table key value)
                (loop (next seed)))))))
    ;; A new table with the keys and values of ALIST; of a key that is there twice the first counts.
    (define (alist->hash-table alist kind . options)
      (let ((table (apply make-hash-table kind options)))
        (for-each (lambda (entry) (hash-table-intern! table (car entry) (lambda () (cdr entry)))) alist)
        table))

    ;; Whether KEY has a value.
    (define (hash-table-contains? table key) (69:hash-table-exists? (inner table) key))
    ;; Whether KEY has a value: the older name of hash-table-contains?.
    (define (hash-table-exists? table key) (hash-table-contains? table key))
    ;; How many keys TABLE has.
    (define (hash-table-size table) (69:hash-table-size (inner table)))
    ;; Whether TABLE has no keys.
    (define (hash-table-empty? table) (= 0 (hash-table-size table)))
    ;; Whether A and B have the same keys, and values that are the same by VALUES, a comparator.
    (define (hash-table=? values a b)
      (and (= (hash-table-size a) (hash-table-size b))
           (let loop ((entries (hash-table->alist a)))
             (or (null? entries)
                 (and (hash-table-contains? b (caar entries))
                      (=? values (cdar entries) (hash-table-ref b (caar entries)))
                      (loop (cdr entries)))))))
    ;; The value of KEY, given to a second procedure if there is one; without a value what the first one gives, or an
    ;; error.
    (define (hash-table-ref table key . options) (apply 69:hash-table-ref (inner table) key options))
    ;; The value of KEY, or DEFAULT.
    (define (hash-table-ref/default table key default) (69:hash-table-ref/default (inner table) key default))
    ;; Keys and their values in turn.
    (define (hash-table-set! table . items)
      (let ((inner (changed "hash-table-set!" table)))
        (let loop ((items items))
          (cond ((null? items))
                ((null? (cdr items)) (error "hash-table-set!: a key without a value:" (car items)))
                (else (69:hash-table-set! inner (car items) (cadr items)) (loop (cddr items)))))))
    ;; How many of the keys were there.
    (define (hash-table-delete! table . keys)
      (let* ((inner (changed "hash-table-delete!" table)) (before (69:hash-table-size inner)))
        (for-each (lambda (key) (69:hash-table-delete! inner key)) keys)
        (- before (69:hash-table-size inner))))
    ;; The value of KEY; without one what MAKE gives becomes it.
    (define (hash-table-intern! table key make)
      (if (hash-table-contains? table key)
          (hash-table-ref table key)
          (let ((value (make)))
            (hash-table-set! table key value)
            value)))
    ;; The value of KEY becomes what F gives for it; further procedures are those of hash-table-ref.
    (define (hash-table-update! table key f . options)
      (hash-table-set! table key (f (apply hash-table-ref table key options))))
    ;; The value of KEY becomes what F gives for it, or for DEFAULT.
    (define (hash-table-update!/default table key f default)
      (hash-table-set! table key (f (hash-table-ref/default table key default))))
    ;; Takes some key out: it and its value.
    (define (hash-table-pop! table)
      (if (hash-table-empty? table) (error "hash-table-pop!: the table is empty:" table))
      (let ((entry (car (hash-table->alist table))))
        (hash-table-delete! table (car entry))
        (values (car entry) (cdr entry))))
    ;; Takes all keys out.
    (define (hash-table-clear! table) (69:hash-table-clear! (changed "hash-table-clear!" table)))

    ;; An association list of the keys and values.
    (define (hash-table->alist table) (69:hash-table->alist (inner table)))
    ;; A list of the keys.
    (define (hash-table-keys table) (69:hash-table-keys (inner table)))
    ;; A list of the values.
    (define (hash-table-values table) (69:hash-table-values (inner table)))
    ;; A list of the keys and one of the values: two values.
    (define (hash-table-entries table) (values (hash-table-keys table) (hash-table-values table)))
    ;; The first true value that F gives for a key and its value; else what FAIL gives.
    (define (hash-table-find f table fail)
      (let loop ((entries (hash-table->alist table)))
        (if (null? entries) (fail) (or (f (caar entries) (cdar entries)) (loop (cdr entries))))))
    ;; Calls F with each key, its value and what it gave before (START at first); gives the last result.
    (define (hash-table-fold f start table)
      (if (hash-table? f)
          (hash-table-fold start table f) ; the deprecated order: table, f, start
          (69:hash-table-fold (inner table) f start)))
    ;; For how many keys and values MATCHES? is true.
    (define (hash-table-count matches? table)
      (hash-table-fold (lambda (key value count) (if (matches? key value) (+ count 1) count)) 0 table))
    ;; A new table with what F gives for each value.
    (define (hash-table-map f kind table)
      (let ((result (make-hash-table kind)))
        (hash-table-for-each (lambda (key value) (hash-table-set! result key (f value))) table)
        result))
    ;; Calls F with each key and its value.
    (define (hash-table-for-each f table)
      (if (hash-table? f)
          (hash-table-for-each table f)
          (for-each (lambda (entry) (f (car entry) (cdr entry))) (hash-table->alist table))))
    ;; Calls F with each key and its value: the older name of hash-table-for-each.
    (define (hash-table-walk table f) (hash-table-for-each f table))
    ;; Each value becomes what F gives for the key and it.
    (define (hash-table-map! f table)
      (hash-table-for-each (lambda (key value) (hash-table-set! table key (f key value))) table))
    ;; A list of what F gives for each key and its value.
    (define (hash-table-map->list f table)
      (map (lambda (entry) (f (car entry) (cdr entry))) (hash-table->alist table)))
    ;; Takes out the keys for which, with their values, DROP? is true.
    (define (hash-table-prune! drop? table)
      (hash-table-for-each (lambda (key value) (if (drop? key value) (hash-table-delete! table key))) table))
    ;; A new table with the same keys and values.
    (define (hash-table-copy table . mutable)
      (wrap (69:hash-table-copy (inner table)) (and (pair? mutable) (car mutable) #t)))
    ;; A new table of the same kind without keys.
    (define (hash-table-empty-copy table)
      (wrap (69:make-hash-table (hash-table-equivalence-function table) (hash-table-hash-function table)) #t))

    ;; Adds to A the keys of B that it does not have.
    (define (hash-table-union! a b)
      (hash-table-for-each (lambda (key value) (hash-table-intern! a key (lambda () value))) b)
      a)
    ;; Adds to A the keys of B that it does not have: the older name of hash-table-union!.
    (define (hash-table-merge! a b) (hash-table-union! a b))
    ;; Takes out of A what is not in B.
    (define (hash-table-intersection! a b)
      (hash-table-prune! (lambda (key value) (not (hash-table-contains? b key))) a)
      a)
    ;; Takes out of A what is in B.
    (define (hash-table-difference! a b)
      (hash-table-prune! (lambda (key value) (hash-table-contains? b key)) a)
      a)
    ;; Adds to A what is in B alone, and takes out what is in both.
    (define (hash-table-xor! a b)
      (hash-table-for-each
        (lambda (key value)
          (if (hash-table-contains? a key) (hash-table-delete! a key) (hash-table-set! a key value)))
        b)
      a)
    ;; The procedure that compares the keys.
    (define (hash-table-equivalence-function table) (69:hash-table-equivalence-function (inner table)))
    ;; The procedure that hashes the keys.
    (define (hash-table-hash-function table) (69:hash-table-hash-function (inner table)))))

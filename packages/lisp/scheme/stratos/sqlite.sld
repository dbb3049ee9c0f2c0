;; SQLite's databases, through (stratos foreign) and Debian's libsqlite3-0: for native programs (docs/lisp/foreign.md).
;;
;; Values: integers of 64 bits, reals, strings, bytevectors (blobs), and false for NULL.
(define-library (stratos sqlite)
  (export sqlite-open sqlite-close! sqlite-exec sqlite-query sqlite-prepare sqlite-bind! sqlite-step sqlite-row
          sqlite-column sqlite-column-names sqlite-reset! sqlite-finalize! sqlite-changes sqlite-last-row-id
          sqlite-error? sqlite-error-code)
  (import (scheme base) (stratos foreign))
  (begin
    ;; A connection to a database.
    (define-record-type database (make-database handle) database? (handle database-handle set-database-handle!))
    ;; A prepared statement.
    (define-record-type statement (make-statement handle database) statement?
      (handle statement-handle set-statement-handle!) (database statement-database))
    ;; Raised with SQLite's words and its code.
    (define-record-type sqlite-error (make-error message code) error-record? (message error-message) (code error-code))

    ;; SQLite is loaded when the first database is opened.
    (define library #f)
    (define (loaded) (unless library (set! library (foreign-open "libsqlite3.so.0"))) library)
    (define-syntax define-c
      (syntax-rules ()
        ((_ name c-name types result)
         (define name
           (let ((procedure #f))
             (lambda operands
               (unless procedure (set! procedure (foreign-procedure (loaded) c-name types result)))
               (apply procedure operands)))))))
    (define-c open-v2 "sqlite3_open_v2" (string (pointer pointer) int pointer) int)
    (define-c close-v2 "sqlite3_close_v2" (pointer) int)
    (define-c errmsg "sqlite3_errmsg" (pointer) string)
    (define-c exec "sqlite3_exec" (pointer string pointer pointer pointer) int)
    (define-c prepare-v2 "sqlite3_prepare_v2" (pointer string int (pointer pointer) pointer) int)
    (define-c finalize "sqlite3_finalize" (pointer) int)
    (define-c reset "sqlite3_reset" (pointer) int)
    (define-c step "sqlite3_step" (pointer) int)
    (define-c bind-int64 "sqlite3_bind_int64" (pointer int int64) int)
    (define-c bind-double "sqlite3_bind_double" (pointer int double) int)
    (define-c bind-text "sqlite3_bind_text" (pointer int string int intptr_t) int)
    (define-c bind-blob "sqlite3_bind_blob" (pointer int bytevector int intptr_t) int)
    (define-c bind-null "sqlite3_bind_null" (pointer int) int)
    (define-c bind-index "sqlite3_bind_parameter_index" (pointer string) int)
    (define-c column-count "sqlite3_column_count" (pointer) int)
    (define-c column-name "sqlite3_column_name" (pointer int) string)
    (define-c column-type "sqlite3_column_type" (pointer int) int)
    (define-c column-int64 "sqlite3_column_int64" (pointer int) int64)
    (define-c column-double "sqlite3_column_double" (pointer int) double)
    (define-c column-text "sqlite3_column_text" (pointer int) string)
    (define-c column-blob "sqlite3_column_blob" (pointer int) pointer)
    (define-c column-bytes "sqlite3_column_bytes" (pointer int) int)
    (define-c changes "sqlite3_changes" (pointer) int)
    (define-c last-insert-rowid "sqlite3_last_insert_rowid" (pointer) int64)

    (define read-write-create 6)
    (define row 100)
    (define done 101)
    ;; SQLite copies what is bound (SQLITE_TRANSIENT): it lives for the call only.
    (define transient -1)

    (define (sqlite-error? x)
      "Whether X was raised for an error that SQLite told: a condition whose message has its words."
      (and (error-object? x) (pair? (error-object-irritants x)) (error-record? (car (error-object-irritants x)))))
    (define (sqlite-error-code x)
      "SQLite's result code of an error: 1 is SQLITE_ERROR, 19 SQLITE_CONSTRAINT."
      (error-code (car (error-object-irritants x))))
    (define (check database code)
      (unless (= code 0)
        (let ((message (errmsg (database-handle database)))) (error message (make-error message code)))))
    (define (open-handle who x)
      (or (if (database? x) (database-handle x) (and (statement? x) (statement-handle x)))
          (error (string-append who ": it is closed, or no database or statement:") x)))

    (define (sqlite-open path)
      "Opens a database file, which is made if it is not there; \":memory:\" is one in memory."
      (with-foreign ((place pointer))
        (let* ((code (open-v2 path place read-write-create #f)) (database (make-database (foreign-ref place))))
          (unless (= code 0)
            (let ((message (errmsg (database-handle database))))
              (close-v2 (database-handle database))
              (error message (make-error message code))))
          database)))
    (define (sqlite-close! database)
      "Closes a database; its statements end with the last that is finalized."
      (when (database-handle database)
        (close-v2 (database-handle database))
        (set-database-handle! database #f)))
    (define (sqlite-exec database sql)
      "Runs statements that give no rows, parted by semicolons."
      (check database (exec (open-handle "sqlite-exec" database) sql #f #f #f)))
    (define (sqlite-prepare database sql)
      "Prepares a statement, whose parameters (? or :name) sqlite-bind! gives values."
      (with-foreign ((place pointer))
        (check database (prepare-v2 (open-handle "sqlite-prepare" database) sql -1 place #f))
        (let ((handle (foreign-ref place)))
          (when (foreign-null? handle) (error "sqlite-prepare: no statement in" sql))
          (make-statement handle database))))
    (define (sqlite-bind! statement parameter value)
      "Gives a parameter its value. PARAMETER is its number, from 1 on, or its name with the colon."
      (let* ((handle (open-handle "sqlite-bind!" statement))
             (index (if (string? parameter) (bind-index handle parameter) parameter)))
        (when (= index 0) (error "sqlite-bind!: no such parameter:" parameter))
        (check (statement-database statement)
          (cond ((not value) (bind-null handle index))
                ((exact-integer? value) (bind-int64 handle index value))
                ((real? value) (bind-double handle index value))
                ((string? value) (bind-text handle index value -1 transient))
                ((bytevector? value) (bind-blob handle index value (bytevector-length value) transient))
                (else (error "sqlite-bind!: SQLite has no form for" value))))))
    (define (sqlite-step statement)
      "Goes on to the next row. True: there is one; false: the statement has ended."
      (let ((code (step (open-handle "sqlite-step" statement))))
        (cond ((= code row) #t)
              ((= code done) #f)
              (else (check (statement-database statement) code)))))
    (define (sqlite-column statement index)
      "The value of a column of the row, from 0 on."
      (let ((handle (open-handle "sqlite-column" statement)))
        (case (column-type handle index)
          ((1) (column-int64 handle index))
          ((2) (column-double handle index))
          ((3) (column-text handle index))
          ((4) (let ((blob (column-blob handle index)) (n (column-bytes handle index)))
                 (if (= n 0) (bytevector) (foreign->bytevector blob n))))
          (else #f))))
    (define (columns statement f)
      (let* ((handle (open-handle "sqlite-row" statement)) (n (column-count handle)))
        (let loop ((i (- n 1)) (l '())) (if (< i 0) l (loop (- i 1) (cons (f handle i) l))))))
    (define (sqlite-row statement)
      "List of the values of the row."
      (columns statement (lambda (handle i) (sqlite-column statement i))))
    (define (sqlite-column-names statement)
      "List of the names of a statement's columns."
      (columns statement column-name))
    (define (sqlite-reset! statement)
      "Begins a statement anew; its parameters keep their values."
      (reset (open-handle "sqlite-reset!" statement))
      (if #f #f))
    (define (sqlite-finalize! statement)
      "Ends a statement for good."
      (when (statement-handle statement)
        (finalize (statement-handle statement))
        (set-statement-handle! statement #f)))
    (define (sqlite-query database sql . values)
      "(sqlite-query DATABASE SQL VALUE …): runs a statement with its parameters, and gives its rows as a list of lists."
      (let ((statement (sqlite-prepare database sql)))
        (dynamic-wind
          (lambda () #f)
          (lambda ()
            (let bind ((i 1) (l values))
              (unless (null? l) (sqlite-bind! statement i (car l)) (bind (+ i 1) (cdr l))))
            (let loop ((rows '()))
              (if (sqlite-step statement) (loop (cons (sqlite-row statement) rows)) (reverse rows))))
          (lambda () (sqlite-finalize! statement)))))
    (define (sqlite-changes database)
      "How many rows the last statement inserted, changed or deleted."
      (changes (open-handle "sqlite-changes" database)))
    (define (sqlite-last-row-id database)
      "The number of the row that was inserted last."
      (last-insert-rowid (open-handle "sqlite-last-row-id" database)))))

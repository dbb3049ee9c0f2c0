;; Types of C and their layout, for (stratos foreign): the rules that gcc has on 64-bit Linux (System V ABI, AMD64
;; supplement, §3.1.2; RISC-V psABI, "C/C++ type details"), which are one for both.
(define-library (stratos foreign-types)
  (export foreign-type foreign-type? foreign-sizeof foreign-alignof foreign-offsetof
          define-foreign-struct define-foreign-union
          type-kind type-name type-size type-align type-detail builtin-type checked-type pointer-to array-of callback-of
          make-struct make-union target-of field-of size-of align-of offset-of aggregate? scalar? words-of-type fail)
  (import (scheme base) (scheme write) (stratos syntax) (stratos foreign-primitives))
  (begin
    (define (fail kind message . irritants) (%foreign-fail kind message irritants))

    ;; A type of C. Kind: int, float, bool, char, string, bytevector, pointer, void, struct, union, array or callback.
    ;; Detail: of an int whether it is signed, of a pointer what makes its target, of a struct or union its fields
    ;; (name type . offset), of an array its items' type and their count, of a callback its arguments' types and its
    ;; result's.
    (define-record-type type (make-type kind name size align detail) foreign-type?
      (kind type-kind) (name type-name) (size type-size) (align type-align) (detail type-detail set-detail!))

    (define (scalar kind size detail) (lambda (name) (cons name (make-type kind name size (max size 1) detail))))
    (define (each make . names) (map make names))
    (define builtins
      (append
        (each (scalar 'int 1 #t) 'int8 'schar)
        (each (scalar 'int 2 #t) 'int16 'short)
        (each (scalar 'int 4 #t) 'int32 'int)
        (each (scalar 'int 8 #t) 'int64 'long 'long-long 'ssize_t 'ptrdiff_t 'intptr_t)
        (each (scalar 'int 1 #f) 'uint8 'uchar)
        (each (scalar 'int 2 #f) 'uint16 'ushort)
        (each (scalar 'int 4 #f) 'uint32 'uint)
        (each (scalar 'int 8 #f) 'uint64 'ulong 'ulong-long 'size_t 'uintptr_t)
        (each (scalar 'float 4 #f) 'float)
        (each (scalar 'float 8 #f) 'double)
        (each (scalar 'bool 1 #f) 'bool)
        (each (scalar 'char 1 #f) 'char)
        (each (scalar 'string 8 #f) 'string)
        (each (scalar 'bytevector 8 #f) 'bytevector)
        (each (scalar 'pointer 8 #f) 'pointer)
        (each (scalar 'void 0 #f) 'void)))
    (define (builtin-type name) (cdr (assq name builtins)))
    (define (checked-type x)
      (if (foreign-type? x) x (fail 'type "foreign-type: expected a type of C, got" x)))

    ;; (foreign-type TYPE): the type that TYPE tells, as a value. TYPE is one of the names int8 int16 int32 int64 uint8
    ;; uint16 uint32 uint64 schar short int long long-long uchar ushort uint ulong ulong-long size_t ssize_t ptrdiff_t
    ;; intptr_t uintptr_t char bool float double string bytevector pointer void, or (pointer TYPE), (array TYPE COUNT),
    ;; (callback (TYPE …) TYPE), or a variable that holds a type, as define-foreign-struct makes them.
    (define-syntax foreign-type
      (lambda (form)
        (syntax-case form ()
          ((_ t)
           (let ((head (lambda (x) (if (pair? x) (car x) #f))) (datum (syntax->datum #'t)))
             (cond
               ((memq datum
                      '(int8 int16 int32 int64 uint8 uint16 uint32 uint64 schar short int long long-long uchar ushort
                        uint ulong ulong-long size_t ssize_t ptrdiff_t intptr_t uintptr_t char bool float double string
                        bytevector pointer void))
                #'(builtin-type 't))
               ((symbol? datum) #'(checked-type t))
               ((eq? (head datum) 'pointer)
                (syntax-case #'t () ((_ target) #'(pointer-to (lambda () (foreign-type target))))))
               ((eq? (head datum) 'array)
                (syntax-case #'t () ((_ item count) #'(array-of (foreign-type item) count))))
               ((eq? (head datum) 'callback)
                (syntax-case #'t ()
                  ((_ (argument ...) result)
                   #'(callback-of (list (foreign-type argument) ...) (foreign-type result)))))
               (else (syntax-violation 'foreign-type "no type of C" form #'t))))))))

    (define (shown x) (let ((port (open-output-string))) (write x port) (get-output-string port)))
    (define (pointer-to target) (make-type 'pointer 'pointer 8 8 target))
    ;; What a pointer points to; false: not told. Told late, so that a struct may point to itself.
    (define (target-of type)
      (let ((detail (type-detail type)))
        (if (procedure? detail) (set-detail! type (detail)))
        (type-detail type)))
    (define (callback-of arguments result) (make-type 'callback 'callback 8 8 (cons arguments result)))
    (define (array-of item count)
      (check-part "array" item)
      (unless (and (exact-integer? count) (< 0 count 2147483648)) (fail 'range "array: wrong count of items:" count))
      (bounded
        (make-type 'array (string->symbol (string-append (shown (type-name item)) "[" (number->string count) "]"))
                   (* count (type-size item)) (type-align item) (cons item count))))

    (define (check-part who type)
      (when (memq (type-kind type) '(void bytevector))
        (fail 'type (string-append who ": no part of memory has the type") (type-name type))))
    (define (bounded type)
      (if (< (type-size type) 2147483648) type (fail 'range "a type of 2 GiB or more:" (type-name type))))
    (define (round-up n by) (* by (quotient (+ n by -1) by)))
    (define (check-fields name fields)
      (when (null? fields) (fail 'type "a struct or union without fields has no size in C:" name))
      (let loop ((l fields))
        (unless (null? l)
          (check-part (symbol->string name) (cdar l))
          (when (assq (caar l) (cdr l)) (fail 'type "two fields of one name:" (caar l)))
          (loop (cdr l)))))
    (define (alignment fields) (apply max (map (lambda (field) (type-align (cdr field))) fields)))
    ;; Fields are pairs of name and type.
    (define (make-struct name fields)
      (check-fields name fields)
      (let loop ((l fields) (at 0) (done '()))
        (if (null? l)
            (let ((align (alignment fields)))
              (bounded (make-type 'struct name (round-up at align) align (reverse done))))
            (let* ((type (cdar l)) (offset (round-up at (type-align type))))
              (loop (cdr l) (+ offset (type-size type)) (cons (cons (caar l) (cons type offset)) done))))))
    (define (make-union name fields)
      (check-fields name fields)
      (let ((align (alignment fields)))
        (bounded
          (make-type 'union name
                     (round-up (apply max (map (lambda (field) (type-size (cdr field))) fields)) align) align
                     (map (lambda (field) (cons (car field) (cons (cdr field) 0))) fields)))))

    ;; (define-foreign-struct NAME (FIELD TYPE) …): NAME is the type of a struct of C with these fields, laid out as the C
    ;; compiler does. A field may point to the struct itself: (pointer NAME).
    (define-syntax define-foreign-struct
      (syntax-rules ()
        ((_ name (field type) ...)
         (define name (make-struct 'name (list (cons 'field (foreign-type type)) ...))))))
    ;; (define-foreign-union NAME (FIELD TYPE) …): NAME is the type of a union of C.
    (define-syntax define-foreign-union
      (syntax-rules ()
        ((_ name (field type) ...)
         (define name (make-union 'name (list (cons 'field (foreign-type type)) ...))))))

    (define (aggregate? type) (memq (type-kind type) '(struct union array)))
    (define (scalar? type) (not (or (aggregate? type) (memq (type-kind type) '(void bytevector)))))
    (define (words-of-type type) (quotient (+ (type-size type) 7) 8))
    ;; The field of that name: (type . offset).
    (define (field-of who type name)
      (let ((found (and (memq (type-kind type) '(struct union)) (assq name (type-detail type)))))
        (if found (cdr found)
            (fail 'type (string-append who ": " (shown (type-name type)) " has no field") name))))
    (define (size-of type)
      (if (eqv? 0 (type-size type)) (fail 'type "foreign-sizeof: the type has no size:" (type-name type)) (type-size type)))
    (define (align-of type) (size-of type) (type-align type))
    (define (offset-of type . path)
      (let loop ((type type) (path path) (at 0))
        (cond ((null? path) at)
              ((symbol? (car path))
               (let ((field (field-of "foreign-offsetof" type (car path))))
                 (loop (car field) (cdr path) (+ at (cdr field)))))
              ((and (eq? (type-kind type) 'array) (exact-integer? (car path)) (<= 0 (car path) (cdr (type-detail type))))
               (let ((item (car (type-detail type)))) (loop item (cdr path) (+ at (* (car path) (type-size item))))))
              (else (fail 'type "foreign-offsetof: no part of the type:" (car path))))))

    ;; (foreign-sizeof TYPE): bytes that a value of the type has in C.
    (define-syntax foreign-sizeof (syntax-rules () ((_ type) (size-of (foreign-type type)))))
    ;; (foreign-alignof TYPE): of what its addresses are multiples.
    (define-syntax foreign-alignof (syntax-rules () ((_ type) (align-of (foreign-type type)))))
    ;; (foreign-offsetof TYPE PART …): where a part lies: names of fields, and indexes of arrays.
    (define-syntax foreign-offsetof
      (syntax-rules () ((_ type part ...) (offset-of (foreign-type type) part ...))))))

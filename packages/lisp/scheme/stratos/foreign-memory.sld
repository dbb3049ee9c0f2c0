;; C's memory, for (stratos foreign): pointers with a type and, where it is known, a size; values of C to and from bytes.
;; Nothing in here is interrupted by other threads (core/fuel.ts): `scratch` is used by one at a time.
(define-library (stratos foreign-memory)
  (export foreign-alloc foreign-free with-foreign foreign-pointer? foreign-pointer-address foreign-pointer-size
          foreign-null foreign-null? address->foreign foreign-cast foreign-own!
          foreign-ref foreign-set! foreign-at foreign->string string->foreign foreign->bytevector bytevector->foreign
          foreign-copy-in!
          pointer-type make-pointer new-owner live-address check-value put! get peek poke malloc! free! c-call import-at
          import-errno set-free-hook! function string->bytes text-at)
  (import (scheme base) (scheme write) (stratos types) (stratos foreign-types) (stratos foreign-primitives))
  (begin
    ;; A pointer of C: its address, the type that it points to, how many bytes are known to lie there (or false), and who
    ;; owns them (or false).
    (define-record-type foreign-pointer (make-pointer address type size owner) foreign-pointer?
      (address pointer-address) (type pointer-type) (size foreign-pointer-size) (owner pointer-owner set-owner!))
    ;; Memory, or a procedure, that somebody frees once: alive, or freed.
    (define-record-type owner (make-owner address state) owner? (address owner-address) (state owner-state set-state!))
    (define (new-owner address) (make-owner address 'alive))

    (define (foreign-pointer-address pointer)
      "The address of a pointer, an exact integer."
      (pointer-check "foreign-pointer-address" pointer)
      (pointer-address pointer))
    ;; The null pointer.
    (define foreign-null (make-pointer 0 (builtin-type 'void) #f #f))
    (define (foreign-null? x)
      "Whether X is a null pointer."
      (and (foreign-pointer? x) (eqv? 0 (pointer-address x))))
    (define (pointer-check who x)
      (unless (foreign-pointer? x) (fail 'type (string-append who ": expected a pointer of C, got") x)))

    ;; Bytes and words. An address of the upper half is a negative number below.
    (define scratch (make-bytevector 32 0))
    (define (low address) (if (< address 9223372036854775808) address (- address 18446744073709551616)))
    (define (reachable who address)
      (let ((low (low address)))
        (if (fixnum? low) low (fail 'range (string-append who ": no address of a program:") address))))
    (define (peek address bytes at count) (%foreign 2 (reachable "foreign-ref" address) bytes at count))
    (define (poke address bytes at count) (%foreign 3 (reachable "foreign-set!" address) bytes at count))
    (define (put-word! bytes at n)
      (if (fixnum? n)
          (%foreign 6 bytes at n 0)
          (let ((n (modulo n 18446744073709551616)))
            (%foreign 6 scratch 16 (modulo n 4294967296) 0)
            (%foreign 6 scratch 20 (quotient n 4294967296) 0)
            (bytevector-copy! bytes at scratch 16 24))))
    (define (byte bytes at i) (bytevector-u8-ref bytes (+ at i)))
    (define (unsigned bytes at size)
      (let loop ((i (- size 1)) (n 0)) (if (< i 0) n (loop (- i 1) (+ (* 256 n) (byte bytes at i))))))
    (define (signed n size)
      (let ((half (expt 2 (- (* 8 size) 1)))) (if (< n half) n (- n (* 2 half)))))
    (define (get-integer bytes at size is-signed)
      (if (= size 8)
          (let ((n (or (%foreign 7 bytes at 0 0) (signed (unsigned bytes at 8) 8))))
            (if (or is-signed (>= n 0)) n (+ n 18446744073709551616)))
          (let ((n (unsigned bytes at size))) (if is-signed (signed n size) n))))

    ;; The value of a scalar type as it lies in bytes.
    (define (get type bytes at)
      (case (type-kind type)
        ((int) (get-integer bytes at (type-size type) (type-detail type)))
        ((float) (if (= (type-size type) 8) (%foreign 9 bytes at 0 0) (%foreign 11 bytes at 0 0)))
        ((bool) (not (= 0 (byte bytes at 0))))
        ((char) (integer->char (byte bytes at 0)))
        ((string) (let ((address (get-integer bytes at 8 #f))) (if (= address 0) #f (text-at address #f))))
        ((pointer callback)
         (make-pointer (get-integer bytes at 8 #f) (target-type type) #f #f))
        (else #f)))
    (define (target-type type)
      (or (and (eq? (type-kind type) 'pointer) (target-of type)) (builtin-type 'void)))

    (define (limits type)
      (let ((n (expt 2 (* 8 (type-size type)))))
        (if (type-detail type) (cons (- (quotient n 2)) (- (quotient n 2) 1)) (cons 0 (- n 1)))))
    (define all-limits (map (lambda (name) (cons (builtin-type name) (limits (builtin-type name))))
      '(int8 int16 int32 int64 uint8 uint16 uint32 uint64)))
    (define (limits-of type)
      (let loop ((l all-limits))
        (if (and (= (type-size (caar l)) (type-size type)) (eq? (type-detail (caar l)) (type-detail type))) (cdar l)
          (loop (cdr l)))))
    (define (shown x) (let ((port (open-output-string))) (display x port) (get-output-string port)))
    (define (name-of type)
      (cond ((and (eq? (type-kind type) 'pointer) (target-of type))
             => (lambda (target) (string-append "(pointer " (name-of target) ")")))
            (else (shown (type-name type)))))
    (define (wrong kind who place type value)
      (fail kind
            (string-append who ": " place ": "
              (if (eq? kind 'type)
                  (string-append "expected " (name-of type) ", got")
                  (string-append "out of range of " (name-of type) ":")))
            value))
    ;; Raises unless the value can be one of the type. PLACE says where it goes: "argument 2".
    (define (check-value who place type value)
      (case (type-kind type)
        ((int)
         (unless (exact-integer? value) (wrong 'type who place type value))
         (let ((limits (limits-of type)))
           (unless (<= (car limits) value (cdr limits)) (wrong 'range who place type value))))
        ((float) (unless (real? value) (wrong 'type who place type value)))
        ((bool) (unless (boolean? value) (wrong 'type who place type value)))
        ((char)
         (unless (char? value) (wrong 'type who place type value))
         (unless (< (char->integer value) 256) (wrong 'range who place type value)))
        ((string)
         (unless (or (not value) (string? value)) (wrong 'type who place type value))
         (when (and value (has-nul? value)) (wrong 'range who place type value)))
        ((bytevector) (unless (or (not value) (bytevector? value)) (wrong 'type who place type value)))
        ((pointer)
         (unless (or (not value) (foreign-pointer? value)) (wrong 'type who place type value))
         (when value
           (let ((own (pointer-type value)) (target (target-of type)))
             (when (and target (struct? own) (struct? target) (not (eq? own target))) (wrong 'type who place type value)))
           (live-address who value)))
        ((callback)
         (unless (or (not value) (procedure? value) (foreign-pointer? value)) (wrong 'type who place type value))
         (when (foreign-pointer? value) (live-address who value)))
        ((struct union)
         (unless (and (foreign-pointer? value) (eq? (pointer-type value) type)) (wrong 'type who place type value))
         (extent who value 0 (type-size type)))
        (else (wrong 'type who place type value))))
    (define (struct? type) (memq (type-kind type) '(struct union)))
    (define (has-nul? s)
      (let loop ((i 0)) (and (< i (string-length s)) (or (char=? (string-ref s i) #\null) (loop (+ i 1))))))

    ;; A checked scalar as 8 bytes: integers of less than 64 bits as if they were signed ones of 32.
    (define (put! type value bytes at)
      (case (type-kind type)
        ((int)
         (put-word! bytes at
           (if (and (= (type-size type) 4) (>= value 2147483648)) (- value 4294967296) value)))
        ((float)
         (let ((x (inexact value)))
           (if (= (type-size type) 8) (%foreign 8 bytes at x 0) (%foreign 10 bytes at x 0))))
        ((bool) (put-word! bytes at (if value 1 0)))
        ((char) (put-word! bytes at (char->integer value)))
        ((pointer callback string)
         (put-word! bytes at (if value (low (pointer-address value)) 0)))))

    ;; Calls of libc's functions that need no conversion: up to four words.
    (define c-block (make-bytevector 160 0))
    (define results (make-bytevector 40 0))
    (define (c-call address . words)
      (let loop ((at 0) (l words))
        (unless (null? l) (put-word! c-block at (car l)) (loop (+ at 8) (cdr l))))
      (%foreign 1 address c-block 0 0)
      (%foreign 12 results 0 0 0)
      (get-integer results 0 8 #f))
    ;; Places of functions that programs are linked to (back-native/foreign/places.ts).
    (define (import-at n) (%foreign 4 (* 8 n) 0 0 0))
    (define import-errno 1)
    (define (malloc! who size)
      (let ((address (c-call (import-at 6) (max size 1))))
        (when (= address 0) (fail 'limit (string-append who ": out of memory, for so many bytes:") size))
        address))
    (define (free! address) (c-call (import-at 7) (low address)))
    ;; Functions of libc by name, looked up once.
    (define functions '())
    (define (function name)
      (let ((known (assoc name functions)))
        (if known (cdr known)
            (let* ((bytes (string->bytes name)) (size (bytevector-length bytes)) (text (malloc! "dlsym" size)))
              (poke text bytes 0 size)
              (let ((address (c-call (import-at 3) 0 text)))
                (free! text)
                (set! functions (cons (cons name address) functions))
                address)))))
    (define (string->bytes s) (bytevector-append (string->utf8 s) (bytevector 0)))

    ;; Ownership.
    (define (live-address who pointer)
      (let ((owner (pointer-owner pointer)))
        (when (and owner (not (eq? (owner-state owner) 'alive)))
          (fail 'foreign (string-append who ": what the pointer points to was freed:") (pointer-address pointer)))
        (pointer-address pointer)))
    ;; Memory for COUNT values, all zero; the pointer owns it.
    (define (allocate type count)
      (let ((size (size-of type)))
        (unless (and (exact-integer? count) (< 0 count) (< (* count size) 1152921504606846976))
          (fail 'range "foreign-alloc: wrong count:" count))
        (let ((address (malloc! "foreign-alloc" (* count size))))
          (c-call (function "memset") address 0 (* count size))
          (make-pointer address type (* count size) (new-owner address)))))
    ;; (foreign-alloc TYPE), (foreign-alloc TYPE COUNT): memory of C for a value of the type, or for several of them, all
    ;; zero. It lives until foreign-free.
    (define-syntax foreign-alloc
      (syntax-rules ()
        ((_ type) (allocate (foreign-type type) 1))
        ((_ type count) (allocate (foreign-type type) count))))
    ;; What else can be freed: callbacks (foreign-calls.sld). True: it was done.
    (define free-hook (lambda (address) #f))
    (define (set-free-hook! hook) (set! free-hook hook))
    (define (foreign-free pointer)
      "Frees the memory, or the callback, that a pointer owns. All pointers to it are dead then: using one is an error."
      (pointer-check "foreign-free" pointer)
      (let ((owner (pointer-owner pointer)))
        (cond ((foreign-null? pointer) #f)
              ((not owner) (fail 'foreign "foreign-free: the pointer does not own its memory (foreign-own!):"
                (pointer-address pointer)))
              ((not (eq? (owner-state owner) 'alive))
               (fail 'foreign "foreign-free: the memory was freed already:" (pointer-address pointer)))
              ((not (= (owner-address owner) (pointer-address pointer)))
               (fail 'foreign "foreign-free: the pointer is of a part only:" (pointer-address pointer)))
              (else
                (set-state! owner 'freed)
                (unless (free-hook (owner-address owner)) (free! (owner-address owner)))))
        (if #f #f)))
    (define (foreign-own! pointer)
      "Makes a pointer that C gave the owner of its memory, which malloc made: foreign-free frees it. Gives the pointer."
      (pointer-check "foreign-own!" pointer)
      (unless (or (pointer-owner pointer) (foreign-null? pointer))
        (set-owner! pointer (new-owner (pointer-address pointer))))
      pointer)
    ;; (with-foreign ((NAME TYPE COUNT …) …) BODY …): the body with memory of C as foreign-alloc makes it, which is freed
    ;; when the body is left, however that happens.
    (define-syntax with-foreign
      (syntax-rules ()
        ((_ () body ...) (let () body ...))
        ((_ ((name . what) . more) body ...)
         (call-with-memory (foreign-alloc . what) (lambda (name) (with-foreign more body ...))))))
    (define (call-with-memory pointer receiver)
      (dynamic-wind
        (lambda () (live-address "with-foreign" pointer))
        (lambda () (receiver pointer))
        (lambda () (when (eq? 'alive (owner-state (pointer-owner pointer))) (foreign-free pointer)))))

    ;; (address->foreign ADDRESS TYPE): a pointer to what lies there, as far as the program knows.
    (define-syntax address->foreign
      (syntax-rules () ((_ address type) (pointer-at address (foreign-type type)))))
    (define (pointer-at address type)
      (unless (and (exact-integer? address) (<= 0 address 18446744073709551615))
        (fail 'type "address->foreign: expected an address, got" address))
      (make-pointer address type #f #f))
    ;; (foreign-cast POINTER TYPE): the same memory as of another type.
    (define-syntax foreign-cast
      (syntax-rules () ((_ pointer type) (cast pointer (foreign-type type)))))
    (define (cast pointer type)
      (pointer-check "foreign-cast" pointer)
      (make-pointer (pointer-address pointer) type (foreign-pointer-size pointer) (pointer-owner pointer)))

    ;; Where COUNT bytes from AT on lie, which must be within what is known.
    (define (extent who pointer at count)
      (let ((size (foreign-pointer-size pointer)) (address (live-address who pointer)))
        (when (= address 0) (fail 'foreign (string-append who ": the null pointer points to nothing")))
        (when (and size (not (and (<= 0 at) (<= (+ at count) size))))
          (fail 'range (string-append who ": beyond the memory of " (number->string size) " bytes:") at))
        (+ address at)))
    ;; Follows a path from a pointer. Gives the pointer to the part: to fields and items, and through pointers in them.
    (define (part who pointer path)
      (pointer-check who pointer)
      (let loop ((pointer pointer) (at 0) (type (pointer-type pointer)) (path path) (first? #t))
        (define (here) (make-pointer (extent who pointer at (type-size type)) type (type-size type) (pointer-owner pointer)))
        (if (null? path)
            (cond ((and first? (= at 0)) pointer)
                  (else (here)))
            (let ((step (car path)) (kind (type-kind type)))
              (cond
                ((and (symbol? step) (memq kind '(struct union)))
                 (let ((field (field-of who type step)))
                   (loop pointer (+ at (cdr field)) (car field) (cdr path) #f)))
                ((and (exact-integer? step) (eq? kind 'array))
                 (unless (< -1 step (cdr (type-detail type)))
                   (fail 'range (string-append who ": no index of " (name-of type) ":") step))
                 (let ((item (car (type-detail type))))
                   (loop pointer (+ at (* step (type-size item))) item (cdr path) #f)))
                ((and (exact-integer? step) first?)
                 (loop pointer (+ at (* step (size-of type))) type (cdr path) #f))
                ((and (eq? kind 'pointer) (target-of type))
                 (let ((next (load who (here))))
                   (loop next 0 (pointer-type next) path #t)))
                ((symbol? step) (field-of who type step))
                (else (fail 'type (string-append who ": " (name-of type) " has no such part:") step)))))))
    (define (load who place)
      (let ((type (pointer-type place)))
        (cond ((aggregate? type) place)
              ((scalar? type)
               (peek (extent who place 0 (type-size type)) scratch 0 (type-size type))
               (get type scratch 0))
              (else (fail 'type (string-append who ": nothing is known of what lies there (foreign-cast)"))))))
    (define (foreign-ref pointer . path)
      "What lies where POINTER points to. PATH leads to a part: a field's name, an index of an array or (as the first) of \
memory for several values, and through pointers. A struct, union or array is given as a pointer to it."
      (load "foreign-ref" (part "foreign-ref" pointer path)))
    (define (foreign-at pointer . path)
      "A pointer to the part of memory that PATH leads to, as C's & makes it."
      (part "foreign-at" pointer path))
    (define (foreign-set! pointer . more)
      "(foreign-set! POINTER PART … VALUE): stores a value where the path leads to. A struct, union or array is copied \
from where VALUE points to."
      (when (null? more) (fail 'arity "foreign-set!: the value is missing"))
      (let* ((turned (reverse more)) (value (car turned))
             (place (part "foreign-set!" pointer (reverse (cdr turned)))) (type (pointer-type place)) (size (type-size type))
             (address (extent "foreign-set!" place 0 size)))
        (cond ((aggregate? type)
               (unless (and (foreign-pointer? value) (eq? (pointer-type value) type))
                 (wrong 'type "foreign-set!" "the value" type value))
               (c-call (function "memmove") (low address) (low (extent "foreign-set!" value 0 size)) size))
              ((memq (type-kind type) '(string callback))
               ; Nobody would own the text or the callback: a pointer to what lives long enough is asked for.
               (unless (or (not value) (foreign-pointer? value))
                 (wrong 'type "foreign-set!" "the value" (builtin-type 'pointer) value))
               (put! type value scratch 0)
               (poke address scratch 0 size))
              ((scalar? type)
               (check-value "foreign-set!" "the value" type value)
               (put! type value scratch 0)
               (poke address scratch 0 size))
              (else (fail 'type "foreign-set!: nothing is known of what lies there (foreign-cast)")))
        (if #f #f)))

    ;; Text and bytes.
    (define (text-at address most)
      (let* ((n (c-call (function "strnlen") (low address) (or most 1073741824))))
        (when (= n (or most 1073741824)) (fail 'range "foreign->string: no end of the text within bytes:" n))
        (let ((bytes (make-bytevector n 0)))
          (peek address bytes 0 n)
          (utf8->string bytes))))
    (define (foreign->string pointer)
      "A copy of the text (UTF-8, up to a zero byte) that POINTER points to."
      (pointer-check "foreign->string" pointer)
      (text-at (extent "foreign->string" pointer 0 1) (foreign-pointer-size pointer)))
    (define (string->foreign string)
      "Memory of C with a copy of a string as UTF-8 and a zero byte, which the pointer owns."
      (check-value "string->foreign" "the value" (builtin-type 'string) string)
      (bytevector->foreign (string->bytes string)))
    (define (bytevector->foreign bytes)
      "Memory of C with a copy of the bytes, which the pointer owns."
      (unless (bytevector? bytes) (fail 'type "bytevector->foreign: expected a bytevector, got" bytes))
      (let* ((n (bytevector-length bytes)) (pointer (allocate (builtin-type 'uint8) (max n 1))))
        (poke (pointer-address pointer) bytes 0 n)
        pointer))
    (define (foreign->bytevector pointer . count)
      "A copy of COUNT bytes from where POINTER points to; of all where the size is known."
      (pointer-check "foreign->bytevector" pointer)
      (let ((n (if (pair? count) (car count) (foreign-pointer-size pointer))))
        (unless (and (exact-integer? n) (<= 0 n 200000000)) (fail 'range "foreign->bytevector: wrong count of bytes:" n))
        (let ((bytes (make-bytevector n 0)))
          (peek (extent "foreign->bytevector" pointer 0 n) bytes 0 n)
          bytes)))
    (define (foreign-copy-in! pointer bytes . range)
      "(foreign-copy-in! POINTER BYTES START END): copies bytes of a bytevector to where POINTER points to."
      (pointer-check "foreign-copy-in!" pointer)
      (unless (bytevector? bytes) (fail 'type "foreign-copy-in!: expected a bytevector, got" bytes))
      (let* ((start (if (pair? range) (car range) 0))
             (end (if (and (pair? range) (pair? (cdr range))) (cadr range) (bytevector-length bytes))))
        (unless (and (exact-integer? start) (exact-integer? end) (<= 0 start end (bytevector-length bytes)))
          (fail 'range "foreign-copy-in!: wrong range of bytes:" range))
        (poke (extent "foreign-copy-in!" pointer 0 (- end start)) bytes start (- end start))
        (if #f #f)))))

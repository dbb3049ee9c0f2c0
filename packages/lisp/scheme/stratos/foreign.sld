;; Functions, memory and structs of C, for native programs (docs/lisp/foreign.md, decision 0058): stratos lisp build
;; --target rv64 or x86_64. Elsewhere their use is an error of kind foreign; types and their layout are there everywhere.
(define-library (stratos foreign)
  (export foreign-open foreign-close! foreign-library foreign-library? foreign-symbol foreign-procedure foreign-callback
          foreign-errno foreign-errno-text foreign-error?
          foreign-type foreign-type? foreign-sizeof foreign-alignof foreign-offsetof
          define-foreign-struct define-foreign-union
          foreign-alloc foreign-free with-foreign foreign-pointer? foreign-pointer-address foreign-pointer-size
          foreign-null foreign-null? address->foreign foreign-cast foreign-own!
          foreign-ref foreign-set! foreign-at foreign->string string->foreign foreign->bytevector bytevector->foreign
          foreign-copy-in!)
  (import (stratos foreign-types) (stratos foreign-memory) (stratos foreign-calls)))

(define-library (astra text-utilities)
  (export text-utilities)
  (import (scheme base) (astra posix))
  (begin
    (define text-utilities '())))

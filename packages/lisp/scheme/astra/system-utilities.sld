(define-library (astra system-utilities)
  (export system-utilities)
  (import (scheme base) (astra posix))
  (begin
    (define system-utilities '())))

(define-library (astra file-utilities)
  (export file-utilities)
  (import (scheme base) (astra posix))
  (begin
    (define file-utilities '())))

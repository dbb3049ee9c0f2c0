(define-library (astra utilities)
  (export install-utilities!)
  (import (scheme base) (astra posix) (astra state) (astra print) (astra text-utilities) (astra file-utilities) (astra system-utilities))
  (begin
    (define (install-utilities!)
      (define (add l) (for-each (lambda (e) (table-set! utilities (car e) (cdr e))) l))
      (add text-utilities) (add file-utilities) (add system-utilities))))

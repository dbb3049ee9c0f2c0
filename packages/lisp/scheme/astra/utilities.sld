(define-library (astra utilities)
  (export install-utilities!)
  (import (scheme base) (astra posix) (astra state) (astra print) (astra text-utilities) (astra stream-utilities)
    (astra file-utilities) (astra system-utilities) (astra names) (astra run))
  (begin
    (define (install-utilities!)
      (set-program-runner! run-program)
      (define (add l) (for-each (lambda (e) (table-set! utilities (car e) (cdr e))) l))
      (add text-utilities) (add stream-utilities) (add file-utilities) (add system-utilities))))

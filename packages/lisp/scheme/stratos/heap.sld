;; Forks of the running heap (docs/lisp/tutorial.md, decision 0088).
(define-library (stratos heap)
  (export fork-heap heap-call heap-close! heap-child?)
  (import (stratos heap-children)))

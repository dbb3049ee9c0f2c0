;; SRFI 26: cut and cute. https://srfi.schemers.org/srfi-26/
(define-library (srfi 26)
  (export cut cute <> <...>)
  (import (scheme base))
  (begin
    ;; In cut and cute: an argument.
    (define-syntax <> (syntax-rules ()))
    ;; In cut and cute: the rest of the arguments.
    (define-syntax <...> (syntax-rules ()))
    ;; (cut PROCEDURE ARGUMENT …): a procedure that fills the slots <> with its arguments, from left to right, and
    ;; <...> with the rest.
    (define-syntax cut
      (syntax-rules ()
        ((_ slot ...) (cut-more () () slot ...))))
    ;; (cut-more PARAMETERS OPERANDS SLOT ...)
    (define-syntax cut-more
      (syntax-rules (<> <...>)
        ((_ (name ...) (f operand ...)) (lambda (name ...) ((begin f) operand ...)))
        ((_ (name ...) (f operand ...) <...>) (lambda (name ... . rest) (apply f operand ... rest)))
        ((_ (name ...) (operand ...) <> . slots) (cut-more (name ... x) (operand ... x) . slots))
        ((_ names (operand ...) value . slots) (cut-more names (operand ... value) . slots))))
    ;; As cut; what is no slot is evaluated once, when the procedure is made.
    (define-syntax cute
      (syntax-rules ()
        ((_ slot ...) (cute-more () () () slot ...))))
    (define-syntax cute-more
      (syntax-rules (<> <...>)
        ((_ bindings (name ...) (f operand ...)) (let bindings (lambda (name ...) (f operand ...))))
        ((_ bindings (name ...) (f operand ...) <...>)
         (let bindings (lambda (name ... . rest) (apply f operand ... rest))))
        ((_ bindings (name ...) (operand ...) <> . slots) (cute-more bindings (name ... x) (operand ... x) . slots))
        ((_ (binding ...) names (operand ...) value . slots)
         (cute-more (binding ... (held value)) names (operand ... held) . slots))))))

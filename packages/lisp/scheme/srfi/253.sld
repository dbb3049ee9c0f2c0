;; SRFI 253: data (type-)checking. https://srfi.schemers.org/srfi-253/
;; (opt-lambda-checked and define-optionals-checked belong to SRFI 227, which is not here.)
(define-library (srfi 253)
  (export check-arg values-checked lambda-checked case-lambda-checked define-checked define-record-type-checked)
  (import (scheme base) (stratos types))
  (begin
    ;; (check-arg PREDICATE VALUE [WHO …]): the value, which must satisfy the predicate; 'WHO names who asks in the error.
    (define-syntax check-arg
      (syntax-rules (quote)
        ((_ predicate value 'who . more) (the (satisfies predicate) value who))
        ((_ predicate value . more) (the (satisfies predicate) value check-arg))))
    ;; (values-checked (PREDICATE …) VALUE …): the values, each of which must satisfy its predicate.
    (define-syntax values-checked
      (syntax-rules ()
        ((_ (predicate) value) (the (satisfies predicate) value values-checked))
        ((_ (predicate ...) value ...) (values (the (satisfies predicate) value values-checked) ...))))
    ;; (lambda-checked (PARAMETER …) BODY …): a procedure; a parameter may be (NAME PREDICATE).
    (define-syntax lambda-checked
      (syntax-rules ()
        ((_ parameters body ...) (checked-parameters (lambda/typed) parameters () (body ...)))))
    ;; (case-lambda-checked ((PARAMETER …) BODY …) …): the same for several counts of arguments.
    (define-syntax case-lambda-checked
      (syntax-rules ()
        ((_ clause ...) (checked-clauses () clause ...))))
    (define-syntax checked-clauses
      (syntax-rules ()
        ((_ (done ...)) (case-lambda/typed done ...))
        ((_ (done ...) (parameters body ...) . rest)
         (checked-parameters (checked-clauses-go (done ...) rest) parameters () (body ...)))))
    (define-syntax checked-clauses-go
      (syntax-rules ()
        ((_ (done ...) rest parameters body ...) (checked-clauses (done ... (parameters body ...)) . rest))))
    ;; (define-checked (NAME PARAMETER …) BODY …), (define-checked NAME PREDICATE VALUE)
    (define-syntax define-checked
      (syntax-rules ()
        ((_ (name . parameters) body ...) (checked-parameters (define-checked-go name) parameters () (body ...)))
        ((_ name predicate value) (define/typed name : (satisfies predicate) value))))
    (define-syntax define-checked-go
      (syntax-rules ()
        ((_ name parameters body ...) (define/typed (name . parameters) body ...))))
    ;; (checked-parameters (FORM …) LEFT DONE (BODY …)): FORM … with the parameters as lambda/typed takes them.
    (define-syntax checked-parameters
      (syntax-rules ()
        ((_ (form ...) ((name predicate) . left) (done ...) bodies)
         (checked-parameters (form ...) left (done ... (name : (satisfies predicate))) bodies))
        ((_ (form ...) (name . left) (done ...) bodies) (checked-parameters (form ...) left (done ... name) bodies))
        ((_ (form ...) () (done ...) (body ...)) (form ... (done ...) body ...))
        ((_ (form ...) rest (done ...) (body ...)) (form ... (done ... . rest) body ...))))
    ;; (define-record-type-checked TYPE (CONSTRUCTOR FIELD …) PREDICATE (FIELD PREDICATE ACCESSOR [MODIFIER]) …)
    (define-syntax define-record-type-checked
      (syntax-rules ()
        ((_ type constructor predicate? (field predicate . procedures) ...)
         (define-record-type/typed type constructor predicate? (field : (satisfies predicate) . procedures) ...))))))

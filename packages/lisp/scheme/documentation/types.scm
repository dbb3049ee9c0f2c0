;; Optional types, and types at run time: (stratos types).
;;
;; What the prompt's and the editors' documentation and docs/lisp/reference.md say of what the system itself defines.

(syntax (define/typed (name parameter ...) body ...)
  "Defines a procedure whose arguments are checked when it is called. A PARAMETER is `name` or `(name : type)`;
   `rest : type *` at the end takes the other arguments. What is not of its type is an error that names the
   procedure and the argument.")
(syntax (define/typed (name parameter ...) : result body ...)
  "The same, with a type for what it gives; `(values type ...)` for several values. A call at the end of the body of
   a procedure whose own result is checked stays a tail call.")
(syntax (define/typed name : type expression)
  "Defines a variable; its first value is checked.")
(syntax (lambda/typed (parameter ...) : result body ...)
  "A procedure as `define/typed` makes them; `: result` may be left out.")
(syntax (case-lambda/typed ((parameter ...) : result body ...) ...)
  "As `case-lambda`, with parameters and results as `define/typed` has them.")
(syntax (let/typed ((name : type value) ...) : result body ...)
  "As `let`; the values, and what the body gives, are checked. Types may be left out.")
(syntax (let/typed loop ((name : type value) ...) : result body ...)
  "The same for a loop: each turn checks its values.")
(syntax (define-type name type)
  "NAME stands for TYPE in annotations.")
(syntax (define-record-type/typed name constructor predicate (field : type accessor modifier) ...)
  "As `define-record-type`; the constructor and modifiers check what they are given for a field with a type. The
   constructor takes all of these.")
(syntax (the type expression)
  "The value of EXPRESSION, checked. A name after it begins the words of the error.")
(syntax (has-type? expression type)
  "Whether the value of EXPRESSION is of TYPE.")
(procedure (fixnum? object) -> boolean
  "Whether OBJECT is an exact integer of 61 bits: from -2^60 to 2^60 - 1.")
(procedure (flonum? object) -> boolean
  "Whether OBJECT is an inexact real number.")
(procedure (type-of object)
  "The name of OBJECT's type, as annotations have it; of a record its record type.")
(procedure (record-rtd record) -> record-type
  "The record type of RECORD.")
(procedure (rtd? object) -> boolean
  "Whether OBJECT is a record type.")
(procedure (rtd-name record-type) -> symbol
  "The name of a record type, without < and > around it.")
(procedure (rtd-field-names record-type) -> vector
  "The names of a record type's fields, in order.")
(procedure (rtd-constructor record-type (field-names)) -> procedure
  "A procedure that makes records of values for all fields, or for those that the vector FIELD-NAMES names. Not of
   a record type with typed fields.")
(procedure (rtd-predicate record-type) -> procedure
  "A procedure that tells whether an object is a record of the type.")
(procedure (rtd-accessor record-type field-name) -> procedure
  "A procedure that gives a field of a record.")
(procedure (rtd-mutator record-type field-name) -> procedure
  "A procedure that changes a field of a record, which has no type.")

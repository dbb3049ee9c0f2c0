;; Pairs, lists, booleans and symbols.
;;
;; What the prompt's and the editors' documentation and docs/lisp/reference.md say of what the system itself defines.
;; R7RS §6.1 to §6.5.


;; Equivalence
(procedure (eq? a b) -> boolean
  "Whether A and B are the same object. Numbers and characters that are equal need not be the same.")
(procedure (eqv? a b) -> boolean
  "Whether A and B are the same object, or numbers or characters that are equal and of one kind.")
(procedure (equal? a b) -> boolean
  "Whether A and B are equal in all their parts: pairs, vectors, strings and bytevectors are compared by their
   content. It ends for circular structures, too.")

;; Pairs and lists
(procedure (cons a b) -> pair
  "A new pair of A and B.")
(procedure (car pair)
  "The first part of PAIR.")
(procedure (cdr pair)
  "The second part of PAIR.")
(procedure (set-car! pair value)
  "Makes VALUE the first part of PAIR.")
(procedure (set-cdr! pair value)
  "Makes VALUE the second part of PAIR.")
(procedure (pair? object) -> boolean
  "Whether OBJECT is a pair.")
(procedure (null? object) -> boolean
  "Whether OBJECT is the empty list.")
(procedure (list? object) -> boolean
  "Whether OBJECT is a proper list: one that ends, in the empty list.")
(procedure (list . items) -> list
  "A new list of ITEMS.")
(procedure (make-list count (fill)) -> list
  "A new list of COUNT times FILL.")
(procedure (cons* item . items)
  "A list of ITEMS whose tail is the last of them: `(cons* 1 2 '(3))` is `(1 2 3)`.")
(procedure (length list) -> integer
  "How many items LIST has.")
(procedure (append . lists)
  "A list of the items of all LISTS, in order. The last one is shared, and may be any object.")
(procedure (reverse list) -> list
  "A new list of the items of LIST, the last one first.")
(procedure (list-tail list count)
  "LIST without its first COUNT items; it is shared.")
(procedure (list-ref list index)
  "The item of LIST at INDEX, from 0.")
(procedure (list-set! list index value)
  "Puts VALUE in LIST at INDEX.")
(procedure (list-copy object)
  "A copy of the pairs of a list; its items are shared.")
(procedure (memq object list)
  "The first tail of LIST that begins with OBJECT by `eq?`, or #f.")
(procedure (memv object list)
  "The first tail of LIST that begins with OBJECT by `eqv?`, or #f.")
(procedure (member object list (same?))
  "The first tail of LIST that begins with OBJECT by SAME?, else `equal?`; or #f.")
(procedure (assq key alist)
  "The first pair of ALIST whose `car` is KEY by `eq?`, or #f.")
(procedure (assv key alist)
  "The first pair of ALIST whose `car` is KEY by `eqv?`, or #f.")
(procedure (assoc key alist (same?))
  "The first pair of ALIST whose `car` is KEY by SAME?, else `equal?`; or #f.")
(procedure (append-map procedure list . lists) -> list
  "What PROCEDURE gives for the items of the lists, lists themselves, appended.")
(procedure (sort sequence less?)
  "A new list or vector of the items of SEQUENCE in the order of LESS?; items of which none is less keep their
   order.")
(procedure (list-sort less? list) -> list
  "`sort` with its arguments the other way round, as SRFI 132 and R6RS have it.")
(procedure (caar pair)
  "The same as `(car (car pair))`.")
(procedure (cadr pair)
  "The same as `(car (cdr pair))`.")
(procedure (cdar pair)
  "The same as `(cdr (car pair))`.")
(procedure (cddr pair)
  "The same as `(cdr (cdr pair))`.")
(procedure (caaar pair)
  "The same as `(car (car (car pair)))`.")
(procedure (caadr pair)
  "The same as `(car (car (cdr pair)))`.")
(procedure (cadar pair)
  "The same as `(car (cdr (car pair)))`.")
(procedure (caddr pair)
  "The same as `(car (cdr (cdr pair)))`.")
(procedure (cdaar pair)
  "The same as `(cdr (car (car pair)))`.")
(procedure (cdadr pair)
  "The same as `(cdr (car (cdr pair)))`.")
(procedure (cddar pair)
  "The same as `(cdr (cdr (car pair)))`.")
(procedure (cdddr pair)
  "The same as `(cdr (cdr (cdr pair)))`.")
(procedure (caaaar pair)
  "The same as `(car (car (car (car pair))))`.")
(procedure (caaadr pair)
  "The same as `(car (car (car (cdr pair))))`.")
(procedure (caadar pair)
  "The same as `(car (car (cdr (car pair))))`.")
(procedure (caaddr pair)
  "The same as `(car (car (cdr (cdr pair))))`.")
(procedure (cadaar pair)
  "The same as `(car (cdr (car (car pair))))`.")
(procedure (cadadr pair)
  "The same as `(car (cdr (car (cdr pair))))`.")
(procedure (caddar pair)
  "The same as `(car (cdr (cdr (car pair))))`.")
(procedure (cadddr pair)
  "The same as `(car (cdr (cdr (cdr pair))))`.")
(procedure (cdaaar pair)
  "The same as `(cdr (car (car (car pair))))`.")
(procedure (cdaadr pair)
  "The same as `(cdr (car (car (cdr pair))))`.")
(procedure (cdadar pair)
  "The same as `(cdr (car (cdr (car pair))))`.")
(procedure (cdaddr pair)
  "The same as `(cdr (car (cdr (cdr pair))))`.")
(procedure (cddaar pair)
  "The same as `(cdr (cdr (car (car pair))))`.")
(procedure (cddadr pair)
  "The same as `(cdr (cdr (car (cdr pair))))`.")
(procedure (cdddar pair)
  "The same as `(cdr (cdr (cdr (car pair))))`.")
(procedure (cddddr pair)
  "The same as `(cdr (cdr (cdr (cdr pair))))`.")

;; Booleans and symbols
(procedure (not object) -> boolean
  "#t for #f, and #f for everything else.")
(procedure (boolean? object) -> boolean
  "Whether OBJECT is #t or #f.")
(procedure (boolean=? a b . more) -> boolean
  "Whether all are the same boolean.")
(procedure (symbol? object) -> boolean
  "Whether OBJECT is a symbol.")
(procedure (symbol=? a b . more) -> boolean
  "Whether all are the same symbol.")
(procedure (symbol->string symbol) -> string
  "The name of SYMBOL; it may not be changed.")
(procedure (string->symbol string) -> symbol
  "The symbol of the name STRING.")
(procedure (string->uninterned-symbol string) -> symbol
  "A new symbol of that name, which no other symbol is the same as.")
(procedure (generate-uninterned-symbol (prefix)) -> symbol
  "A new symbol that is the same as no other, with a name of its own.")

;; Characters, strings, vectors and bytevectors.
;;
;; What the prompt's and the editors' documentation and docs/lisp/reference.md say of what the system itself defines.
;; R7RS §6.6 to §6.9.


;; Characters
(procedure (char? object) -> boolean
  "Whether OBJECT is a character: a Unicode scalar value.")
(procedure (char=? char . more) -> boolean
  "Whether the chars are equal, from each to the next, by the numbers of their characters.")
(procedure (char<? char . more) -> boolean
  "Whether the chars rise, from each to the next, by the numbers of their characters.")
(procedure (char>? char . more) -> boolean
  "Whether the chars fall, from each to the next, by the numbers of their characters.")
(procedure (char<=? char . more) -> boolean
  "Whether the chars never fall, from each to the next, by the numbers of their characters.")
(procedure (char>=? char . more) -> boolean
  "Whether the chars never rise, from each to the next, by the numbers of their characters.")
(procedure (char-ci=? char . more) -> boolean
  "Whether the chars are equal, from each to the next, whatever their case.")
(procedure (char-ci<? char . more) -> boolean
  "Whether the chars rise, from each to the next, whatever their case.")
(procedure (char-ci>? char . more) -> boolean
  "Whether the chars fall, from each to the next, whatever their case.")
(procedure (char-ci<=? char . more) -> boolean
  "Whether the chars never fall, from each to the next, whatever their case.")
(procedure (char-ci>=? char . more) -> boolean
  "Whether the chars never rise, from each to the next, whatever their case.")
(procedure (char-alphabetic? char) -> boolean
  "Whether CHAR is a letter, by Unicode's property Alphabetic.")
(procedure (char-numeric? char) -> boolean
  "Whether CHAR is a decimal digit of some script.")
(procedure (char-whitespace? char) -> boolean
  "Whether CHAR is blank, by Unicode's property White_Space.")
(procedure (char-upper-case? char) -> boolean
  "Whether CHAR is an upper case letter.")
(procedure (char-lower-case? char) -> boolean
  "Whether CHAR is a lower case letter.")
(procedure (char-upcase char) -> char
  "The upper case of CHAR, where that is one character; else CHAR.")
(procedure (char-downcase char) -> char
  "The lower case of CHAR, where that is one character; else CHAR.")
(procedure (char-foldcase char) -> char
  "CHAR as characters are compared whatever their case.")
(procedure (digit-value char)
  "The value of a decimal digit, 0 to 9; else #f.")
(procedure (char->integer char) -> integer
  "The number of CHAR in Unicode.")
(procedure (integer->char integer) -> char
  "The character of that number; surrogates are none.")

;; Strings
(procedure (string? object) -> boolean
  "Whether OBJECT is a string.")
(procedure (make-string length (char)) -> string
  "A new string of LENGTH times CHAR.")
(procedure (string . chars) -> string
  "A new string of CHARS.")
(procedure (string-length string) -> integer
  "How many characters STRING has.")
(procedure (string-ref string index) -> char
  "The character of STRING at INDEX, from 0; at once, however long it is.")
(procedure (string-set! string index char)
  "Puts CHAR in STRING at INDEX. Literals may not be changed.")
(procedure (string=? string . more) -> boolean
  "Whether the strings are equal, from each to the next, by the numbers of their characters.")
(procedure (string<? string . more) -> boolean
  "Whether the strings rise, from each to the next, by the numbers of their characters.")
(procedure (string>? string . more) -> boolean
  "Whether the strings fall, from each to the next, by the numbers of their characters.")
(procedure (string<=? string . more) -> boolean
  "Whether the strings never fall, from each to the next, by the numbers of their characters.")
(procedure (string>=? string . more) -> boolean
  "Whether the strings never rise, from each to the next, by the numbers of their characters.")
(procedure (string-ci=? string . more) -> boolean
  "Whether the strings are equal, from each to the next, whatever their case.")
(procedure (string-ci<? string . more) -> boolean
  "Whether the strings rise, from each to the next, whatever their case.")
(procedure (string-ci>? string . more) -> boolean
  "Whether the strings fall, from each to the next, whatever their case.")
(procedure (string-ci<=? string . more) -> boolean
  "Whether the strings never fall, from each to the next, whatever their case.")
(procedure (string-ci>=? string . more) -> boolean
  "Whether the strings never rise, from each to the next, whatever their case.")
(procedure (string-upcase string) -> string
  "STRING in upper case, by Unicode's full mappings.")
(procedure (string-downcase string) -> string
  "STRING in lower case, by Unicode's full mappings.")
(procedure (string-foldcase string) -> string
  "STRING as strings are compared whatever their case.")
(procedure (substring string start end) -> string
  "A new string of the characters from START to before END.")
(procedure (string-append . strings) -> string
  "A new string of all STRINGS, in order.")
(procedure (string->list string (start (end))) -> list
  "The characters from START to before END.")
(procedure (list->string list) -> string
  "A new string of the characters in LIST.")
(procedure (string-copy string (start (end))) -> string
  "A new string of the characters from START to before END.")
(procedure (string-copy! to at from (start (end)))
  "Copies characters of FROM to TO, at AT; they may be one string.")
(procedure (string-fill! string char (start (end)))
  "Makes all characters from START to before END CHAR.")
(procedure (string-map procedure string . strings) -> string
  "A string of what PROCEDURE gives for each character, or for those that stand at one place of several
   strings.")
(procedure (string-for-each procedure string . strings)
  "Calls PROCEDURE with each character, in order.")
(procedure (string-search-forward pattern string start)
  "Where PATTERN is found in STRING, from START on; #f where it is not.")

;; Vectors
(procedure (vector? object) -> boolean
  "Whether OBJECT is a vector.")
(procedure (make-vector length (fill)) -> vector
  "A new vector of LENGTH times FILL.")
(procedure (vector . items) -> vector
  "A new vector of ITEMS.")
(procedure (vector-length vector) -> integer
  "How many items VECTOR has.")
(procedure (vector-ref vector index)
  "The item of VECTOR at INDEX, from 0.")
(procedure (vector-set! vector index value)
  "Puts VALUE in VECTOR at INDEX.")
(procedure (vector->list vector (start (end))) -> list
  "The items from START to before END.")
(procedure (list->vector list) -> vector
  "A new vector of the items of LIST.")
(procedure (vector->string vector (start (end))) -> string
  "A new string of the characters from START to before END.")
(procedure (string->vector string (start (end))) -> vector
  "A new vector of the characters from START to before END.")
(procedure (vector-copy vector (start (end))) -> vector
  "A new vector of the items from START to before END.")
(procedure (vector-copy! to at from (start (end)))
  "Copies items of FROM to TO, at AT; they may be one vector.")
(procedure (vector-append . vectors) -> vector
  "A new vector of all items, in order.")
(procedure (vector-fill! vector value (start (end)))
  "Makes all items from START to before END VALUE.")
(procedure (vector-map procedure vector . vectors) -> vector
  "A vector of what PROCEDURE gives for each item, or for those that stand at one place of several vectors.")
(procedure (vector-for-each procedure vector . vectors)
  "Calls PROCEDURE with each item, in order.")

;; Bytevectors
(procedure (bytevector? object) -> boolean
  "Whether OBJECT is a bytevector.")
(procedure (make-bytevector length (byte)) -> bytevector
  "A new bytevector of LENGTH times BYTE.")
(procedure (bytevector . bytes) -> bytevector
  "A new bytevector of BYTES, each from 0 to 255.")
(procedure (bytevector-length bytevector) -> integer
  "How many bytes BYTEVECTOR has.")
(procedure (bytevector-u8-ref bytevector index) -> integer
  "The byte at INDEX, from 0.")
(procedure (bytevector-u8-set! bytevector index byte)
  "Puts BYTE at INDEX.")
(procedure (bytevector-copy bytevector (start (end))) -> bytevector
  "A new bytevector of the bytes from START to before END.")
(procedure (bytevector-copy! to at from (start (end)))
  "Copies bytes of FROM to TO, at AT; they may be one bytevector.")
(procedure (bytevector-append . bytevectors) -> bytevector
  "A new bytevector of all bytes, in order.")
(procedure (bytevector-fill! bytevector byte (start (end)))
  "Makes all bytes from START to before END BYTE.")
(procedure (utf8->string bytevector (start (end))) -> string
  "The text that the bytes are in UTF-8; what is no UTF-8 becomes U+FFFD.")
(procedure (string->utf8 string (start (end))) -> bytevector
  "The characters in UTF-8.")

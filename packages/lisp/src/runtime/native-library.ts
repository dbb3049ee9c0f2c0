/**
 * What the wasm back end's host does for programs (host.ts), in Scheme, for native programs. Names that a program uses
 * and that stand neither here nor in `LIBRARY` (scheme.ts) are refused when it is built. `%slow:NAME` is what
 * `LIBRARY`'s NAME leaves to the host.
 */
import { accessors } from "./derived.ts";
import { ERRORS } from "./errors.ts";
import { NATIVE_ELEMENTARY } from "./native-elementary.ts";
import { NATIVE_HASH } from "./native-hash.ts";
import { NATIVE_PARSE } from "./native-parse.ts";
import { NATIVE_PORTS } from "./native-ports.ts";
import { NATIVE_READER } from "./native-reader.ts";
import { NATIVE_WRITER } from "./native-writer.ts";

const OWN_LIBRARY = `
(define (%raise-native kind message irritants)
  ((%cell 29) (let ((c (%make 13 4))) (%set! c 0 kind) (%set! c 1 message) (%set! c 2 irritants) (%set! c 3 #f) c)))
(define (%make-condition kind message irritants)
  (let ((c (%make 13 4))) (%set! c 0 kind) (%set! c 1 message) (%set! c 2 irritants) (%set! c 3 #f) c))
; A procedure of LIBRARY was given what it leaves to a host: its words about the first operand that is of another type,
; else about an index.
(define (%refused name operands)
  (let* ((own (symbol->string name))
         (who (if (char=? (string-ref own 0) #\\%) (substring own 1 (string-length own)) own))
         (types (assq name %operand-types)))
    (if types
        (%wrong-operand who (cdr types) operands)
        (%raise-native 'type (string-append who ": wrong operands:") operands))))
; Types in order, the last one of all that follow where it is in a list of its own.
(define %operand-types
  '((append (list)) (assq any pairs) (assv any pairs) (%assoc any pairs) (memq any list) (memv any list)
    (%member any list) (reverse list) (list-tail any index) (list-ref any index) (list-set! any index any)
    (error-object-message condition) (error-object-irritants condition) (symbol->string symbol)
    (string (char)) (string-append (string)) (substring string index index) (string->list string index index)
    (string-copy string index index) (string-set! text index char) (string-fill! text char index index)
    (string-copy! text index string index index) (vector->list vector index index) (vector-append (vector))
    (vector-copy vector index index) (vector-fill! vector any index index)
    (vector-copy! vector index vector index index) (bytevector-copy! bytevector index bytevector index index)
    (bytevector-fill! bytevector byte index index)))
(define (%is-operand? type x)
  (case type
    ((any) #t)
    ((list pairs) (and (list? x) (or (eq? type 'list) (%all-items? pair? x))))
    ((index) (%fixnum? x))
    ((string) (string? x))
    ((text) (and (string? x) (%mutable? x)))
    ((vector) (vector? x))
    ((bytevector) (bytevector? x))
    ((byte) (%byte? x))
    ((char) (char? x))
    ((symbol) (symbol? x))
    (else (%kind? x 13))))
(define (%all-items? test l) (or (null? l) (and (test (car l)) (%all-items? test (cdr l)))))
(define %operand-nouns
  '((list . "a list") (pairs . "a list of pairs") (index . "an index") (string . "a string")
    (text . "a string that can be changed") (vector . "a vector") (bytevector . "a bytevector")
    (byte . "an exact integer from 0 to 255") (char . "a character") (symbol . "a symbol")
    (condition . "an error object")))
(define (%wrong-operand who types operands)
  (let loop ((t types) (l operands))
    (cond ((null? l)
           (%raise-native 'range (string-append who ": index out of range:") (list (%worst-index types operands))))
          ((null? t) (%raise-native 'arity (string-append who ": wrong number of arguments ("
                       (number->string (length operands)) " given)") '()))
          ((%is-operand? (if (pair? (car t)) (caar t) (car t)) (car l)) (loop (if (pair? (car t)) t (cdr t)) (cdr l)))
          (else
           (%raise-native 'type
             (string-append who ": expected " (cdr (assq (if (pair? (car t)) (caar t) (car t)) %operand-nouns)) ", got")
             (list (car l)))))))
; The first that lies outside of what stands before it, else the last one.
(define (%worst-index types operands)
  (let loop ((t types) (l operands) (size 0) (last 0))
    (cond ((null? l) last)
          ((eq? (car t) 'index)
           (if (or (< (car l) 0) (< size (car l))) (car l) (loop (cdr t) (cdr l) size (car l))))
          (else
           (loop (if (pair? (car t)) t (cdr t)) (cdr l)
             (cond ((string? (car l)) (string-length (car l))) ((vector? (car l)) (vector-length (car l)))
                   ((bytevector? (car l)) (bytevector-length (car l))) ((list? (car l)) (length (car l))) (else size))
             last)))))

; Numbers that LIBRARY leaves to the host.
(define (%number! x who) (if (%real? x) x (%number-error who x)))
(define (%each! test l who what)
  (if (pair? l)
      (if (test (%car l)) (%each! test (%cdr l) who what)
        (%raise-native 'type (string-append who ": expected " what ", got") (list (%car l))))
      #t))
(define (%in-order? who what is-one? before? l)
  (%each! is-one? l who what)
  (let loop ((l l)) (or (null? l) (null? (cdr l)) (and (before? (car l) (cadr l)) (loop (cdr l))))))
(define (%ratio! x who) (if (%kind? x 7) x (%number-error who x)))
(define (%slow:exact x)
  (cond ((%exact? x) x)
        ((%kind? x 8) (%rectangular (exact (%ref x 0)) (exact (%ref x 1))))
        ((and (%flonum? x) (%finite? x)) (%flonum->exact x))
        ((not (%flonum? x)) (%number-error "exact: expected a number, got" x))
        (else (%number-error "exact: expected a finite number, got" x))))
(define (%slow:- a) (- 0 a))
(define (%slow:abs x) (if (< (%number! x "abs: expected a real number, got") 0) (- 0 x) x))
(define (%slow:zero? x)
  (if (%kind? x 8) (and (zero? (%ref x 0)) (zero? (%ref x 1)))
    (if (%real? x) #f (%number-error "zero?: expected a number, got" x))))
(define (%slow:positive? x) (> (%number! x "positive?: expected a real number, got") 0))
(define (%slow:negative? x) (< (%number! x "negative?: expected a real number, got") 0))
(define (%integer! x who) (if (%whole? x) x (%number-error who x)))
(define (%slow:even? x) (= 0 (remainder (%integer! x "even?: expected an integer, got") 2)))
(define (%slow:odd? x) (not (= 0 (remainder (%integer! x "odd?: expected an integer, got") 2))))
(define (%extreme order l)
  (let loop ((best (car l)) (l (cdr l)) (rough (%flonum? (car l))))
    (if (pair? l)
        (loop (if (or (order (car l) best) (not (= (car l) (car l)))) (car l) best) (cdr l)
          (or rough (%flonum? (car l))))
        (if rough (inexact best) best))))
(define (%some! who l)
  (if (null? l)
      (%raise-native 'arity (string-append who ": wrong number of arguments (1 or more expected, 0 given)") '())))
(define (%real-order? who before? l) (%in-order? who "a real number" %real? before? l))
(define (%slow:max . l) (%some! "max" l) (%real-order? "max" (lambda (a b) #t) l) (%extreme > l))
(define (%slow:min . l) (%some! "min" l) (%real-order? "min" (lambda (a b) #t) l) (%extreme < l))
(define (%slow:= . l) (%in-order? "=" "a number" number? (lambda (a b) (= a b)) l))
(define (%slow:< . l) (%real-order? "<" (lambda (a b) (< a b)) l))
(define (%slow:> . l) (%real-order? ">" (lambda (a b) (> a b)) l))
(define (%slow:<= . l) (%real-order? "<=" (lambda (a b) (<= a b)) l))
(define (%slow:>= . l) (%real-order? ">=" (lambda (a b) (>= a b)) l))
(define (%floor-ratio x) (let ((n (%ref x 0)) (d (%ref x 1))) (quotient (- n (modulo n d)) d)))
(define (%slow:floor x)
  (if (%exact-integer? x) x (%floor-ratio (%ratio! x "floor: expected a real number, got"))))
(define (%slow:ceiling x)
  (if (%exact-integer? x) x (+ 1 (%floor-ratio (%ratio! x "ceiling: expected a real number, got")))))
(define (%slow:truncate x)
  (if (%exact-integer? x) x
    (begin (%ratio! x "truncate: expected a real number, got") (quotient (%ref x 0) (%ref x 1)))))
(define (%slow:round x)
  (if (%exact-integer? x) x
    (let* ((low (%floor-ratio (%ratio! x "round: expected a real number, got"))) (part (- x low)))
      (cond ((< part %half) low) ((> part %half) (+ low 1)) ((even? low) low) (else (+ low 1))))))
(define %half (%ratio 1 2))
(define (%slow:integer? x) (and (%flonum? x) (%whole? x)))
(define (real? x) (%real? x))
(define (rational? x) (or (%exact? x) (and (%flonum? x) (%finite? x))))
(define (exact? x) (%all-exact? (%number-of! "exact?" x)))
(define (inexact? x) (not (%all-exact? (%number-of! "inexact?" x))))
(define (exact-rational? x) (%exact? x))
(define (finite? x) (%number-of! "finite?" x)
  (and (or (%exact? (%re x)) (%finite? (%re x))) (or (%exact? (%im x)) (%finite? (%im x)))))
(define (%infinite-part? x) (and (%flonum? x) (%fl= x x) (not (%finite? x))))
(define (infinite? x) (%number-of! "infinite?" x) (or (%infinite-part? (%re x)) (%infinite-part? (%im x))))
(define (%nan-part? x) (and (%flonum? x) (not (%fl= x x))))
(define (nan? x) (%number-of! "nan?" x) (or (%nan-part? (%re x)) (%nan-part? (%im x))))
; Integers of either kind, by exact ones.
(define (%fold-integers f who start l)
  (let loop ((n start) (l l) (rough #f))
    (if (pair? l)
        (let ((x (%integer! (car l) who)))
          (loop (f n (if (%flonum? x) (%flonum->exact x) x)) (cdr l) (or rough (%flonum? x))))
        (if rough (inexact n) n))))
(define (%slow:gcd . l) (%fold-integers %integer-gcd "gcd: expected an integer, got" 0 l))
(define (lcm . l)
  (%fold-integers (lambda (m n) (if (or (eq? m 0) (eq? n 0)) 0 (abs (quotient (* m n) (%integer-gcd m n)))))
    "lcm: expected an integer, got" 1 l))
(define (%rational! x who) (if (if (%flonum? x) (%finite? x) (%exact? x)) x (%number-error who x)))
(define (numerator x)
  (%rational! x "numerator: expected a rational number, got")
  (if (%flonum? x) (inexact (%numerator (%flonum->exact x))) (%numerator x)))
(define (denominator x)
  (%rational! x "denominator: expected a rational number, got")
  (if (%flonum? x) (inexact (%denominator (%flonum->exact x))) (%denominator x)))
(define (%divisible! who a b)
  (%each! %whole? (list a b) who "an integer")
  (if (= b 0) (%raise-native 'error (string-append who ": division by zero") (list a)) #t))
(define (floor-remainder a b) (%divisible! "floor-remainder" a b) (modulo a b))
(define (%floor-quotient a b)
  (if (or (%flonum? a) (%flonum? b))
      (let* ((n (%rounded a)) (d (%rounded b)) (q (%floor-quotient n d)))
        (if (eq? q 0) (%fl* 0.0 (%fl/ (%flonum-of a) (%flonum-of b))) (%flonum-of q)))
      (quotient (- a (modulo a b)) b)))
(define (floor-quotient a b) (%divisible! "floor-quotient" a b) (%floor-quotient a b))
(define (truncate-quotient a b) (%divisible! "truncate-quotient" a b) (quotient a b))
(define (truncate-remainder a b) (%divisible! "truncate-remainder" a b) (remainder a b))
(define (floor/ a b) (%divisible! "floor/" a b) (values (%floor-quotient a b) (modulo a b)))
(define (truncate/ a b) (%divisible! "truncate/" a b) (values (quotient a b) (remainder a b)))
(define (%slow:exact-integer-sqrt n)
  (if (and (%exact-integer? n) (>= n 0)) #t
    (%number-error "exact-integer-sqrt: expected an exact integer that is not negative, got" n))
  (let ((r (%integer-sqrt n))) (values r (- n (* r r)))))

; Lists.
; What the letters of a name lead to, the last one first.
(define (%accessed name x)
  (let loop ((i (%fx- (string-length name) 2)) (y x))
    (if (%fx= i 0) y
      (if (pair? y) (loop (%fx- i 1) (if (%fx= (%u32 name i) 97) (%car y) (%cdr y)))
        (%longer-list name x)))))
(define (%longer-list who x) (%raise-native 'type (string-append who ": expected a longer list, got") (list x)))

; Symbols.
(define %symbol-table #f)
(define (%text-hash s)
  (let ((n (string-length s)))
    (let loop ((i 0) (h 5381)) (if (%fx< i n)
      (loop (%fx+ i 1) (%fxand (%fx+ (%fx* h 33) (%u32 s i)) 268435455)) h))))
(define (%remember-symbol symbol)
  (let ((place (%fxremainder (%text-hash (%symbol-name symbol)) 4093)))
    (vector-set! %symbol-table place (cons symbol (vector-ref %symbol-table place)))))
(define (string->symbol s)
  (if (string? s) #t (%raise-native 'type "string->symbol: expected a string, got" (list s)))
  (if %symbol-table #t
    (begin
      (set! %symbol-table (make-vector 4093 '()))
      (let loop ((i 0)) (let ((symbol (%host 38 i)))
        (if (symbol? symbol) (begin (%remember-symbol symbol) (loop (%fx+ i 1))) #f)))))
  (let loop ((l (vector-ref %symbol-table (%fxremainder (%text-hash s) 4093))))
    (if (pair? l)
        (if (string=? (%symbol-name (%car l)) s) (%car l) (loop (%cdr l)))
        (let ((symbol (%new-symbol s))) (%remember-symbol symbol) symbol))))
(define (%new-symbol s)
  (let* ((name (string-copy s)) (symbol (begin (%set-extra! name 1) (%host 39 name))))
    (if (symbol? symbol) symbol (%raise-native 'limit "out of memory: too many symbols" '()))))
(define (string->uninterned-symbol s) (%new-symbol s))
(define %symbol-count 0)
(define (generate-uninterned-symbol . prefix) (set! %symbol-count (+ %symbol-count 1))
  (%new-symbol (string-append "g" (number->string %symbol-count))))
(define (gensym . prefix) (generate-uninterned-symbol))
(define (symbol=? a b . l) (%in-order? "symbol=?" "a symbol" symbol? eq? (cons a (cons b l))))
(define (boolean=? a b . l) (%in-order? "boolean=?" "a boolean" boolean? eq? (cons a (cons b l))))

; Strings.
(define (%string-order a b)
  (let ((m (string-length a)) (n (string-length b)))
    (let loop ((i 0))
      (cond ((%fx= i m) (if (%fx= i n) 0 -1)) ((%fx= i n) 1)
            (else (let ((x (%u32 a i)) (y (%u32 b i)))
              (cond ((%fx< x y) -1) ((%fx< y x) 1) (else (loop (%fx+ i 1))))))))))
(define (%strings? who test l)
  (%in-order? who "a string" string? (lambda (a b) (test (%string-order a b))) l))
(define (%characters? who before? l) (%some! who l) (%in-order? who "a character" char? before? l))
(define (%slow:string=? . l) (%some! "string=?" l) (%strings? "string=?" (lambda (order) (%fx= 0 order)) l))
(define (%slow:char=? . l) (%characters? "char=?" (lambda (a b) (char=? a b)) l))
(define (%slow:char<? . l) (%characters? "char<?" (lambda (a b) (char<? a b)) l))
(define (%slow:char>? . l) (%characters? "char>?" (lambda (a b) (char>? a b)) l))
(define (%slow:char<=? . l) (%characters? "char<=?" (lambda (a b) (char<=? a b)) l))
(define (%slow:char>=? . l) (%characters? "char>=?" (lambda (a b) (char>=? a b)) l))
(define (string<? a . l) (%strings? "string<?" (lambda (order) (%fx< order 0)) (cons a l)))
(define (string>? a . l) (%strings? "string>?" (lambda (order) (%fx< 0 order)) (cons a l)))
(define (string<=? a . l) (%strings? "string<=?" (lambda (order) (%fx<= order 0)) (cons a l)))
(define (string>=? a . l) (%strings? "string>=?" (lambda (order) (%fx<= 0 order)) (cons a l)))
(define (string-search-forward pattern s start)
  (if (and (string? pattern) (string? s)) #t
    (%raise-native 'type "string-search-forward: expected a string, got" (list (if (string? pattern) s pattern))))
  (let ((m (string-length pattern)) (n (string-length s)))
    (if (and (%fixnum? start) (<= 0 start) (<= start n)) #t
      (%raise-native 'range "string-search-forward: index out of range:" (list start)))
    (let loop ((at start))
      (and (%fx<= (%fx+ at m) n)
           (let same ((i 0))
             (if (%fx= i m) at
               (if (%fx= (%u32 pattern i) (%u32 s (%fx+ at i))) (same (%fx+ i 1)) (loop (%fx+ at 1)))))))))
(define (string->vector s . range) (list->vector (apply string->list s range)))
(define (vector->string v . range) (list->string (apply vector->list v range)))
(define (%byte? x) (and (%fixnum? x) (%fx<u x 256)))
(define (bytevector . l)
  (%each! %byte? l "bytevector" "an exact integer from 0 to 255")
  (let ((v (%make-bytes 21 (length l))))
    (let loop ((i 0) (l l)) (if (pair? l) (begin (bytevector-u8-set! v i (car l)) (loop (+ i 1) (cdr l))) v))))
(define (bytevector-copy v . range)
  (%bytes! v "bytevector-copy")
  (let* ((start (%start range)) (end (%end range (bytevector-length v))))
    (if (%range? start end (bytevector-length v)) #t
      (%raise-native 'range "bytevector-copy: index out of range:" range))
    (let ((new (%make-bytes 21 (- end start)))) (%bytes-copy! new 0 v start (- end start)) new)))
(define (bytevector-append . l)
  (%each! bytevector? l "bytevector-append" "a bytevector")
  (let ((new (%make-bytes 21 (apply + (map bytevector-length l)))))
    (let loop ((l l) (at 0)) (if (pair? l)
      (begin (%bytes-copy! new at (car l) 0 (bytevector-length (car l)))
      (loop (cdr l) (+ at (bytevector-length (car l))))) new))))
(define (%slow:make-bytevector n . fill)
  (%at-most-one! "make-bytevector" fill)
  (%items! n "make-bytevector" 200000000)
  (let ((v (make-bytevector n))) (if (pair? fill) (bytevector-fill! v (car fill)) #f) v))

(define (%slow:make-vector n) (%items! n "make-vector" 100000000))
(define (%slow:make-list n) (%items! n "make-list" 100000000))
(define (%slow:make-string n . fill)
  (%at-most-one! "make-string" fill)
  (%items! n "make-string" 100000000)
  (%raise-native 'type "make-string: expected a character, got" fill))
(define (%at-most-one! who rest)
  (if (and (pair? rest) (pair? (cdr rest)))
      (%raise-native 'arity (string-append who ": wrong number of arguments (1 to 2 expected, "
        (number->string (+ 1 (length rest))) " given)") '())))
(define (%items! n who most)
  (if (%fx<= (%count! n who) most) #t
    (%raise-native 'limit (string-append who ": more than " (number->string most) " elements") '())))

; Bits of integers, in two's complement as wide as needed: those of large ones in halves.
(define (%bits-of who f l start)
  (%exact-integers! who l)
  (let loop ((x start) (l l)) (if (pair? l) (loop (%bits f x (car l)) (cdr l)) x)))
(define (%bits f a b)
  (if (and (%fixnum? a) (%fixnum? b)) (f a b)
    (let* ((half (quotient (max 96 (%bit-count-of a) (%bit-count-of b)) 2)) (part (%power 2 half))
           (low-a (modulo a part)) (low-b (modulo b part)))
      (+ (* part (%bits f (quotient (- a low-a) part) (quotient (- b low-b) part))) (%bits f low-a low-b)))))
(define (%slow:bitwise-and . l) (%bits-of "bitwise-and" (lambda (a b) (%fxand a b)) l -1))
(define (%slow:bitwise-ior . l) (%bits-of "bitwise-ior" (lambda (a b) (%fxor a b)) l 0))
(define (%slow:bitwise-xor . l) (%bits-of "bitwise-xor" (lambda (a b) (%fxxor a b)) l 0))
(define (%exact-integers! who l) (%each! %exact-integer? l who "an exact integer"))
(define (bitwise-not x) (%exact-integers! "bitwise-not" (list x)) (- -1 x))
(define (bit-count x)
  (%exact-integers! "bit-count" (list x))
  (let loop ((x (if (< x 0) (- -1 x) x)) (n 0))
    (if (eq? x 0) n (loop (quotient x 281474976710656) (%fx+ n (%fixnum-bits (remainder x 281474976710656)))))))
(define (%fixnum-bits x) (let loop ((x x) (n 0)) (if (%fx= x 0) n (loop (%fxand x (%fx- x 1)) (%fx+ n 1)))))
(define (integer-length x)
  (%exact-integers! "integer-length" (list x))
  (%bit-count-of (if (< x 0) (- -1 x) x)))
(define (%slow:arithmetic-shift x n)
  (%exact-integers! "arithmetic-shift" (list x n))
  (if (> n 67108864)
      (%raise-native 'type "arithmetic-shift: expected a count of at most 67108864, got" (list n)) #t)
  (if (< n 0) (let ((d (%power 2 (- 0 n)))) (floor-quotient x d)) (* x (%power 2 n))))

; Conditions.
(define (read-error? x) (and (%kind? x 13) (eq? (%ref x 0) 'read)))
(define (file-error? x) (and (%kind? x 13) (eq? (%ref x 0) 'file)))
(define (error-object-kind x)
  (if (%kind? x 13) (symbol->string (%ref x 0))
    (%raise-native 'type "error-object-kind: expected an error object, got" (list x))))
(define (assertion-failed . l) (%raise-native 'error "assertion failed:" l))
(define (%type-condition code value)
  (let* ((entry (list-ref %errors code)) (who (car entry)) (what (cadr entry)))
    (cond ((string=? what "index") (if (%fixnum? value)
      (%make-condition 'range (string-append who ": index out of range:") (list value))
      (%make-condition 'type (string-append who ": expected an index, got") (list value))))
          ((string=? what "defined variable")
            (%make-condition 'unbound (string-append "unbound variable: " (symbol->string value)) '()))
          ((string=? what "code of a character")
            (%make-condition 'type "integer->char: expected the code of a character, got" (list value)))
          ((string=? what "a continuation that can be returned to")
            (%make-condition 'error "an error's continuation cannot be returned to:" (list value)))
          ((string=? what "fewer arguments")
            (%make-condition 'limit "apply: more arguments than a call may have" '()))
          (else
           (let ((noun (assoc what '(("pair" "a pair") ("vector" "a vector") ("string" "a string")
             ("char" "a character") ("bytevector" "a bytevector") ("byte" "an exact integer from 0 to 255")
             ("list" "a list as the last argument") ("procedure" "a procedure")))))
             (%make-condition 'type (string-append who ": expected " (if noun (cadr noun) what) ", got")
               (list value)))))))
(define (%apply-condition f operands)
  (if (procedure? f)
      (%make-condition 'arity (string-append "a procedure: wrong number of arguments ("
        (if (%fx= 255 (%arity f)) "" (string-append (number->string (%arity f)) " expected, "))
        (number->string (length operands)) " given)") '())
      (%make-condition 'type "not a procedure:" (list f))))
; An error of the report itself is not reported.
(define %is-reporting #f)
(define (%report payload k)
  (if %is-reporting (%host 32 4 1 0 0 0) (set! %is-reporting #t))
  (%flush-all)
  (let ((p (%new-port 2 2 (%make-bytes 21 8192))))
    (%put-text p "stratos: ")
    (if (%kind? payload 13)
        (%write-condition p payload)
        (begin (%put-text p "an object was raised that nobody handled: ") (%write-datum p payload #t)))
    (%put p 10)
    (%write-out p)
    (%host 32 4 1 0 0 0)))
(define (%slow:%check-procedure x) (%raise-native 'type "not a procedure:" (list x)))
(define (%slow:%check-promise x) (%raise-native 'type "delay-force: expected a promise, got" (list x)))
(define (%slow:%record-error name type x)
  (%raise-native 'type
    (if (string? name) name
      (string-append (symbol->string name) ": expected a record of type " (%type-name type) ", got"))
    (list x)))
(define (%wrong-record who expected x)
  (%raise-native 'type (string-append who ": expected a record" expected ", got") (list x)))
(define (%slow:record-rtd x) (%wrong-record "record-rtd" "" x))
(define (%slow:rtd-field-names x) (%wrong-record "rtd-field-names" " type" x))
(define (rtd-name x) (if (%kind? x 5) (string->symbol (%type-name x)) (%wrong-record "rtd-name" " type" x)))
(define (%wrong-ephemeron who x) (%raise-native 'type (string-append who ": expected an ephemeron, got") (list x)))
(define (%slow:ephemeron-key x) (%wrong-ephemeron "ephemeron-key" x))
(define (%slow:ephemeron-datum x) (%wrong-ephemeron "ephemeron-datum" x))
(define (%slow:ephemeron-broken? x) (%wrong-ephemeron "ephemeron-broken?" x))
(define (%slow:type-of x)
  (cond ((port? x) 'port) ((eq? x (if #f #f)) 'unspecified) ((%default? x) 'default) (else 'object)))
(define (default-object? x) (%default? x))
(define (%slow:length x) (%raise-native 'type "length: expected a list, got" (list x)))
(define (%deep-equal a b)
  (%raise-native 'limit "equal?: data as deep or circular as these are not served in native programs" '()))
(define (%slow:values . l) (apply values l))

; The system (the library (stratos system-call)): operands are integers, and objects of bytes by their address.
(define (%system-call number a b c d e) (%host 41 number a b c d e))
(define (%machine) (%host 54))
; Of code that eval makes: a procedure's place in the table of functions, which a CODE that is not negative becomes;
; which of the words that it captured X is, or -1.
(define (%procedure-code f code) (%host 56 f code))
(define (%captured-index f x) (%host 57 f x))
; Forks are the kernel's (the library (stratos heap)), which asks this once.
(define (%heap . operands) (%host 55) #f)
; A port of a descriptor, which closing it closes. Flags: NATIVE_PORTS.
(define (%descriptor-port fd flags) (%new-port fd flags (%make-bytes 21 8192)))
; Runs of bytes at once, unchecked (native-low.ts, operate-bytes).
(define (%byte-index bytes byte start end) (%host 46 bytes byte start end))
(define (%same-bytes a i b j n) (%host 47 a i b j n))
(define (%bytes->string bytes start end)
  (let* ((n (%fx- end start)) (s (%make-bytes 20 (%fx* 4 n)))) (%host 48 s 0 bytes start n) s))
(define (%string->bytes! bytes at s start end) (%host 49 bytes at s start (%fx- end start)))
(define (%read-bytes fd bytes at n) (%host 50 fd bytes at n))
(define (%copy-bytes! to at from start n) (%bytes-copy! to at from start n))
(define (%copy-to-memory address bytes count) (%host 42 address bytes count) #t)
; What is called in place of all that runs when the heap is full, or SIGINT came (it is blocked, and looked for at
; each collection); it must not return. #f: the program ends. A half of the heap has so many bytes at most, some of
; them kept.
(define (%recover-with! f) (%set-cell! 43 f))
(define (%take-interrupts! limit kept) (%host 44 limit kept) #t)
(define (%interrupted?) (%fx= 1 (%host 45)))

; eval, load and environments: a program that mentions them is linked with the library (stratos evaluation).
(define %evaluator #f)
(define (%set-evaluator! evaluator) (set! %evaluator evaluator))
(define (%evaluate datum environment) (%evaluator 'eval (cons datum environment)))
(define (%load path environment) (%evaluator 'load (cons path environment)))
(define (environment . sets) (%evaluator 'environment sets))
(define (interaction-environment) (%evaluator 'interaction-environment '()))
(define (scheme-report-environment version) (%evaluator 'scheme-report-environment (list version)))
(define (null-environment version) (%evaluator 'null-environment (list version)))
; Stands for a word that is not there, where only the evaluator reaches it.
(define (%unserved name)
  (lambda operands
    (%raise-native 'error (string-append (symbol->string name) " is not served in native programs") '())))
(define (features) '(r7rs exact-closed exact-complex ieee-float full-unicode ratios stratos astralisp stratos-0.1))

; Foreign functions of C (the library (stratos foreign); back-native/foreign/foreign-low.ts).
(define (%foreign operation a b c d) (%host 43 operation a b c d))
(define (%foreign-entry! procedure) (%set-cell! 39 procedure))
(define (%foreign-fail kind message irritants) (%raise-native kind message irritants))

; The process.
(define (%exit . status)
  (%flush-all)
  (%host 32 4 (if (null? status) 0
    (let ((s (car status))) (cond ((eq? s #t) 0) ((eq? s #f) 1) ((%fixnum? s) (%fxand s 255))
    (else 1)))) 0 0 0))
(define (emergency-exit . status) (apply %exit status))
(define (%clock which)
  (let ((v (%make-bytes 21 16)))
    (%host 32 7 which v 0 0)
    (+ (* 1000000000 (+ (%u32 v 0) (* 4294967296 (%u32 v 1)))) (%u32 v 2))))
(define (current-jiffy) (quotient (%clock 1) 1000))
(define (jiffies-per-second) 1000000)
(define (current-second) (/ (inexact (quotient (%clock 0) 1000000)) 1000.0))
(define (%sleep seconds)
  (let ((v (%make-bytes 21 16)) (whole (exact (floor (min seconds 86400.0)))))
    (%set-u32! v 0 whole)
    (%set-u32! v 2 (exact (floor (* 1000000000.0 (- (min seconds 86400.0) whole)))))
    (%flush-all)
    (%host 32 8 v 0 0 0)))
(define (%pass-time seconds) #f)
(define (%seed) #f)
; Whether a port need not be waited for: it holds something, or its descriptor is ready (POLLIN, POLLOUT).
(define (%input-ready? port needs-line)
  (if (and (%kind? port 12) (%fx= 0 (%fxand (%ref port 1) 8)) (%ref port 5)
           (or (%port? port 2) (not (%fx< (%ref port 3) (%ref port 4)))))
      (let ((v (%make-bytes 21 8)) (now (%make-bytes 21 16)))
        (%set-u32! v 0 (%ref port 0))
        (%set-u32! v 1 (if (%port? port 2) 4 1))
        (not (%fx= 0 (%host 32 9 v 1 now 0))))
      #t))
(define (%file-text name)
  (let* ((p (%open "open-input-file" name 0 5)))
    (let loop ((l '()))
      (let ((part (read-bytevector 65536 p)))
        (if (eof-object? part) (begin (close-port p) (apply bytevector-append (reverse l)))
        (loop (cons part l)))))))
(define (%split v)
  (let ((n (bytevector-length v)))
    (let loop ((i 0) (from 0) (l '()))
      (if (%fx= i n) (reverse l)
        (if (%fx= 0 (%u8 v i)) (loop (%fx+ i 1) (%fx+ i 1) (cons (utf8->string v from i) l))
          (loop (%fx+ i 1) from l))))))
(define (command-line) (%split (%file-text "/proc/self/cmdline")))
(define (get-environment-variables)
  (map (lambda (s)
         (let loop ((i 0)) (if (or (= i (string-length s)) (char=? (string-ref s i) #\\=))
           (cons (substring s 0 i) (if (= i (string-length s)) "" (substring s (+ i 1) (string-length s))))
           (loop (+ i 1)))))
       (%split (%file-text "/proc/self/environ"))))
(define (get-environment-variable name)
  (let ((found (assoc name (get-environment-variables)))) (if found (cdr found) #f)))
`;

/** The rare ones of `caaaar` to `cddddr` are one loop, for code of each would make every program larger. */
const FREQUENT = new Set(["cadddr", "cddddr"]);
const ACCESSORS = accessors()
  .map((name) =>
    name.length < 6 || FREQUENT.has(name)
      ? `(define (%slow:${name} x) (%longer-list "${name}" x))`
      : `(define (${name} x) (%accessed "${name}" x))`,
  )
  .join("\n");

/** All of it. */
export const NATIVE_LIBRARY: string = [
  OWN_LIBRARY,
  NATIVE_ELEMENTARY,
  NATIVE_HASH,
  ACCESSORS,
  NATIVE_PORTS,
  NATIVE_WRITER,
  NATIVE_PARSE,
  NATIVE_READER,
].join("\n");

/** What `%host N` is in native programs: a procedure above. */
export const NATIVE_OPERATIONS: ReadonlyMap<number, string> = new Map([
  [15, "%type-condition"],
  [16, "%apply-condition"],
  [17, "%report"],
  [18, "%standard-port"],
  [19, "%deep-equal"],
  [20, "%evaluate"],
  [21, "%load"],
  [22, "%hash-of"],
  [23, "%identity-hash-of"],
]);

/** What may be wrong with operands, for `%type-condition`. */
export function nativeErrors(): string {
  const entries = ERRORS.map(([primitive, expected]) => `(${JSON.stringify(primitive)} ${JSON.stringify(expected)})`);
  return `(define %errors '(${entries.join(" ")}))`;
}

/** Names that a native program has: those that texts define, in whole or as `%slow:NAME`, and `others`. */
export function definedNames(text: string, others: readonly string[]): ReadonlySet<string> {
  const names = [...text.matchAll(/^\(define \(?([^\s()]+)/gmu)].map(([, name]) => name!.replace(/^%slow:/u, ""));
  return new Set([...names, ...others]);
}

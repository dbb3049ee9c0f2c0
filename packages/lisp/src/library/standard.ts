/** The libraries that are made of primitives and of the expander's forms: R7RS, appendix A, and a few of our own. */
import { primitiveGlobal } from "../core/build.ts";
import { intern } from "../datum/datum.ts";
import { bind } from "../expander/binding.ts";
import { coreForms } from "../expander/core-forms.ts";
import { definitionForms } from "../expander/definition-forms.ts";
import { systemNamespace } from "../expander/namespace.ts";
import { type Binding, ANY_PHASE } from "../expander/syntax.ts";

const BASE = `
* + - ... / < <= = => > >= _ abs and append apply assoc assq assv begin binary-port? boolean=? boolean? bytevector
bytevector-append bytevector-copy bytevector-copy! bytevector-length bytevector-u8-ref bytevector-u8-set! bytevector?
caar cadr call-with-current-continuation call-with-port call-with-values call/cc car case cdar cddr cdr ceiling
char->integer char-ready? char<=? char<? char=? char>=? char>? char? close-input-port close-output-port close-port \
complex?
cond cond-expand cons current-error-port current-input-port current-output-port define define-record-type define-syntax
define-values denominator do dynamic-wind else eof-object eof-object? eq? equal? eqv? error error-object-irritants
error-object-message error-object? even? exact exact-integer-sqrt exact-integer? exact? expt features file-error? floor
floor-quotient floor-remainder floor/ flush-output-port for-each gcd get-output-bytevector get-output-string guard if \
include
include-ci inexact inexact? input-port-open? input-port? integer->char integer? lambda lcm length let let* let*-values
let-syntax let-values letrec letrec* letrec-syntax list list->string list->vector list-copy list-ref list-set! list-tail
list? make-bytevector make-list make-parameter make-string make-vector map max member memq memv min modulo negative?
newline not null? number->string number? numerator odd? open-input-bytevector open-input-string open-output-bytevector
open-output-string or output-port-open? output-port? pair? parameterize peek-char peek-u8 port? positive? procedure? \
quasiquote
quote quotient raise raise-continuable rational? rationalize read-bytevector read-bytevector! read-char read-error?
read-line read-string read-u8 real? remainder reverse round set! set-car! set-cdr! square string string->list
string->number string->symbol string->utf8 string->vector string-append string-copy string-copy! string-fill!
string-for-each string-length string-map string-ref string-set! string<=? string<? string=? string>=? string>? string?
substring symbol->string symbol=? symbol? syntax-error syntax-rules textual-port? truncate truncate-quotient
truncate-remainder truncate/ u8-ready? unless unquote unquote-splicing utf8->string values vector vector->list
vector->string vector-append vector-copy vector-copy! vector-fill! vector-for-each vector-length vector-map vector-ref
vector-set! vector? when with-exception-handler write-bytevector write-char write-string write-u8 zero?`;

const CXR =
  "caaar caadr cadar caddr cdaar cdadr cddar cdddr caaaar caaadr caadar caaddr cadaar cadadr caddar cadddr cdaaar " +
  "cdaadr cdadar cdaddr cddaar cddadr cdddar cddddr";
const CHAR = `char-alphabetic? char-ci<=? char-ci<? char-ci=? char-ci>=? char-ci>? char-downcase char-foldcase \
char-lower-case?
char-numeric? char-upcase char-upper-case? char-whitespace? digit-value string-ci<=? string-ci<? string-ci=? \
string-ci>=?
string-ci>? string-downcase string-foldcase string-upcase`;
const COMPLEX = "angle imag-part magnitude make-polar make-rectangular real-part";
const INEXACT = "acos asin atan cos exp finite? infinite? log nan? sin sqrt tan";
const FILE = `call-with-input-file call-with-output-file delete-file file-exists? open-binary-input-file \
open-binary-output-file
open-input-file open-output-file with-input-from-file with-output-to-file`;
const LAZY = "delay delay-force force make-promise promise?";
const PROCESS = "command-line emergency-exit exit get-environment-variable get-environment-variables";
const TIME = "current-jiffy current-second jiffies-per-second";
const WRITE = "display write write-shared write-simple";
const R5RS = `* + - ... / < <= = => > >= _ abs acos and angle append apply asin assoc assq assv atan begin boolean? \
caaaar caaadr caaar
caadar caaddr caadr caar cadaar cadadr cadar caddar cadddr caddr cadr call-with-current-continuation \
call-with-input-file
call-with-output-file call-with-values car case cdaaar cdaadr cdaar cdadar cdaddr cdadr cdar cddaar cddadr cddar \
cdddar cddddr
cdddr cddr cdr ceiling char->integer char-alphabetic? char-ci<=? char-ci<? char-ci=? char-ci>=? char-ci>? char-downcase
char-lower-case? char-numeric? char-ready? char-upcase char-upper-case? char-whitespace? char<=? char<? char=? \
char>=? char>?
char? close-input-port close-output-port complex? cond cons cos current-input-port current-output-port define \
define-syntax
delay denominator display do dynamic-wind else eof-object? eq? equal? eqv? eval even? exact->inexact exact? exp expt \
floor
for-each force gcd if imag-part inexact->exact inexact? input-port? integer->char integer? interaction-environment \
lambda
lcm length let let* let-syntax letrec letrec-syntax list list->string list->vector list-ref list-tail list? load log
magnitude make-polar make-rectangular make-string make-vector map max member memq memv min modulo negative? newline not
null-environment null? number->string number? numerator odd? open-input-file open-output-file or output-port? pair?
peek-char positive? procedure? quasiquote quote quotient rational? rationalize read read-char real-part real? remainder
reverse round scheme-report-environment set! set-car! set-cdr! sin sqrt string string->list string->number \
string->symbol
string-append string-ci<=? string-ci<? string-ci=? string-ci>=? string-ci>? string-copy string-fill! string-length \
string-ref
string-set! string<=? string<? string=? string>=? string>? string? substring symbol->string symbol? syntax-rules tan \
truncate
unquote unquote-splicing values vector vector->list vector-fill! vector-length vector-ref vector-set! vector?
with-input-from-file with-output-to-file write write-char zero?`;
const SYNTAX = `begin-for-syntax bound-identifier=? datum->syntax er-macro-transformer free-identifier=? \
generate-temporaries identifier?
ir-macro-transformer quasisyntax quote-syntax syntax syntax->datum syntax->list syntax-case syntax-e syntax-rules \
syntax-source
syntax-violation
syntax? unsyntax unsyntax-splicing with-syntax ... _`;
/** Optional types, and types at run time. */
const TYPES = `case-lambda/typed define-record-type/typed define-type define/typed fixnum? flonum? has-type? \
lambda/typed let/typed the
record-rtd record? rtd-accessor rtd-constructor rtd-field-names rtd-mutator rtd-name rtd-predicate rtd? type-of`;
/** What is ours: everyday words that R7RS-small has not. */
const EXTRAS = `1+ -1+ append-map arithmetic-shift assert bit-count bitwise-and bitwise-ior bitwise-not bitwise-xor \
bytevector-fill!
call-with-output-string cons* default-object? error-object-kind exact-rational? expand flush-output fresh-line
generate-uninterned-symbol integer-length list-sort named-lambda receive record? sort string->uninterned-symbol
string-search-forward the-environment void with-input-from-string with-output-to-string`;

const WORDS: Readonly<Record<string, string>> = {
  "(scheme base)": BASE,
  "(scheme case-lambda)": "case-lambda",
  "(scheme char)": CHAR,
  "(scheme complex)": COMPLEX,
  "(scheme cxr)": CXR,
  "(scheme eval)": "environment eval",
  "(scheme file)": FILE,
  "(scheme inexact)": INEXACT,
  "(scheme lazy)": LAZY,
  "(scheme load)": "load",
  "(scheme process-context)": PROCESS,
  "(scheme read)": "read",
  "(scheme repl)": "interaction-environment",
  "(scheme time)": TIME,
  "(scheme write)": WRITE,
  "(scheme r5rs)": R5RS,
  "(stratos character-class)": "%character-class",
  "(stratos foreign-primitives)": "%foreign %foreign-entry! %foreign-fail",
  "(stratos hash)": "%hash %identity-hash",
  "(stratos heap-primitives)": "%heap",
  "(stratos javascript-primitives)": "%js",
  "(stratos thread-primitives)":
    "%call-at-base %handler %input-ready? %parameters %pass-time %seed %set-fuel! %set-parameters! %set-thread! " +
    "%set-thread-hooks! %sleep %thread %thread-hooks %throw-to",
  "(stratos system-call)":
    "%system-call %copy-to-memory %recover-with! %take-interrupts! %interrupted? %byte-index %same-bytes " +
    "%bytes->string %string->bytes! %read-bytes %copy-bytes! %machine %descriptor-port %procedure-code %captured-index",
  "(stratos memory)":
    "collect-garbage ephemeron-broken? ephemeron-datum ephemeron-key ephemeron? gc-statistics heap-limit " +
    "make-ephemeron make-guardian nursery-size out-of-memory? reference-barrier",
  "(stratos syntax)": SYNTAX,
  "(stratos types)": TYPES,
  "(stratos base)": EXTRAS,
};
/** The SRFIs that R7RS-small contains, or that the system's own words already are. */
const ALIASES: Readonly<Record<string, string>> = {
  "(srfi 6)": "open-input-string open-output-string get-output-string",
  "(srfi 8)": "receive",
  "(srfi 9)": "define-record-type",
  "(srfi 11)": "let-values let*-values",
  "(srfi 16)": "case-lambda",
  "(srfi 23)": "error",
  "(srfi 30)": "",
  "(srfi 34)": "guard raise with-exception-handler",
  "(srfi 39)": "make-parameter parameterize",
  "(srfi 62)": "",
  "(srfi 87)": "case => else",
  "(srfi 124)": "ephemeron-broken? ephemeron-datum ephemeron-key ephemeron? make-ephemeron reference-barrier",
  "(srfi 98)": "get-environment-variable get-environment-variables",
};

const AUXILIARIES = new Set(["else", "=>", "...", "_", "unquote", "unquote-splicing", "unsyntax", "unsyntax-splicing"]);
const bindings = new Map<string, Binding>();

/** The meaning of a name of the system: one object for each, so that all libraries share it. */
export function systemBinding(name: string): Binding {
  let found = bindings.get(name);
  if (found === undefined) {
    found = AUXILIARIES.has(name)
      ? { kind: "auxiliary", name }
      : coreForms.has(name) || definitionForms.has(name)
        ? { kind: "core", name }
        : { kind: "global", global: primitiveGlobal(name) };
    bindings.set(name, found);
  }
  return found;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/** Names of the libraries that are made of primitives. */
export function standardNames(): string[] {
  return [...Object.keys(WORDS), ...Object.keys(ALIASES), "(stratos lisp)"];
}

/** What a library of the system exports; null when it is none. */
export function standardExports(library: string): Map<string, Binding> | null {
  const text =
    library === "(stratos lisp)"
      ? Object.values(WORDS).join(" ")
      : library.startsWith("(stratos primitive ")
        ? library.slice(19, -1)
        : (WORDS[library] ?? ALIASES[library]);
  return text === undefined ? null : new Map(words(text).map((name) => [name, systemBinding(name)]));
}

for (const name of new Set(words([...Object.values(WORDS), "define-library import"].join(" "))))
  bind(intern(name), systemNamespace.scopes, ANY_PHASE, systemBinding(name));

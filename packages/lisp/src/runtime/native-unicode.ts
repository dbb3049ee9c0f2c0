/**
 * Case and classes of characters for native programs: what datum/unicode.ts answers from the host's tables, packed into
 * texts that a program unpacks when it first asks for one. Numbers are digits of five bits, the least first; a letter
 * from `]` on is a number's last one.
 */
import * as unicode from "../datum/unicode.ts";

function packed(numbers: readonly number[]): string {
  let text = "";
  for (let n of numbers) {
    for (; n >= 32; n >>>= 5) text += String.fromCharCode(58 + (n & 31));
    text += String.fromCharCode(93 + n);
  }
  return text;
}
/** Bounds as differences. */
function classText(escape: string): string {
  const bounds = unicode.boundsOf(escape, escape.includes("Ignorable") ? TAGS_END : undefined);
  return packed(bounds.map((bound, index) => bound - (bounds[index - 1] ?? 0)));
}

/** Behind the last characters that are ignored where case is looked for. */
const TAGS_END = 0xe0200;
/** Beyond it letters have one case. */
const CASED_END = 0x1f000;
const zigzag = (n: number): number => (n < 0 ? -2 * n - 1 : 2 * n);
/** Runs of letters with one difference, each or every other one: from where (a difference), how many, step, change. */
function mapText(change: (code: number) => number): string {
  const runs: { start: number; count: number; step: number; by: number }[] = [];
  for (let code = 128; code < CASED_END; code += 1) {
    if (code === 0xd800) code = 0xe000;
    const by = change(code) - code;
    if (by === 0) continue;
    const last = runs.at(-1);
    const distance = last === undefined ? 0 : code - (last.start + (last.count - 1) * last.step);
    if (last?.by === by && (last.count === 1 ? distance <= 2 : distance === last.step)) {
      last.step = distance;
      last.count += 1;
    } else runs.push({ start: code, count: 1, step: 1, by });
  }
  return packed(
    runs.flatMap(({ start, count, step, by }, index) => [
      start - (runs[index - 1]?.start ?? 0),
      count,
      step,
      zigzag(by),
    ]),
  );
}
/** Letters that become several: each, how many, those. */
function severalText(change: (letter: string) => string): string {
  const numbers: number[] = [];
  for (let code = 128; code < CASED_END; code += 1) {
    if (code === 0xd800) code = 0xe000;
    const changed = [...change(String.fromCodePoint(code))];
    if (changed.length > 1) numbers.push(code, changed.length, ...changed.map((letter) => letter.codePointAt(0)!));
  }
  return packed(numbers);
}

export function nativeUnicode(): string {
  const classes = ["Alphabetic", "Uppercase", "Lowercase", "Nd", "White_Space", "Cased", "Case_Ignorable"];
  const texts = [
    ...classes.map((name) => classText(`\\p{${name}}`)),
    mapText(unicode.upcaseCode),
    mapText(unicode.downcaseCode),
    mapText(unicode.foldCode),
    severalText((letter) => letter.toUpperCase()),
    severalText((letter) => letter.toLowerCase()),
    severalText(unicode.foldText),
  ];
  return UNPACKING.replace("TEXTS", () => texts.map((text) => JSON.stringify(text)).join("\n  "));
}

const UNPACKING = `
(define %unicode-texts (vector
  TEXTS))
(define %unicode-tables (make-vector 13 #f))
(define (%unicode-table k)
  (if (vector-ref %unicode-tables k) (vector-ref %unicode-tables k)
      (let* ((l (%packed-numbers (vector-ref %unicode-texts k)))
             (table (cond ((%fx< k 7) (list->vector (%running-sums l 0))) ((%fx< k 10) (%unpacked-map l 0))
                      (else (%unpacked-several l)))))
        (vector-set! %unicode-tables k table)
        table)))
(define (%packed-numbers text)
  (let ((n (%fxshr (%count text) 2)))
    (let loop ((i 0) (value 0) (shift 0) (l '()))
      (if (%fx= i n) (reverse l)
          (let ((c (%u32 text i)))
            (if (%fx< c 93) (loop (%fx+ i 1) (%fx+ value (%fxshl (%fx- c 58) shift)) (%fx+ shift 5) l)
                (loop (%fx+ i 1) 0 0 (cons (%fx+ value (%fxshl (%fx- c 93) shift)) l))))))))
(define (%running-sums l sum)
  (if (pair? l) (let ((sum (%fx+ sum (car l)))) (cons sum (%running-sums (cdr l) sum))) '()))
(define (%unpacked-map l start)
  (if (pair? l)
      (let* ((start (%fx+ start (car l))) (count (cadr l)) (step (caddr l)) (by (car (cdddr l)))
             (by (if (%fx= 0 (%fxand by 1)) (%fxshr by 1) (%fx- 0 (%fxshr (%fx+ by 1) 1)))))
        (cons (vector start (%fx+ start (%fx* step (%fx- count 1))) step by)
              (%unpacked-map (cdr (cdddr l)) start)))
      '()))
(define (%unpacked-several l)
  (if (pair? l)
      (let loop ((count (cadr l)) (rest (cddr l)) (codes '()))
        (if (%fx= count 0) (cons (cons (car l) (reverse codes)) (%unpacked-several rest))
            (loop (%fx- count 1) (cdr rest) (cons (car rest) codes))))
      '()))
; Whether a code is in a class: of the bounds that are no larger the last one begins a run.
(define (%in-class? k n)
  (let ((v (%unicode-table k)))
    (let loop ((from 0) (to (vector-length v)))
      (if (%fx= from to) (%fx= 1 (%fxand from 1))
          (let ((middle (%fxshr (%fx+ from to) 1)))
            (if (%fx<= (vector-ref v middle) n) (loop (%fx+ middle 1) to) (loop from middle)))))))
(define (%mapped k n)
  (let loop ((l (%unicode-table k)))
    (if (pair? l)
        (let* ((run (car l)) (start (vector-ref run 0)))
          (cond ((%fx< n start) n)
                ((if (%fx<= n (vector-ref run 1))
                     (if (%fx= (vector-ref run 2) 1) #t (%fx= 0 (%fxand (%fx- n start) 1))) #f)
                 (%fx+ n (vector-ref run 3)))
                (else (loop (cdr l)))))
        n)))
(define (%character! who c)
  (if (char? c) (%char->integer c) (%raise-native 'type (string-append who ": expected a character, got") (list c))))
(define (%slow:char-upcase c) (%integer->char (%mapped 7 (%character! "char-upcase" c))))
(define (%slow:char-downcase c) (%integer->char (%mapped 8 (%character! "char-downcase" c))))
(define (%slow:char-alphabetic? c) (%in-class? 0 (%character! "char-alphabetic?" c)))
(define (%slow:char-numeric? c) (%in-class? 3 (%character! "char-numeric?" c)))
(define (%slow:char-whitespace? c) (%in-class? 4 (%character! "char-whitespace?" c)))
(define (char-foldcase c)
  (if (%ascii? c) (char-downcase c) (%integer->char (%mapped 9 (%character! "char-foldcase" c)))))
(define (char-upper-case? c)
  (if (%ascii? c) (%upper? (%char->integer c)) (%in-class? 1 (%character! "char-upper-case?" c))))
(define (char-lower-case? c)
  (if (%ascii? c) (%lower? (%char->integer c)) (%in-class? 2 (%character! "char-lower-case?" c))))
(define (digit-value c)
  (let ((n (%character! "digit-value" c)))
    (cond ((%fx< n 128) (if (char-numeric? c) (%fx- n 48) #f))
          ((if (%in-class? 3 n) #f #t) #f)
          ((if (%fx<= 120782 n) (%fx<= n 120831) #f) (%fxremainder (%fx- n 120782) 10))
          (else
           (let loop ((zero n))
             (if (if (%fx< (%fx- n 9) zero) (%in-class? 3 (%fx- zero 1)) #f) (loop (%fx- zero 1))
                 (%fx- n zero)))))))
; Texts: letters may become several; final sigma is another letter (Unicode, 3.13).
(define (%cased who s one several)
  (%text! s who)
  (let ((n (string-length s)))
    (let loop ((i 0) (l '()))
      (if (%fx= i n) (list->string (reverse l))
          (let* ((c (string-ref s i)) (code (%char->integer c)))
            (if (%fx< code 128) (loop (%fx+ i 1) (cons (one c) l))
                (let ((found (assv code (%unicode-table several))))
                  (cond (found
                         (let more ((codes (cdr found)) (l l))
                           (if (pair? codes) (more (cdr codes) (cons (%integer->char (car codes)) l))
                               (loop (%fx+ i 1) l))))
                        ((if (%fx= code 931) (if (%fx= several 11) (%final-sigma? s i n) #f) #f)
                         (loop (%fx+ i 1) (cons (%integer->char 962) l)))
                        (else (loop (%fx+ i 1) (cons (one c) l)))))))))))
(define (%final-sigma? s at n)
  (define (cased-behind? i step)
    (if (if (%fx< i 0) #t (%fx= i n)) #f
        (let ((code (%char->integer (string-ref s i))))
          (cond ((%in-class? 6 code) (cased-behind? (%fx+ i step) step)) (else (%in-class? 5 code))))))
  (if (cased-behind? (%fx- at 1) -1) (if (cased-behind? (%fx+ at 1) 1) #f #t) #f))
(define (string-upcase s) (%cased "string-upcase" s char-upcase 10))
(define (string-downcase s) (%cased "string-downcase" s char-downcase 11))
(define (string-foldcase s) (%cased "string-foldcase" s char-foldcase 12))
(define (%folded-characters who l) (%each! char? l who "a character") (map char-foldcase l))
(define (%folded-strings who l) (%each! string? l who "a string") (map string-foldcase l))
(define (char-ci=? c . l) (apply char=? (%folded-characters "char-ci=?" (cons c l))))
(define (char-ci<? c . l) (apply char<? (%folded-characters "char-ci<?" (cons c l))))
(define (char-ci>? c . l) (apply char>? (%folded-characters "char-ci>?" (cons c l))))
(define (char-ci<=? c . l) (apply char<=? (%folded-characters "char-ci<=?" (cons c l))))
(define (char-ci>=? c . l) (apply char>=? (%folded-characters "char-ci>=?" (cons c l))))
(define (string-ci=? s . l) (apply string=? (%folded-strings "string-ci=?" (cons s l))))
(define (string-ci<? s . l) (apply string<? (%folded-strings "string-ci<?" (cons s l))))
(define (string-ci>? s . l) (apply string>? (%folded-strings "string-ci>?" (cons s l))))
(define (string-ci<=? s . l) (apply string<=? (%folded-strings "string-ci<=?" (cons s l))))
(define (string-ci>=? s . l) (apply string>=? (%folded-strings "string-ci>=?" (cons s l))))
`;

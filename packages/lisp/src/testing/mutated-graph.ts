/**
 * A program that changes a graph at random, and the same in JavaScript: what both print is the same as long as the
 * collector keeps what is reached, and nothing else takes its place. Nodes are pairs, vectors, boxes, doubles and
 * strings; they hang on the cells of a table of vectors, which soon are old. Sums over all cells and the way down from
 * each are printed again and again.
 */
const MODULUS = 2147483647;
const MULTIPLIER = 16807;
/** How far down from a cell sums go. */
const DEPTH = 6;

interface GraphOptions {
  readonly seed: number;
  readonly rows: number;
  readonly columns: number;
}

export interface MutationOptions extends GraphOptions {
  readonly rounds: number;
  readonly mutationsPerRound: number;
}

export function mutationProgram(options: MutationOptions): string {
  return `
(import (scheme base) (scheme write))
${mutationDefinitions(options)}
(do ((round 0 (+ round 1))) ((= round ${options.rounds}))
  (mutate-all! ${options.mutationsPerRound})
  (display (sum)) (newline))
`;
}

/** `(mutate-all! n)` and `(sum)`, of the graph that begins with `seed`. */
export function mutationDefinitions({ seed, rows, columns }: GraphOptions): string {
  return `
(define seed ${seed})
(define (chance n) (set! seed (remainder (* seed ${MULTIPLIER}) ${MODULUS})) (remainder seed n))
(define table (make-vector ${rows} 0))
(do ((i 0 (+ i 1))) ((= i ${rows})) (vector-set! table i (make-vector ${columns} 0)))
(define (ref i) (vector-ref (vector-ref table (quotient i ${columns})) (remainder i ${columns})))
(define (put! i x) (vector-set! (vector-ref table (quotient i ${columns})) (remainder i ${columns}) x))
(define hand 0) ; What it holds hangs on no cell.
(define (any) (ref (chance ${rows * columns})))
; What is taken is cut where it would go on, most of the time, so that the graph stays bounded.
(define (cut x) (if (= 0 (chance 4)) x (if (pair? x) (car x) 5)))
(define (make kind n)
  (cond ((< kind 8) (let* ((a (any)) (b (cut (any)))) (cons (if (pair? a) n a) b)))
        ((< kind 10) (let ((v (make-vector (+ 1 (remainder n 9)) n))) (vector-set! v 0 (cut (any))) v))
        ((< kind 12) (inexact n))
        ((< kind 14) (make-string (+ 1 (remainder n 30)) (integer->char (+ 97 (remainder n 26)))))
        ((= kind 14) (let ((v (make-vector (remainder n 700) n))) v))
        (else n)))
(define (mutate! n)
  (let* ((kind (chance 20)) (at (chance ${rows * columns})) (x (ref at)))
    (cond ((< kind 12) (put! at (make (chance 16) n)))
          ((and (< kind 15) (pair? x)) (set-cdr! x (cut (any))))
          ((and (< kind 17) (pair? x)) (set-car! x (let ((y (any))) (if (pair? y) n y))))
          ((and (vector? x) (> (vector-length x) 0)) (vector-set! x (chance (vector-length x)) (cut (any))))
          ((= kind 19) (put! at (cut x)))
          ((= kind 18) (put! at hand) (set! hand x))
          (else (put! at n)))))
(define (mix h n) (remainder (+ (* h 31) n) ${MODULUS}))
(define (sum-of x h depth)
  (cond ((= depth 0) h)
        ((pair? x) (sum-of (cdr x) (sum-of (car x) (mix h 1) (quotient depth 2)) (- depth 1)))
        ((vector? x) (let ((n (vector-length x)))
           (if (= n 0) (mix h 2)
               (sum-of (vector-ref x 0) (sum-of (vector-ref x (- n 1)) (mix h n) (quotient depth 2)) (- depth 1)))))
        ((string? x) (mix h (+ (string-length x) (char->integer (string-ref x (- (string-length x) 1))))))
        ((exact? x) (mix h x))
        (else (mix h (exact x)))))
(define (sum) (let loop ((i 0) (h 7)) (if (= i ${rows * columns}) h (loop (+ i 1) (sum-of (ref i) h ${DEPTH})))))
(define (mutate-all! n) (do ((i 0 (+ i 1))) ((= i n)) (mutate! i)))
`;
}

type Value = number | MutablePair | Value[] | Double | string;
class MutablePair {
  car: Value;
  cdr: Value;
  constructor(car: Value, cdr: Value) {
    this.car = car;
    this.cdr = cdr;
  }
}
class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** What the program prints. */
export function mutationLines(options: MutationOptions): string[] {
  const graph = new MutatedGraph(options);
  return Array.from({ length: options.rounds }, () => {
    graph.mutateAll(options.mutationsPerRound);
    return String(graph.sum());
  });
}

/** The same graph in JavaScript. */
export class MutatedGraph {
  readonly table: Value[];
  seed: number;
  #hand: Value;

  constructor({ seed, rows, columns }: GraphOptions) {
    this.table = new Array<Value>(rows * columns).fill(0);
    this.seed = seed;
    this.#hand = 0;
  }

  chance(n: number): number {
    return (this.seed = (this.seed * MULTIPLIER) % MODULUS) % n;
  }

  mutateAll(count: number): void {
    for (let n = 0; n < count; n++) this.#mutate(n);
  }

  sum(): number {
    return this.table.reduce((h: number, x) => sumOf(x, h, DEPTH), 7);
  }

  #any(): Value {
    return this.table[this.chance(this.table.length)]!;
  }

  #cut(x: Value): Value {
    return this.chance(4) === 0 ? x : x instanceof MutablePair ? x.car : 5;
  }

  #make(kind: number, n: number): Value {
    if (kind < 8) {
      const a = this.#any();
      const b = this.#cut(this.#any());
      return new MutablePair(a instanceof MutablePair ? n : a, b);
    }
    if (kind < 10) {
      const items = new Array<Value>(1 + (n % 9)).fill(n);
      items[0] = this.#cut(this.#any());
      return items;
    }
    if (kind < 12) return new Double(n);
    if (kind < 14) return String.fromCharCode(97 + (n % 26)).repeat(1 + (n % 30));
    return kind === 14 ? new Array<Value>(n % 700).fill(n) : n;
  }

  #mutate(n: number): void {
    const table = this.table;
    const kind = this.chance(20);
    const at = this.chance(table.length);
    const x = table[at]!;
    if (kind < 12) table[at] = this.#make(this.chance(16), n);
    else if (kind < 15 && x instanceof MutablePair) x.cdr = this.#cut(this.#any());
    else if (kind < 17 && x instanceof MutablePair) {
      const y = this.#any();
      x.car = y instanceof MutablePair ? n : y;
    } else if (Array.isArray(x) && x.length > 0) {
      const index = this.chance(x.length);
      x[index] = this.#cut(this.#any());
    } else if (kind === 18) {
      table[at] = this.#hand;
      this.#hand = x;
    } else table[at] = kind === 19 ? this.#cut(x) : n;
  }
}

export function mix(h: number, n: number): number {
  return (h * 31 + n) % MODULUS;
}

function sumOf(x: Value, h: number, depth: number): number {
  if (depth === 0) return h;
  if (x instanceof MutablePair) return sumOf(x.cdr, sumOf(x.car, mix(h, 1), depth >> 1), depth - 1);
  if (Array.isArray(x))
    return x.length === 0 ? mix(h, 2) : sumOf(x[0]!, sumOf(x.at(-1)!, mix(h, x.length), depth >> 1), depth - 1);
  if (typeof x === "string") return mix(h, x.length + x.charCodeAt(0));
  return mix(h, x instanceof Double ? x.value : x);
}

/**
 * Random programs of typed procedures over doubles, which call each other, loop, are left and entered again by
 * continuations, and hand doubles on as words now and then: all ways by which a double may come to a place.
 */
import type { SeededRandom } from "@stratos/base";

const PROCEDURES = 4;
const DEPTH = 4;

export function randomDoubles(random: SeededRandom): string {
  const below = (bound: number): number => random.below(bound);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  let count = 0;
  const fresh = (letter: string): string => `${letter}${count++}`;

  const make = (depth: number, names: readonly string[]): string => {
    if (depth <= 0) return below(3) > 0 ? pick(names) : pick(["0.5", "1.", "-2.25", "3.", "1e3"]);
    const one = (): string => make(depth - 1, names);
    const within = (name: string): string => make(depth - 1, [...names, name]);
    switch (below(15)) {
      case 0:
      case 1:
      case 2:
        return `(${pick(["+", "-", "*"])} ${one()} ${one()})`;
      case 3:
        return `(if (${pick(["<", ">", "="])} ${one()} ${one()}) ${one()} ${one()})`;
      case 4:
      case 5: {
        const name = fresh("v");
        return `(let ((${name} ${one()})) ${within(name)})`;
      }
      case 6:
      case 7:
      case 8:
        return `(f${below(PROCEDURES)} ${one()} ${one()} (- n 1))`;
      case 9:
        return `(mark ${one()})`;
      case 10: {
        const index = fresh("i"),
          sum = fresh("s");
        return (
          `(do ((${index} 0 (+ ${index} 1)) (${sum} ${one()} ${within(sum)})) ` +
          `((= ${index} ${1 + below(3)}) ${sum}))`
        );
      }
      case 11:
        return `(car (list ${one()} ${one()}))`;
      case 12:
        return `(the flonum (apply f${below(PROCEDURES)} (list ${one()} ${one()} (- n 1))))`;
      case 13:
        return `(begin (note! ${one()}) ${one()})`;
      default: {
        const loop = fresh("l"),
          name = fresh("a");
        return (
          `(let/typed ${loop} ((${name} : flonum ${one()}) (k : fixnum ${1 + below(2)})) : flonum ` +
          `(if (= k 0) ${within(name)} (${loop} ${within(name)} (- k 1))))`
        );
      }
    }
  };
  const procedures = Array.from(
    { length: PROCEDURES },
    (_, index) =>
      `(define/typed (f${index} (x : flonum) (y : flonum) (n : fixnum)) : flonum ` +
      `(if (< n 1) ${pick(["x", "y", "(- x y)"])} ${make(DEPTH, ["x", "y"])}))`,
  );
  return `
(define marks 0)
(define again #f)
(define times 0)
(define noted '())
(define (note! x) (set! noted (cons x (if (> (length noted) 5) '() noted))))
(define/typed (mark (x : flonum)) : flonum
  (set! marks (+ marks 1))
  (if (> marks 3000) (raise 'enough))
  (call/cc (lambda (c) (if (= marks ${1 + below(9)}) (set! again c)) x)))
${procedures.join("\n")}
(define (run thunk) (guard (e (#t (write (if (symbol? e) e (error-object-message e))))) (write (thunk))))
(run (lambda () (list (f0 1.5 -0.5 3) marks noted)))
(set! times (+ times 1))
(if (and again (< times 3)) (again (* 1.5 times)))
(run (lambda () (f1 2 3. 1)))`;
}

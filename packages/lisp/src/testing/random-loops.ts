/**
 * Random programs whose loops compute with what they read from vectors and pairs: doubles mostly, and now and then
 * something else in the middle of a turn, which may be no number.
 */
import type { SeededRandom } from "@stratos/base";

const LENGTH = 8;
const RUNS = 5;

export function randomLoops(random: SeededRandom): string {
  const below = (bound: number): number => random.below(bound);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  let count = 0;
  const fresh = (letter: string): string => `${letter}${count++}`;

  const index = (): string => pick(["i", "i", "i", "(- n i)", "(+ i 1)", "0"]);
  const read = (): string =>
    pick([`(vector-ref v ${index()})`, `(vector-ref v ${index()})`, `(vector-ref w ${index()})`, "(car l)"]);
  const value = (depth: number, names: readonly string[]): string => {
    if (depth <= 0) return pick([read(), read(), pick(names), pick(names), "0.5", "-1.5", "2"]);
    const one = (): string => value(depth - 1, names);
    switch (below(10)) {
      case 8:
        return `(sqrt ${one()})`;
      case 9:
        return `(- ${one()})`;
      case 0: {
        const name = fresh("t");
        return `(let ((${name} ${one()})) ${value(depth - 1, [...names, name])})`;
      }
      case 1:
        return `(if (< ${one()} ${one()}) ${one()} ${one()})`;
      default:
        return `(${pick(["+", "-", "*", "+", "-", "*", "/"])} ${one()} ${one()})`;
    }
  };
  const turn = (depth: number, names: readonly string[]): string => {
    if (depth <= 0) return `(loop (+ i 1) ${value(2, names)} ${value(1, names)} l)`;
    switch (below(6)) {
      case 0:
      case 1: {
        const name = fresh("t");
        return `(let ((${name} ${value(2, names)})) ${turn(depth - 1, [...names, name])})`;
      }
      case 2:
        return (
          `(if (${pick(["<", ">", "="])} ${value(1, names)} ${value(1, names)}) ` +
          `${turn(depth - 1, names)} ${turn(depth - 1, names)})`
        );
      case 3:
        return (
          `(cond ((and (< i 3) (> x 0.5)) ${turn(0, names)}) ((or (< y 0.) (= i 2)) ${turn(0, names)}) ` +
          `(else ${turn(depth - 1, names)}))`
        );
      default:
        return `(begin (vector-set! ${pick(["v", "w"])} ${index()} ${value(2, names)}) ${turn(depth - 1, names)})`;
    }
  };
  const element = (oddness: number): string => {
    if (below(oddness) > 0) return pick(["0.5", "1.5", "-2.25", "3.0", "1e3", "-0.0", "+inf.0"]);
    return pick(["1", "0", "2/3", "'a", "100000000000000000000", '(string->number "1+2i")', "-7"]);
  };
  const vector = (oddness: number): string =>
    `(vector ${Array.from({ length: LENGTH }, () => element(oddness)).join(" ")})`;
  const runs = Array.from({ length: RUNS }, () => {
    const oddness = pick([6, 20, 1000]);
    const start = pick(["0.", "1.5", "2.5", "-1.", "1", "'b"]);
    return `(run ${vector(oddness)} ${vector(oddness)} (list ${element(oddness)}) ${start})`;
  });
  const names = ["x", "y", "a"];
  return `
(define (sweep v w l a n)
  (let loop ((i 0) (x a) (y ${pick(["0.", "1.", "0"])}) (l l))
    (if (< i n)
        ${turn(3, names)}
        (list x y))))
(define (run v w l a)
  (guard (e (#t (write (list (error-object-message e) (error-object-irritants e)))))
    (write (sweep v w l a 7)))
  (write (list v w)))
${runs.join("\n")}`;
}

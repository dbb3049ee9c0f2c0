/**
 * The runtime's Scheme. `ARITHMETIC` is what slow ways of arithmetic call: its functions never move the stack to the
 * heap.
 */
export const ARITHMETIC = `
(define (%generic+ a b) (%host 0 a b))
(define (%generic- a b) (%host 1 a b))
(define (%generic* a b) (%host 2 a b))
(define (%generic/ a b) (%host 3 a b))
(define (%generic< a b) (%host 4 a b))
(define (%generic<= a b) (%host 5 a b))
(define (%generic> a b) (%host 6 a b))
(define (%generic>= a b) (%host 7 a b))
(define (%generic= a b) (%host 8 a b))
(define (%generic-quotient a b) (%host 9 a b))
(define (%generic-remainder a b) (%host 10 a b))
(define (%generic-modulo a b) (%host 11 a b))
(define (%generic-inexact a) (%host 12 a))
(define (%generic-sqrt a) (%host 13 a))
(%set-cell! 15 %generic+) (%set-cell! 16 %generic-) (%set-cell! 17 %generic*) (%set-cell! 18 %generic/)
(%set-cell! 19 %generic<) (%set-cell! 20 %generic<=) (%set-cell! 21 %generic>) (%set-cell! 22 %generic>=) (%set-cell! \
23 %generic=)
(%set-cell! 24 %generic-quotient) (%set-cell! 25 %generic-remainder) (%set-cell! 26 %generic-modulo) (%set-cell! 27 \
%generic-inexact) (%set-cell! 28 %generic-sqrt)
`;

export const LIBRARY = `
(define (length list) (let loop ((l list) (n 0)) (if (pair? l) (loop (cdr l) (+ n 1)) n)))
(define (make-vector n . fill) (%make-vector n (if (pair? fill) (car fill) 0)))
`;

/**
 * Arithmetic of complex numbers by their parts, for both back ends: what is done with these is theirs. As in
 * `ARITHMETIC` (scheme.ts) its functions never move the stack to the heap.
 */
export const COMPLEX_ARITHMETIC = `
(define (%re x) (if (%kind? x 8) (%ref x 0) x))
(define (%im x) (if (%kind? x 8) (%ref x 1) 0))
; An exact zero is no imaginary part.
(define (%rectangular re im)
  (if (eq? im 0) re (let ((z (%make 8 2))) (%set! z 0 re) (%set! z 1 im) z)))
; Whether both are numbers, and one is not real.
(define (%complex? a b) (if (%kind? a 8) (%number? b) (if (%kind? b 8) (%number? a) #f)))
(define (%complex+ a b) (%rectangular (+ (%re a) (%re b)) (+ (%im a) (%im b))))
(define (%complex- a b) (%rectangular (- (%re a) (%re b)) (- (%im a) (%im b))))
(define (%complex* a b)
  (let ((ar (%re a)) (ai (%im a)) (br (%re b)) (bi (%im b)))
    (%rectangular (- (* ar br) (* ai bi)) (+ (* ar bi) (* ai br)))))
; Smith's method where a part is a double: no overflow on the way where the result has none. The divisor is not 0.
(define (%complex/ a b)
  (let ((ar (%re a)) (ai (%im a)) (br (%re b)) (bi (%im b)))
    (if (eq? bi 0) (%rectangular (/ ar br) (/ ai br))
      (if (if (%flonum? ar) #t (if (%flonum? ai) #t (if (%flonum? br) #t (%flonum? bi))))
          (let ((a (inexact ar)) (b (inexact ai)) (c (inexact br)) (d (inexact bi)))
            (if (%fl>= (%flabs c) (%flabs d))
                (let* ((ratio (%fl/ d c)) (scale (%fl+ c (%fl* d ratio))))
                  (%rectangular (%fl/ (%fl+ a (%fl* b ratio)) scale) (%fl/ (%fl- b (%fl* a ratio)) scale)))
                (let* ((ratio (%fl/ c d)) (scale (%fl+ (%fl* c ratio) d)))
                  (%rectangular (%fl/ (%fl+ (%fl* a ratio) b) scale) (%fl/ (%fl- (%fl* b ratio) a) scale)))))
          (let ((norm (+ (* br br) (* bi bi))) (product (%complex* a (%rectangular br (- 0 bi)))))
            (%rectangular (/ (%re product) norm) (/ (%im product) norm)))))))
(define (%complex= a b) (if (= (%re a) (%re b)) (= (%im a) (%im b)) #f))
`;

/**
 * The procedures where parts are fixnums or doubles; the rest is the host's, or `%slow:NAME`'s in native programs.
 */
export const COMPLEX_PROCEDURES = `
(define (%plain-real? x) (or (%fixnum? x) (%flonum? x)))
(define (make-rectangular re im)
  (if (and (%plain-real? re) (%plain-real? im)) (%rectangular re im) (%oracle make-rectangular re im)))
(define (real-part z) (if (%number? z) (%re z) (%oracle real-part z)))
(define (imag-part z) (if (%number? z) (%im z) (%oracle imag-part z)))
; As hypot in number/elementary.ts, where nothing has to be scaled.
(define (magnitude z)
  (if (and (%kind? z 8) (%flonum? (%ref z 0)) (%flonum? (%ref z 1)))
      (let* ((a (%flabs (%ref z 0))) (b (%flabs (%ref z 1))) (largest (if (%fl> a b) a b)))
        (if (and (%fl< 1.0e-150 largest) (%fl< largest 1.0e150))
            (%flsqrt (%fl+ (%fl* a a) (%fl* b b)))
            (%oracle magnitude z)))
      (%oracle magnitude z)))
`;

/** Powers, lengths and square roots of exact integers, which native arithmetic and WebAssembly's library share. */
export const INTEGER_ROOT = `
(define (%power base n)
  (let loop ((base base) (n n) (product 1))
    (if (%fx= n 0) product
      (loop (if (%fx= n 1) base (* base base)) (%fxquotient n 2)
        (if (%fx= (%fxand n 1) 1) (* product base) product)))))
(define (%bit-count-of n)
  (let ((n (if (< n 0) (- 0 n) n)))
    (if (%fixnum? n)
        (let loop ((n n) (bits 0)) (if (%fx= n 0) bits (loop (%fxshr n 1) (%fx+ bits 1))))
        (let* ((limbs (%fxquotient (%count n) 4)) (top (%u32 n (%fx- limbs 1))))
          (let loop ((top top) (bits (%fx* 32 (%fx- limbs 1))))
            (if (%fx= top 0) bits (loop (%fxshr top 1) (%fx+ bits 1))))))))
; The largest integer whose square is no larger, as number/integer.ts has it.
(define (%integer-sqrt n)
  (if (if (%fixnum? n) (%fx< n 4503599627370496) #f) (%flonum->fixnum (%flfloor (%flsqrt (%fixnum->flonum n))))
    (let* ((bits (%fxquotient (%fx- (%bit-count-of n) 1) 2)) (lower (%fx- bits (%fxquotient bits 2)))
           (p (%power 2 (%fx- lower 1))) (upper (%integer-sqrt (quotient n (* 4 (* p p)))))
           (root (+ (* upper p) (quotient (quotient n (* 4 p)) upper))))
      (if (< n (* root root)) (- root 1) root))))
`;

/**
 * Exact integers beyond fixnums, in the low-level language: sums, differences, products, quotients and comparisons of
 * fixnums and bignums. A bignum's magnitude lies in limbs of 32 bits, the lowest first, the highest not zero, with
 * zeros up to a multiple of 8 bytes; bit 0 of the header's extra is its sign. What fits 61 bits is a fixnum, always.
 *
 * Schoolbook algorithms: Knuth, The Art of Computer Programming 2, §4.3.1, A, S, M and D (as in Hacker's Delight §9-2).
 * Beyond `INTEGER-LIMBS` limbs in both operands the host's are faster, in spite of the way there and back.
 *
 * Operands wait at `sp` and `sp + 8` while their result is allocated, since a collection moves them. A result that has
 * become shorter gives back what it does not need when it lies at the end of the nursery.
 */
export const INTEGERS = `
(macro (bignum? w) (&& (= (tag-of w) TAG-OBJECT) (= (load8 (wrap w) HEADER) BIGNUM-BYTE)))
(macro (exact-integer? w) (|| (fixnum? w) (bignum? w)))
(macro (limb a i) (ext (load32 (+ a (shl i 2)))))
(macro (limb! a i v) (store32! (+ a (shl i 2)) 0 (wrap v)))

; Where the magnitude of an integer lies; a fixnum's is put into scratch memory.
(define (limbs-of:i32 w scratch:i32)
  (if (fixnum? w)
      (begin
        (store64! scratch 0 (if (< w 0) (- 0 (sar w 3)) (sar w 3)))
        scratch)
      (+ (wrap w) FIELDS)))

(define (limb-count:i32 w)
  (if (fixnum? w)
      (let ((magnitude (if (< w 0) (- 0 (sar w 3)) (sar w 3))))
        (+ (!= magnitude 0) (>u magnitude 0xffffffff)))
      (shr (load32 (wrap w) COUNT) 2)))

(define (negative-integer:i32 w)
  (if (fixnum? w) (< w 0) (and (load8 (wrap w) HEADER-EXTRA) 1)))

; Bytes of a bignum of n limbs.
(define (bignum-bytes:i32 n:i32) (+ 8 (align8 (shl n 2))))

; Header of n limbs at a; those that fill up the last word are 0.
(define (bignum-header:void a:i32 n:i32)
  (store64! (+ a (- (bignum-bytes n) 8)) 0 0)
  (store64! a 0 (header KIND-BIGNUM 0 (shl n 2))))

; Integer of the n limbs of the bignum at a, highest zeros left away.
(define (finish-integer a:i32 n:i32 negative:i32)
  (let ((end:i32 (+ a (bignum-bytes n))) (left:i32 n))
    (while (&& (> left 0) (= (load32 (+ a (+ 4 (shl left 2)))) 0))
      (set! left (- left 1)))
    (when (<= left 2)
      (let ((magnitude (if (= left 0) 0 (if (= left 1) (ext (load32 a 8)) (load64 a 8)))))
        (when (<u magnitude 0x1000000000000000)
          (when (= (reg ALLOC) end) (reg! ALLOC a))
          (return (if negative (- 0 (shl magnitude 3)) (shl magnitude 3))))
        (when (&& negative (= magnitude 0x1000000000000000))
          (when (= (reg ALLOC) end) (reg! ALLOC a))
          (return (- 0 0x8000000000000000)))))
    (when (!= left n)
      (when (= (reg ALLOC) end) (reg! ALLOC (+ a (bignum-bytes left)))))
    (store64! a 0 (header KIND-BIGNUM negative (shl left 2)))
    (pointer a TAG-OBJECT)))

; -1, 0 or 1.
(define (compare-limbs:i32 p:i32 n:i32 q:i32 m:i32)
  (when (!= n m) (return (if (< n m) -1 1)))
  (while (> n 0)
    (set! n (- n 1))
    (let ((x (limb p n)) (y (limb q n)))
      (when (!= x y) (return (if (<u x y) -1 1)))))
  0)

; n limbs and m limbs, n >= m; the sum has n + 1.
(define (add-limbs:void to:i32 p:i32 n:i32 q:i32 m:i32)
  (let ((carry 0) (i:i32 0))
    (while (< i m)
      (set! carry (+ carry (+ (limb p i) (limb q i))))
      (limb! to i carry)
      (set! carry (shr carry 32))
      (set! i (+ i 1)))
    (while (< i n)
      (set! carry (+ carry (limb p i)))
      (limb! to i carry)
      (set! carry (shr carry 32))
      (set! i (+ i 1)))
    (limb! to n carry)))

; The first is not less than the second; the difference has n limbs.
(define (subtract-limbs:void to:i32 p:i32 n:i32 q:i32 m:i32)
  (let ((carry 0) (i:i32 0))
    (while (< i m)
      (set! carry (+ carry (- (limb p i) (limb q i))))
      (limb! to i carry)
      (set! carry (sar carry 32))
      (set! i (+ i 1)))
    (while (< i n)
      (set! carry (+ carry (limb p i)))
      (limb! to i carry)
      (set! carry (sar carry 32))
      (set! i (+ i 1)))))

; a + b, or a - b.
(define (add-integers sp:i32 a b subtracts:i32)
  (store64! sp 0 a)
  (store64! sp 8 b)
  (let ((n:i32 (limb-count a)) (m:i32 (limb-count b)) (negative:i32 (negative-integer a)))
    (let ((size:i32 (+ 1 (if (> n m) n m))))
      (let ((r:i32 (allocate (+ sp 16) (bignum-bytes size))))
        (bignum-header r size)
        (let ((to:i32 (+ r 8)) (p:i32 (limbs-of (load64 sp) SCRATCH-1)) (q:i32 (limbs-of (load64 sp 8) SCRATCH-2)))
          (let ((order:i32 (compare-limbs p n q m)))
            (if (= negative (xor subtracts (negative-integer (load64 sp 8))))
                (if (< order 0) (add-limbs to q m p n) (add-limbs to p n q m))
                (begin
                  (limb! to (- size 1) 0)
                  (if (< order 0)
                      (begin
                        (subtract-limbs to q m p n)
                        (set! negative (xor negative 1)))
                      (subtract-limbs to p n q m))))))
        (finish-integer r size negative)))))

(define (multiply-limbs:void to:i32 p:i32 n:i32 q:i32 m:i32)
  (fill! to 0 (shl (+ n m) 2))
  (let ((i:i32 0))
    (while (< i n)
      (let ((x (limb p i)) (carry 0) (j:i32 0))
        (while (< j m)
          (set! carry (+ (+ carry (limb to (+ i j))) (* x (limb q j))))
          (limb! to (+ i j) carry)
          (set! carry (shr carry 32))
          (set! j (+ j 1)))
        (limb! to (+ i m) carry))
      (set! i (+ i 1)))))

(define (multiply-integers sp:i32 a b)
  (store64! sp 0 a)
  (store64! sp 8 b)
  (let ((n:i32 (limb-count a)) (m:i32 (limb-count b)) (negative:i32 (xor (negative-integer a) (negative-integer b))))
    (let ((r:i32 (allocate (+ sp 16) (bignum-bytes (+ n m)))))
      (bignum-header r (+ n m))
      (multiply-limbs (+ r 8) (limbs-of (load64 sp) SCRATCH-1) n (limbs-of (load64 sp 8) SCRATCH-2) m)
      (finish-integer r (+ n m) negative))))

; The upper 32 bits of high, low shifted to the left; by may be 0.
(macro (shifted high low by) (shr (shl (or (shl high 32) low) by) 32))

; Quotient of n limbs by one. @returns the remainder
(define (divide-by-limb to:i32 p:i32 n:i32 d)
  (let ((rest 0))
    (while (> n 0)
      (set! n (- n 1))
      (let ((part (or (shl rest 32) (limb p n))))
        (limb! to n (/u part d))
        (set! rest (%u part d))))
    rest))

; Algorithm D: u of n + 1 limbs and v of m (2 or more), both shifted so that v's highest bit is set. The quotient's
; n - m + 1 limbs go to q, the remainder stays in u.
(define (divide-limbs:void q:i32 u:i32 n:i32 v:i32 m:i32)
  (let ((j:i32 (- n m)) (top (limb v (- m 1))) (next (limb v (- m 2))))
    (while (>= j 0)
      (let ((part (or (shl (limb u (+ j m)) 32) (limb u (+ j (- m 1))))) (below (limb u (+ j (- m 2)))))
        (let ((guess (/u part top)) (rest (%u part top)) (borrow 0) (i:i32 0))
          (while (&& (<=u rest 0xffffffff)
                     (|| (>u guess 0xffffffff) (>u (* guess next) (or (shl rest 32) below))))
            (set! guess (- guess 1))
            (set! rest (+ rest top)))
          (while (< i m)
            (let ((product (* guess (limb v i))))
              (let ((t (- (- (limb u (+ i j)) borrow) (and product 0xffffffff))))
                (limb! u (+ i j) t)
                (set! borrow (- (shr product 32) (sar t 32)))))
            (set! i (+ i 1)))
          (let ((t (- (limb u (+ j m)) borrow)))
            (limb! u (+ j m) t)
            (when (< t 0)
              (let ((carry 0))
                (set! guess (- guess 1))
                (set! i 0)
                (while (< i m)
                  (set! carry (+ carry (+ (limb u (+ i j)) (limb v i))))
                  (limb! u (+ i j) carry)
                  (set! carry (shr carry 32))
                  (set! i (+ i 1)))
                (limb! u (+ j m) (+ carry (limb u (+ j m)))))))
          (limb! q j guess)))
      (set! j (- j 1)))))

; The remainder for a modulo takes the divisor's sign. The divisor is at sp + 8.
(define (finish-remainder sp:i32 rest is-modulo:i32)
  (when (&& is-modulo (!= rest 0))
    (when (!= (negative-integer rest) (negative-integer (load64 sp 8)))
      (tail add-integers (+ sp 16) rest (load64 sp 8) 0)))
  rest)

; How far a division by m limbs shifts to the right, when they are a power of two; else -1.
(define (power-shift:i32 q:i32 m:i32)
  (let ((i:i32 0) (top:i32 (load32 (+ q (shl (- m 1) 2)))))
    (when (!= 0 (and top (- top 1))) (return -1))
    (while (< i (- m 1))
      (when (!= 0 (load32 (+ q (shl i 2)))) (return -1))
      (set! i (+ i 1)))
    (+ (shl (- m 1) 5) (- 31 (clz32 top)))))

; a, which waits at sp, without its lowest bits. @param skipped  limbs of them, besides by bits
(define (shift-right sp:i32 n:i32 skipped:i32 by negative:i32)
  (let ((r:i32 (allocate (+ sp 16) (bignum-bytes (- n skipped)))) (i:i32 skipped))
    (bignum-header r (- n skipped))
    (let ((p:i32 (limbs-of (load64 sp) SCRATCH-1)) (to:i32 (+ r 8)))
      (while (< i n)
        (let ((high (if (= (+ i 1) n) 0 (limb p (+ i 1)))))
          (limb! to (- i skipped) (shr (or (shl high 32) (limb p i)) by)))
        (set! i (+ i 1))))
    (finish-integer r (- n skipped) negative)))

; Operation: 0 quotient, 1 remainder, 2 modulo. The divisor is not 0.
(define (divide-integers sp:i32 a b operation:i32)
  (store64! sp 0 a)
  (store64! sp 8 b)
  (let ((n:i32 (limb-count a)) (m:i32 (limb-count b)) (negative:i32 (negative-integer a)))
    (when (< n m)
      (when (= operation 0) (return 0))
      (tail finish-remainder sp a (= operation 2)))
    (when (= operation 0)
      (set! negative (xor negative (negative-integer b)))
      (when (> m 1)
        (let ((by:i32 (power-shift (limbs-of b SCRATCH-2) m)))
          (when (>= by 0) (tail shift-right sp n (shr by 5) (ext (and by 31)) negative)))))
    (if (= m 1)
        (let ((r:i32 (allocate (+ sp 16) (bignum-bytes n))))
          (bignum-header r n)
          (let ((d (ext (load32 (limbs-of (load64 sp 8) SCRATCH-2)))))
            (let ((rest (divide-by-limb (+ r 8) (limbs-of (load64 sp) SCRATCH-1) n d)))
              (when (= operation 0) (tail finish-integer r n negative))
              (tail finish-remainder sp (if negative (- 0 (shl rest 3)) (shl rest 3)) (= operation 2)))))
        (let ((v:i32 (allocate (+ sp 16) (+ (bignum-bytes m) (+ (bignum-bytes (+ n 1)) (bignum-bytes (+ 1 (- n m))))))))
          (let ((u:i32 (+ v (bignum-bytes m))) (i:i32 m))
            (let ((r:i32 (+ u (bignum-bytes (+ n 1))))
                  (p:i32 (limbs-of (load64 sp) SCRATCH-1))
                  (q:i32 (limbs-of (load64 sp 8) SCRATCH-2)))
              (let ((by (ext (clz32 (load32 (+ q (shl (- m 1) 2)))))))
                (bignum-header v m)
                (bignum-header u (+ n 1))
                (bignum-header r (+ 1 (- n m)))
                (while (> i 0)
                  (set! i (- i 1))
                  (limb! (+ v 8) i (shifted (limb q i) (if (= i 0) 0 (limb q (- i 1))) by)))
                (set! i n)
                (limb! (+ u 8) n (shifted 0 (limb p (- n 1)) by))
                (while (> i 0)
                  (set! i (- i 1))
                  (limb! (+ u 8) i (shifted (limb p i) (if (= i 0) 0 (limb p (- i 1))) by)))
                (divide-limbs (+ r 8) (+ u 8) n (+ v 8) m)
                (when (= operation 0) (tail finish-integer r (+ 1 (- n m)) negative))
                (while (< i m)
                  (limb! (+ u 8) i (shr (or (shl (limb (+ u 8) (+ i 1)) 32) (limb (+ u 8) i)) by))
                  (set! i (+ i 1)))
                (while (<= i n)
                  (limb! (+ u 8) i 0)
                  (set! i (+ i 1)))
                (tail finish-remainder sp (finish-integer u (+ n 1) negative) (= operation 2)))))))))

; -1, 0 or 1.
(define (compare-integers:i32 a b)
  (let ((negative:i32 (negative-integer a)))
    (when (!= negative (negative-integer b)) (return (if negative -1 1)))
    (let ((order:i32 (compare-limbs (limbs-of a SCRATCH-1) (limb-count a) (limbs-of b SCRATCH-2) (limb-count b))))
      (if negative (- 0 order) order))))

; Whether the operation on two words is done here: both are exact integers, and not both too long.
(define (own-integers?:i32 a b)
  (if (&& (exact-integer? a) (exact-integer? b))
      (let ((n:i32 (limb-count a)) (m:i32 (limb-count b)))
        (&& (<= (+ n m) INTEGER-SUM) (|| (<= n INTEGER-LIMBS) (<= m INTEGER-LIMBS))))
      0))
`;

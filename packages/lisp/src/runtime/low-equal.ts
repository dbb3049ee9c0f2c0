/**
 * `equal?`, in the low-level language: trees, structures that share parts, and circular ones, without recursion. By
 * turns some 400 nodes are compared plainly, then 40 or more with what was found equal joined to one class
 * (union-find), so that trees cost little and shared parts are compared once: M. D. Adams and R. K. Dybvig, Efficient
 * nondestructive equality checking for trees and graphs, 2008.
 *
 * Nothing is collected meanwhile. Ranges of words that must be equal wait above the stack's budget, 16 bytes each
 * (address, address, count); the classes lie in the half of the old generation that is not in use, behind what
 * marking has there, in a table of 8 bytes for each object (address, address of its parent or 0). Where there is no
 * room the answer is left to the host.
 */
export const EQUAL = `
(define (same-bytes:i32 p:i32 q:i32 n:i32)
  (while (>= n 8)
    (when (!= (load64 p) (load64 q)) (return 0))
    (set! p (+ p 8))
    (set! q (+ q 8))
    (set! n (- n 8)))
  (while (> n 0)
    (when (!= (load8 p) (load8 q)) (return 0))
    (set! p (+ p 1))
    (set! q (+ q 1))
    (set! n (- n 1)))
  1)

; The entry of an object, or the empty one where it belongs.
(define (class-entry:i32 object:i32)
  (let ((i:i32 (* (shr object 3) 0x9e3779b1)))
    (let ((entry:i32 (+ (reg CLASS-BASE) (shl (and (shr i 8) (reg CLASS-MASK)) 3))))
      (while (&& (!= (load32 entry) object) (!= (load32 entry) 0))
        (set! i (+ i 256))
        (set! entry (+ (reg CLASS-BASE) (shl (and (shr i 8) (reg CLASS-MASK)) 3))))
      entry)))

(define (class-of:i32 object:i32)
  (let ((found:i32 object) (next:i32 (load32 (class-entry object) 4)))
    (while (!= next 0)
      (set! found next)
      (set! next (load32 (class-entry found) 4)))
    (while (!= object found)
      (let ((entry:i32 (class-entry object)))
        (set! object (load32 entry 4))
        (store32! entry 4 found)))
    found))

; A table of so many entries at base; 0: there is no room.
(define (make-classes:i32 base:i32 entries:i32)
  (when (>u (+ base (shl entries 3)) (reg OTHER-END)) (return 0))
  (reg! CLASS-BASE base)
  (reg! CLASS-MASK (- entries 1))
  (fill! base 0 (shl entries 3))
  1)

; One of twice as many behind the old one, with its entries.
(define (grow-classes:i32)
  (let ((at:i32 (reg CLASS-BASE)) (entries:i32 (+ 1 (reg CLASS-MASK))))
    (let ((end:i32 (+ at (shl entries 3))))
      (when (= (make-classes end (shl entries 1)) 0) (return 0))
      (while (<u at end)
        (when (!= (load32 at) 0)
          (let ((entry:i32 (class-entry (load32 at))))
            (store64! entry 0 (load64 at))))
        (set! at (+ at 8)))
      1)))

; Makes two objects one class. 1: they were one; 0: they are now; -1: no room.
(define (join-classes:i32 a:i32 b:i32)
  (when (= (reg CLASS-MASK) 0)
    (when (= (reg IS-WHOLE) 0) (grow-heap))
    (reg! CLASS-COUNT 0)
    (when (= (make-classes (free-half) 1024) 0) (return -1)))
  (when (>u (shl (reg CLASS-COUNT) 1) (reg CLASS-MASK))
    (when (= (grow-classes) 0) (return -1)))
  (let ((one:i32 (class-of a)) (other:i32 (class-of b)))
    (when (= one other) (return 1))
    (let ((entry:i32 (class-entry one)))
      (when (= (load32 entry) 0)
        (store32! entry 0 one)
        (reg! CLASS-COUNT (+ 1 (reg CLASS-COUNT))))
      (store32! entry 4 other)
      0)))

; Fixnum 1: equal; 0: not; -1: the host must compare.
(define (equal-words a b)
  (when (= a b) (return 8))
  (store64! EQUAL-STACK 0 a)
  (store64! EQUAL-STACK 8 b)
  (reg! CLASS-MASK 0)
  (let ((top:i32 (+ EQUAL-STACK 16)) (left:i32 400) (random:i32 1) (n:i32 1) (p:i32 EQUAL-STACK)
        (q:i32 (+ EQUAL-STACK 8)))
    (while 1
      ; The next two words: of the range at hand, else of the one that waits.
      (while (= n 0)
        (when (= top (+ EQUAL-STACK 16)) (return 8))
        (set! top (- top 16))
        (set! p (load32 top))
        (set! q (load32 top 4))
        (set! n (load32 top 8)))
      (let ((x (load64 p)) (y (load64 q)) (t:i32 (tag-of (load64 p))))
        (set! p (+ p 8))
        (set! q (+ q 8))
        (set! n (- n 1))
        (when (!= x y)
          (when (|| (!= t (tag-of y)) (= t TAG-FIXNUM)) (return 0))
          (when (|| (= t TAG-IMMEDIATE) (= t TAG-PROCEDURE)) (return 0))
          (let ((i:i32 (address x)) (j:i32 (address y)) (size:i32 2) (first:i32 0))
            (when (!= t TAG-PAIR)
              (let ((g (load64 i)) (h (load64 j)) (kind:i32 (and (shr (load32 i) 3) 31)))
                (when (|| (!= (shr g 32) (shr h 32)) (!= (and (wrap g) 255) (and (wrap h) 255))) (return 0))
                (set! size (load32 i 4))
                (set! first 8)
                (if (>= kind FIRST-BYTES)
                    (begin
                      (when (&& (= kind KIND-BIGNUM) (!= g h)) (return 0))
                      (when (= (same-bytes (+ i 8) (+ j 8) size) 0) (return 0))
                      (set! size 0))
                    (when (&& (!= kind KIND-VECTOR) (&& (!= kind KIND-RATNUM) (!= kind KIND-COMPNUM))) (return 0)))))
            (when (!= size 0)
              (set! left (- left 1))
              (when (<= left 0)
                (if (< left -40)
                    (begin
                      (set! random (+ (* random 1664525) 1013904223))
                      (set! left (and (shr random 16) 1023)))
                    (let ((joined:i32 (join-classes i j)))
                      (when (< joined 0) (return -8))
                      (when joined
                        (set! left 0)
                        (set! size 0))))))
            (when (!= size 0)
              (when (!= n 0)
                (when (>=u top EQUAL-STACK-END) (return -8))
                (store32! top 0 p)
                (store32! top 4 q)
                (store32! top 8 n)
                (set! top (+ top 16)))
              (set! p (+ i first))
              (set! q (+ j first))
              (set! n size))))))
    -8))
`;

/**
 * The collector, in the low-level language: a nursery in which allocation is a comparison and an addition, and an old
 * generation of two halves. A minor collection copies what lives in the nursery to the end of the old half in use; a
 * major one copies both to the other half.
 *
 * Roots are exact: cells, shadow stack below `sp`, the argument area, and old fields that the write barrier noted. When
 * the buffer of noted fields is full the whole old half is looked through instead, so that it is bounded.
 *
 * Invariants: the nursery is empty after each collection; an old half always has room for the whole nursery (else a
 * major collection comes first, and `heap-full` is called when that does not help); static objects hold no pointers.
 */
export const COLLECTOR = `
(macro (reg r) (load32 r))
(macro (reg! r v) (store32! r 0 v))
(macro (cell c) (load64 (+ CELLS (* c 8))))
(macro (cell! c v) (store64! (+ CELLS (* c 8)) 0 v))
(macro (align8 n) (and (+ n 7) -8))
(macro (header kind extra count) (or (or (shl (ext count) 32) (shl (ext extra) 8)) (ext (or (shl kind 3) 7))))
(macro (tag-of w) (and (wrap w) 7))
(macro (address w) (+ (and (wrap w) -8) 8))
(macro (pointer a tag) (ext (+ (- a 8) tag)))

; Bytes of an object with this header.
(define (object-bytes:i32 h)
  (let ((kind:i32 (and (wrap (shr h 3)) 31)))
    (if (= kind KIND-PROCEDURE)
        (+ 8 (shl (and (wrap (shr h 16)) 0xffff) 3))
        (if (>= kind FIRST-BYTES)
            (+ 8 (align8 (wrap (shr h 32))))
            (+ 8 (shl (wrap (shr h 32)) 3))))))

; The word for w after the collection: w itself unless it points into one of the two ranges.
(define (forward w from:i32 size:i32 from2:i32 size2:i32)
  (let ((p:i32 (wrap w)))
    (let ((t:i32 (and p 7)))
      (when (>=u (- t 1) 5) (return w))
      (when (>=u (- p from) size)
        (when (>=u (- p from2) size2) (return w)))
      (let ((a:i32 (+ (- p t) 8)))
        (let ((h (load64 a)) (to:i32 (reg OLD-NEXT)))
          (when (= (and (wrap h) 255) 255)
            (return (+ (shr h 32) (exts (- t 8)))))
          (if (= t 1)
              (begin
                (store64! to 0 h)
                (store64! to 8 (load64 a 8))
                (reg! OLD-NEXT (+ to 16)))
              (let ((bytes:i32 (object-bytes h)))
                (if (>u bytes 256)
                    (copy! to a bytes)
                    (let ((i:i32 8))
                      (store64! to 0 h)
                      (while (<u i bytes)
                        (store64! (+ to i) 0 (load64 (+ a i)))
                        (set! i (+ i 8)))))
                (reg! OLD-NEXT (+ to bytes))))
          (store64! a 0 (or (shl (ext to) 32) 255))
          (pointer to t))))))

(define (forward-range:void start:i32 end:i32 from:i32 size:i32 from2:i32 size2:i32)
  (while (<u start end)
    (store64! start 0 (forward (load64 start) from size from2 size2))
    (set! start (+ start 8))))

; Follows all objects from start to the end of the old half, which grows meanwhile.
(define (scan-objects:void at:i32 from:i32 size:i32 from2:i32 size2:i32)
  (while (<u at (reg OLD-NEXT))
    (let ((h (load64 at)))
      (if (= (and (wrap h) 7) 7)
          (let ((bytes:i32 (object-bytes h)))
            (when (< (and (wrap (shr h 3)) 31) FIRST-BYTES)
              (forward-range (+ at 8) (+ at bytes) from size from2 size2))
            (set! at (+ at bytes)))
          (begin
            (store64! at 0 (forward h from size from2 size2))
            (store64! at 8 (forward (load64 at 8) from size from2 size2))
            (set! at (+ at 16)))))))

(define (scan-roots:void sp:i32 from:i32 size:i32 from2:i32 size2:i32)
  (forward-range CELLS (+ CELLS (* 8 (reg CELL-COUNT))) from size from2 size2)
  (forward-range STACK sp from size from2 size2)
  (forward-range ARGUMENTS (+ ARGUMENTS (* 8 (reg ARGUMENT-COUNT))) from size from2 size2))

(define (nursery-size:i32) (reg NURSERY-SIZE))

(define (empty-nursery:void)
  (reg! ALLOC (+ NURSERY 8))
  (reg! LIMIT (reg NURSERY-END))
  (reg! STORE-NEXT STORES)
  (reg! STORE-OVERFLOW 0))

(define (minor:void sp:i32)
  (let ((start:i32 (reg OLD-NEXT)) (at:i32 STORES) (size:i32 (nursery-size)))
    (if (reg STORE-OVERFLOW)
        (set! start (+ (reg OLD-START) 8))
        (while (<u at (reg STORE-NEXT))
          (let ((slot:i32 (load32 at)))
            (store64! slot 0 (forward (load64 slot) NURSERY size 0 0)))
          (set! at (+ at 4))))
    (scan-roots sp NURSERY size 0 0)
    (scan-objects start NURSERY size 0 0)
    (reg! MINOR-COUNT (+ 1 (reg MINOR-COUNT)))
    (empty-nursery)))

(define (major:void sp:i32)
  (let ((from:i32 (reg OLD-START)) (end:i32 (reg OLD-END)) (size:i32 (nursery-size)) (used:i32 (- (reg OLD-NEXT) (reg \
OLD-START))))
    (reg! OLD-START (reg OTHER-START))
    (reg! OLD-END (reg OTHER-END))
    (reg! OTHER-START from)
    (reg! OTHER-END end)
    (reg! OLD-NEXT (+ (reg OLD-START) 8))
    (scan-roots sp NURSERY size from used)
    (scan-objects (+ (reg OLD-START) 8) NURSERY size from used)
    (reg! MAJOR-COUNT (+ 1 (reg MAJOR-COUNT)))
    (empty-nursery)
    (let ((live:i32 (- (reg OLD-NEXT) (reg OLD-START))))
      (reg! OLD-THRESHOLD (if (<u live 0x1000000) 0x4000000 (* live 3))))))

; Room in the old half beyond the nursery's content.
(define (old-room:i32) (- (- (reg OLD-END) (reg OLD-NEXT)) (nursery-size)))

; The first collection needs the memory that a short program does without.
(define (collect:void sp:i32 bytes:i32)
  (when (= (reg IS-WHOLE) 0) (grow-heap))
  (if (< (old-room) 0)
      (begin
        (major sp)
        (when (< (old-room) 0) (heap-full)))
      (begin
        (minor sp)
        (when (>u (- (reg OLD-NEXT) (reg OLD-START)) (reg OLD-THRESHOLD)) (major sp))))
  (when (reg TORTURE)
    (collected sp)
    (when (= (reg TORTURE) 2) (reg! LIMIT (+ (reg ALLOC) bytes)))))

; Address of an object of so many bytes (a multiple of 8), without content. A large one lies in the old generation at \
once; then the nursery is
; empty, so that nothing stored into it is young.
(define (allocate:i32 sp:i32 bytes:i32)
  (let ((a:i32 (reg ALLOC)))
    (if (>u bytes LARGE)
        (begin
          (collect sp 0)
          (when (|| (>u bytes 0x70000000) (< (- (old-room) bytes) 0))
            (major sp)
            (when (< (- (old-room) bytes) 0) (heap-full)))
          (set! a (reg OLD-NEXT))
          (reg! OLD-NEXT (+ a bytes)))
        (begin
          (when (>u (+ a bytes) (reg LIMIT))
            (collect sp bytes)
            (set! a (reg ALLOC)))
          (reg! ALLOC (+ a bytes))))
    a))

; Notes that a field of an object outside of the nursery holds a young value now.
(define (remember:void slot:i32 value)
  (when (&& (<u (- (tag-of value) 1) 5) (>=u (- slot NURSERY) (nursery-size)))
    (let ((next:i32 (reg STORE-NEXT)))
      (if (>=u next STORES-END)
          (reg! STORE-OVERFLOW 1)
          (begin
            (store32! next 0 slot)
            (reg! STORE-NEXT (+ next 4)))))))

(define (store-field:void slot:i32 value)
  (store64! slot 0 value)
  (when (<u (- (wrap value) NURSERY) (nursery-size)) (remember slot value)))
`;

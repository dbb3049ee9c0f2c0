/**
 * Where the old generation has room, in the low-level language. What is promoted goes into holes that the sweep found
 * (marking.ts), and when none fits behind all that is in use (`OLD-NEXT`).
 *
 *     hole: [ count = bytes - 8 | HOLE ] [ next of its list, or 0 ]        jump: [ address to go on from | JUMP ]
 *
 * Holes below 512 bytes are one list in the order of their addresses, for small objects; the others lie in lists by the
 * power of two that they reach, the last of which has all from LARGE on. An object of more than 256 bytes takes what it
 * needs of a list whose holes all have room. Rests of at least 24 bytes are holes again; smaller ones wait for a
 * neighbour to die.
 *
 * A hole is an object of bytes to whoever goes through the half, so that it can be gone through at any time. While a
 * collection goes on, a hole that has no room for the next object ends in a jump to the place where that one is; the
 * scan makes holes of 8 bytes of the jumps that it follows.
 */
export const OLD_SPACE = `
(macro (hole-size a) (+ 8 (load32 a 4)))
(macro (hole-next a) (load32 a 8))
(macro (hole-next! a next) (store64! a 8 (ext next)))

(define (forget-holes:void)
  (reg! HOLE-FIRST 0)
  (reg! HOLE-LAST 0)
  (fill! HOLE-LISTS 0 (* 4 (+ 1 LAST-LIST)))
  (reg! HOLE-BYTES 0)
  (reg! FILL-NEXT 0)
  (reg! FILL-LIMIT 0)
  (reg! FILL-END 0)
  (reg! FILL-IS-TOP 0))

; Place of the list of holes that have so many bytes, from 512 on.
(define (list-of:i32 bytes:i32)
  (let ((n:i32 (- 22 (clz32 bytes))))
    (+ HOLE-LISTS (shl (if (> n LAST-LIST) LAST-LIST n) 2))))

; Makes a hole, the first of its list; of a small one that the sweep finds the last.
(define (add-hole:void a:i32 bytes:i32 is-found:i32)
  (when (= bytes 0) (return))
  (store64! a 0 (or (shl (ext (- bytes 8)) 32) HOLE-BYTE))
  (when (<u bytes 24) (return))
  (reg! HOLE-BYTES (+ bytes (reg HOLE-BYTES)))
  (when (>=u bytes 512)
    (hole-next! a (load32 (list-of bytes)))
    (store32! (list-of bytes) 0 a)
    (return))
  (if (&& is-found (reg HOLE-LAST))
      (begin
        (hole-next! a 0)
        (hole-next! (reg HOLE-LAST) a)
        (reg! HOLE-LAST a))
      (begin
        (hole-next! a (reg HOLE-FIRST))
        (when (= (reg HOLE-FIRST) 0) (reg! HOLE-LAST a))
        (reg! HOLE-FIRST a))))

(define (fill-hole:i32 a:i32 bytes:i32)
  (reg! FILL-NEXT a)
  (reg! FILL-END (+ a bytes))
  (reg! FILL-LIMIT (- (+ a bytes) 8))
  a)

; A hole that is in no list any more gives its first bytes; the rest is a hole.
(define (cut-hole:void a:i32 bytes:i32)
  (let ((size:i32 (hole-size a)))
    (reg! HOLE-BYTES (- (reg HOLE-BYTES) size))
    (add-hole (+ a bytes) (- size bytes) 0)))

; Room for an object of so many bytes and a jump, which becomes what is filled. Of small holes eight are tried.
(define (find-hole:i32 bytes:i32)
  (let ((a:i32 0) (size:i32 0) (tries:i32 8) (room:i32 (+ bytes 8)) (list:i32 HOLE-LISTS))
    (while (&& tries (&& (<= bytes 256) (reg HOLE-FIRST)))
      (set! a (reg HOLE-FIRST))
      (set! size (hole-size a))
      (reg! HOLE-FIRST (hole-next a))
      (when (= (reg HOLE-FIRST) 0) (reg! HOLE-LAST 0))
      (reg! HOLE-BYTES (- (reg HOLE-BYTES) size))
      (when (>=u size room) (return (fill-hole a size)))
      (set! tries (- tries 1)))
    ; The first list whose holes all have room.
    (when (>u room 512) (set! list (list-of (- (shl room 1) 1))))
    (while (<=u list (+ HOLE-LISTS (* 4 LAST-LIST)))
      (set! a (load32 list))
      (when a
        (set! size (hole-size a))
        (when (>=u size room)
          (if (> bytes 256)
              (set! size room)
              (when (>u size 65536) (set! size 65536)))
          (store32! list 0 (hole-next a))
          (cut-hole a size)
          (return (fill-hole a size))))
      (set! list (+ list 4)))
    (when (= (reg HOLE-BYTES) 0)
      (fill-top)
      (return (reg FILL-NEXT)))
    ; What comes next may fit a hole again.
    (set! a (reg OLD-NEXT))
    (when (<u room 264) (set! room 4096))
    (reg! OLD-NEXT (+ a room))
    (fill-hole a room)))

; The place of an object for which what is filled has no room.
(define (next-fill:i32 bytes:i32)
  (let ((rest:i32 (reg FILL-NEXT)) (end:i32 (reg FILL-END)))
    (when (reg FILL-IS-TOP) (heap-full))
    (reg! FILL-END 0)
    (let ((a:i32 (find-hole bytes)))
      (store64! rest 0 (or (shl (ext a) 32) JUMP-BYTE))
      (add-hole (+ rest 8) (- end (+ rest 8)) 0)
      a)))

(define (open-fill:void) (when (= (reg FILL-END) 0) (find-hole 16)))

; From here on behind all that is in use, without jumps.
(define (fill-top:void)
  (when (reg FILL-END) (add-hole (reg FILL-NEXT) (- (reg FILL-END) (reg FILL-NEXT)) 0))
  (reg! FILL-NEXT (reg OLD-NEXT))
  (reg! FILL-LIMIT (reg OLD-END))
  (reg! FILL-END (reg OLD-END))
  (reg! FILL-IS-TOP 1))

; The end of a collection: what was not filled is a hole, where the next one goes on.
(define (seal-fill:void)
  (if (reg FILL-IS-TOP)
      (begin
        (reg! OLD-NEXT (reg FILL-NEXT))
        (reg! FILL-NEXT 0)
        (reg! FILL-LIMIT 0)
        (reg! FILL-END 0)
        (reg! FILL-IS-TOP 0))
      (store64! (reg FILL-NEXT) 0 (or (shl (ext (- (- (reg FILL-END) (reg FILL-NEXT)) 8)) 32) HOLE-BYTE))))

; A hole for a large object, of the first sixty-four large ones. 0: there is none.
(define (large-hole:i32 bytes:i32)
  (let ((a:i32 (load32 (+ HOLE-LISTS (* 4 LAST-LIST)))) (before:i32 0) (tries:i32 64))
    (while (&& a tries)
      (when (>=u (hole-size a) bytes)
        (if before
            (hole-next! before (hole-next a))
            (store32! (+ HOLE-LISTS (* 4 LAST-LIST)) 0 (hole-next a)))
        (cut-hole a bytes)
        (return a))
      (set! before a)
      (set! a (hole-next a))
      (set! tries (- tries 1)))
    0))

; Bytes in use, of what is dead and not swept yet too.
(define (used-bytes:i32)
  (- (- (- (reg OLD-NEXT) (reg OLD-START)) (reg HOLE-BYTES)) (- (reg FILL-END) (reg FILL-NEXT))))

; Bytes that are free beside the room for the nursery's content.
(define (free-bytes:i32) (+ (old-room) (reg HOLE-BYTES)))

; When the old half is marked next: it is three times as large, or a quarter of what is free is used.
(define (set-threshold:void)
  (let ((live (ext (used-bytes))) (least:i32 (reg LEAST-THRESHOLD)) (free:i32 (free-bytes)) (next 0))
    (set! next (+ live (if (> free 0) (ext (shr free 2)) 0)))
    (when (>u next (* live 3)) (set! next (* live 3)))
    (when (>u least (shr (- (reg OLD-END) (reg OLD-START)) 1)) (set! least (shr (- (reg OLD-END) (reg OLD-START)) 1)))
    (when (<u next (ext least)) (set! next (ext least)))
    (reg! OLD-THRESHOLD (wrap next))))
`;

/**
 * The collector, in the low-level language: a nursery in which allocation is a comparison and an addition, and an old
 * generation of two halves. A minor collection copies what lives in the nursery to where the old half in use has room
 * (old-space.ts). The old half is marked in slices behind minor collections, and its holes are found in slices
 * (marking.ts); a major collection, which copies both generations to the other half at once, comes when there is no
 * room otherwise, or when the program asks for one.
 *
 * Roots are exact: cells, shadow stack below `sp`, the argument area, and old fields that the write barrier noted. When
 * the buffer of noted fields is full the whole old half is looked through instead, so that it is bounded.
 *
 * Two kinds of objects hold others weakly. An ephemeron (key, datum, link) holds its datum while something else than
 * it reaches its key; what the scan meets waits in a chain by their links until nothing more is reached, and those
 * whose keys were not are broken: their key is the unbound value then. An entry of a guardian (object, queue, link,
 * tag) says that somebody wants the object when nothing else reaches it any more. Entries are reached by two lists
 * alone, which are no roots: those made since the last collection, and the others, whose objects are old. An entry
 * whose object was not reached goes into its queue, from where the program takes it; the object is kept for that, and
 * ephemerons are broken after it.
 *
 * A part of each old half is kept in reserve (decision 0093). When the heap is full, what runs is left for the
 * procedure of `CELL-HEAP-FULL`, which raises an error where the handlers are still there; half of the reserve is
 * theirs, and a smaller part of the nursery, so that what they make has room though nothing was freed. When that is
 * full, too, the other half is the recovery's, or the host's, which then ends the run. A major collection that has
 * freed enough takes back what was given out.
 *
 * Invariants: the nursery is empty after each collection; an old half has room for all of the nursery that may be used
 * behind what is in use (else a major collection comes first, and `out-of-heap` when that does not help); static
 * objects hold no pointers.
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
        (let ((h (load64 a)) (to:i32 (reg FILL-NEXT)))
          (when (= (and (wrap h) 255) 255)
            (return (+ (shr h 32) (exts (- t 8)))))
          (if (= t 1)
              (begin
                (when (>u (+ to 16) (reg FILL-LIMIT)) (set! to (next-fill 16)))
                (store64! to 0 h)
                (store64! to 8 (load64 a 8))
                (reg! FILL-NEXT (+ to 16)))
              (let ((bytes:i32 (object-bytes h)))
                (when (>u (+ to bytes) (reg FILL-LIMIT)) (set! to (next-fill bytes)))
                (if (>u bytes 256)
                    (copy! to a bytes)
                    (let ((i:i32 8))
                      (store64! to 0 h)
                      (while (<u i bytes)
                        (store64! (+ to i) 0 (load64 (+ a i)))
                        (set! i (+ i 8)))))
                (reg! FILL-NEXT (+ to bytes))))
          (store64! a 0 (or (shl (ext to) 32) 255))
          (pointer to t))))))

; The word at a place becomes the one after the collection. Most words need no call: they point into neither range.
(macro (follow! at from size from2 size2)
  (let ((w (load64 at)))
    (when (|| (<u (- (wrap w) from) size) (<u (- (wrap w) from2) size2))
      (store64! at 0 (forward w from size from2 size2)))))

(define (forward-range:void start:i32 end:i32 from:i32 size:i32 from2:i32 size2:i32)
  (while (<u start end)
    (follow! start from size from2 size2)
    (set! start (+ start 8))))

; Follows all objects from a place on to where the last one was put, which grows meanwhile.
(define (scan-objects:void at:i32 from:i32 size:i32 from2:i32 size2:i32)
  (while (!= at (reg FILL-NEXT))
    (let ((h (load64 at)))
      (if (= (and (wrap h) 7) 7)
          (let ((bytes:i32 (object-bytes h)) (kind:i32 (and (wrap (shr h 3)) 31)))
            (if (< kind FIRST-BYTES)
                (begin
                  (if (= kind KIND-EPHEMERON)
                      (begin
                        (store64! (+ at 24) 0 (shl (ext (reg EPHEMERONS)) 3))
                        (reg! EPHEMERONS at))
                      (forward-range (+ at 8) (+ at bytes) from size from2 size2))
                  (set! at (+ at bytes)))
                (if (= kind KIND-JUMP)
                    (begin
                      (store64! at 0 HOLE-BYTE)
                      (set! at (wrap (shr h 32))))
                    (set! at (+ at bytes)))))
          (begin
            (follow! at from size from2 size2)
            (set! at (+ at 8))
            (follow! at from size from2 size2)
            (set! at (+ at 8)))))))

; Follows the fields of all that lies from a place to another, whether it lives or not.
(define (walk-objects:void at:i32 end:i32 from:i32 size:i32)
  (while (<u at end)
    (let ((h (load64 at)) (bytes:i32 16))
      (if (= (and (wrap h) 7) 7)
          (begin
            (set! bytes (object-bytes h))
            (when (< (and (wrap (shr h 3)) 31) FIRST-BYTES) (forward-range (+ at 8) (+ at bytes) from size 0 0)))
          (forward-range at (+ at 16) from size 0 0))
      (set! at (+ at bytes)))))

(define (scan-roots:void sp:i32 from:i32 size:i32 from2:i32 size2:i32)
  (forward-range CELLS (+ CELLS (* 8 (reg CELL-COUNT))) from size from2 size2)
  (forward-range STACK sp from size from2 size2)
  (forward-range ARGUMENTS (+ ARGUMENTS (* 8 (reg ARGUMENT-COUNT))) from size from2 size2))

; Whether w points to an object in one of the ranges that nothing has reached.
(define (lost:i32 w from:i32 size:i32 from2:i32 size2:i32)
  (let ((p:i32 (wrap w)))
    (let ((t:i32 (and p 7)))
      (when (>=u (- t 1) 5) (return 0))
      (when (>=u (- p from) size)
        (when (>=u (- p from2) size2) (return 0)))
      (!= (and (wrap (load64 (+ (- p t) 8))) 255) 255))))

; Ephemerons of the chain whose keys were reached get their data. Whether there were some.
(define (settle-ephemerons:i32 from:i32 size:i32 from2:i32 size2:i32)
  (let ((at:i32 (reg EPHEMERONS)) (left:i32 0) (some:i32 0) (next:i32 0))
    (while at
      (set! next (wrap (shr (load64 (+ at 24)) 3)))
      (if (lost (load64 (+ at 8)) from size from2 size2)
          (begin
            (store64! (+ at 24) 0 (shl (ext left) 3))
            (set! left at))
          (begin
            (store64! (+ at 24) 0 0)
            (forward-range (+ at 8) (+ at 24) from size from2 size2)
            (set! some 1)))
      (set! at next))
    (reg! EPHEMERONS left)
    some))

; Follows all from start on, and what ephemerons hold then.
(define (scan-all:void start:i32 from:i32 size:i32 from2:i32 size2:i32)
  (let ((again:i32 1))
    (while again
      (if (= (reg PHASE) MARKING)
          (scan-and-mark start size)
          (scan-objects start from size from2 size2))
      (set! start (reg FILL-NEXT))
      (set! again (settle-ephemerons from size from2 size2)))))

(define (break-ephemerons:void)
  (let ((at:i32 (reg EPHEMERONS)) (next:i32 0))
    (while at
      (set! next (wrap (shr (load64 (+ at 24)) 3)))
      (store64! (+ at 8) 0 UNBOUND)
      (store64! (+ at 16) 0 FALSE)
      (store64! (+ at 24) 0 0)
      (set! at next))
    (reg! EPHEMERONS 0)))

; Queue and tag of entries are reached; the list's last link is 0.
(define (reach-queues:void entry from:i32 size:i32 from2:i32 size2:i32)
  (let ((a:i32 0))
    (while (wrap entry)
      (set! a (address entry))
      (store64! (+ a 16) 0 (forward (load64 (+ a 16)) from size from2 size2))
      (store64! (+ a 32) 0 (forward (load64 (+ a 32)) from size from2 size2))
      (set! entry (load64 (+ a 24))))))

; Entries whose objects were reached go to the list of old ones, the others before those of \`lost-entries\`, which is
; the result.
(define (sort-entries entry lost-entries from:i32 size:i32 from2:i32 size2:i32)
  (let ((a:i32 0) (next 0) (moved 0))
    (while (wrap entry)
      (set! a (address entry))
      (set! next (load64 (+ a 24)))
      (if (lost (load64 (+ a 8)) from size from2 size2)
          (begin
            (store64! (+ a 24) 0 lost-entries)
            (set! lost-entries entry))
          (begin
            (set! moved (forward entry from size from2 size2))
            (set! a (address moved))
            (store64! (+ a 8) 0 (forward (load64 (+ a 8)) from size from2 size2))
            (store64! (+ a 24) 0 (cell CELL-OLD-GUARDED))
            (cell! CELL-OLD-GUARDED moved)))
      (set! entry next))
    lost-entries))

; Puts entries into their queues, each behind those that it was before: a list is the last one first.
(define (deliver:void entry from:i32 size:i32 from2:i32 size2:i32)
  (when (wrap entry) (reg! WAS-DELIVERED 1))
  (let ((a:i32 0) (next 0) (moved 0) (queue:i32 0))
    (while (wrap entry)
      (set! next (load64 (+ (address entry) 24)))
      (set! moved (forward entry from size from2 size2))
      (set! a (address moved))
      (store64! (+ a 8) 0 (forward (load64 (+ a 8)) from size from2 size2))
      (set! queue (address (load64 (+ a 16))))
      (store64! (+ a 24) 0 (load64 (+ queue 8)))
      (store64! (+ queue 8) 0 moved)
      (when (= (reg PHASE) MARKING) (note-field (+ queue 8)))
      (set! entry next))))

; What is to be done when all has been followed that is reached: for the entries of two lists, and ephemerons.
(define (scan-weak:void entries more from:i32 size:i32 from2:i32 size2:i32)
  (let ((start:i32 (reg FILL-NEXT)) (lost-entries 0))
    (when (|| (wrap entries) (wrap more))
      (reach-queues entries from size from2 size2)
      (reach-queues more from size from2 size2)
      (scan-all start from size from2 size2)
      (set! start (reg FILL-NEXT))
      (set! lost-entries (sort-entries more (sort-entries entries 0 from size from2 size2) from size from2 size2))
      (deliver lost-entries from size from2 size2)
      (scan-all start from size from2 size2))
    (break-ephemerons)))

(define (nursery-size:i32) (reg NURSERY-SIZE))
; What a collection must find room for: the part of the nursery that may be used, and jumps and rests of holes.
(define (promotion-room:i32) (+ (reg NURSERY-ROOM) (shr (reg NURSERY-ROOM) 3)))

(define (empty-nursery:void)
  (reg! ALLOC (+ NURSERY 8))
  (reg! LIMIT (+ NURSERY (reg NURSERY-ROOM)))
  (cell! CELL-HOST-SPILLED 0)
  (reg! STORE-NEXT STORES)
  (reg! STORE-OVERFLOW 0))

; What guardians watch, taken from a list. In a forked heap it stays there, and is reached: another version may have it.
(macro (guarded-entries list)
  (if (reg FORKED) 0 (let ((entries (cell list))) (cell! list 0) entries)))

(define (minor:void sp:i32)
  (let ((start:i32 0) (at:i32 STORES) (size:i32 (nursery-size)) (entries (guarded-entries CELL-GUARDED)))
    (when (= (reg PHASE) MARKING) (clear-marks))
    (when (reg SHARED-BYTES) (fork-work BEFORE-MINOR))
    (if (reg STORE-OVERFLOW)
        (begin
          (fill-top)
          (set! start (reg FILL-NEXT))
          (walk-objects (+ (reg OLD-START) 8) start NURSERY size))
        (begin
          (open-fill)
          (set! start (reg FILL-NEXT))
          (while (<u at (reg STORE-NEXT))
            (let ((slot:i32 (load32 at)))
              (store64! slot 0 (forward (load64 slot) NURSERY size 0 0)))
            (set! at (+ at 4)))))
    (scan-roots sp NURSERY size 0 0)
    (when (reg SHARED-BYTES) (fork-work FOLLOW-KEPT))
    (scan-all start NURSERY size 0 0)
    (scan-weak entries 0 NURSERY size 0 0)
    (seal-fill)
    (when (= (reg PHASE) MARKING) (shade-changes sp))
    (reg! MINOR-COUNT (+ 1 (reg MINOR-COUNT)))
    (empty-nursery)
    (when (reg SHARED-BYTES)
      (reg! SHARED-BYTES 0)
      (fork-work AFTER-COPY))))

(define (major:void sp:i32)
  (let ((from:i32 (reg OLD-START)) (end:i32 (reg OLD-END)) (size:i32 (nursery-size)) (used:i32 (- (reg OLD-NEXT) (reg \
OLD-START)))
        (entries (guarded-entries CELL-GUARDED)) (more (guarded-entries CELL-OLD-GUARDED)))
    (cell! CELL-MAJOR-ASKED 0)
    (reg! WAS-DELIVERED 0)
    (be-idle)
    (when (reg FORKED) (fork-work BEFORE-COPY))
    (forget-holes)
    (reg! OLD-START (reg OTHER-START))
    (reg! OLD-END (reg OTHER-END))
    (reg! OTHER-START from)
    (reg! OTHER-END end)
    (reg! OLD-NEXT (+ (reg OLD-START) 8))
    (fill-top)
    (scan-roots sp NURSERY size from used)
    (when (reg FORKED) (fork-work FOLLOW-KEPT))
    (scan-all (+ (reg OLD-START) 8) NURSERY size from used)
    (scan-weak entries more NURSERY size from used)
    (seal-fill)
    (reg! MAJOR-COUNT (+ 1 (reg MAJOR-COUNT)))
    (empty-nursery)
    (take-back)
    (set-threshold)
    (reg! SHARED-BYTES 0)
    (when (reg FORKED) (fork-work AFTER-COPY))))

; Room in the old half beyond the nursery's content.
(define (old-room:i32) (- (- (reg OLD-END) (reg OLD-NEXT)) (promotion-room)))

; So many bytes of the reserve are given out from here on. The nursery is empty.
(define (give-out:void bytes:i32)
  (let ((more:i32 (- bytes (reg RESERVE-USED))))
    (reg! OLD-END (+ (reg OLD-END) more))
    (reg! OTHER-END (+ (reg OTHER-END) more))
    (reg! RESERVE-USED bytes)
    (reg! NURSERY-ROOM (if bytes (reg NURSERY-LEAST) (reg NURSERY-MOST)))
    (reg! LIMIT (+ NURSERY (reg NURSERY-ROOM)))))
(macro (half-reserve) (and (shr (reg HEAP-RESERVE) 1) -8))

; After a major collection: as little of the reserve stays given out as its outcome allows, and no more than before.
(define (take-back:void)
  (let ((used:i32 (reg RESERVE-USED)))
    (when used
      (give-out 0)
      (when (< (old-room) 0)
        (give-out (half-reserve))
        (when (< (old-room) 0) (give-out used))))))

; Whether a major collection would take all back: the sweep has found as much, and a sixteenth of the half beyond it.
(define (can-take-back:i32)
  (let ((used:i32 (reg RESERVE-USED)) (most:i32 (reg NURSERY-MOST)))
    (&& used
        (>= (- (+ (reg HOLE-BYTES) (- (reg OLD-END) (reg OLD-NEXT)))
               (+ (+ used (+ most (shr most 3))) (shr (reg HALF-BYTES) 4)))
            0))))

; Leaves all that runs for a procedure, which must not return. What is bound by dynamic-wind is still to be left. A
; frame that was being saved is lost with the others.
(define (leave-for:void procedure)
  (cell! CELL-CONTINUATION 0)
  (cell! CELL-NEW-HEAD 0)
  (cell! CELL-NEW-TAIL 0)
  (cell! CELL-TEMPORARY 0)
  (cell! CELL-TEMPORARY2 0)
  (cell! CELL-VALUE 0)
  (reg! ARGUMENT-COUNT 0)
  (cell! CELL-PENDING-PROCEDURE procedure)
  (throw abort))
(macro (procedure? w) (= (and (wrap w) 7) TAG-PROCEDURE))
(define (recover:void)
  (cell! CELL-HANDLERS NIL)
  (leave-for (cell CELL-RECOVERY)))
(define (can-recover:i32) (procedure? (cell CELL-RECOVERY)))
; The error goes to the handlers that there are where memory was asked for.
(define (raise-full:void)
  (when (procedure? (cell CELL-HEAP-FULL)) (leave-for (cell CELL-HEAP-FULL))))

; After a major collection, so that nothing is marked: there is no room for the nursery's content.
(define (out-of-heap:void sp:i32)
  (when (reg WAS-DELIVERED)
    (major sp)
    (when (>= (old-room) 0) (return)))
  (when (= (reg RESERVE-USED) 0)
    (give-out (half-reserve))
    ; What was left is most likely dead by then.
    (cell! CELL-MAJOR-ASKED ASKED)
    (raise-full))
  (when (!= (reg RESERVE-USED) (reg HEAP-RESERVE))
    (give-out (reg HEAP-RESERVE))
    (when (can-recover) (recover))
    (heap-full))
  ; Who goes on all the same must not fill a nursery that has no room anywhere.
  (reg! LIMIT (reg ALLOC))
  (heap-full))

; There is room, but not for an object as large as this one.
(define (too-large:void)
  (raise-full)
  (when (can-recover) (recover))
  (heap-full))

; The first collection needs the memory that a short program does without.
(define (collect:void sp:i32 bytes:i32)
  (when (= (reg IS-WHOLE) 0) (grow-heap))
  (when (reg TORTURE) (collecting))
  (if (|| (|| (< (old-room) 0) (wrap (cell CELL-MAJOR-ASKED))) (can-take-back))
      (major sp)
      (begin
        (minor sp)
        (if (< (old-room) 0) (major sp) (work-slice sp))))
  (when (< (old-room) 0) (out-of-heap sp))
  (when (reg TORTURE)
    (collected sp)
    (when (&& (reg INTERRUPTED) (can-recover)) (recover))
    (when (= (reg TORTURE) 2) (reg! LIMIT (+ (reg ALLOC) bytes)))))

; Address of an object of so many bytes (a multiple of 8), without content. A large one lies in the old generation at \
once; then the nursery is
; empty, so that nothing stored into it is young.
(define (allocate:i32 sp:i32 bytes:i32)
  (let ((a:i32 (reg ALLOC)))
    (if (>u bytes LARGE)
        (begin
          (collect sp 0)
          (set! a (large-hole bytes))
          (when (= a 0)
            (when (>u bytes LARGEST) (too-large))
            (when (< (- (old-room) bytes) 0)
              (when (reg TORTURE) (collecting))
              (major sp)
              (when (reg TORTURE) (collected sp))
              (when (< (- (old-room) bytes) 0) (too-large)))
            (set! a (reg OLD-NEXT))
            (reg! OLD-NEXT (+ a bytes))))
        (begin
          (when (>u (+ a bytes) (reg LIMIT))
            (collect sp bytes)
            (set! a (reg ALLOC)))
          (reg! ALLOC (+ a bytes))))
    a))

; Notes that a field of an object outside of the nursery will hold a young value, or any while the old half is marked.
(define (remember:void slot:i32 value)
  (when (reg FORKED) (keep slot 0))
  (when (>=u (- slot NURSERY) (nursery-size))
    (when (reg FORKED)
      (when (>=u (- (wrap value) NURSERY) (nursery-size)) (return)))
    (when (<u (- (tag-of value) 1) 5)
      (when (>=u (reg STORE-NEXT) STORES-END) (drain-stores))
      (note-field slot))))

(define (note-field:void slot:i32)
  (if (>=u (reg STORE-NEXT) STORES-END)
      (reg! STORE-OVERFLOW 1)
      (begin
        (store32! (reg STORE-NEXT) 0 slot)
        (reg! STORE-NEXT (+ (reg STORE-NEXT) 4)))))

(define (store-field:void slot:i32 value)
  (when (<u (- (wrap value) NURSERY) (reg BARRIER-SIZE)) (remember slot value))
  (store64! slot 0 value))
`;

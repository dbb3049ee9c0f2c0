/**
 * The old half is marked and swept in slices, in the low-level language: behind each minor collection, when the nursery
 * is empty, and objects are in the old half, static, or not at all. Decision 0074.
 *
 * Marking is by incremental update. Its invariant, behind each slice: no object that was looked through holds one that
 * is not marked, but for roots. So what the program stores into old objects meanwhile is noted, whatever its age
 * (`BARRIER-SIZE`), and shaded at the next minor collection, as are all roots; what is promoted
 * is marked, and what it holds is shaded, so that the work does not grow with what the program makes. When nothing is
 * left to be looked through behind that, all that lives is marked. No read of an ephemeron or guardian needs a barrier,
 * because what the program took from it is a root then.
 *
 *     other half: [ a bit for each 8 bytes of the half in use ] [ stack of objects, at most half of it ] [ equal? ]
 *
 * Every object is on the stack once at most, so that it can't be full. The bits are cleared as the half in use grows.
 * Ephemerons whose keys are not marked wait in a chain by their links, as in collector.ts.
 *
 * The sweep goes through the bits from low to high and makes holes of what is between marked objects (old-space.ts).
 * Behind its end lies what was promoted since the marking ended and found no hole.
 */
export const MARKING = `
(macro (mark-stack) (+ (reg OTHER-START) (and (+ 64 (shr (reg HALF-BYTES) 6)) -8)))

; Where equal? may have its classes (low-equal.ts).
(define (free-half:i32) (+ (mark-stack) (and (shr (reg HALF-BYTES) 1) -8)))

(define (be-idle:void)
  (reg! PHASE IDLE)
  (reg! BARRIER-SIZE (if (reg FORKED) -1 (nursery-size))))

; The bits are there of all that is in use, and of what the next collection may promote.
(define (clear-marks:void)
  (let ((from:i32 (- (reg MARK-TOP) (reg OLD-START)))
        (to:i32 (and (+ 511 (- (+ (reg OLD-NEXT) (promotion-room)) (reg OLD-START))) -512)))
    (when (<u from to)
      (fill! (+ (reg OTHER-START) (shr from 6)) 0 (shr (- to from) 6))
      (reg! MARK-TOP (+ (reg OLD-START) to)))))

; Whether w is marked, or no pointer into the old half.
(define (marked:i32 w)
  (let ((t:i32 (tag-of w)) (offset:i32 (- (wrap w) (reg OLD-START))))
    (when (>=u (- t 1) 5) (return 1))
    (when (>=u offset (- (reg OLD-NEXT) (reg OLD-START))) (return 1))
    (let ((n:i32 (shr (- (+ offset 8) t) 3)))
      (and (shr (load8 (+ (reg OTHER-START) (shr n 3))) (and n 7)) 1))))

; Marks what w points to, and puts it onto the stack.
(define (shade:void w)
  (when (= (marked w) 0)
    (let ((a:i32 (address w)))
      (mark-object a)
      (store32! (reg MARK-NEXT) 0 a)
      (reg! MARK-NEXT (+ 4 (reg MARK-NEXT))))))

(define (mark-object:void a:i32)
  (let ((n:i32 (shr (- a (reg OLD-START)) 3)))
    (let ((at:i32 (+ (reg OTHER-START) (shr n 3))))
      (store8! at 0 (or (load8 at) (shl 1 (and n 7)))))))

(define (shade-range:void at:i32 end:i32)
  (while (<u at end)
    (shade (load64 at))
    (set! at (+ at 8))))

; The list of guarded objects is no root.
(define (shade-roots:void sp:i32)
  (shade-range CELLS (+ CELLS (* 8 CELL-OLD-GUARDED)))
  (shade-range (+ CELLS (* 8 (+ 1 CELL-OLD-GUARDED))) (+ CELLS (* 8 (reg CELL-COUNT))))
  (shade-range STACK sp)
  (shade-range ARGUMENTS (+ ARGUMENTS (* 8 (reg ARGUMENT-COUNT)))))

; Behind a minor collection: roots, and what the noted fields hold. When some were not noted the marking begins anew.
(define (shade-changes:void sp:i32)
  (let ((at:i32 STORES))
    (if (reg STORE-OVERFLOW)
        (be-idle)
        (begin
          (clear-marks)
          (while (<u at (reg STORE-NEXT))
            (shade (load64 (load32 at)))
            (set! at (+ at 4)))
          (shade-roots sp)))))

; The buffer of noted fields is full: what they hold is shaded at once, so that only those with young values need it.
(define (drain-stores:void)
  (let ((at:i32 STORES) (kept:i32 STORES) (slot:i32 0))
    (when (&& (= (reg PHASE) MARKING) (= (reg STORE-OVERFLOW) 0))
      (clear-marks)
      (while (<u at (reg STORE-NEXT))
        (set! slot (load32 at))
        (if (<u (- (wrap (load64 slot)) NURSERY) (nursery-size))
            (begin
              (store32! kept 0 slot)
              (set! kept (+ kept 4)))
            (shade (load64 slot)))
        (set! at (+ at 4)))
      (reg! STORE-NEXT kept)
      ; Draining again and again would take more time than looking through all once.
      (when (>u kept (- STORES-END 0x40000)) (reg! STORE-NEXT STORES-END)))))

; \`scan-objects\` of a minor collection: what is promoted is marked, what it holds is shaded. An ephemeron is looked
; through when the minor collection knows whether its key lives.
(define (scan-and-mark:void at:i32 size:i32)
  (while (!= at (reg FILL-NEXT))
    (let ((h (load64 at)) (end:i32 (+ at 16)))
      (if (= (and (wrap h) 7) 7)
          (let ((kind:i32 (and (wrap (shr h 3)) 31)))
            (if (= kind KIND-JUMP)
                (begin
                  (store64! at 0 HOLE-BYTE)
                  (set! at (wrap (shr h 32)))
                  (set! end at))
                (begin
                  (mark-object at)
                  (set! end (+ at (object-bytes h)))
                  (when (= kind KIND-EPHEMERON)
                    (store64! (+ at 24) 0 (shl (ext (reg EPHEMERONS)) 3))
                    (reg! EPHEMERONS at)
                    (store32! (reg MARK-NEXT) 0 at)
                    (reg! MARK-NEXT (+ 4 (reg MARK-NEXT))))
                  (set! at (if (|| (= kind KIND-EPHEMERON) (>= kind FIRST-BYTES)) end (+ at 8))))))
          (mark-object at))
      (while (!= at end)
        (let ((w (load64 at)))
          (if (<u (- (wrap w) NURSERY) size)
              (store64! at 0 (forward w NURSERY size 0 0))
              (when (<u (- (wrap w) (reg OLD-START)) (- (reg OLD-NEXT) (reg OLD-START))) (shade w))))
        (set! at (+ at 8))))))

(define (start-marking:void sp:i32)
  (reg! PHASE MARKING)
  (reg! BARRIER-SIZE (- (reg OLD-END) NURSERY))
  (reg! MARK-TOP (reg OLD-START))
  (reg! MARK-AT 0)
  (reg! MARK-END 0)
  (reg! MARK-NEXT (mark-stack))
  (reg! MARK-EPHEMERONS 0)
  (reg! MARK-LEFT (used-bytes))
  (clear-marks)
  (shade-roots sp))

(define (all-marked:i32) (= (reg MARK-NEXT) (mark-stack)))

; Looks through some so many words. What is left of them: 0 or less when there is more to be looked through.
(define (mark-words:i32 budget:i32)
  (let ((at:i32 (reg MARK-AT)) (end:i32 (reg MARK-END)) (next:i32 (reg MARK-NEXT)) (stop:i32 0)
        (start:i32 (reg OLD-START)) (size:i32 (- (reg OLD-NEXT) (reg OLD-START))) (marks:i32 (reg OTHER-START))
        (p:i32 0) (t:i32 0) (n:i32 0) (bits:i32 0))
    (while (> budget 0)
      (when (= at end)
        (when (= next (mark-stack))
          (reg! MARK-AT 0)
          (reg! MARK-END 0)
          (reg! MARK-NEXT next)
          (return budget))
        (set! next (- next 4))
        (set! at (load32 next))
        (set! end (+ at 16))
        (when (= (and (load32 at) 7) 7)
          (set! n (and (shr (load32 at) 3) 31))
          (set! end (+ at (object-bytes (load64 at))))
          (set! at (+ at 8))
          (when (>= n KIND-EPHEMERON)
            (when (>= n FIRST-BYTES) (set! at end))
            (when (= n KIND-EPHEMERON)
              (when (= (marked (load64 at)) 0)
                (set! at end)
                (store64! (- end 8) 0 (shl (ext (reg MARK-EPHEMERONS)) 3))
                (reg! MARK-EPHEMERONS (- end 32)))))))
      ; Of a long object a part.
      (set! stop (if (>u (- end at) 8192) (+ at 8192) end))
      (set! budget (- budget (+ 1 (shr (- stop at) 3))))
      (while (!= at stop)
        (set! p (load32 at))
        (set! at (+ at 8))
        (set! n (- p start))
        (when (<u n size)
          (set! t (and p 7))
          (when (<u (- t 1) 5)
            (set! n (shr (- (+ n 8) t) 3))
            (set! p (- p t))
            (set! t (- t TAG-FLONUM))
            (set! bits (load8 (+ marks (shr n 3))))
            (when (= (and (shr bits (and n 7)) 1) 0)
              (store8! (+ marks (shr n 3)) 0 (or bits (shl 1 (and n 7))))
              (when t
                (store32! next 0 (+ p 8))
                (set! next (+ next 4))))))))
    (reg! MARK-AT at)
    (reg! MARK-END end)
    (reg! MARK-NEXT next)
    budget))

; Ephemerons of the chain whose keys are marked hold their data.
(define (settle-marked:void)
  (let ((at:i32 (reg MARK-EPHEMERONS)) (left:i32 0) (next:i32 0))
    (while at
      (set! next (wrap (shr (load64 (+ at 24)) 3)))
      (if (marked (load64 (+ at 8)))
          (begin
            (store64! (+ at 24) 0 0)
            (shade (load64 (+ at 16))))
          (begin
            (store64! (+ at 24) 0 (shl (ext left) 3))
            (set! left at)))
      (set! at next))
    (reg! MARK-EPHEMERONS left)))

; All is marked that something reaches but guardians' entries: their queues and tags are reached; and when that gives
; nothing new, entries whose objects are not marked go into their queues, as \`deliver\` has it.
(define (mark-guarded:void)
  (let ((entry (cell CELL-OLD-GUARDED)) (a:i32 0) (next 0) (kept 0) (lost-entries 0) (queue:i32 0))
    (while (wrap entry)
      (set! a (address entry))
      (shade (load64 (+ a 16)))
      (shade (load64 (+ a 32)))
      (set! entry (load64 (+ a 24))))
    (when (all-marked)
      (set! entry (cell CELL-OLD-GUARDED))
      (while (wrap entry)
        (set! a (address entry))
        (set! next (load64 (+ a 24)))
        (if (marked (load64 (+ a 8)))
            (begin
              (mark-object a)
              (store64! (+ a 24) 0 kept)
              (set! kept entry))
            (begin
              (store64! (+ a 24) 0 lost-entries)
              (set! lost-entries entry)))
        (set! entry next))
      (cell! CELL-OLD-GUARDED kept)
      (set! entry lost-entries)
      (while (wrap entry)
        (set! a (address entry))
        (set! next (load64 (+ a 24)))
        (set! queue (address (load64 (+ a 16))))
        (store64! (+ a 24) 0 (load64 (+ queue 8)))
        (store64! (+ queue 8) 0 entry)
        (shade entry)
        (set! entry next)))))

; Whether all that lives is marked.
(define (mark-slice:i32 words:i32)
  (let ((left:i32 words) (done:i32 0))
    (while (= done 0)
      (set! left (mark-words left))
      (when (<= left 0)
        (reg! MARK-LEFT (- (reg MARK-LEFT) (shl words 3)))
        ; It was a guess: what is left is at least a sixteenth.
        (when (< (reg MARK-LEFT) (shr (used-bytes) 4)) (reg! MARK-LEFT (shr (used-bytes) 4)))
        (return 0))
      (settle-marked)
      (when (all-marked)
        (mark-guarded)
        (set! done (all-marked))))
    (reg! EPHEMERONS (reg MARK-EPHEMERONS))
    (reg! MARK-EPHEMERONS 0)
    (break-ephemerons)
    1))

(define (start-sweep:void)
  (be-idle)
  (forget-holes)
  (reg! PHASE SWEEPING)
  (reg! MARK-COUNT (+ 1 (reg MARK-COUNT)))
  (reg! SWEEP-AT (+ (reg OLD-START) 8))
  (reg! SWEEP-END (reg OLD-NEXT)))

; Address of the first marked object from at on, or end.
(define (next-marked:i32 at:i32 end:i32)
  (let ((n:i32 (shr (- at (reg OLD-START)) 3)) (last:i32 (shr (- end (reg OLD-START)) 3)) (marks:i32 (reg OTHER-START)))
    (let ((word (shr (load64 (+ marks (shl (shr n 6) 3))) (ext (and n 63)))))
      (while (= word 0)
        (set! n (+ (or n 63) 1))
        (when (>=u n last) (return end))
        (set! word (load64 (+ marks (shr n 3)))))
      (set! n (+ n (wrap (ctz word))))
      (if (<u n last) (+ (reg OLD-START) (shl n 3)) end))))

; Makes holes of what is dead among so many objects.
(define (sweep-slice:void objects:i32)
  (let ((at:i32 (reg SWEEP-AT)) (end:i32 (reg SWEEP-END)) (next:i32 0) (start:i32 (reg OLD-START))
        (marks:i32 (reg OTHER-START)) (n:i32 0) (h 0))
    (while (&& (> objects 0) (<u at end))
      (set! n (shr (- at start) 3))
      (when (= (and (shr (load8 (+ marks (shr n 3))) (and n 7)) 1) 0)
        (set! next (next-marked at end))
        (if (&& (= next end) (= end (reg OLD-NEXT)))
            (reg! OLD-NEXT at)
            (add-hole at (- next at) 1))
        (set! objects (- objects (shr (- next at) 9)))
        (set! at next))
      (when (<u at end)
        (set! h (load64 at))
        (set! at (+ at (if (= (and (wrap h) 7) 7) (object-bytes h) 16)))
        (set! objects (- objects 1))))
    (reg! SWEEP-AT at)
    (when (>=u at end)
      (be-idle)
      (set-threshold))))

; Words for a slice after which so many bytes were promoted: as many as end the work before three quarters of what
; is free are used; but while there is room for some collections no more than three slices, or half as many again as
; these bytes have.
(define (pace:i32 grown:i32 work:i32)
  (let ((free:i32 (free-bytes)) (words (ext (reg SLICE))) (most (* 3 (ext (reg SLICE)))) (due 0))
    (when (<= grown 0) (return (wrap words)))
    (when (< free 0x10000) (return 0x8000000))
    (when (<u most (/u (* 3 (ext grown)) 16)) (set! most (/u (* 3 (ext grown)) 16)))
    (when (<u free (shl (nursery-size) 4)) (set! most 0x8000000))
    (set! due (/u (* (ext grown) (ext work)) (* 6 (ext free))))
    (when (>u due most) (set! due most))
    (wrap (if (>u due words) due words))))

; Where there is little room but for holes, the next collection must find some.
(define (few-holes:i32)
  (&& (= (reg PHASE) SWEEPING)
      (&& (<u (reg HOLE-BYTES) (shl (nursery-size) 1)) (< (old-room) (shl (nursery-size) 2)))))

; What is due behind a minor collection.
(define (work-slice:void sp:i32)
  (when (reg FORKED) (return))
  (let ((grown:i32 (- (used-bytes) (reg USED-BEFORE))))
    (when (&& (= (reg PHASE) IDLE) (>u (used-bytes) (reg OLD-THRESHOLD))) (start-marking sp))
    (if (= (reg PHASE) MARKING)
        (when (mark-slice (pace grown (reg MARK-LEFT))) (start-sweep))
        (when (= (reg PHASE) SWEEPING) (sweep-slice (pace grown (- (reg SWEEP-END) (reg SWEEP-AT))))))
    (while (few-holes) (sweep-slice (reg SLICE)))
    (reg! USED-BEFORE (used-bytes))))
`;

/**
 * Words that the versions of a forked heap do not share, in the low-level language (heap-versions.ts, decision 0088).
 * While a heap is forked the old generation is neither marked nor swept, so that the other half has the log: of each
 * word of the old generation that changes, where it lies and what it was, once. What the nursery had when the heap was
 * forked is kept likewise until it is collected. Words of objects that were made since the log began belong to one
 * version and are not kept.
 *
 *     other half: [ a bit for each word of the old half that is in the log ] [ the same of the nursery ]
 *                 [ a byte for each 4 KiB of bits: whether they were cleared ] [ log, at most half of it ] [ equal? ]
 *     entry:      [ address ] [ 1: bytes, no value ] [ the word ]
 *
 * Bits are cleared when the first of so many is looked at, so that a fork of a large heap touches little memory.
 *
 * The barrier of the generations (`BARRIER-SIZE`) is -1 meanwhile: then no store of a value passes it, and stores of
 * bytes and of what is no pointer look for its sign. So nothing but that is added to programs that do not fork.
 */
export const KEPT_WORDS = `
(macro (nursery-bits) (shl (- (mark-stack) (reg OTHER-START)) 3))
(macro (cleared-parts)
  (+ (reg OTHER-START) (and (+ (- (mark-stack) (reg OTHER-START)) (+ 4095 (shr (nursery-size) 6))) -4096)))
(define (log-start:i32)
  (and (+ (cleared-parts) (+ 8 (shr (- (cleared-parts) (reg OTHER-START)) 12))) -8))

; Whether the word at this address is to be kept, and is not in the log; from here on it is.
(define (is-first:i32 at:i32)
  (let ((n:i32 (shr (- at (reg OLD-START)) 3)) (part:i32 0) (b:i32 0))
    (when (>=u n (reg KEPT-WORDS))
      (when (>=u (- at NURSERY) (reg SHARED-BYTES)) (return 0))
      (set! n (+ (nursery-bits) (shr (- at NURSERY) 3))))
    (set! part (shr n 15))
    (when (= (load8 (+ (cleared-parts) part)) 0)
      (store8! (+ (cleared-parts) part) 0 1)
      (fill! (+ (reg OTHER-START) (shl part 12)) 0 4096))
    (set! b (+ (reg OTHER-START) (shr n 3)))
    (when (and (shr (load8 b) (and n 7)) 1) (return 0))
    (store8! b 0 (or (load8 b) (shl 1 (and n 7))))
    1))

; What was in the word at this address before it changes.
(define (keep:void at:i32 is-bytes:i32)
  (when (is-first at)
    (when (>u (+ (reg KEPT-NEXT) 16) (free-half)) (fork-work LOG-IS-FULL))
    (store32! (reg KEPT-NEXT) 0 (and at -8))
    (store32! (reg KEPT-NEXT) 4 is-bytes)
    (store64! (reg KEPT-NEXT) 8 (load64 (and at -8)))
    (reg! KEPT-NEXT (+ (reg KEPT-NEXT) 16))))

(define (keep-range:void at:i32 bytes:i32 is-bytes:i32)
  (let ((end:i32 (+ at bytes)))
    (set! at (and at -8))
    (while (<u at end)
      (keep at is-bytes)
      (set! at (+ at 8)))))

; Begins a log without entries: from here on the two versions differ, or one goes on that differs from its neighbour.
(define (begin-log:void)
  (let ((words:i32 (shr (- (reg OLD-NEXT) (reg OLD-START)) 3)))
    (reg! FORKED 1)
    (be-idle)
    (reg! KEPT-WORDS words)
    (reg! KEPT-NEXT (log-start))
    (fill! (cleared-parts) 0 (- (log-start) (cleared-parts)))))

(define (end-log:void)
  (reg! FORKED 0)
  (reg! KEPT-WORDS 0)
  (reg! SHARED-BYTES 0)
  (be-idle))
`;

/** What is asked of the host (`fork-work`). */
export const ForkWork = {
  logIsFull: 0,
  /** Before both halves change places, when the roots were followed, and when all is where it will be. */
  beforeCopy: 1,
  followKept: 2,
  afterCopy: 3,
  /** Before the nursery is collected that versions share; then `followKept` and `afterCopy`, too. */
  beforeMinor: 4,
} as const;

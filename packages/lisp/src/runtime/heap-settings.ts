/**
 * What programs ask of the heap and set of it: statistics, how much may be in use, how large the nursery is. In Scheme
 * over the collector's registers, for every back end.
 */
import { LARGEST_BYTES, NURSERY_BYTES_MIN, Region, Register } from "../heap/layout.ts";

const {
  alloc,
  fillEnd,
  fillNext,
  halfBytes,
  heapReserve,
  holeBytes,
  limit,
  majorCount,
  markCount,
  minorCount,
  nurseryMost,
  nurseryRoom,
  nurserySize,
  oldEnd,
  oldNext,
  oldStart,
  oldThreshold,
  otherEnd,
  otherStart,
  reserveUsed,
  unwindCount,
} = Register;

/** What is below is too little for anything. */
const HEAP_LIMIT_MIN = 1024 * 1024;

export const HEAP_SETTINGS = `
; Bytes of the old half, holes left out, and of the nursery.
(define (%used-bytes)
  (%fx+ (%fx- (%register ${alloc}) ${Region.nursery})
        (%fx- (%fx- (%register ${oldNext}) (%register ${oldStart}))
              (%fx+ (%register ${holeBytes}) (%fx- (%register ${fillEnd}) (%register ${fillNext}))))))
(define (%limit-now) (%fx- (%fx- (%register ${oldEnd}) (%register ${oldStart})) (%register ${reserveUsed})))
(define (gc-statistics)
  (list (cons 'minor-collections (%register ${minorCount}))
        (cons 'major-collections (%register ${majorCount}))
        (cons 'markings (%register ${markCount}))
        (cons 'used-bytes (%used-bytes))
        (cons 'heap-limit (%limit-now))
        (cons 'reserve-bytes (%register ${heapReserve}))
        (cons 'nursery-bytes (%register ${nurseryMost}))
        (cons 'stack-moves (%register ${unwindCount}))))
(define (%byte-count! who n least)
  (if (and (%fixnum? n) (<= least n) (<= n ${LARGEST_BYTES})) n
    (raise
      (%condition 'type (string-append who ": expected a number of bytes, at least " (number->string least) ", got")
        (list n)))))
; A collection first: the nursery is empty then, and what lives stands together. The memory that was promised is there.
(define (%set-sizes! who limit nursery)
  (collect-garbage)
  (let* ((most (%fx- (%register ${halfBytes}) (%register ${heapReserve})))
         (limit (if (%fx< limit most) (%fx* 8 (%fxquotient limit 8)) most))
         (needed (%fx+ (%fx- (%register ${oldNext}) (%register ${oldStart})) (%fx+ nursery (%fxquotient nursery 8))))
         (given (%fx+ limit (%register ${reserveUsed}))))
    (if (%fx< limit needed)
        (raise (%condition 'memory (string-append who ": there is more in use than would have room:")
                 (list (%used-bytes)))))
    (%set-register! ${oldEnd} (%fx+ (%register ${oldStart}) given))
    (%set-register! ${otherEnd} (%fx+ (%register ${otherStart}) given))
    (if (%fx< (%fxquotient limit 2) (%register ${oldThreshold}))
        (%set-register! ${oldThreshold} (%fxquotient limit 2)))
    (%set-register! ${nurseryMost} nursery)
    (if (eq? 0 (%register ${reserveUsed}))
        (let ((end (%fx+ ${Region.nursery} nursery)))
          (%set-register! ${nurseryRoom} nursery)
          (%set-register! ${limit} (if (%fx< end (%register ${alloc})) (%register ${alloc}) end))))))
(define heap-limit
  (case-lambda
    (() (%limit-now))
    ((n) (%set-sizes! "heap-limit" (%byte-count! "heap-limit" n ${HEAP_LIMIT_MIN}) (%register ${nurseryMost})))))
(define nursery-size
  (case-lambda
    (() (%register ${nurseryMost}))
    ((n)
     (let ((n (%byte-count! "nursery-size" n ${NURSERY_BYTES_MIN})) (most (%register ${nurserySize})))
       (%set-sizes! "nursery-size" (%limit-now) (if (%fx< n most) (%fx* 64 (%fxquotient n 64)) most))))))
`;

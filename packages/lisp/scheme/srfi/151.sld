;; SRFI 151: bits of exact integers in two's complement. https://srfi.schemers.org/srfi-151/
(define-library (srfi 151)
  (export bitwise-not bitwise-and bitwise-ior bitwise-xor bitwise-eqv bitwise-nand bitwise-nor bitwise-andc1 bitwise-andc2
          bitwise-orc1 bitwise-orc2 arithmetic-shift bit-count integer-length bitwise-if bit-set? any-bit-set?
          every-bit-set? first-set-bit bit-field bit-field-any? bit-field-every? bit-field-clear bit-field-set
          bit-field-replace bit-field-replace-same bit-field-rotate bit-field-reverse copy-bit bits->list list->bits
          bits->vector vector->bits bits bit-swap bitwise-fold bitwise-for-each bitwise-unfold make-bitwise-generator)
  (import (scheme base)
          (only (stratos base) arithmetic-shift bit-count bitwise-and bitwise-ior bitwise-not bitwise-xor integer-length))
  (begin
    (define (mask count) (- (arithmetic-shift 1 count) 1))
    (define (field-mask start end) (arithmetic-shift (mask (- end start)) start))
    ;; The bits in which an even number of the integers has none.
    (define (bitwise-eqv . all)
      (let loop ((all all) (result -1))
        (if (null? all) result (loop (cdr all) (bitwise-not (bitwise-xor result (car all)))))))
    ;; The bits that not both have.
    (define (bitwise-nand a b) (bitwise-not (bitwise-and a b)))
    ;; The bits that neither has.
    (define (bitwise-nor a b) (bitwise-not (bitwise-ior a b)))
    ;; The bits of B that A lacks.
    (define (bitwise-andc1 a b) (bitwise-and (bitwise-not a) b))
    ;; The bits of A that B lacks.
    (define (bitwise-andc2 a b) (bitwise-and a (bitwise-not b)))
    ;; The bits that B has or A lacks.
    (define (bitwise-orc1 a b) (bitwise-ior (bitwise-not a) b))
    ;; The bits that A has or B lacks.
    (define (bitwise-orc2 a b) (bitwise-ior a (bitwise-not b)))
    ;; The bits of A where MASK has one, else those of B.
    (define (bitwise-if mask a b) (bitwise-ior (bitwise-and mask a) (bitwise-and (bitwise-not mask) b)))
    ;; Whether the bit at INDEX, 0 is the lowest, is set.
    (define (bit-set? index i) (not (= 0 (bitwise-and i (arithmetic-shift 1 index)))))
    ;; Whether I has one of BITS.
    (define (any-bit-set? bits i) (not (= 0 (bitwise-and bits i))))
    ;; Whether I has all of BITS.
    (define (every-bit-set? bits i) (= bits (bitwise-and bits i)))
    ;; The index of the lowest bit that is set; -1 for 0.
    (define (first-set-bit i)
      (if (= i 0) -1 (- (integer-length (bitwise-and i (- i))) 1)))
    ;; The bits of I from START to before END, as an integer.
    (define (bit-field i start end) (bitwise-and (arithmetic-shift i (- start)) (mask (- end start))))
    ;; Whether one of the bits from START to before END is set.
    (define (bit-field-any? i start end) (not (= 0 (bit-field i start end))))
    ;; Whether all bits from START to before END are set.
    (define (bit-field-every? i start end) (= (mask (- end start)) (bit-field i start end)))
    ;; I with the bits from START to before END cleared.
    (define (bit-field-clear i start end) (bitwise-andc2 i (field-mask start end)))
    ;; I with the bits from START to before END set.
    (define (bit-field-set i start end) (bitwise-ior i (field-mask start end)))
    ;; TO with the lowest bits of FROM in the place of its bits from START to before END.
    (define (bit-field-replace to from start end)
      (bitwise-ior (bit-field-clear to start end) (arithmetic-shift (bit-field from 0 (- end start)) start)))
    ;; TO with the bits of FROM from START to before END.
    (define (bit-field-replace-same to from start end) (bitwise-if (field-mask start end) from to))
    ;; I whose bits from START to before END are moved round by COUNT to the left.
    (define (bit-field-rotate i count start end)
      (let ((width (- end start)))
        (if (= width 0)
            i
            (let* ((count (modulo count width)) (field (bit-field i start end)))
              (bit-field-replace i
                                 (bitwise-ior (arithmetic-shift field count) (arithmetic-shift field (- count width)))
                                 start end)))))
    ;; I whose bits from START to before END are in reverse.
    (define (bit-field-reverse i start end)
      (let loop ((field (bit-field i start end)) (left (- end start)) (result 0))
        (if (= left 0)
            (bit-field-replace i result start end)
            (loop (arithmetic-shift field -1) (- left 1) (bitwise-ior (arithmetic-shift result 1) (bitwise-and field 1))))))
    ;; I whose bit at INDEX is set where BIT holds, else clear.
    (define (copy-bit index i bit)
      (if bit (bitwise-ior i (arithmetic-shift 1 index)) (bitwise-andc2 i (arithmetic-shift 1 index))))
    ;; I with the bits at A and B exchanged.
    (define (bit-swap a b i) (copy-bit b (copy-bit a i (bit-set? b i)) (bit-set? a i)))
    ;; List of the COUNT lowest bits as booleans, the lowest first; all bits without COUNT.
    (define (bits->list i . count)
      (let loop ((left (if (pair? count) (car count) (integer-length i))) (result '()))
        (if (= left 0) result (loop (- left 1) (cons (bit-set? (- left 1) i) result)))))
    ;; The integer of a list of booleans, the lowest bit first.
    (define (list->bits items)
      (let loop ((items (reverse items)) (result 0))
        (if (null? items) result (loop (cdr items) (+ (* 2 result) (if (car items) 1 0))))))
    ;; Vector of the COUNT lowest bits as booleans, the lowest first; all bits without COUNT.
    (define (bits->vector i . count) (list->vector (apply bits->list i count)))
    ;; The integer of a vector of booleans, the lowest bit first.
    (define (vector->bits v) (list->bits (vector->list v)))
    ;; The integer of the booleans, the lowest bit first.
    (define (bits . items) (list->bits items))
    ;; Calls F with each bit as a boolean, the lowest first, and what it gave last, START at first. Gives the last
    ;; value.
    (define (bitwise-fold f start i)
      (let loop ((items (bits->list i)) (result start))
        (if (null? items) result (loop (cdr items) (f (car items) result)))))
    ;; Calls F with each bit as a boolean, the lowest first.
    (define (bitwise-for-each f i) (for-each f (bits->list i)))
    ;; The integer of the bits (F SEED), (F (NEXT SEED)) and so on until STOP? holds, the lowest first.
    (define (bitwise-unfold stop? f next seed)
      (let loop ((seed seed) (items '()))
        (if (stop? seed) (list->bits (reverse items)) (loop (next seed) (cons (f seed) items)))))
    ;; A procedure that gives one bit of I after the other as a boolean, the lowest first, without end.
    (define (make-bitwise-generator i)
      (lambda ()
        (let ((bit (bit-set? 0 i)))
          (set! i (arithmetic-shift i -1))
          bit)))))

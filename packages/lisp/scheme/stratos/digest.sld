;; Digests and checksums of bytes: MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4), HMAC (RFC 2104), CRC-32 (ISO 3309, as
;; gzip has it). MD5 and SHA-1 are no protection from who makes two texts with one digest.
;; Words have 32 bits, so that no step leaves the small integers; those of SHA-512 are two, the upper one first.
(define-library (stratos digest)
  (export digest digest-algorithms make-digest digest? digest-add! digest-result bytevector->hex hmac crc32)
  (import (scheme base) (scheme case-lambda) (stratos base))
  (begin
    (define-syntax word (syntax-rules () ((_ x) (bitwise-and x #xffffffff))))
    ;; A word turned right: what falls out is scaled back in.
    (define-syntax turned
      (syntax-rules ()
        ((_ x by low scale) (bitwise-ior (arithmetic-shift x by) (* (bitwise-and x low) scale)))))
    (define-syntax xor3 (syntax-rules () ((_ a b c) (bitwise-xor (bitwise-xor a b) c))))

    ;; compress!: the state, bytes, where a block begins there, and room for words
    (define-record-type algorithm (algorithm-of name block size start compress! big? lengths) algorithm?
      (name algorithm-name) (block algorithm-block) (size algorithm-size) (start algorithm-start)
      (compress! algorithm-compress!) (big? algorithm-big?) (lengths algorithm-lengths))
    (define-record-type <digest> (digest-of algorithm state buffer filled total words) digest?
      (algorithm digest-algorithm) (state digest-state) (buffer digest-buffer) (filled digest-filled set-filled!)
      (total digest-total set-total!) (words digest-words))

    (define (big-word v at)
      (+ (* 16777216 (bytevector-u8-ref v at)) (* 65536 (bytevector-u8-ref v (+ at 1)))
         (* 256 (bytevector-u8-ref v (+ at 2))) (bytevector-u8-ref v (+ at 3))))
    (define (little-word v at)
      (+ (* 16777216 (bytevector-u8-ref v (+ at 3))) (* 65536 (bytevector-u8-ref v (+ at 2)))
         (* 256 (bytevector-u8-ref v (+ at 1))) (bytevector-u8-ref v at)))
    (define-syntax add-to!
      (syntax-rules () ((_ h i x) (vector-set! h i (word (+ (vector-ref h i) x))))))

    ;; MD5.
    (define MD5-K
      #(#xd76aa478 #xe8c7b756 #x242070db #xc1bdceee #xf57c0faf #x4787c62a #xa8304613 #xfd469501
        #x698098d8 #x8b44f7af #xffff5bb1 #x895cd7be #x6b901122 #xfd987193 #xa679438e #x49b40821
        #xf61e2562 #xc040b340 #x265e5a51 #xe9b6c7aa #xd62f105d #x02441453 #xd8a1e681 #xe7d3fbc8
        #x21e1cde6 #xc33707d6 #xf4d50d87 #x455a14ed #xa9e3e905 #xfcefa3f8 #x676f02d9 #x8d2a4c8a
        #xfffa3942 #x8771f681 #x6d9d6122 #xfde5380c #xa4beea44 #x4bdecfa9 #xf6bb4b60 #xbebfbc70
        #x289b7ec6 #xeaa127fa #xd4ef3085 #x04881d05 #xd9d4d039 #xe6db99e5 #x1fa27cf8 #xc4ac5665
        #xf4292244 #x432aff97 #xab9423a7 #xfc93a039 #x655b59c3 #x8f0ccc92 #xffeff47d #x85845dd1
        #x6fa87e4f #xfe2ce6e0 #xa3014314 #x4e0811a1 #xf7537e82 #xbd3af235 #x2ad7d2bb #xeb86d391))
    (define MD5-START #(#x67452301 #xefcdab89 #x98badcfe #x10325476))
    (define MD5-TURNS #(7 12 17 22 5 9 14 20 4 11 16 23 6 10 15 21))
    (define POWERS (let ((v (make-vector 33 1))) (do ((i 1 (+ i 1))) ((= i 33) v)
                                                   (vector-set! v i (* 2 (vector-ref v (- i 1)))))))
    (define (md5! h v at w)
      (do ((i 0 (+ i 1))) ((= i 16)) (vector-set! w i (little-word v (+ at (* 4 i)))))
      (let loop ((i 0) (a (vector-ref h 0)) (b (vector-ref h 1)) (c (vector-ref h 2)) (d (vector-ref h 3)))
        (if (< i 64)
            (let* ((round (quotient i 16))
                   (f (cond ((= round 0) (bitwise-xor d (bitwise-and b (bitwise-xor c d))))
                            ((= round 1) (bitwise-xor c (bitwise-and d (bitwise-xor b c))))
                            ((= round 2) (xor3 b c d))
                            (else (bitwise-xor c (bitwise-ior b (bitwise-xor d #xffffffff))))))
                   (k (cond ((= round 0) i)
                            ((= round 1) (bitwise-and (+ 1 (* 5 i)) 15))
                            ((= round 2) (bitwise-and (+ 5 (* 3 i)) 15))
                            (else (bitwise-and (* 7 i) 15))))
                   (x (word (+ (+ a f) (+ (vector-ref MD5-K i) (vector-ref w k)))))
                   (turn (vector-ref MD5-TURNS (+ (* 4 round) (bitwise-and i 3))))
                   (left (vector-ref POWERS turn)) (right (vector-ref POWERS (- 32 turn))))
              (loop (+ i 1) d
                    (word (+ b (bitwise-ior (* left (bitwise-and x (- right 1))) (quotient x right)))) b c))
            (begin (add-to! h 0 a) (add-to! h 1 b) (add-to! h 2 c) (add-to! h 3 d)))))

    ;; SHA-1: FIPS 180-4 §6.1.
    (define SHA1-START #(#x67452301 #xefcdab89 #x98badcfe #x10325476 #xc3d2e1f0))
    (define-syntax left1 (syntax-rules () ((_ x) (turned x -31 #x7fffffff 2))))
    (define (sha1! h v at w)
      (do ((i 0 (+ i 1))) ((= i 16)) (vector-set! w i (big-word v (+ at (* 4 i)))))
      (do ((i 16 (+ i 1))) ((= i 80))
        (let ((x (bitwise-xor (xor3 (vector-ref w (- i 3)) (vector-ref w (- i 8)) (vector-ref w (- i 14)))
                              (vector-ref w (- i 16)))))
          (vector-set! w i (left1 x))))
      (let loop ((i 0) (a (vector-ref h 0)) (b (vector-ref h 1)) (c (vector-ref h 2)) (d (vector-ref h 3))
                 (e (vector-ref h 4)))
        (if (< i 80)
            (let ((f (cond ((< i 20) (+ #x5a827999 (bitwise-xor d (bitwise-and b (bitwise-xor c d)))))
                           ((< i 40) (+ #x6ed9eba1 (xor3 b c d)))
                           ((< i 60) (+ #x8f1bbcdc (bitwise-xor (bitwise-and b c) (bitwise-and d (bitwise-xor b c)))))
                           (else (+ #xca62c1d6 (xor3 b c d))))))
              (loop (+ i 1) (word (+ (+ (turned a -27 #x7ffffff 32) f) (+ e (vector-ref w i))))
                    a (turned b -2 3 #x40000000) c d))
            (begin (add-to! h 0 a) (add-to! h 1 b) (add-to! h 2 c) (add-to! h 3 d) (add-to! h 4 e)))))

    ;; SHA-256: FIPS 180-4 §6.2.
    (define K256
      #(#x428a2f98 #x71374491 #xb5c0fbcf #xe9b5dba5 #x3956c25b #x59f111f1 #x923f82a4 #xab1c5ed5
        #xd807aa98 #x12835b01 #x243185be #x550c7dc3 #x72be5d74 #x80deb1fe #x9bdc06a7 #xc19bf174
        #xe49b69c1 #xefbe4786 #x0fc19dc6 #x240ca1cc #x2de92c6f #x4a7484aa #x5cb0a9dc #x76f988da
        #x983e5152 #xa831c66d #xb00327c8 #xbf597fc7 #xc6e00bf3 #xd5a79147 #x06ca6351 #x14292967
        #x27b70a85 #x2e1b2138 #x4d2c6dfc #x53380d13 #x650a7354 #x766a0abb #x81c2c92e #x92722c85
        #xa2bfe8a1 #xa81a664b #xc24b8b70 #xc76c51a3 #xd192e819 #xd6990624 #xf40e3585 #x106aa070
        #x19a4c116 #x1e376c08 #x2748774c #x34b0bcb5 #x391c0cb3 #x4ed8aa4a #x5b9cca4f #x682e6ff3
        #x748f82ee #x78a5636f #x84c87814 #x8cc70208 #x90befffa #xa4506ceb #xbef9a3f7 #xc67178f2))
    (define SHA256-START
      #(#x6a09e667 #xbb67ae85 #x3c6ef372 #xa54ff53a #x510e527f #x9b05688c #x1f83d9ab #x5be0cd19))
    (define SHA224-START
      #(#xc1059ed8 #x367cd507 #x3070dd17 #xf70e5939 #xffc00b31 #x68581511 #x64f98fa7 #xbefa4fa4))
    (define-syntax sigma0
      (syntax-rules ()
        ((_ x) (xor3 (turned x -7 #x7f #x2000000) (turned x -18 #x3ffff #x4000) (arithmetic-shift x -3)))))
    (define-syntax sigma1
      (syntax-rules ()
        ((_ x) (xor3 (turned x -17 #x1ffff #x8000) (turned x -19 #x7ffff #x2000) (arithmetic-shift x -10)))))
    (define-syntax sum0
      (syntax-rules ()
        ((_ x) (xor3 (turned x -2 #x3 #x40000000) (turned x -13 #x1fff #x80000) (turned x -22 #x3fffff #x400)))))
    (define-syntax sum1
      (syntax-rules ()
        ((_ x) (xor3 (turned x -6 #x3f #x4000000) (turned x -11 #x7ff #x200000) (turned x -25 #x1ffffff #x80)))))
    (define (sha256! h v at w)
      (do ((i 0 (+ i 1))) ((= i 16)) (vector-set! w i (big-word v (+ at (* 4 i)))))
      (do ((i 16 (+ i 1))) ((= i 64))
        (let ((a (vector-ref w (- i 2))) (b (vector-ref w (- i 15))))
          (vector-set! w i (word (+ (+ (sigma1 a) (vector-ref w (- i 7))) (+ (sigma0 b) (vector-ref w (- i 16))))))))
      (let loop ((i 0) (a (vector-ref h 0)) (b (vector-ref h 1)) (c (vector-ref h 2)) (d (vector-ref h 3))
                 (e (vector-ref h 4)) (f (vector-ref h 5)) (g (vector-ref h 6)) (k (vector-ref h 7)))
        (if (< i 64)
            (let ((t1 (+ (+ k (sum1 e)) (+ (bitwise-xor g (bitwise-and e (bitwise-xor f g)))
                                           (+ (vector-ref K256 i) (vector-ref w i)))))
                  (t2 (+ (sum0 a) (bitwise-xor (bitwise-and a b) (bitwise-and c (bitwise-xor a b))))))
              (loop (+ i 1) (word (+ t1 t2)) a b c (word (+ d t1)) e f g))
            (begin (add-to! h 0 a) (add-to! h 1 b) (add-to! h 2 c) (add-to! h 3 d)
                   (add-to! h 4 e) (add-to! h 5 f) (add-to! h 6 g) (add-to! h 7 k)))))

    ;; SHA-512: FIPS 180-4 §6.4.
    (define K512
      #(#x428a2f98 #xd728ae22 #x71374491 #x23ef65cd #xb5c0fbcf #xec4d3b2f #xe9b5dba5 #x8189dbbc
        #x3956c25b #xf348b538 #x59f111f1 #xb605d019 #x923f82a4 #xaf194f9b #xab1c5ed5 #xda6d8118
        #xd807aa98 #xa3030242 #x12835b01 #x45706fbe #x243185be #x4ee4b28c #x550c7dc3 #xd5ffb4e2
        #x72be5d74 #xf27b896f #x80deb1fe #x3b1696b1 #x9bdc06a7 #x25c71235 #xc19bf174 #xcf692694
        #xe49b69c1 #x9ef14ad2 #xefbe4786 #x384f25e3 #x0fc19dc6 #x8b8cd5b5 #x240ca1cc #x77ac9c65
        #x2de92c6f #x592b0275 #x4a7484aa #x6ea6e483 #x5cb0a9dc #xbd41fbd4 #x76f988da #x831153b5
        #x983e5152 #xee66dfab #xa831c66d #x2db43210 #xb00327c8 #x98fb213f #xbf597fc7 #xbeef0ee4
        #xc6e00bf3 #x3da88fc2 #xd5a79147 #x930aa725 #x06ca6351 #xe003826f #x14292967 #x0a0e6e70
        #x27b70a85 #x46d22ffc #x2e1b2138 #x5c26c926 #x4d2c6dfc #x5ac42aed #x53380d13 #x9d95b3df
        #x650a7354 #x8baf63de #x766a0abb #x3c77b2a8 #x81c2c92e #x47edaee6 #x92722c85 #x1482353b
        #xa2bfe8a1 #x4cf10364 #xa81a664b #xbc423001 #xc24b8b70 #xd0f89791 #xc76c51a3 #x0654be30
        #xd192e819 #xd6ef5218 #xd6990624 #x5565a910 #xf40e3585 #x5771202a #x106aa070 #x32bbd1b8
        #x19a4c116 #xb8d2d0c8 #x1e376c08 #x5141ab53 #x2748774c #xdf8eeb99 #x34b0bcb5 #xe19b48a8
        #x391c0cb3 #xc5c95a63 #x4ed8aa4a #xe3418acb #x5b9cca4f #x7763e373 #x682e6ff3 #xd6b2b8a3
        #x748f82ee #x5defb2fc #x78a5636f #x43172f60 #x84c87814 #xa1f0ab72 #x8cc70208 #x1a6439ec
        #x90befffa #x23631e28 #xa4506ceb #xde82bde9 #xbef9a3f7 #xb2c67915 #xc67178f2 #xe372532b
        #xca273ece #xea26619c #xd186b8c7 #x21c0c207 #xeada7dd6 #xcde0eb1e #xf57d4f7f #xee6ed178
        #x06f067aa #x72176fba #x0a637dc5 #xa2c898a6 #x113f9804 #xbef90dae #x1b710b35 #x131c471b
        #x28db77f5 #x23047d84 #x32caab7b #x40c72493 #x3c9ebe0a #x15c9bebc #x431d67c4 #x9c100d4c
        #x4cc5d4be #xcb3e42b6 #x597f299c #xfc657e2a #x5fcb6fab #x3ad6faec #x6c44198c #x4a475817))
    (define SHA512-START
      #(#x6a09e667 #xf3bcc908 #xbb67ae85 #x84caa73b #x3c6ef372 #xfe94f82b #xa54ff53a #x5f1d36f1
        #x510e527f #xade682d1 #x9b05688c #x2b3e6c1f #x1f83d9ab #xfb41bd6b #x5be0cd19 #x137e2179))
    (define SHA384-START
      #(#xcbbb9d5d #xc1059ed8 #x629a292a #x367cd507 #x9159015a #x3070dd17 #x152fecd8 #xf70e5939
        #x67332667 #xffc00b31 #x8eb44a87 #x68581511 #xdb0c2e0d #x64f98fa7 #x47b5481d #xbefa4fa4))
    ;; The upper word of two that are turned right by n < 32: scale is 2 to 32 - n, low what falls out of the other one.
    (define-syntax upper
      (syntax-rules () ((_ hi lo by low scale) (bitwise-ior (arithmetic-shift hi by) (* (bitwise-and lo low) scale)))))
    ;; Three such words of two, with (by low scale) each; of those that turn by 32 and more the halves are exchanged.
    (define-syntax both
      (syntax-rules () ((_ hi lo a b c) (xor3 (upper hi lo . a) (upper hi lo . b) (upper lo hi . c)))))
    (define-syntax both2
      (syntax-rules () ((_ hi lo a b c) (xor3 (upper hi lo . a) (upper lo hi . b) (upper lo hi . c)))))
    (define (sha512! h v at w)
      (do ((i 0 (+ i 1))) ((= i 32)) (vector-set! w i (big-word v (+ at (* 4 i)))))
      (do ((i 32 (+ i 2))) ((= i 160))
        (let* ((ah (vector-ref w (- i 4))) (al (vector-ref w (- i 3)))
               (bh (vector-ref w (- i 30))) (bl (vector-ref w (- i 29)))
               ;; σ1: 19, 61, shifted by 6; σ0: 1, 8, shifted by 7.
               (s1h (xor3 (upper ah al -19 #x7ffff #x2000) (upper al ah -29 #x1fffffff 8) (arithmetic-shift ah -6)))
               (s1l (xor3 (upper al ah -19 #x7ffff #x2000) (upper ah al -29 #x1fffffff 8)
                          (upper al ah -6 #x3f #x4000000)))
               (s0h (xor3 (upper bh bl -1 1 #x80000000) (upper bh bl -8 #xff #x1000000) (arithmetic-shift bh -7)))
               (s0l (xor3 (upper bl bh -1 1 #x80000000) (upper bl bh -8 #xff #x1000000)
                          (upper bl bh -7 #x7f #x2000000)))
               (low (+ (+ s1l (vector-ref w (- i 13))) (+ s0l (vector-ref w (- i 31))))))
          (vector-set! w (+ i 1) (word low))
          (vector-set! w i (word (+ (+ (+ s1h (vector-ref w (- i 14))) (+ s0h (vector-ref w (- i 32))))
                                    (arithmetic-shift low -32))))))
      (let loop ((i 0) (ah (vector-ref h 0)) (al (vector-ref h 1)) (bh (vector-ref h 2)) (bl (vector-ref h 3))
                 (ch (vector-ref h 4)) (cl (vector-ref h 5)) (dh (vector-ref h 6)) (dl (vector-ref h 7))
                 (eh (vector-ref h 8)) (el (vector-ref h 9)) (fh (vector-ref h 10)) (fl (vector-ref h 11))
                 (gh (vector-ref h 12)) (gl (vector-ref h 13)) (kh (vector-ref h 14)) (kl (vector-ref h 15)))
        (if (< i 160)
            (let* (;; Σ1: 14, 18, 41; Σ0: 28, 34, 39.
                   (s1h (both eh el (-14 #x3fff #x40000) (-18 #x3ffff #x4000) (-9 #x1ff #x800000)))
                   (s1l (both el eh (-14 #x3fff #x40000) (-18 #x3ffff #x4000) (-9 #x1ff #x800000)))
                   (s0h (both2 ah al (-28 #xfffffff 16) (-2 3 #x40000000) (-7 #x7f #x2000000)))
                   (s0l (both2 al ah (-28 #xfffffff 16) (-2 3 #x40000000) (-7 #x7f #x2000000)))
                   (t1l (+ (+ kl s1l) (+ (bitwise-xor gl (bitwise-and el (bitwise-xor fl gl)))
                                         (+ (vector-ref K512 (+ i 1)) (vector-ref w (+ i 1))))))
                   (t1h (word (+ (+ (+ kh s1h) (+ (bitwise-xor gh (bitwise-and eh (bitwise-xor fh gh)))
                                            (+ (vector-ref K512 i) (vector-ref w i))))
                                 (arithmetic-shift t1l -32))))
                   (t1l (word t1l))
                   (t2l (+ s0l (bitwise-xor (bitwise-and al bl) (bitwise-and cl (bitwise-xor al bl)))))
                   (t2h (+ s0h (bitwise-xor (bitwise-and ah bh) (bitwise-and ch (bitwise-xor ah bh)))))
                   (newl (+ t1l t2l)) (nextl (+ dl t1l)))
              (loop (+ i 2)
                    (word (+ (+ t1h t2h) (arithmetic-shift newl -32))) (word newl) ah al bh bl ch cl
                    (word (+ (+ dh t1h) (arithmetic-shift nextl -32))) (word nextl) eh el fh fl gh gl))
            (let add ((i 0) (l (list ah al bh bl ch cl dh dl eh el fh fl gh gl kh kl)))
              (when (pair? l)
                (let ((low (+ (vector-ref h (+ i 1)) (cadr l))))
                  (vector-set! h (+ i 1) (word low))
                  (vector-set! h i (word (+ (+ (vector-ref h i) (car l)) (arithmetic-shift low -32))))
                  (add (+ i 2) (cddr l))))))))

    (define algorithms
      (list (algorithm-of 'md5 64 16 MD5-START md5! #f 8)
            (algorithm-of 'sha-1 64 20 SHA1-START sha1! #t 8)
            (algorithm-of 'sha-224 64 28 SHA224-START sha256! #t 8)
            (algorithm-of 'sha-256 64 32 SHA256-START sha256! #t 8)
            (algorithm-of 'sha-384 128 48 SHA384-START sha512! #t 16)
            (algorithm-of 'sha-512 128 64 SHA512-START sha512! #t 16)))
    ;; List of the names of digests.
    (define digest-algorithms (map algorithm-name algorithms))
    (define (algorithm-named name)
      (let find ((l algorithms))
        (cond ((null? l) (error "digest: no such algorithm:" name))
              ((eq? name (algorithm-name (car l))) (car l))
              (else (find (cdr l))))))
    (define (make-digest name)
      "A digest that takes bytes piece by piece. NAME is one of digest-algorithms."
      (let ((a (algorithm-named name)))
        (digest-of a (vector-copy (algorithm-start a)) (make-bytevector (algorithm-block a) 0) 0 0
          (make-vector 160 0))))
    ;; Adds bytes, or a part of them.
    (define digest-add!
      (case-lambda
        ((d v) (digest-add! d v 0 (bytevector-length v)))
        ((d v start) (digest-add! d v start (bytevector-length v)))
        ((d v start end)
         (if (not (and (<= 0 start) (<= start end) (<= end (bytevector-length v))))
             (error "digest-add!: out of range:" start end))
         (set-total! d (+ (digest-total d) (- end start)))
         (take! d v start end))))
    (define (take! d v start end)
      (let* ((a (digest-algorithm d)) (block (algorithm-block a)) (compress! (algorithm-compress! a))
             (filled (digest-filled d)) (buffer (digest-buffer d)))
        (define (keep at filled)
          (bytevector-copy! buffer filled v at end)
          (set-filled! d (+ filled (- end at))))
        (define (blocks at)
          (if (<= (+ at block) end)
              (begin (compress! (digest-state d) v at (digest-words d)) (blocks (+ at block)))
              (keep at 0)))
        (cond ((< (+ filled (- end start)) block) (keep start filled))
              ((= filled 0) (blocks start))
              (else
               (let ((at (+ start (- block filled))))
                 (bytevector-copy! buffer filled v start at)
                 (compress! (digest-state d) buffer 0 (digest-words d))
                 (blocks at))))))
    (define (digest-result d)
      "The digest of what was added so far, as bytes; more may be added afterwards."
      (let* ((a (digest-algorithm d)) (block (algorithm-block a)) (lengths (algorithm-lengths a))
             (big? (algorithm-big? a))
             (filled (digest-filled d)) (size (if (< (+ filled lengths) block) block (* 2 block)))
             (last (make-bytevector size 0)) (state (vector-copy (digest-state d)))
             (result (make-bytevector (algorithm-size a) 0)))
        (bytevector-copy! last 0 (digest-buffer d) 0 filled)
        (bytevector-u8-set! last filled 128)
        (let length ((at (if big? (- size 1) (- size lengths))) (bits (* 8 (digest-total d))))
          (when (> bits 0)
            (bytevector-u8-set! last at (modulo bits 256))
            (length (if big? (- at 1) (+ at 1)) (quotient bits 256))))
        (do ((at 0 (+ at block))) ((= at size)) ((algorithm-compress! a) state last at (digest-words d)))
        (do ((i 0 (+ i 1))) ((= i (bytevector-length result)) result)
          (let ((x (vector-ref state (quotient i 4))) (k (modulo i 4)))
            (bytevector-u8-set! result i (bitwise-and 255 (arithmetic-shift x (* -8 (if big? (- 3 k) k)))))))))

    (define (bytes-of x) (if (string? x) (string->utf8 x) x))
    (define (digest name x)
      "The digest of bytes, or of a text in UTF-8. NAME: md5, sha-1, sha-224, sha-256, sha-384 or sha-512."
      (let ((d (make-digest name))) (digest-add! d (bytes-of x)) (digest-result d)))
    (define (bytevector->hex v)
      "The bytes as hexadecimal digits."
      (let* ((n (bytevector-length v)) (s (make-string (* 2 n))))
        (define (digit! at k) (string-set! s at (string-ref "0123456789abcdef" k)))
        (do ((i 0 (+ i 1))) ((= i n) s)
          (let ((b (bytevector-u8-ref v i))) (digit! (* 2 i) (quotient b 16)) (digit! (+ 1 (* 2 i)) (modulo b 16))))))
    (define (hmac name key x)
      "The authentication code of bytes or a text under a key, by the digest NAME."
      (let* ((block (algorithm-block (algorithm-named name))) (key (bytes-of key))
             (key (if (> (bytevector-length key) block) (digest name key) key)) (padded (make-bytevector block 0)))
        (define (mixed with)
          (let ((v (make-bytevector block 0)))
            (do ((i 0 (+ i 1))) ((= i block) v)
              (bytevector-u8-set! v i (bitwise-xor with (bytevector-u8-ref padded i))))))
        (bytevector-copy! padded 0 key)
        (digest name (bytevector-append (mixed #x5c) (digest name (bytevector-append (mixed #x36) (bytes-of x)))))))

    (define CRC
      (let ((v (make-vector 256 0)))
        (do ((i 0 (+ i 1))) ((= i 256) v)
          (let loop ((k 0) (x i))
            (if (= k 8) (vector-set! v i x)
                (loop (+ k 1)
                      (if (odd? x) (bitwise-xor #xedb88320 (arithmetic-shift x -1)) (arithmetic-shift x -1))))))))
    ;; The checksum of bytes or a text; BEFORE is that of the bytes before, so that they may come in pieces.
    (define crc32
      (case-lambda
        ((x) (crc32 x 0))
        ((x before)
         (let* ((v (bytes-of x)) (n (bytevector-length v)))
           (let loop ((i 0) (crc (bitwise-xor before #xffffffff)))
             (if (= i n) (bitwise-xor crc #xffffffff)
                 (loop (+ i 1)
                       (bitwise-xor (vector-ref CRC (bitwise-and 255 (bitwise-xor crc (bytevector-u8-ref v i))))
                                    (arithmetic-shift crc -8)))))))))))

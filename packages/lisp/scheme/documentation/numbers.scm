;; Numbers.
;;
;; What the prompt's and the editors' documentation and docs/lisp/reference.md say of what the system itself defines.
;; R7RS §6.2; bits: SRFI 60 and 151.


;; Kinds
(procedure (number? object) -> boolean
  "Whether OBJECT is a number.")
(procedure (complex? object) -> boolean
  "Whether OBJECT is a number: all numbers are complex.")
(procedure (real? object) -> boolean
  "Whether OBJECT is a real number.")
(procedure (rational? object) -> boolean
  "Whether OBJECT is a real number that is finite.")
(procedure (integer? object) -> boolean
  "Whether OBJECT is an integer, be it exact or, as 2.0, inexact.")
(procedure (exact? number) -> boolean
  "Whether NUMBER is exact.")
(procedure (inexact? number) -> boolean
  "Whether NUMBER is inexact: a double, or complex with one.")
(procedure (exact-integer? object) -> boolean
  "Whether OBJECT is an integer that is exact.")
(procedure (exact-rational? object) -> boolean
  "Whether OBJECT is an exact integer or ratio.")
(procedure (finite? number) -> boolean
  "Whether NUMBER is neither infinite nor NaN, nor has such a part.")
(procedure (infinite? number) -> boolean
  "Whether NUMBER is infinite, or has a part that is.")
(procedure (nan? number) -> boolean
  "Whether NUMBER is NaN, or has a part that is.")

;; Comparison
(procedure (= number . numbers) -> boolean
  "Whether the numbers are equal, from each to the next.")
(procedure (< number . numbers) -> boolean
  "Whether the numbers rise, from each to the next.")
(procedure (> number . numbers) -> boolean
  "Whether the numbers fall, from each to the next.")
(procedure (<= number . numbers) -> boolean
  "Whether the numbers never fall, from each to the next.")
(procedure (>= number . numbers) -> boolean
  "Whether the numbers never rise, from each to the next.")
(procedure (zero? number) -> boolean
  "Whether NUMBER is 0.")
(procedure (positive? real) -> boolean
  "Whether REAL is greater than 0.")
(procedure (negative? real) -> boolean
  "Whether REAL is less than 0.")
(procedure (odd? integer) -> boolean
  "Whether INTEGER is odd.")
(procedure (even? integer) -> boolean
  "Whether INTEGER is even.")
(procedure (max real . reals) -> real
  "The greatest; inexact where one of them is.")
(procedure (min real . reals) -> real
  "The least; inexact where one of them is.")

;; Arithmetic
(procedure (+ . numbers) -> number
  "The sum; 0 of none.")
(procedure (* . numbers) -> number
  "The product; 1 of none.")
(procedure (- number . numbers) -> number
  "The first without the others; of one number its negation.")
(procedure (/ number . numbers) -> number
  "The first divided by the others; of one number 1 divided by it. Of exact integers it is exact.")
(procedure (1+ number) -> number
  "One more than NUMBER.")
(procedure (-1+ number) -> number
  "One less than NUMBER.")
(procedure (abs real) -> real
  "REAL without its sign.")
(procedure (square number) -> number
  "NUMBER times itself.")
(procedure (quotient n d) -> integer
  "N divided by D, rounded towards 0.")
(procedure (remainder n d) -> integer
  "What is left of N after `quotient`; it has the sign of N.")
(procedure (modulo n d) -> integer
  "What is left of N after `floor-quotient`; it has the sign of D.")
(procedure (floor/ n d)
  "Two values: `floor-quotient` and `floor-remainder`.")
(procedure (floor-quotient n d) -> integer
  "N divided by D, rounded down.")
(procedure (floor-remainder n d) -> integer
  "What is left of N after `floor-quotient`; it has the sign of D.")
(procedure (truncate/ n d)
  "Two values: `truncate-quotient` and `truncate-remainder`.")
(procedure (truncate-quotient n d) -> integer
  "N divided by D, rounded towards 0.")
(procedure (truncate-remainder n d) -> integer
  "What is left of N after `truncate-quotient`; it has the sign of N.")
(procedure (gcd . integers) -> integer
  "The greatest common divisor, not negative; 0 of none.")
(procedure (lcm . integers) -> integer
  "The least common multiple, not negative; 1 of none.")
(procedure (numerator rational) -> integer
  "The upper part of RATIONAL in lowest terms.")
(procedure (denominator rational) -> integer
  "The lower part of RATIONAL in lowest terms, positive.")
(procedure (floor real) -> real
  "The greatest integer that is no greater than REAL.")
(procedure (ceiling real) -> real
  "The least integer that is no less than REAL.")
(procedure (truncate real) -> real
  "REAL rounded towards 0.")
(procedure (round real) -> real
  "REAL rounded to the nearest integer; what is between two becomes the even one.")
(procedure (rationalize x y) -> real
  "The simplest ratio that is at most Y away from X.")
(procedure (exact number) -> number
  "The exact number that equals NUMBER.")
(procedure (inexact number) -> number
  "The double, or complex of doubles, that is next to NUMBER.")
(procedure (exact->inexact number) -> number
  "`inexact`, by its name of R5RS.")
(procedure (inexact->exact number) -> number
  "`exact`, by its name of R5RS.")

;; Functions
(procedure (exp z) -> number
  "e to the power Z.")
(procedure (log z (base)) -> number
  "The natural logarithm of Z, or that to BASE.")
(procedure (sin z) -> number
  "The sine of Z, in radians.")
(procedure (cos z) -> number
  "The cosine of Z, in radians.")
(procedure (tan z) -> number
  "The tangent of Z, in radians.")
(procedure (asin z) -> number
  "The arc whose sine is Z.")
(procedure (acos z) -> number
  "The arc whose cosine is Z.")
(procedure (atan y (x)) -> number
  "The arc whose tangent is Y; with X the angle of the point (X, Y), in its quadrant.")
(procedure (sqrt z) -> number
  "The principal root of Z; exact where it can be.")
(procedure (exact-integer-sqrt n)
  "Two values: the greatest S whose square is no greater than N, and N without that square.")
(procedure (expt base exponent) -> number
  "BASE to the power EXPONENT.")
(procedure (make-rectangular real imaginary) -> number
  "The complex number of these parts.")
(procedure (make-polar magnitude angle) -> number
  "The complex number of this magnitude and angle.")
(procedure (real-part z) -> real
  "The real part of Z.")
(procedure (imag-part z) -> real
  "The imaginary part of Z.")
(procedure (magnitude z) -> real
  "How far Z is from 0.")
(procedure (angle z) -> real
  "The angle of Z, from -π to π.")

;; Text
(procedure (number->string number (radix)) -> string
  "NUMBER as it is read again, in RADIX 2 to 36, else 10.")
(procedure (string->number string (radix))
  "The number that STRING writes, in RADIX where it names none; #f where it is none.")

;; Bits of integers, in two's complement
(procedure (bitwise-not n) -> integer
  "N with all its bits turned.")
(procedure (bitwise-and . integers) -> integer
  "The bits that all have; -1 of none.")
(procedure (bitwise-ior . integers) -> integer
  "The bits that one has; 0 of none.")
(procedure (bitwise-xor . integers) -> integer
  "The bits that an odd count of them has.")
(procedure (arithmetic-shift n count) -> integer
  "N shifted left by COUNT bits, or right where COUNT is negative.")
(procedure (bit-count n) -> integer
  "How many bits of N are 1; of a negative number, how many are 0.")
(procedure (integer-length n) -> integer
  "How many bits N takes without its sign.")

;; SRFI 19: times and dates. https://srfi.schemers.org/srfi-19/
;; Time zones are offsets; where none is given it is UTC. There is no clock of processor time: time-process and
;; time-thread are refused. Names of months and days are English.
(define-library (srfi 19)
  (export time-duration time-monotonic time-process time-tai time-thread time-utc
          make-time time? time-type time-nanosecond time-second set-time-type! set-time-nanosecond! set-time-second!
          copy-time current-time time-resolution time<=? time<? time=? time>=? time>? time-difference time-difference!
          add-duration add-duration! subtract-duration subtract-duration!
          make-date date? date-nanosecond date-second date-minute date-hour date-day date-month date-year
          date-zone-offset date-year-day date-week-day date-week-number current-date current-julian-day
          current-modified-julian-day date->julian-day date->modified-julian-day date->time-monotonic date->time-tai
          date->time-utc julian-day->date julian-day->time-monotonic julian-day->time-tai julian-day->time-utc
          modified-julian-day->date modified-julian-day->time-monotonic modified-julian-day->time-tai
          modified-julian-day->time-utc time-monotonic->date time-monotonic->time-tai time-monotonic->time-utc
          time-tai->date time-tai->julian-day time-tai->modified-julian-day time-tai->time-monotonic time-tai->time-utc
          time-utc->date time-utc->julian-day time-utc->modified-julian-day time-utc->time-monotonic time-utc->time-tai
          time-monotonic->julian-day time-monotonic->modified-julian-day date->string string->date)
  (import (scheme base) (scheme char) (scheme time))
  (begin
    ;; A type of times: durations.
    (define time-duration 'time-duration)
    ;; A type of times: those of a clock that never goes back.
    (define time-monotonic 'time-monotonic)
    ;; A type of times: those of a processor's clock, which is not there.
    (define time-process 'time-process)
    ;; A type of times: those of TAI, with leap seconds.
    (define time-tai 'time-tai)
    ;; A type of times: those of a thread's clock, which is not there.
    (define time-thread 'time-thread)
    ;; A type of times: those of UTC.
    (define time-utc 'time-utc)
    (define NANO 1000000000)
    (define DAY 86400)

    ;; A time: its type, seconds, and nanoseconds below one.
    (define-record-type time (new-time type nanosecond second) time?
      (type time-type set-time-type!) (nanosecond time-nanosecond set-time-nanosecond!)
      (second time-second set-time-second!))
    (define (make-time type nanosecond second)
      "A time of a type: seconds and nanoseconds, which are brought below a second."
      (of-nanoseconds type (+ nanosecond (* NANO second))))
    (define (nanoseconds t) (+ (time-nanosecond t) (* NANO (time-second t))))
    (define (of-nanoseconds type n) (new-time type (floor-remainder n NANO) (floor-quotient n NANO)))
    (define (copy-time t)
      "Another time that is equal."
      (new-time (time-type t) (time-nanosecond t) (time-second t)))

    ;; Seconds of UTC from which on TAI is ahead by so many: IERS Bulletin C.
    (define LEAPS
      '((1483228800 . 37) (1435708800 . 36) (1341100800 . 35) (1230768000 . 34) (1136073600 . 33) (915148800 . 32)
        (867715200 . 31) (820454400 . 30) (773020800 . 29) (741484800 . 28) (709948800 . 27) (662688000 . 26)
        (631152000 . 25) (567993600 . 24) (489024000 . 23) (425865600 . 22) (394329600 . 21) (362793600 . 20)
        (315532800 . 19) (283996800 . 18) (252460800 . 17) (220924800 . 16) (189302400 . 15) (157766400 . 14)
        (126230400 . 13) (94694400 . 12) (78796800 . 11) (63072000 . 10)))
    (define (ahead-of-utc seconds)
      (let find ((l LEAPS)) (cond ((null? l) 0) ((>= seconds (caar l)) (cdar l)) (else (find (cdr l))))))
    (define (ahead-in-tai seconds)
      (let find ((l LEAPS))
        (cond ((null? l) 0) ((>= (- seconds (cdar l)) (caar l)) (cdar l)) (else (find (cdr l))))))

    (define (now) (let ((n (exact (floor (* 1000000 (current-second)))))) (* 1000 n)))
    (define (current-time . type)
      "The time now, of time-utc (the default), time-tai or time-monotonic."
      (case (if (pair? type) (car type) time-utc)
        ((time-utc) (of-nanoseconds time-utc (now)))
        ((time-tai) (time-utc->time-tai (of-nanoseconds time-utc (now))))
        ((time-monotonic)
         (of-nanoseconds time-monotonic (quotient (* NANO (current-jiffy)) (jiffies-per-second))))
        (else (error "current-time: no clock of this type:" (car type)))))
    (define (time-resolution . type)
      "How many nanoseconds a step of the clock may be."
      (case (if (pair? type) (car type) time-utc)
        ((time-utc time-tai time-monotonic) 1000)
        (else (error "time-resolution: no clock of this type:" (car type)))))
    (define (comparison who compare)
      (lambda (a b)
        (if (not (eq? (time-type a) (time-type b))) (error (string-append who ": times of two types:") a b))
        (compare (nanoseconds a) (nanoseconds b))))
    ;; Whether the first of two times of one type is not after the second.
    (define time<=? (comparison "time<=?" <=))
    ;; Whether the first of two times of one type is before the second.
    (define time<? (comparison "time<?" <))
    ;; Whether two times of one type are the same.
    (define time=? (comparison "time=?" =))
    ;; Whether the first of two times of one type is not before the second.
    (define time>=? (comparison "time>=?" >=))
    ;; Whether the first of two times of one type is after the second.
    (define time>? (comparison "time>?" >))
    (define (time-difference a b)
      "The duration from the second time to the first; both are of one type."
      (if (not (eq? (time-type a) (time-type b))) (error "time-difference: times of two types:" a b))
      (of-nanoseconds time-duration (- (nanoseconds a) (nanoseconds b))))
    (define (moved who t d sign)
      (if (not (eq? time-duration (time-type d))) (error (string-append who ": expected a duration, got") d))
      (of-nanoseconds (time-type t) (+ (nanoseconds t) (* sign (nanoseconds d)))))
    (define (add-duration t d)
      "The time that is later by a duration."
      (moved "add-duration" t d 1))
    (define (subtract-duration t d)
      "The time that is earlier by a duration."
      (moved "subtract-duration" t d -1))
    (define (time-difference! a b)
      "As time-difference; the first may be used again."
      (time-difference a b))
    (define (add-duration! t d)
      "As add-duration; the time may be used again."
      (add-duration t d))
    (define (subtract-duration! t d)
      "As subtract-duration; the time may be used again."
      (subtract-duration t d))

    ;; UTC, TAI and the monotonic clock. The monotonic clock begins at no date, so that it has only durations.
    (define (time-utc->time-tai t)
      "The time as TAI, leap seconds counted."
      (new-time time-tai (time-nanosecond t) (+ (time-second t) (ahead-of-utc (time-second t)))))
    (define (time-tai->time-utc t)
      "The time as UTC."
      (new-time time-utc (time-nanosecond t) (- (time-second t) (ahead-in-tai (time-second t)))))
    (define (time-monotonic->time-tai t)
      "The time as TAI, where it was made of a date."
      (new-time time-tai (time-nanosecond t) (time-second t)))
    (define (time-tai->time-monotonic t)
      "The time as one of time-monotonic, whose seconds are TAI's."
      (new-time time-monotonic (time-nanosecond t) (time-second t)))
    (define (time-utc->time-monotonic t)
      "The time as one of time-monotonic, whose seconds are TAI's."
      (time-tai->time-monotonic (time-utc->time-tai t)))
    (define (time-monotonic->time-utc t)
      "The time as UTC, where it was made of a date."
      (time-tai->time-utc (time-monotonic->time-tai t)))

    ;; A date: nanosecond to year, and seconds that its clocks are ahead of UTC.
    (define-record-type date (make-date nanosecond second minute hour day month year zone-offset) date?
      (nanosecond date-nanosecond) (second date-second) (minute date-minute) (hour date-hour) (day date-day)
      (month date-month) (year date-year) (zone-offset date-zone-offset))
    ;; Days since 1970-01-01 in the Gregorian calendar, which is used for all years: March is the first month of eras of
    ;; 400 years.
    (define (days-of year month day)
      (let* ((y (if (<= month 2) (- year 1) year)) (era (floor-quotient y 400)) (in-era (- y (* era 400)))
             (day-of-year (+ (quotient (+ (* 153 (+ month (if (> month 2) -3 9))) 2) 5) (- day 1)))
             (day-of-era (+ (* in-era 365) (quotient in-era 4) (- (quotient in-era 100)) day-of-year)))
        (- (+ (* era 146097) day-of-era) 719468)))
    ;; f of the year, month and day.
    (define (with-day days f)
      (let* ((z (+ days 719468)) (era (floor-quotient z 146097)) (in-era (- z (* era 146097)))
             (leaps (- (quotient in-era 1460) (quotient in-era 36524) (- (quotient in-era 146096))))
             (year (quotient (- in-era leaps) 365))
             (day-of-year (- in-era (+ (* 365 year) (quotient year 4) (- (quotient year 100)))))
             (k (quotient (+ (* 5 day-of-year) 2) 153)) (month (if (< k 10) (+ k 3) (- k 9))))
        (f (+ year (* era 400) (if (<= month 2) 1 0)) month (+ 1 (- day-of-year (quotient (+ (* 153 k) 2) 5))))))
    (define (zone-of l) (if (pair? l) (car l) 0))
    (define (date-days d) (days-of (date-year d) (date-month d) (date-day d)))
    (define (date->time-utc d)
      "The time of a date, as UTC."
      (make-time time-utc (date-nanosecond d)
        (- (+ (* DAY (date-days d)) (* 3600 (date-hour d)) (* 60 (date-minute d)) (date-second d))
           (date-zone-offset d))))
    (define (date->time-tai d)
      "The time of a date, as TAI."
      (time-utc->time-tai (date->time-utc d)))
    (define (date->time-monotonic d)
      "The time of a date, as one of time-monotonic."
      (time-utc->time-monotonic (date->time-utc d)))
    (define (time-utc->date t . zone)
      "The date of a time of UTC. ZONE: seconds that its clocks are ahead of UTC."
      (let* ((zone (zone-of zone)) (s (+ (time-second t) zone)) (in-day (floor-remainder s DAY)))
        (with-day (floor-quotient s DAY)
          (lambda (year month day)
            (make-date (time-nanosecond t) (remainder in-day 60) (remainder (quotient in-day 60) 60)
              (quotient in-day 3600) day month year zone)))))
    (define (time-tai->date t . zone)
      "The date of a time of TAI. ZONE: seconds that its clocks are ahead of UTC."
      (time-utc->date (time-tai->time-utc t) (zone-of zone)))
    (define (time-monotonic->date t . zone)
      "The date of a time of time-monotonic that was made of a date."
      (time-utc->date (time-monotonic->time-utc t) (zone-of zone)))
    (define (current-date . zone)
      "The date now. ZONE: seconds that its clocks are ahead of UTC."
      (time-utc->date (current-time) (zone-of zone)))
    (define (date-year-day d)
      "The day of the year, from 1 on."
      (+ 1 (- (date-days d) (days-of (date-year d) 1 1))))
    (define (date-week-day d)
      "The day of the week; Sunday is 0."
      (floor-remainder (+ 4 (date-days d)) 7))
    (define (date-week-number d first)
      "The week of the year, from 0 on: whole weeks that begin with the day FIRST (Sunday is 0)."
      (let ((before (floor-remainder (- first (floor-remainder (+ 4 (days-of (date-year d) 1 1)) 7)) 7)))
        (floor-quotient (- (+ 6 (date-year-day d)) before) 7)))

    ;; Julian days, which begin at noon; modified ones at midnight of 1858-11-17. They are exact.
    (define EPOCH 4881175/2)
    (define MODIFIED 4800001/2)
    (define (time-utc->julian-day t)
      "The Julian day of a time of UTC, an exact number."
      (+ EPOCH (/ (nanoseconds t) (* NANO DAY))))
    (define (time-utc->modified-julian-day t)
      "The modified Julian day of a time of UTC, an exact number."
      (- (time-utc->julian-day t) MODIFIED))
    (define (time-tai->julian-day t)
      "The Julian day of a time of TAI."
      (time-utc->julian-day (time-tai->time-utc t)))
    (define (time-tai->modified-julian-day t)
      "The modified Julian day of a time of TAI."
      (time-utc->modified-julian-day (time-tai->time-utc t)))
    (define (time-monotonic->julian-day t)
      "The Julian day of a time of time-monotonic that was made of a date."
      (time-utc->julian-day (time-monotonic->time-utc t)))
    (define (time-monotonic->modified-julian-day t)
      "The modified Julian day of a time of time-monotonic that was made of a date."
      (time-utc->modified-julian-day (time-monotonic->time-utc t)))
    (define (date->julian-day d)
      "The Julian day of a date, an exact number."
      (time-utc->julian-day (date->time-utc d)))
    (define (date->modified-julian-day d)
      "The modified Julian day of a date, an exact number."
      (time-utc->modified-julian-day (date->time-utc d)))
    (define (current-julian-day)
      "The Julian day now."
      (time-utc->julian-day (current-time)))
    (define (current-modified-julian-day)
      "The modified Julian day now."
      (time-utc->modified-julian-day (current-time)))
    (define (julian-day->time-utc n)
      "The time of UTC of a Julian day."
      (of-nanoseconds time-utc (round (* NANO DAY (- (exact n) EPOCH)))))
    (define (julian-day->time-tai n)
      "The time of TAI of a Julian day."
      (time-utc->time-tai (julian-day->time-utc n)))
    (define (julian-day->time-monotonic n)
      "The time of time-monotonic of a Julian day."
      (time-utc->time-monotonic (julian-day->time-utc n)))
    (define (julian-day->date n . zone)
      "The date of a Julian day. ZONE: seconds that its clocks are ahead of UTC."
      (time-utc->date (julian-day->time-utc n) (zone-of zone)))
    (define (modified-julian-day->time-utc n)
      "The time of UTC of a modified Julian day."
      (julian-day->time-utc (+ n MODIFIED)))
    (define (modified-julian-day->time-tai n)
      "The time of TAI of a modified Julian day."
      (julian-day->time-tai (+ n MODIFIED)))
    (define (modified-julian-day->time-monotonic n)
      "The time of time-monotonic of a modified Julian day."
      (julian-day->time-monotonic (+ n MODIFIED)))
    (define (modified-julian-day->date n . zone)
      "The date of a modified Julian day. ZONE: seconds that its clocks are ahead of UTC."
      (julian-day->date (+ n MODIFIED) (zone-of zone)))

    ;; Texts.
    (define MONTHS
      #("January" "February" "March" "April" "May" "June" "July" "August" "September" "October" "November" "December"))
    (define DAYS #("Sunday" "Monday" "Tuesday" "Wednesday" "Thursday" "Friday" "Saturday"))
    (define (short name) (substring name 0 3))
    (define (padded n width c)
      (let* ((t (number->string (abs n))) (k (- width (string-length t)))
             (t (if (> k 0) (string-append (make-string k c) t) t)))
        (if (< n 0) (string-append "-" t) t)))
    (define (zone-text offset)
      (if (= offset 0) "Z"
          (let ((minutes (quotient (abs offset) 60)))
            (string-append (if (< offset 0) "-" "+") (padded (quotient minutes 60) 2 #\0)
              (padded (remainder minutes 60) 2 #\0)))))
    ;; The year and the week of ISO 8601: that with the year's first Thursday is week 1.
    (define (iso-week d)
      (let* ((thursday (+ (date-days d) (- 3 (floor-remainder (+ 3 (date-days d)) 7)))))
        (with-day thursday (lambda (year month day) (+ 1 (quotient (- thursday (days-of year 1 1)) 7))))))
    (define (hour-of-12 d) (let ((h (remainder (date-hour d) 12))) (if (= h 0) 12 h)))
    (define (fraction d)
      (let* ((t (padded (date-nanosecond d) 9 #\0))
             (n (let cut ((n 9)) (if (and (> n 0) (char=? #\0 (string-ref t (- n 1)))) (cut (- n 1)) n))))
        (if (= n 0) "" (string-append "." (substring t 0 n)))))
    (define (date->string d . form)
      "The date as a text, by a form with the directives of SRFI 19 (~a … ~5); without one, ~c."
      (define (directive c)
        (define (number n width) (padded n width #\0))
        (case c
          ((#\~) "~")
          ((#\a) (short (vector-ref DAYS (date-week-day d))))
          ((#\A) (vector-ref DAYS (date-week-day d)))
          ((#\b #\h) (short (vector-ref MONTHS (- (date-month d) 1))))
          ((#\B) (vector-ref MONTHS (- (date-month d) 1)))
          ((#\c) (date->string d "~a ~b ~d ~H:~M:~S~z ~Y"))
          ((#\d) (number (date-day d) 2))
          ((#\D) (date->string d "~m/~d/~y"))
          ((#\e) (padded (date-day d) 2 #\space))
          ((#\f) (string-append (number (date-second d) 2) (fraction d)))
          ((#\H) (number (date-hour d) 2))
          ((#\I) (number (hour-of-12 d) 2))
          ((#\j) (number (date-year-day d) 3))
          ((#\k) (padded (date-hour d) 2 #\space))
          ((#\l) (padded (hour-of-12 d) 2 #\space))
          ((#\m) (number (date-month d) 2))
          ((#\M) (number (date-minute d) 2))
          ((#\n) "\n")
          ((#\N) (number (date-nanosecond d) 9))
          ((#\p) (if (< (date-hour d) 12) "AM" "PM"))
          ((#\r) (date->string d "~I:~M:~S ~p"))
          ((#\s) (number->string (time-second (date->time-utc d))))
          ((#\S) (number (date-second d) 2))
          ((#\t) "\t")
          ((#\T #\X) (date->string d "~H:~M:~S"))
          ((#\U) (number (date-week-number d 0) 2))
          ((#\V) (number (iso-week d) 2))
          ((#\w) (number->string (date-week-day d)))
          ((#\W) (number (date-week-number d 1) 2))
          ((#\x) (date->string d "~m/~d/~y"))
          ((#\y) (number (floor-remainder (date-year d) 100) 2))
          ((#\Y) (number (date-year d) 4))
          ((#\z #\Z) (zone-text (date-zone-offset d)))
          ((#\1) (date->string d "~Y-~m-~d"))
          ((#\2) (date->string d "~H:~M:~S~z"))
          ((#\3) (date->string d "~H:~M:~S"))
          ((#\4) (date->string d "~Y-~m-~dT~H:~M:~S~z"))
          ((#\5) (date->string d "~Y-~m-~dT~H:~M:~S"))
          (else (error "date->string: no such directive:" c))))
      (let ((form (if (pair? form) (car form) "~c")))
        (let loop ((l (string->list form)) (parts '()))
          (cond ((null? l) (apply string-append (reverse parts)))
                ((not (char=? #\~ (car l))) (loop (cdr l) (cons (string (car l)) parts)))
                ((null? (cdr l)) (error "date->string: the form ends with ~:" form))
                (else (loop (cddr l) (cons (directive (cadr l)) parts)))))))

    (define (string->date text form)
      "The date that a text has, which is of a form: ~a ~A ~b ~B ~d ~e ~f ~H ~k ~m ~M ~N ~S ~y ~Y ~z ~~ and ~1 … ~5."
      (define n (string-length text))
      (define at 0)
      (define (wrong) (error "string->date: the text is not of the form:" text form))
      (define (peek) (if (< at n) (string-ref text at) #\nul))
      (define (digit?) (char<=? #\0 (peek) #\9))
      (define (integer most)
        (if (not (digit?)) (wrong))
        (let loop ((value 0) (k 0))
          (if (and (digit?) (or (not most) (< k most)))
              (let ((d (- (char->integer (peek)) 48))) (set! at (+ at 1)) (loop (+ d (* 10 value)) (+ k 1)))
              value)))
      (define (within value low high) (if (not (<= low value high)) (wrong)) value)
      (define (name names cut)
        (let find ((i 0))
          (if (= i (vector-length names)) (wrong)
              (let* ((word (cut (vector-ref names i))) (end (+ at (string-length word))))
                (if (and (<= end n) (string-ci=? word (substring text at end)))
                    (begin (set! at end) i)
                    (find (+ i 1)))))))
      (define (nanosecond)
        (let* ((from at) (value (integer 9))) (* value (expt 10 (- 9 (- at from))))))
      (define (zone)
        (case (peek)
          ((#\Z #\z) (set! at (+ at 1)) 0)
          ((#\+ #\-)
           (let ((sign (if (char=? #\- (peek)) -1 1)))
             (set! at (+ at 1))
             (let ((hours (within (integer 2) 0 23)))
               (if (char=? #\: (peek)) (set! at (+ at 1)))
               (* sign (+ (* 3600 hours) (if (digit?) (* 60 (within (integer 2) 0 59)) 0))))))
          (else (wrong))))
      ;; Nanosecond, second, minute, hour, day, month, year, zone.
      (define v (vector 0 0 0 0 1 1 1970 0))
      (define (set place value) (vector-set! v place value))
      (define (skip-spaces) (when (char=? #\space (peek)) (set! at (+ at 1)) (skip-spaces)))
      (define (year-of-century k) (+ k (if (< k 69) 2000 1900)))
      (define (take c)
        (case c
          ((#\~) (if (char=? #\~ (peek)) (set! at (+ at 1)) (wrong)))
          ((#\a) (name DAYS short))
          ((#\A) (name DAYS values))
          ((#\b #\h) (set 5 (+ 1 (name MONTHS short))))
          ((#\B) (set 5 (+ 1 (name MONTHS values))))
          ((#\d) (set 4 (within (integer 2) 1 31)))
          ((#\e) (skip-spaces) (set 4 (within (integer 2) 1 31)))
          ((#\f)
           (set 1 (within (integer 2) 0 60))
           (when (char=? #\. (peek)) (set! at (+ at 1)) (set 0 (nanosecond))))
          ((#\H) (set 3 (within (integer 2) 0 23)))
          ((#\k) (skip-spaces) (set 3 (within (integer 2) 0 23)))
          ((#\m) (set 5 (within (integer 2) 1 12)))
          ((#\M) (set 2 (within (integer 2) 0 59)))
          ((#\N) (set 0 (nanosecond)))
          ((#\S) (set 1 (within (integer 2) 0 60)))
          ((#\y) (set 6 (year-of-century (integer 2))))
          ((#\Y)
           (let ((sign (if (char=? #\- (peek)) (begin (set! at (+ at 1)) -1) 1))) (set 6 (* sign (integer 4)))))
          ((#\z) (set 7 (zone)))
          ((#\1) (take-form "~Y-~m-~d"))
          ((#\2) (take-form "~H:~M:~S~z"))
          ((#\3) (take-form "~H:~M:~S"))
          ((#\4) (take-form "~Y-~m-~dT~H:~M:~S~z"))
          ((#\5) (take-form "~Y-~m-~dT~H:~M:~S"))
          (else (error "string->date: no such directive:" c))))
      (define (take-form form)
        (let loop ((l (string->list form)))
          (cond ((null? l) #t)
                ((not (char=? #\~ (car l)))
                 (if (not (char=? (car l) (peek))) (wrong))
                 (set! at (+ at 1))
                 (loop (cdr l)))
                ((null? (cdr l)) (error "string->date: the form ends with ~:" form))
                (else (take (cadr l)) (loop (cddr l))))))
      (take-form form)
      (if (< at n) (wrong))
      ;; A day that the month does not have becomes one of the next month.
      (with-day (days-of (vector-ref v 6) (vector-ref v 5) (vector-ref v 4))
        (lambda (year month day) (if (not (= month (vector-ref v 5))) (wrong))))
      (apply make-date (vector->list v)))))

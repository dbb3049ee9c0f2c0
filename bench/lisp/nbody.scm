;; The planets of the Jovian system, step by step: doubles in vectors, and square roots.
(import (scheme base) (scheme read) (scheme write) (scheme time) (scheme inexact))

(define days 365.24)
(define solar-mass (* 4 3.141592653589793 3.141592653589793))

;; x y z vx vy vz mass
(define (bodies)
  (define (body x y z vx vy vz mass)
    (vector x y z (* vx days) (* vy days) (* vz days) (* mass solar-mass)))
  (list
   (body 0. 0. 0. 0. 0. 0. 1.)
   (body 4.84143144246472090 -1.16032004402742839 -.103622044471123109
         .00166007664274403694 .00769901118419740425 -.0000690460016972063023 .000954791938424326609)
   (body 8.34336671824457987 4.12479856412430479 -.403523417114321381
         -.00276742510726411232 .00499852801234917238 .0000230417297573763929 .000285885980666130812)
   (body 12.8943695621391310 -15.1111514016986312 -.223307578892655734
         .00296460137564761618 .00237847173959480950 -.0000296589568540237556 .0000436624404335156298)
   (body 15.3796971148509165 -25.9193146099879641 .179258772950371181
         .00268067772490389322 .00162824170038242295 -.0000951592254519715870 .0000515138902046611451)))

(define (get v i) (vector-ref v i))
(define (add! v i amount) (vector-set! v i (+ (vector-ref v i) amount)))

(define (advance! all dt)
  (let outer ((l all))
    (unless (null? l)
      (let ((a (car l)))
        (let inner ((rest (cdr l)))
          (unless (null? rest)
            (let* ((b (car rest))
                   (dx (- (get a 0) (get b 0))) (dy (- (get a 1) (get b 1))) (dz (- (get a 2) (get b 2)))
                   (squared (+ (* dx dx) (* dy dy) (* dz dz)))
                   (force (/ dt (* squared (sqrt squared))))
                   (from-b (* (get b 6) force)) (from-a (* (get a 6) force)))
              (add! a 3 (- (* dx from-b))) (add! a 4 (- (* dy from-b))) (add! a 5 (- (* dz from-b)))
              (add! b 3 (* dx from-a)) (add! b 4 (* dy from-a)) (add! b 5 (* dz from-a))
              (inner (cdr rest))))))
      (outer (cdr l))))
  (for-each (lambda (b)
              (add! b 0 (* dt (get b 3))) (add! b 1 (* dt (get b 4))) (add! b 2 (* dt (get b 5))))
            all))

(define (energy all)
  (let outer ((l all) (sum 0.))
    (if (null? l) sum
        (let* ((a (car l))
               (own (* .5 (get a 6) (+ (* (get a 3) (get a 3)) (* (get a 4) (get a 4)) (* (get a 5) (get a 5))))))
          (let inner ((rest (cdr l)) (sum (+ sum own)))
            (if (null? rest) (outer (cdr l) sum)
                (let* ((b (car rest))
                       (dx (- (get a 0) (get b 0))) (dy (- (get a 1) (get b 1))) (dz (- (get a 2) (get b 2))))
                  (inner (cdr rest)
                         (- sum (/ (* (get a 6) (get b 6)) (sqrt (+ (* dx dx) (* dy dy) (* dz dz)))))))))))))

(define (simulate steps)
  (let ((all (bodies)))
    (let loop ((n steps)) (unless (= n 0) (advance! all .01) (loop (- n 1))))
    (exact (round (* 1e9 (energy all))))))

(define (run-benchmark)
  (let* ((count (read)) (steps (read)) (expected (read)))
    (run-r7rs-benchmark
     (string-append "nbody:" (number->string steps) ":" (number->string count))
     count
     (lambda () (simulate (hide count steps)))
     (lambda (result) (= result expected)))))

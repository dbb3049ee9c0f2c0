/**
 * What calls of `map` and its like are replaced by where the procedure is known (middle/inline-forms.ts): as little
 * code as there can be, as each call gets a copy.
 */
export const LIST_LOOPS = `
(define (%end-of-map done rest all) (if (null? rest) (reverse done) (%improper "map" all)))
(define (%end-of-for-each rest all) (if (null? rest) (if #f #f) (%improper "for-each" all)))
(define %loop:map
  (case-lambda
    ((f l)
     (let loop ((rest l) (done '()))
       (if (pair? rest) (let ((x (f (%car rest)))) (loop (%cdr rest) (cons x done))) (%end-of-map done rest l))))
    ((f a b)
     (let loop ((a a) (b b) (done '()))
       (if (if (pair? a) (pair? b) #f)
           (let ((x (f (%car a) (%car b)))) (loop (%cdr a) (%cdr b) (cons x done)))
           (reverse done))))))
(define %loop:for-each
  (case-lambda
    ((f l)
     (let loop ((rest l))
       (if (pair? rest) (begin (f (%car rest)) (loop (%cdr rest))) (%end-of-for-each rest l))))
    ((f a b)
     (let loop ((a a) (b b))
       (if (if (pair? a) (pair? b) #f) (begin (f (%car a) (%car b)) (loop (%cdr a) (%cdr b))) (if #f #f))))))
(define (%loop:vector-map f v)
  (let ((n (vector-length v)))
    (let loop ((i 0) (done '()))
      (if (%fx< i n)
          (let ((x (f (vector-ref v i)))) (loop (%fx+ i 1) (cons x done)))
          (list->vector (reverse done))))))
(define (%loop:vector-for-each f v)
  (let ((n (vector-length v)))
    (let loop ((i 0)) (if (%fx< i n) (begin (f (vector-ref v i)) (loop (%fx+ i 1))) (if #f #f)))))
`;
